"""The list of threads in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.ui.conftest import Tab, Visit

browser = pytest.mark.browser


@browser
def test_back_and_forward_walk_through_threads(tab: Tab) -> None:
    tab.say("First of two").answered()
    first = tab.thread
    tab.page.click("#threads a.new")
    expect(tab.mine).to_have_count(0)
    tab.say("Second of two").answered()
    second = tab.thread
    tab.page.get_by_role("link", name="First of two").first.click()
    expect(tab.mine).to_have_text(["First of two"])
    assert tab.thread == first
    tab.page.go_back()
    expect(tab.mine).to_have_text(["Second of two"])
    assert tab.thread == second
    tab.page.go_forward()
    expect(tab.mine).to_have_text(["First of two"])


@browser
def test_an_unknown_thread_is_a_notice_and_a_new_chat(visit: Visit) -> None:
    tab = visit("nobody-has-this")
    expect(tab.page.locator(".toast-body")).to_contain_text("not here")
    expect(tab.page.locator("h1")).to_have_text("New chat")
    expect(tab.page).to_have_url(re.compile("/$"))
    tab.say("Anything at all").answered()
    assert tab.thread != "nobody-has-this"


@browser
def test_a_thread_is_renamed_in_place_and_deleted_after_a_question(tab: Tab) -> None:
    tab.say("Working title").answered()
    thread, row = tab.thread, tab.page.locator(f"#threads li[data-id='{tab.thread}']")
    row.locator(".dots").click()
    tab.page.get_by_role("button", name="Rename").click()
    row.get_by_role("textbox", name="Title").fill("Final title")
    tab.page.keyboard.press("Enter")
    expect(row).to_contain_text("Final title")
    expect(tab.page.locator("h1")).to_have_text("Final title")
    row.locator(".dots").click()
    tab.page.get_by_role("button", name="Delete…").click()
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("“Final title”")
    dialog.get_by_role("button", name="Keep it").click()
    expect(row).to_be_visible()
    row.locator(".dots").click()
    tab.page.get_by_role("button", name="Delete…").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    expect(tab.mine).to_have_count(0)
    expect(tab.page).to_have_url(re.compile("/$"))
    tab.open(thread)
    expect(tab.page.locator(".toast-body")).to_contain_text("not here")
