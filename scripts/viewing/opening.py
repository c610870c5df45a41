"""How long it takes until a page can be used, and until a thread is seen: `opening`."""

import time
from statistics import median
from typing import Any

from playwright.sync_api import CDPSession, Page, expect

from scripts.benchmark.report import Must, Report, Spread, Table
from scripts.viewing.stage import OPEN, Stage

TIMES = 5
NEWEST = "text => [...document.querySelectorAll('#chat .user-row')].at(-1)?.textContent.includes(text)"


def opening(stage: Stage) -> Report:
    """The median of some cold loads, and of some openings of each thread from another one."""
    cold = [_cold(stage) for _ in range(TIMES)]
    report = Report(musts=[Must("usable after a cold load, s", 2, median(cold))])
    rows = [["cold load", Spread.of(cold).line(), "—"]]
    with stage.page() as page:
        for length in stage.lengths:
            found = [_open(stage, page, length) for _ in range(TIMES)]
            seconds, size = [f[0] for f in found], [f[1] for f in found]
            rows.append([f"thread of {length:,}", Spread.of(seconds).line(), Spread.of(size).line(1e-3, 1)])
            report.musts += [
                Must(f"open a thread of {length:,}, s", 1, median(seconds)),
                Must("the same, kB", 80, median(size) / 1e3),
            ]
    report.tables.append(Table("Opening", ["what", "s: p50 [low-high] p99", "kB"], rows))
    return report


def _cold(stage: Stage) -> float:
    begin = time.perf_counter()
    with stage.page():
        return time.perf_counter() - begin


def _open(stage: Stage, page: Page, length: int) -> tuple[float, float]:
    """Seconds until the newest message is there, and bytes on the way until the page is quiet."""
    page.click("#left a.new")
    expect(page.locator("#chat .user-row")).to_have_count(0)
    page.wait_for_timeout(700)
    wire = page.context.new_cdp_session(page)
    received = _counted(wire)
    last = f"Fact {length // 2 - 1} of length-{length}"
    begin = time.perf_counter()
    page.evaluate(OPEN, f"length-{length}")
    page.wait_for_function(
        "text => [...document.querySelectorAll('#chat .user-row')].at(-1)?.textContent.includes(text)",
        arg=last,
    )
    seconds = time.perf_counter() - begin
    page.wait_for_timeout(1_500)
    wire.detach()
    return seconds, sum(received)


def _counted(wire: CDPSession) -> list[int]:
    received: list[int] = []
    wire.send("Network.enable")

    def note(event: dict[str, Any]) -> None:
        received.append(event["dataLength"])

    wire.on("Network.dataReceived", note)
    return received
