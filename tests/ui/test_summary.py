"""The summary in the Context panel: its last fold taken back, written anew, edited; in a real browser."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, expect

from graph import Bookmark, OpenGraph
from graph.summarize import HEADING
from tests.openai_server import Fault, ModelServer
from tests.ui.conftest import Behind, Tab, Visit
from tests.ui.grave import grave

pytestmark = pytest.mark.browser


@pytest.fixture
def folded(behind: Behind) -> str:
    """A thread of six messages, four of them folded."""
    place = Bookmark(f"folded-{uuid4()}")

    def talk(graph: OpenGraph) -> None:
        for word in ("apples", "pears", "plums"):
            graph.invoke({"messages": [("user", f"I like {word} very much.")]}, place.config)
        assert graph.bridge and graph.bridge.wait("trim", lambda: graph.atrim(place))

    behind(talk)
    return place.thread_id


def unfolded(tab: Tab) -> Locator:
    """The summary, its words shown."""
    tab.page.locator("#summary summary").click()
    text = tab.page.locator("#summary .text")
    expect(text).to_be_visible()
    return text


def button(tab: Tab, name: str) -> Locator:
    return tab.page.locator("#summary").get_by_role("button", name=name)


def by_mouse(of: Locator) -> None:
    of.click()


def by_keyboard(of: Locator) -> None:
    of.focus()
    of.press("Enter")


WAYS = pytest.mark.parametrize("press", [by_mouse, by_keyboard])
Press = Callable[[Locator], None]


def toast(tab: Tab, text: str) -> None:
    """It is told, and read."""
    box = tab.page.locator(".toast-body", has_text=text)
    expect(box).to_be_visible()
    box.get_by_role("button").first.click()
    expect(box).to_have_count(0)


@WAYS
def test_a_fold_is_taken_back(visit: Visit, folded: str, press: Press) -> None:
    """Its messages are sent again, the divider is gone, and the keyboard is not lost."""
    tab = visit(folded)
    unfolded(tab)
    expect(tab.notes).to_contain_text("4 messages summarised")
    press(button(tab, "Take the last fold back"))
    expect(tab.page.locator("#meter")).to_contain_text("6 of 6 messages sent.")
    expect(tab.notes).to_have_count(0)
    expect(tab.page.locator("#summary details")).to_have_count(0)
    expect(tab.page.get_by_role("meter")).to_be_focused()
    expect(tab.steps("fold").first).to_contain_text("Fold taken back")


def test_over_the_mark_the_next_fold_is_foretold_and_comes(visit: Visit, behind: Behind) -> None:
    place = Bookmark(f"full-{uuid4()}")

    def talk(graph: OpenGraph) -> None:
        for n in range(8):
            graph.invoke({"messages": [("user", f"{n}: {'amber birch cedar dune ' * 4}")]}, place.config)

    behind(talk)
    tab = visit(place.thread_id)
    due = tab.page.locator("#meter .due")
    unfolded(tab)
    expect(due).to_have_count(0)
    button(tab, "Take the last fold back").click()
    expect(due).to_contain_text("Over 75 %")
    assert int(tab.page.get_by_role("meter").get_attribute("aria-valuenow") or 0) > 675
    tab.say("And now?").answered()
    expect(due).to_have_count(0)
    expect(tab.notes).to_contain_text("messages summarised")


def test_what_cannot_be_done_says_why_and_changes_nothing(
    visit: Visit, behind: Behind, folded: str, model: ModelServer
) -> None:
    """The moment before the fold is pruned; the model fails."""

    def prune(graph: OpenGraph) -> None:
        saver: Any = graph.checkpointer
        assert graph.bridge
        graph.bridge.wait("prune", lambda: saver.aprune([folded]))

    behind(prune)
    tab = visit(folded)
    text = unfolded(tab)
    before = text.text_content()
    button(tab, "Take the last fold back").click()
    toast(tab, "cannot be taken back")
    model.fault = Fault("status", 400, only="summaries")
    button(tab, "Summarise again").click()
    toast(tab, "model")
    tab.answered()
    assert text.text_content() == before


@WAYS
def test_a_summary_is_edited_and_written_anew(
    visit: Visit, folded: str, model: ModelServer, press: Press
) -> None:
    """Nobody sees the heading, which the model does; what is written anew knows nothing of the edit."""
    tab = visit(folded)
    text = unfolded(tab)
    area = tab.page.locator("#summary textarea")
    expect(text).to_contain_text("pears")
    press(button(tab, "Edit"))
    expect(area).to_be_focused()
    assert area.input_value() == text.text_content() and HEADING.strip() not in area.input_value()
    area.fill("A <b>zebra</b>,\n${1} {{2}}")
    press(button(tab, "Save"))
    expect(tab.page.locator("#summary summary")).to_contain_text("edited by hand4 messages, ")
    expect(button(tab, "Edit")).to_be_focused()
    expect(area).to_be_hidden()
    assert text.text_content() == "A <b>zebra</b>,\n${1} {{2}}"
    expect(tab.steps("fold").first).to_contain_text("Summary edited")
    asked = len(model.summaries)
    press(button(tab, "Summarise again"))
    expect(text).not_to_contain_text("zebra")
    expect(text).to_contain_text("pears")
    assert "zebra" not in str(model.summaries[asked:])
    expect(tab.page.locator("#summary em")).to_have_count(0)
    expect(tab.steps("fold").first).to_contain_text("Summarised again")
    expect(tab.page.locator("#meter")).to_contain_text("2 of 6 messages sent, 4 folded.")


def test_escape_and_cancel_leave_the_summary_and_what_is_saved_survives_a_reload(
    visit: Visit, folded: str
) -> None:
    tab = visit(folded)
    text = unfolded(tab)
    before = text.text_content()
    area = tab.page.locator("#summary textarea")
    for leave in (lambda: area.press("Escape"), button(tab, "Cancel").click):
        button(tab, "Edit").press("Enter")
        area.fill("Not this")
        leave()
        expect(button(tab, "Edit")).to_be_focused()
        assert text.text_content() == before
    button(tab, "Edit").click()
    assert area.input_value() == before
    area.fill("This, by the keys")
    area.press("Control+Enter")
    expect(area).to_be_hidden()
    tab.reload()
    expect(unfolded(tab)).to_have_text("This, by the keys")


def test_what_is_typed_outlives_errors_answers_and_other_writers(
    visit: Visit, behind: Behind, folded: str, model: ModelServer
) -> None:
    """Too long, or the thread is busy: the words stay, and nothing is drawn over them."""
    tab = visit(folded)
    text = unfolded(tab)
    button(tab, "Edit").click()
    area = tab.page.locator("#summary textarea")
    expect(tab.page.locator("#summary form")).to_contain_text("may have 180 tokens")
    area.fill("zebra " * 400)
    button(tab, "Save").click()
    toast(tab, "may have 180")
    assert area.input_value() == "zebra " * 400
    area.fill("Typed before.")
    model.delay, model.words = 0.1, 300
    tab.say("Speak slowly")
    button(tab, "Save").click()
    toast(tab, "still answering")
    area.click()
    area.press("End")
    tab.page.keyboard.type(" And during.")
    tab.page.locator("#composer .stop-button").dispatch_event("click")  # which leaves the focus
    tab.answered()
    expect(tab.page.locator("#meter")).to_contain_text("4 of 8 messages sent, 4 folded.")
    expect(area).to_be_focused()

    def elsewhere(graph: OpenGraph) -> None:
        assert graph.bridge
        graph.bridge.wait("edit", lambda: graph.summaries.edit(Bookmark(folded), "Theirs."))

    behind(elsewhere)
    model.delay, model.words = 0, None
    tab.say("Draw it all anew").answered()
    expect(tab.page.locator("#meter")).to_contain_text("6 of 10 messages sent, 4 folded.")
    expect(area).to_have_value("Typed before. And during.")
    button(tab, "Save").click()
    toast(tab, "has changed")
    expect(area).to_have_value("Typed before. And during.")
    button(tab, "Cancel").click()
    expect(text).to_have_text("Theirs.")


def test_words_that_are_not_saved_wait_in_their_thread_and_another_moment_has_no_buttons(
    visit: Visit, folded: str
) -> None:
    tab = visit(folded)
    unfolded(tab)
    button(tab, "Edit").click()
    area = tab.page.locator("#summary textarea")
    area.fill("Half a thou")
    tab.steps("fold").first.click()
    expect(tab.page.locator("#banner")).to_contain_text("read only")
    expect(tab.page.locator("#summary .text")).to_be_visible()
    expect(tab.page.locator("#summary button")).to_have_count(0)
    tab.reload()
    unfolded(tab)
    button(tab, "Edit").click()
    expect(area).to_have_value("Half a thou")


@pytest.mark.parametrize(("dark", "width"), [(False, 1440), (True, 390)])
def test_no_serious_violation_in_the_summary(visit: Visit, folded: str, dark: bool, width: int) -> None:
    """Unfolded, and while it is edited; on a phone nothing is wider than the screen."""
    tab = visit(folded, dark=dark, size=(width, 844))
    if width < 1000:
        tab.page.click("[data-drawer=right]")
        expect(tab.page.locator("#summary summary")).to_be_in_viewport(ratio=1)
    unfolded(tab)
    for state in ("unfolded", "edited"):
        if state == "edited":
            button(tab, "Edit").click()
            tab.page.locator("#summary textarea").fill("word" * 200)
        tab.page.wait_for_timeout(300)
        assert not grave(tab.page), state
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        side = tab.page.locator("#right")
        assert side.evaluate("e => e.scrollWidth <= e.clientWidth"), state
        if width < 1000:
            shown = [b.bounding_box() for b in tab.page.locator("#summary button:visible").all()]
            assert shown and all(box and box["height"] >= 44 for box in shown), state
