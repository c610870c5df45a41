"""The page by the keyboard, and what an empty page offers, in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.openai_server import ModelServer
from tests.ui.conftest import Tab, Visit

browser = pytest.mark.browser


@browser
def test_a_question_mark_lists_the_keys_and_escape_closes_the_list(tab: Tab) -> None:
    box = tab.page.locator("#composer textarea")
    box.fill("really?")
    box.press("?")
    expect(box).to_have_value("really??")
    expect(tab.page.locator("#keys-list")).to_be_hidden()
    box.fill("")
    box.press("?")
    expect(tab.page.get_by_role("dialog", name="Keys")).to_contain_text("Begin a new line")
    expect(box).to_have_value("")
    tab.page.keyboard.press("Escape")
    expect(tab.page.locator("#keys-list")).to_be_hidden()
    tab.page.get_by_role("button", name="Keys").click()
    expect(tab.page.locator("#keys-list")).to_be_visible()


@browser
def test_a_talk_needs_no_mouse(tab: Tab, model: ModelServer) -> None:
    keys, box = tab.page.keyboard, tab.page.locator("#composer textarea")
    box.focus()
    keys.type("one")
    keys.press("Shift+Enter")
    keys.type("two")
    keys.press("Enter")
    expect(tab.mine.last).to_contain_text("two")
    tab.answered()
    box.focus()
    keys.press("ArrowUp")
    expect(box).to_have_value("one\ntwo")
    expect(box).to_be_focused()
    keys.press("Control+a")
    keys.type("three")
    model.delay, model.words = 0.05, 200
    keys.press("Enter")
    expect(tab.answers).to_contain_text("word3")
    box.focus()
    keys.press("Escape")
    expect(tab.notes).to_have_text(["Stopped here"])
    keys.press("Control+Shift+o")
    expect(tab.mine).to_have_count(0)
    assert not tab.thread


@browser
def test_an_empty_page_explains_itself_and_offers_three_things_to_try(visit: Visit) -> None:
    tab = visit()
    ideas = tab.page.locator("#chat a[href$='#try']")
    expect(ideas).to_have_count(3)
    expect(tab.page.locator("#chat")).to_contain_text("summarised")
    text = ideas.first.inner_text()
    ideas.first.click()
    expect(tab.page.locator("#composer textarea")).to_have_value(text)
    tab.page.keyboard.press("Enter")
    expect(tab.mine).to_have_text([text])
    expect(ideas).to_have_count(0)
