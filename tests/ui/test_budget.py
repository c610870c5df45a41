"""The Context panel in a real browser: the meter, the fold, trimming."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.openai_server import ModelServer
from tests.ui.conftest import Tab, Visit
from tests.ui.grave import grave

browser = pytest.mark.browser


@browser
def test_the_fold_is_a_divider_and_the_meter_says_what_is_sent(visit: Visit, long_thread: str) -> None:
    tab = visit(long_thread)
    expect(tab.notes).to_have_text([re.compile(r"^\d+ messages summarised, [\d,]+ → \d+ tokens$")])
    meter = tab.page.get_by_role("meter")
    assert 0 < int(meter.get_attribute("aria-valuenow") or 0) <= 900
    words = re.search(r"(\d+) of 140 messages sent, (\d+) folded", tab.page.inner_text("#meter"))
    assert words and int(words[1]) + int(words[2]) == 140
    tab.page.click("#summary summary")
    expect(tab.page.locator("#summary .text")).to_be_visible()


@browser
def test_trim_now_folds_all_but_the_last_exchange(tab: Tab) -> None:
    for word in ("apples", "pears", "plums"):
        tab.say(f"I like {word}").answered()
    tab.page.click("#trim")
    expect(tab.notes).to_contain_text("4 messages summarised")
    expect(tab.page.locator("#meter")).to_contain_text("2 of 6 messages sent, 4 folded")
    expect(tab.page.locator("#trim")).to_be_disabled()
    expect(tab.mine.first).to_have_text("I like apples")


@browser
def test_a_fold_that_is_stopped_leaves_all_as_it_was(tab: Tab, model: ModelServer) -> None:
    for word in ("apples", "pears"):
        tab.say(f"I like {word}").answered()
    model.delay = 1
    tab.page.click("#trim")
    expect(tab.notes).to_contain_text("Summarising")
    tab.page.click("#composer .stop-button")
    tab.answered()
    expect(tab.notes).to_have_count(0)
    expect(tab.page.locator("#meter")).to_contain_text("4 of 4 messages sent")


@browser
def test_each_message_that_is_sent_can_be_read_and_the_open_list_follows_the_answers(tab: Tab) -> None:
    for word in ("apples", "<b>pears</b>"):
        tab.say(f"I like {word}").answered()
    lines = tab.page.locator("#sent-list li")
    expect(tab.page.locator("#meter")).to_contain_text("4 of 4 messages sent")
    expect(lines).to_have_count(0)
    tab.page.get_by_role("button", name="What the next turn sends").click()
    expect(lines).to_have_count(5)
    lines.nth(3).locator("summary").click()
    expect(lines.nth(3).locator(".text")).to_have_text("I like <b>pears</b>")
    shown = sum(int(line.get_attribute("data-tokens") or 0) for line in lines.all())
    assert shown == int(tab.page.get_by_role("meter").get_attribute("aria-valuenow") or 0)
    assert not grave(tab.page)
    tab.say("I like plums").answered()
    expect(lines).to_have_count(7)


@browser
def test_a_list_that_is_opened_while_the_panel_is_drawn_stays(tab: Tab) -> None:
    """A drawing that was asked for before the list came is told that it is open."""
    for word in ("apples", "pears"):
        tab.say(f"I like {word}").answered()
    expect(tab.page.locator("#meter")).to_contain_text("4 of 4 messages sent")
    held: list[Route] = []
    tab.page.route("**/gradio_api/run/**", lambda route: hold(held, route, [tab.thread]))
    tab.page.get_by_role("button", name="What the next turn sends").click()
    tab.page.click("#trim")
    expect(tab.notes).to_contain_text("2 messages summarised")
    asked = list(map(data, held))
    assert asked.count([tab.thread, "", "now", "open"]) >= 2, "the list, and what is drawn after the fold"
    for route in held:
        route.continue_()
        route.request.response()
    tab.page.unroute_all()
    expect(tab.page.locator("#meter")).to_contain_text("2 of 4 messages sent")
    expect(tab.page.locator("#sent-list li")).to_have_count(4)


def hold(held: list[Route], route: Route, but: list[object]) -> None:
    """Let only what is asked with these values through."""
    if data(route) == but:
        route.continue_()
    else:
        held.append(route)


def data(route: Route) -> list[Any]:
    """What the page asks with."""
    return json.loads(route.request.post_data or "{}").get("data", [])
