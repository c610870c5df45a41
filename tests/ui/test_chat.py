"""The conversation in a real browser: talking, stopping, leaving and coming back."""

import json
import socket
import time

import pytest
from playwright.sync_api import Route, expect

from tests.openai_server import Fault, ModelServer
from tests.ui.conftest import Tab, Visit, words_in_all

browser = pytest.mark.browser
EMPTY = ["", "", "now", 60]
"""The place of a tab without a thread."""


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
    expect(tab.answers).not_to_have_text(words_in_all(100))
    tab.answered()
    expect(tab.answers).to_have_text([words_in_all(100)])


@browser
def test_an_answer_is_there_after_its_tab_was_closed(visit: Visit, model: ModelServer) -> None:
    model.delay, model.words = 0.03, 60
    tab = visit().say("Go on without me")
    thread = tab.thread
    tab.page.close()
    again = visit(thread).answered()
    expect(again.answers).to_have_text([words_in_all(60)])
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
    assert "word10" in kept and not words_in_all(200).search(kept)
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
    tab.page.click("#left a.new")
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


@browser
def test_who_reads_above_stays_there_and_who_is_at_the_bottom_follows(tab: Tab, model: ModelServer) -> None:
    log = tab.page.locator("#chat [role=log]")
    below = "e => e.scrollHeight - e.clientHeight - e.scrollTop"
    model.delay, model.words = 0.01, 500
    tab.say("Talk for long")
    expect(tab.answers).to_contain_text("word300")
    assert log.evaluate("e => e.scrollHeight > e.clientHeight") and log.evaluate(below) < 60
    log.hover()
    tab.page.mouse.wheel(0, -120)
    tab.page.wait_for_timeout(200)
    there = log.evaluate("e => e.scrollTop")
    expect(tab.answers).to_contain_text("word450")
    assert log.evaluate("e => e.scrollTop") == there and log.evaluate(below) > 100
    tab.answered()
    assert log.evaluate("e => e.scrollTop") == there
    model.delay, model.words = 0.0, 20
    tab.say("And again").answered()
    tab.page.wait_for_timeout(300)
    assert log.evaluate(below) < 60


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
