"""The page in a real browser: talking, leaving and coming back, looking at earlier moments, forking."""

import json
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from anyio.from_thread import start_blocking_portal
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Route, expect

from graph import OpenGraph, Settings
from tests.openai_server import Fault, ModelServer
from tests.ui.conftest import Tab
from tests.ui.site import Site
from ui.app import page

browser = pytest.mark.browser
Visit = Callable[..., Tab]
EMPTY = ["", "", "now", 60]
"""The place of a tab without a thread."""
Behind = Callable[[Callable[[OpenGraph], object]], object]


@pytest.fixture(scope="module")
def long_thread(behind: Behind) -> str:
    """A thread of 140 messages, most of them folded."""
    thread = f"long-{uuid4()}"

    def talk(graph: OpenGraph) -> None:
        place = {"configurable": {"thread_id": thread}}
        for i in range(70):
            graph.invoke({"messages": [("user", f"Fact number {i}: the lighthouse has {i} steps.")]}, place)

    behind(talk)
    return thread


# Talking


@browser
def test_a_message_is_answered_and_the_address_names_its_thread(tab: Tab) -> None:
    tab.say("The tulips are red").answered()
    expect(tab.answers.last).to_contain_text("tulips")
    assert tab.thread
    expect(tab.names.first).to_have_text("The tulips are red")
    expect(tab.names.first).to_have_attribute("aria-current", "page")
    expect(tab.page).to_have_title("The tulips are red · Longthread")


@browser
def test_a_late_answer_to_the_empty_page_does_not_take_the_thread_away(visit: Visit) -> None:
    held: list[Route] = []

    def late(route: Route) -> None:
        asked = json.loads(route.request.post_data or "{}").get("data")
        if asked == EMPTY:
            held.append(route)
        else:
            route.continue_()

    tab = visit(before=lambda page: page.route("**/gradio_api/run/**", late))
    tab.say("I type before the page is done").answered()
    thread = tab.thread
    assert held
    for route in held:
        route.continue_()
        route.request.response()
    tab.page.unroute_all()
    tab.say("And I go on").answered()
    assert tab.thread == thread
    expect(tab.reload().mine).to_have_count(2)


@browser
def test_an_answer_under_way_goes_on_through_a_refresh(tab: Tab, model: ModelServer) -> None:
    model.delay, model.words = 0.05, 100
    tab.say("Count for me")
    expect(tab.answers).to_contain_text("word8")
    tab.reload()
    expect(tab.page.locator("#composer .stop-button")).to_be_visible()
    expect(tab.answers).not_to_have_text(_words(100))
    tab.answered()
    expect(tab.answers).to_have_text([_words(100)])


@browser
def test_an_answer_is_there_after_its_tab_was_closed(visit: Visit, model: ModelServer) -> None:
    model.delay, model.words = 0.03, 60
    tab = visit().say("Go on without me")
    thread = tab.thread
    tab.page.close()
    again = visit(thread).answered()
    expect(again.answers).to_have_text([_words(60)])
    expect(again.mine).to_have_count(1)


@browser
def test_stop_keeps_the_partial_answer_and_marks_it(tab: Tab, model: ModelServer) -> None:
    model.delay, model.words = 0.05, 200
    tab.say("Talk for long")
    expect(tab.answers).to_contain_text("word10")
    tab.page.click("#composer .stop-button")
    tab.answered()
    expect(tab.notes).to_have_text(["Stopped here"])
    kept = tab.answers.inner_text()
    assert "word10" in kept and not _words(200).search(kept)
    tab.reload()
    expect(tab.notes).to_have_text(["Stopped here"])
    assert tab.answers.inner_text() == kept


@browser
def test_a_message_that_cannot_be_sent_stays_in_the_composer(tab: Tab) -> None:
    text = "much too long " * 900
    tab.page.fill("#composer textarea", text)
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator(".toast-body")).to_contain_text("LONGTHREAD_TOKEN_BUDGET")
    expect(tab.page.locator("#composer textarea")).to_have_value(text)
    assert not tab.thread


