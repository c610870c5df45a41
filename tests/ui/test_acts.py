"""What can be done with one message, in a real browser: edit, answer again, take back, versions, copy.

And what is typed and not sent, tools and approvals.
"""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.openai_server import Fault, ModelServer
from tests.ui.conftest import Tab, Visit
from tests.ui.grave import grave
from tests.ui.site import Site

browser = pytest.mark.browser


def act(row: Locator, kind: str) -> None:
    """A button of a message, as the mouse finds it."""
    row.hover()
    row.locator(f".lt-do-{kind}").click()


def versions(row: Locator) -> Locator:
    return row.locator(".lt-nth")


def box(tab: Tab) -> Locator:
    return tab.page.locator("#composer textarea")


@browser
@pytest.mark.parametrize("nth", [0, 1])
def test_an_edited_question_is_a_version_and_both_survive_a_reload(tab: Tab, nth: int) -> None:
    questions = ["The first thing", "The second thing"]
    for text in questions:
        tab.say(text).answered()
    act(tab.mine.nth(nth), "edit")
    expect(box(tab)).to_have_value(questions[nth])
    expect(box(tab)).to_be_focused()
    expect(tab.mine).to_have_text(questions[:nth])
    tab.say("Something else").answered()
    expect(tab.mine).to_have_text([*questions[:nth], "Something else"])
    expect(versions(tab.mine.last)).to_have_attribute("title", "2/2")
    expect(tab.answers.last).to_contain_text("Something else")
    act(tab.mine.last, "prev")
    expect(tab.mine).to_have_text(questions)
    tab.reload()
    expect(tab.mine).to_have_text(questions)
    expect(versions(tab.mine.nth(nth))).to_have_attribute("title", "1/2")
    act(tab.mine.nth(nth), "next")
    expect(tab.mine.last).to_have_text("Something else")


@browser
def test_an_edit_that_is_left_changes_nothing(tab: Tab) -> None:
    tab.say("As it is").answered()
    box(tab).fill("a draft")
    act(tab.mine.first, "edit")
    expect(box(tab)).to_have_value("As it is")
    expect(tab.page.locator("#editing")).to_contain_text("another version")
    tab.page.click("#leave-edit")
    expect(tab.mine).to_have_text(["As it is"])
    expect(box(tab)).to_have_value("a draft")
    expect(tab.page.locator("#editing")).to_be_hidden()
    expect(versions(tab.mine.first)).to_have_count(0)


@browser
def test_another_answer_is_a_version_of_the_first(tab: Tab, model: ModelServer) -> None:
    model.words = 3
    tab.say("How many words?").answered()
    first = tab.answers.inner_text()
    model.words = 5
    act(tab.answers.last, "again")
    expect(versions(tab.answers.last)).to_have_attribute("title", "2/2")
    expect(tab.mine).to_have_text(["How many words?"])
    expect(tab.answers).not_to_have_text(first)
    tab.reload()
    act(tab.answers.last, "prev")
    expect(versions(tab.answers.last)).to_have_attribute("title", "1/2")
    expect(tab.answers).to_have_text([first])


@browser
def test_taking_back_puts_the_question_into_the_box_and_keeps_the_branch(tab: Tab) -> None:
    tab.say("Stays").answered()
    tab.say("Goes back <b>now</b>").answered()
    act(tab.mine.last, "undo")
    expect(box(tab)).to_have_value("Goes back <b>now</b>")
    expect(tab.mine).to_have_text(["Stays"])
    tab.reload()
    expect(tab.mine).to_have_text(["Stays"])
    tab.say("Instead").answered()
    expect(versions(tab.mine.last)).to_have_attribute("title", "2/2")


@browser
@pytest.mark.parametrize("kind", ["undo", "edit"])
def test_a_question_that_was_never_answered_is_taken_back(tab: Tab, model: ModelServer, kind: str) -> None:
    model.fault = Fault("status", 401, times=1)
    tab.say("Are you there at all?").answered()
    expect(tab.notes).to_have_text(["This message has no answer yet."])
    act(tab.mine.last, kind)
    expect(box(tab)).to_have_value("Are you there at all?")
    expect(tab.mine).to_have_count(0)
    expect(tab.notes).to_have_count(0)
    tab.say("Then this").answered()
    expect(tab.answers).to_have_count(1)


@browser
def test_a_copy_is_what_was_written_and_not_what_is_drawn(tab: Tab) -> None:
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    text = "Keep <b>this</b> and that & more"
    tab.say(text).answered()
    act(tab.mine.first, "copy")
    expect(tab.mine.first.locator(".lt-done")).to_be_visible()
    tab.page.wait_for_function("async text => await navigator.clipboard.readText() === text", arg=text)


