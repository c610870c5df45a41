"""The timeline in a real browser: looking at earlier moments, forking."""

from typing import Any

import pytest
from playwright.sync_api import expect

from graph import OpenGraph
from tests.openai_server import ModelServer
from tests.ui.conftest import Behind, Tab, Visit

browser = pytest.mark.browser


@browser
def test_looking_shows_the_moment_and_what_it_changed_and_asks_no_model(tab: Tab, model: ModelServer) -> None:
    for word in ("one", "two", "three"):
        tab.say(f"Step {word}").answered()
    asked = len(model.requests)
    expect(tab.steps("answer")).to_have_count(3)
    tab.steps("answer").last.click()
    expect(tab.mine).to_have_text(["Step one"])
    expect(tab.page.locator("#banner")).to_contain_text("Looking at step 1 of 3 · read only")
    expect(tab.page.locator("#composer textarea")).to_be_disabled()
    added = tab.page.locator("#difference .added")
    expect(added).to_have_count(2)
    expect(added.first).to_contain_text("Step one")
    expect(tab.page.locator("#meter")).to_contain_text("2 of 2 messages sent")
    tab.page.click("#back")
    expect(tab.mine).to_have_count(3)
    expect(tab.page.locator("#banner")).to_be_hidden()
    expect(tab.page.locator("#difference")).to_be_hidden()
    assert len(model.requests) == asked


@browser
def test_any_two_steps_are_compared_and_no_model_is_asked(tab: Tab, model: ModelServer) -> None:
    for word in ("one", "two", "three"):
        tab.say(f"Step {word}").answered()
    asked = len(model.requests)
    expect(tab.steps("answer")).to_have_count(3)
    expect(tab.page.locator("#timeline .tokens")).to_have_count(3)
    tab.steps("answer").last.click()
    banner = tab.page.locator("#banner")
    expect(banner).to_contain_text("step 1 of 3")
    tab.page.click("#compare")
    expect(banner).to_contain_text("what step 1 is compared with")
    tab.steps("answer").first.click()
    change = tab.page.locator("#difference")
    expect(change.locator("h3")).to_have_text("From step 1 to step 3")
    expect(change.locator(".added")).to_have_count(4)
    expect(change).to_contain_text("Step three")
    expect(tab.mine).to_have_text(["Step one"])
    tab.page.click("#compare-before")
    expect(change.locator("h3")).to_have_text("What step 1 changed")
    expect(tab.page.locator("#compare-before")).to_be_hidden()
    tab.page.click("#compare")
    expect(tab.page.locator("#compare-before")).to_be_visible()
    tab.page.click("#back")
    expect(banner).to_be_hidden()
    tab.steps("answer").first.click()
    expect(banner).to_contain_text("step 3 of 3")
    assert len(model.requests) == asked


@browser
def test_a_fork_answers_and_the_branch_it_left_can_be_made_current_again(tab: Tab) -> None:
    tab.say("Common root").answered()
    tab.say("Left branch").answered()
    expect(tab.steps("answer")).to_have_count(2)
    tab.steps("answer").last.click()
    expect(tab.mine).to_have_text(["Common root"])
    tab.page.click("#fork")
    expect(tab.page.locator("#banner")).to_contain_text("starts a new branch")
    expect(tab.page.locator("#composer textarea")).to_be_enabled()
    tab.say("Right branch").answered()
    expect(tab.mine).to_have_text(["Common root", "Right branch"])
    expect(tab.answers.last).to_contain_text("Right branch")
    expect(tab.page.locator("#banner")).to_be_hidden()
    other = tab.page.locator("#timeline button[data-branch=tip]")
    expect(other).to_contain_text("other branch")
    other.click()
    expect(tab.mine).to_have_text(["Common root", "Left branch"])
    tab.page.click("#switch")
    expect(tab.page.locator("#banner")).to_be_hidden()
    tab.reload()
    expect(tab.mine).to_have_text(["Common root", "Left branch"])
    expect(tab.page.locator("#timeline button[data-branch=tip]")).to_contain_text("Right branch")


@browser
def test_arrows_walk_the_steps_and_the_one_looked_at_keeps_the_focus(tab: Tab) -> None:
    for word in ("one", "two", "three"):
        tab.say(f"Step {word}").answered()
    steps = tab.steps("answer")
    expect(steps).to_have_count(3)
    steps.first.focus()
    for key, nth in [("ArrowDown", 1), ("End", 2), ("ArrowDown", 2), ("Home", 0), ("ArrowUp", 0), ("End", 2)]:
        tab.page.keyboard.press(key)
        expect(steps.nth(nth)).to_be_focused()
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("#banner")).to_contain_text("step 1 of 3")
    expect(steps.last).to_have_attribute("aria-current", "step")
    expect(steps.last).to_be_focused()
    tab.page.keyboard.press("ArrowUp")
    expect(steps.nth(1)).to_be_focused()


@browser
def test_a_step_that_is_pruned_meanwhile_has_a_way_back(tab: Tab, behind: Behind) -> None:
    for word in ("one", "two", "three"):
        tab.say(f"Step {word}").answered()
    expect(tab.steps("answer")).to_have_count(3)

    def prune(graph: OpenGraph) -> None:
        saver: Any = graph.checkpointer
        assert graph.bridge
        graph.bridge.wait("prune", lambda: saver.aprune([tab.thread]))

    behind(prune)
    tab.steps("answer").last.click()
    expect(tab.page.locator(".toast-body")).to_contain_text("no such moment")
    tab.page.click("#back")
    expect(tab.mine).to_have_count(3)


@browser
def test_older_steps_are_loaded_when_they_are_asked_for(visit: Visit, long_thread: str) -> None:
    tab = visit(long_thread)
    steps = tab.page.locator("#timeline li button")
    expect(steps).to_have_count(40)
    tab.page.locator("#timeline .more").click()
    expect(steps).to_have_count(80)
    expect(tab.mine.last).to_contain_text("number 69")
