"""The page `/usage`, and the line of what one thread used."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from graph.usage import Big, Used
from graph.vitals import State, Table
from tests.conftest import new_database
from tests.ui.conftest import Tab
from tests.ui.grave import grave
from tests.ui.site import Site
from ui.render.usage import biggest, database, line, money, size, totals
from ui.words import Words

ENGLISH, GERMAN = Words("en"), Words("de")


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], server: str
) -> Iterator[Site]:
    """A page with prices, on a database of its own: only so many of the biggest threads are listed."""
    prices = {"LONGTHREAD_PRICE_IN": "100", "LONGTHREAD_PRICE_OUT": "1000", "LONGTHREAD_CURRENCY": "€"}
    with new_database(server) as url:
        site = Site(tmp_path_factory.mktemp("usage"), **(environment | prices | {"DATABASE_URL": url}))
        with site.running():
            yield site


def counted(tab: Tab) -> Page:
    """The page, once all is drawn."""
    page = tab.go("/usage").page
    expect(page.locator("#usage-database li").first).to_be_visible()
    expect(page.locator("#usage-plots canvas, #usage-plots svg.marks").first).to_be_visible()
    return page


@pytest.mark.browser
def test_what_was_said_is_on_the_page_and_its_links_lead_back(visit: Callable[..., Tab]) -> None:
    """From a thread to the page by its link, and from the page to the thread."""
    tab = visit()
    tab.say(f"Hello <b>you</b> {uuid4()}").answered()
    thread = tab.thread
    expect(tab.page.locator("#spent")).to_have_text(
        re.compile(r"1 turn · [\d,]+ tokens in, [\d,]+ out · \d\.\d\d(\d\d)? €")
    )
    tab.page.click("#to-usage a")
    tab.left()
    expect(tab.page).to_have_url(re.compile("/usage"))
    page = counted(tab)
    expect(page.locator("h1")).to_have_text("Usage")
    expect(page.locator("#usage-totals dl")).to_contain_text("€")
    expect(page.locator("#usage-plots canvas, #usage-plots svg.marks")).to_have_count(4)
    page.click(f'#usage-threads a[href*="{thread}"]')
    tab.left()
    tab.ready()
    expect(tab.mine.last).to_contain_text("Hello <b>you</b>")
    assert tab.thread == thread


@pytest.mark.browser
@pytest.mark.parametrize(("size", "dark"), [((1280, 900), False), ((1280, 900), True), ((390, 844), False)])
def test_the_usage_page_is_readable_for_all(
    visit: Callable[..., Tab], size: tuple[int, int], dark: bool
) -> None:
    """Nothing serious for axe, and nothing beside a phone's screen."""
    tab = visit(size=size, dark=dark)
    tab.say("Hello.").answered()
    page = counted(tab)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert not grave(page)


def test_figures_are_written_as_the_language_has_them() -> None:
    """Money, bytes, and what is an estimate."""
    assert (money(1234.5, "€", ENGLISH), money(1234.5, "€", GERMAN)) == ("1,234.50 €", "1.234,50 €")
    assert (money(0.0012, "$", ENGLISH), money(0, "$", ENGLISH)) == ("0.0012 $", "0.00 $")
    assert (size(999, ENGLISH), size(1_500, GERMAN), size(2_000_000_000, ENGLISH)) == (
        "999 B",
        "1,5 kB",
        "2.0 GB",
    )
    assert "≈" in line(Used(1, 10, 5, 15), "$", ENGLISH) and "≈" not in line(Used(1, 10, 5), "$", ENGLISH)
    assert "Money" not in totals(Used(1, 10, 5), "$", ENGLISH)
    assert "5 tokens without a price" in totals(Used(1, 10, 5, money=0.1, unpriced=5), "$", ENGLISH)
    assert 'href="./"' in totals(Used(), "$", ENGLISH)


def test_titles_and_ids_are_shown_and_not_run() -> None:
    """Whatever they hold."""
    evil = '"><img src=x onerror=alert(1)>'
    drawn = biggest([Big(evil, evil, Used(1, 1, 1))], evil, ENGLISH)
    assert "<img" not in drawn and "%22%3E%3Cimg" in drawn


def test_what_is_not_well_in_the_database_is_said() -> None:
    """Each with a word, not by its colour alone."""
    table = Table("longthread_message", 1, 1, 10, 5_000, datetime.now(UTC))
    sick = State(1, 99, 100, 90.0, 1, 2, 10, 10, 3, [table])
    assert database(sick, ENGLISH).count("look at it") == 5
    assert "longthread_message" in database(sick, ENGLISH)
    well = State(1, 2, 100, 0.0, 1, 0, 1, 10, 0, [])
    assert "look at it" not in database(well, ENGLISH)
