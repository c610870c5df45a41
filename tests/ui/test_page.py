"""The page as a whole: for everybody, on a phone, after a restart; and how it is wired."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import expect

from graph import Settings
from tests.ui.conftest import Visit
from tests.ui.grave import grave
from tests.ui.site import Site
from ui.app import page

browser = pytest.mark.browser


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
    assert not grave(tab.page)


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
    tab.page.click("#left a.new")
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
        tab.page.close()
        tab.faults.clear()  # it did lose its server
    with site.running():
        again = visit(thread, to=site)
        expect(again.mine).to_have_text(["Remember the lighthouse"])
        expect(again.answers).to_have_count(1)
        again.page.close()  # before it loses its server


def test_every_event_is_private_and_waits_for_nobody(settings: Settings) -> None:
    def unopened() -> Any:
        raise AssertionError

    with start_blocking_portal() as portal:  # as the server does: without a loop Gradio leaves some open
        blocks = portal.call(lambda: page(unopened, demo=True))
    for event in blocks.fns.values():
        assert event.api_visibility == "private", event.name
        unloads = event.targets == [(None, "unload")]  # takes no limit, and no time
        assert unloads or event.concurrency_limit is None, event.name