@browser
def test_a_question_the_model_failed_on_can_be_tried_again(tab: Tab, model: ModelServer) -> None:
    model.fault = Fault("status", 401, times=1)
    tab.say("Are you there?").answered()
    expect(tab.page.locator(".toast-body")).to_be_visible()
    expect(tab.notes).to_have_text(["This message has no answer yet."])
    tab.page.get_by_role("button", name="Try again").click()
    expect(tab.answers).to_contain_text("Are you there?")
    expect(tab.mine).to_have_count(1)
    expect(tab.notes).to_have_count(0)


# Threads


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


@browser
def test_nothing_that_was_written_becomes_html_or_code(tab: Tab) -> None:
    text = """<img src=x onerror="document.title='no'"> ${document.title='no'} {{7*7}} `<b>`"""
    tab.say(text).answered()
    expect(tab.mine).to_have_text([text.replace("`", "")])
    expect(tab.page.locator("h1")).to_contain_text("<img src=x onerror=")
    expect(tab.steps("answer")).to_have_count(1)
    tab.steps("answer").click()
    expect(tab.page.locator("#difference")).to_contain_text("{{7*7}}")
    assert tab.page.locator("img[src=x]").count() == 0
    assert tab.page.title() != "no"


@browser
def test_a_picture_from_elsewhere_is_not_fetched(tab: Tab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(1)
        address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/who-reads.png"
        tab.say(f"Look at this:\n\n![a picture]({address})").answered()
        expect(tab.page.locator(f"#chat img[src='{address}']").first).to_be_attached()
        with pytest.raises(TimeoutError):
            elsewhere.accept()
    tab.faults[:] = [fault for fault in tab.faults if address not in fault]  # that it was refused


@browser
def test_an_answer_never_shows_in_another_thread(tab: Tab, model: ModelServer) -> None:
    tab.say("The quiet one").answered()
    quiet = tab.thread
    model.delay, model.words = 0.02, 1000
    tab.page.click("#threads a.new")
    expect(tab.mine).to_have_count(0)
    tab.say("The loud one")
    loud = tab.thread
    for _ in range(4):
        expect(tab.answers).to_contain_text("word")
        tab.page.click(f"#threads a[data-id='{quiet}']")
        expect(tab.mine).to_have_text(["The quiet one"])
        expect(tab.page.locator(f"#threads a[data-id='{loud}'] .running")).to_be_visible()
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            assert "word" not in tab.page.inner_text("#chat")
        tab.page.click(f"#threads a[data-id='{loud}']")
        expect(tab.mine).to_have_text(["The loud one"])
    tab.page.click("#composer .stop-button")
    tab.answered()


# Long threads


@browser
def test_load_earlier_reaches_the_first_message_and_keeps_the_place(visit: Visit, long_thread: str) -> None:
    tab = visit(long_thread)
    expect(tab.mine).to_have_count(30)
    expect(tab.mine.last).to_contain_text("number 69")
    log = tab.page.locator("#chat [role=log]")
    log.hover()
    tab.page.mouse.wheel(0, -100_000)  # as a person scrolls: the page lets go of the newest message
    expect(log).to_have_js_property("scrollTop", 0)
    above = tab.mine.first.bounding_box()
    tab.page.click("#earlier")
    expect(tab.mine).to_have_count(60)
    tab.page.wait_for_timeout(300)
    kept = tab.page.locator("#chat .user-row", has_text="Fact number 40:").bounding_box()
    assert above and kept and abs(above["y"] - kept["y"]) < 60
    tab.page.wait_for_timeout(1000)
    tab.page.click("#earlier")
    expect(tab.mine).to_have_count(70)
    expect(tab.mine.first).to_contain_text("number 0:")
    expect(tab.page.locator("#earlier")).to_be_hidden()


@browser
def test_the_fold_is_a_divider_and_the_meter_says_what_is_sent(visit: Visit, long_thread: str) -> None:
    tab = visit(long_thread)
    expect(tab.notes).to_have_text([re.compile(r"^\d+ messages summarised, [\d,]+ → \d+ tokens$")])
    meter = tab.page.get_by_role("meter")
    assert 0 < int(meter.get_attribute("aria-valuenow") or 0) <= 900
    words = re.search(r"(\d+) of 140 messages sent, (\d+) folded", tab.page.inner_text("#meter"))
    assert words and int(words[1]) + int(words[2]) == 140
    tab.page.click("#meter summary")
    expect(tab.page.locator("#meter .text")).to_be_visible()


@browser
def test_trim_now_folds_all_but_the_last_exchange(tab: Tab) -> None:
    for word in ("apples", "pears", "plums"):
        tab.say(f"I like {word}").answered()
    tab.page.click("#trim")
    expect(tab.notes).to_contain_text("4 messages summarised")
    expect(tab.page.locator("#meter")).to_contain_text("2 of 6 messages sent, 4 folded")
    expect(tab.page.locator("#trim")).to_be_disabled()
    expect(tab.mine.first).to_have_text("I like apples")


# Earlier moments


@browser
def test_looking_shows_the_moment_and_what_it_changed_and_asks_no_model(tab: Tab, model: ModelServer) -> None:
    for word in ("one", "two", "three"):
        tab.say(f"Step {word}").answered()
    asked = len(model.requests)
    expect(tab.steps("answer")).to_have_count(3)
    tab.steps("answer").last.click()
    expect(tab.mine).to_have_text(["Step one"])
    expect(tab.page.locator("#banner")).to_contain_text("(read only)")
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


# For everybody


@browser
@pytest.mark.parametrize(
    ("size", "dark"),
    [((1440, 900), False), ((1440, 900), True), ((390, 844), False)],
    ids=["light", "dark", "phone"],
)
def test_no_serious_accessibility_violation(
    visit: Visit, long_thread: str, size: tuple[int, int], dark: bool
) -> None:
    tab = visit(long_thread, size=size, dark=dark)
    expect(tab.mine.last).to_contain_text("number 69")
    if size[0] > 1000:
        tab.steps("answer").nth(1).click()
        expect(tab.page.locator("#difference")).to_be_visible()
    found = Axe().run(tab.page).response["violations"]
    grave = [v for v in found if v["impact"] in ("serious", "critical")]
    assert not [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in grave]


@browser
def test_a_phone_shows_the_chat_and_slides_the_rest_in(visit: Visit, long_thread: str) -> None:
    tab = visit(long_thread, size=(390, 844))
    expect(tab.mine.last).to_contain_text("number 69")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390
    composer = tab.page.locator("#composer").bounding_box()
    assert composer and composer["y"] + composer["height"] <= 844
    expect(tab.page.locator("#left")).not_to_be_in_viewport()
    tab.page.get_by_role("button", name="Conversations").click()
    expect(tab.page.locator("#left")).to_be_in_viewport()
    tab.page.click("#threads a.new")
    expect(tab.page.locator("#left")).not_to_be_in_viewport()
    expect(tab.mine).to_have_count(0)


@browser
def test_the_same_address_shows_the_same_thread_after_a_restart(
    visit: Visit, database: str, tmp_path: Path
) -> None:
    site = Site(tmp_path, DATABASE_URL=database)
    with site.running() as process:
        tab = visit(to=site)
        expect(tab.page.locator("#demo")).to_contain_text("not a real model")
        tab.say("Remember the lighthouse").answered()
        thread, began = tab.thread, time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
        assert time.monotonic() - began < 4
        assert "Traceback" not in site.log.read_text()
        tab.page.goto("about:blank")
        tab.faults.clear()  # it did lose its server
    with site.running():
        again = visit(thread, to=site)
        expect(again.mine).to_have_text(["Remember the lighthouse"])
        expect(again.answers).to_have_count(1)


# Without a browser


def test_every_event_is_private_and_waits_for_nobody(settings: Settings) -> None:
    def unopened() -> Any:
        raise AssertionError

    with start_blocking_portal() as portal:  # as the server does: without a loop Gradio leaves some open
        blocks = portal.call(lambda: page(unopened, demo=True))
    for event in blocks.fns.values():
        assert event.api_visibility == "private", event.name
        unloads = event.targets == [(None, "unload")]  # takes no limit, and no time
        assert unloads or event.concurrency_limit is None, event.name


def _words(number: int) -> re.Pattern[str]:
    """A text of that many words."""
    return re.compile(rf"^\s*(\S+\s+){{{number - 1}}}\S+\s*$")