@browser
def test_nothing_is_done_to_a_thread_that_answers(visit: Visit, model: ModelServer) -> None:
    tab = visit().say("Quiet first").answered()
    act(tab.mine.first, "edit")
    expect(box(tab)).to_have_value("Quiet first")
    tab.say("Another first").answered()
    beside = visit(tab.thread)
    model.delay, model.words = 0.05, 1000
    tab.say("Talk for long")
    expect(tab.answers.last).to_contain_text("word3")
    act(beside.mine.first, "prev")
    expect(beside.page.locator(".toast-body")).to_contain_text("still answering")
    tab.page.click("#composer .stop-button")
    tab.answered()
    expect(tab.mine).to_have_text(["Another first", "Talk for long"])


# Drafts


@browser
def test_a_draft_outlives_a_reload_and_stays_with_its_thread(tab: Tab) -> None:
    tab.say("One thread").answered()
    box(tab).press_sequentially("half a thou")
    tab.page.click("#left a.new")
    expect(tab.mine).to_have_count(0)
    expect(box(tab)).to_have_value("")
    box(tab).press_sequentially("elsewhere")
    tab.page.locator("#threads li a").first.click()
    expect(box(tab)).to_have_value("half a thou")
    tab.reload()
    expect(box(tab)).to_have_value("half a thou")
    tab.say("half a thought").answered()
    tab.reload()
    expect(tab.mine).to_have_count(2)
    expect(box(tab)).to_have_value("")
    tab.page.click("#left a.new")
    expect(box(tab)).to_have_value("elsewhere")


@browser
def test_a_draft_outlives_an_error(tab: Tab) -> None:
    text = "much too long " * 900
    box(tab).fill(text)
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator(".toast-body")).to_be_visible()
    tab.reload()
    expect(box(tab)).to_have_value(text)
    box(tab).fill("")


# Tools and approvals


@pytest.fixture(scope="module")
def booking(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]):
    graph = {"LONGTHREAD_GRAPH": "tests.ui.booking:assemble"}
    site = Site(tmp_path_factory.mktemp("booking"), **environment, **graph)
    with site.running():
        yield site


@browser
@pytest.mark.parametrize(("choice", "said"), [("Approve", "Booked <b>7</b>"), ("Reject", "Not booked")])
def test_a_graph_that_asks_goes_on_as_it_is_told_after_a_reload_too(
    visit: Visit, booking: Site, choice: str, said: str
) -> None:
    tab = visit(to=booking).say("dinner for two")
    asks = tab.page.locator("#chat .bot-row", has_text="Shall I book this?")
    expect(asks).to_be_visible()
    expect(asks).to_contain_text('"table": 7')
    assert not grave(tab.page)
    tab.reload()
    expect(tab.page.get_by_role("button", name="Reject")).to_be_visible()
    tab.page.get_by_role("button", name=choice).click()
    expect(tab.answers.last).to_have_text(f"Done: {said}.")
    expect(tab.page.get_by_role("button", name="Approve")).to_have_count(0)
    tool = tab.page.locator("#chat .bot-row", has_text="book_table")
    expect(tool).to_contain_text(re.compile(r"book_table\s*\([\d.]+s?\)"))
    expect(tool.get_by_text("dinner for two")).to_be_hidden()
    tool.get_by_text("book_table").click()
    expect(tool.get_by_text("dinner for two")).to_be_visible()
    expect(tool).to_contain_text(said)
    assert not grave(tab.page)


@browser
def test_a_pinned_message_stays_pinned_and_is_sent_though_it_is_folded(tab: Tab, model: ModelServer) -> None:
    model.words = 5
    for text in ("My train leaves at nine", "I like plums", "And pears"):
        tab.say(text).answered()
    act(tab.mine.first, "pin")
    expect(tab.mine.first.locator(".lt-do-unpin")).to_be_visible()
    tab.page.click("#trim")
    expect(tab.notes).to_contain_text("4 messages summarised")
    tab.reload()
    expect(tab.mine.first.locator(".lt-do-unpin")).to_be_visible()
    model.words = 5
    tab.say("When is it?").answered()
    sent = [message["content"] for message in model.answers[-1].messages]
    assert "My train leaves at nine" in sent and "I like plums" not in sent
    act(tab.mine.first, "unpin")
    expect(tab.mine.first.locator(".lt-do-pin")).to_be_attached()
    tab.say("And now?").answered()
    assert "My train leaves at nine" not in [message["content"] for message in model.answers[-1].messages]
