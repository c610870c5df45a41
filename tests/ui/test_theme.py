"""Light or dark, as the system has it or as a person chose, in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.ui.conftest import Tab, Visit
from ui.theme import theme
from ui.words import Words

browser = pytest.mark.browser
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(17, 20, 27)"


def _seen(tab: Tab, colour: str) -> None:
    expect(tab.page.locator("body")).to_have_css("background-color", colour)


@browser
def test_a_chosen_theme_outlives_a_reload_and_the_system(visit: Visit) -> None:
    tab = visit()
    _seen(tab, LIGHT)
    tab.page.get_by_label("Theme").select_option("Dark")
    _seen(tab, DARK)
    _seen(tab.reload(), DARK)
    expect(tab.page.get_by_label("Theme")).to_have_value("dark")
    for scheme in ("dark", "light"):  # each change Gradio follows, too
        tab.page.emulate_media(color_scheme=scheme)
        _seen(tab, DARK)
    _seen(tab.go("/usage"), DARK)


@browser
def test_who_chooses_none_sees_what_the_system_has(visit: Visit) -> None:
    tab = visit(dark=True)
    _seen(tab, DARK)
    tab.page.get_by_label("Theme").select_option("Light")
    _seen(tab, LIGHT)
    tab.page.get_by_label("Theme").select_option("System")
    _seen(tab, DARK)
    tab.page.emulate_media(color_scheme="light")
    _seen(tab, LIGHT)


def test_a_cookie_of_another_kind_chooses_nothing() -> None:
    assert theme('"><b>', Words("en")) == theme(None, Words("en")) == theme("system", Words("en"))
    assert '<option value="dark" selected>Dunkel' in theme("dark", Words("de"))
