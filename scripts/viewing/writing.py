"""What it costs a browser to watch an answer being written: `writing`."""

import time
from statistics import median
from typing import Any

from playwright.sync_api import Page, expect

from scripts.benchmark.report import Must, Report, Table
from scripts.viewing.stage import WRITING, Stage

TOKENS, DELAY = 300, 0.02
FIRST = 7
"""Questions of which the first word is timed."""

WATCH = """() => {
  const seen = (window.seen = { frames: [], tasks: [], first: 0 });
  let before = 0;
  (function frame(now) {
    if (before) seen.frames.push(now - before);
    before = now;
    seen.on !== false && requestAnimationFrame(frame);
  })(0);
  new PerformanceObserver((list) => list.getEntries().forEach((e) => seen.tasks.push(e.duration)))
    .observe({ type: "longtask" });
}"""
FIRST_WORD = """(question) => { window.first = 0; const look = () => {
  const rows = [...document.querySelectorAll("#chat .message-row:not(.lt-row)")], last = rows.at(-1);
  if (last?.classList.contains("bot-row") && rows.at(-2).textContent.includes(question)
      && last.querySelector(".prose")?.textContent.trim())
    window.first = performance.timeOrigin + performance.now();
  else requestAnimationFrame(look); }; look(); }"""


def writing(stage: Stage) -> Report:
    """In a thread whose window is full: the first word, frames, long tasks, nodes and the heap."""
    with stage.page(WRITING) as page:
        expect(page.locator("#chat .user-row")).to_have_count(30)
        first = [_first(stage, page) for _ in range(FIRST)]
        page.evaluate(WATCH)
        stage.model.words, stage.model.delay = TOKENS, DELAY
        _ask(page, "Now talk for long")
        expect(page.locator("#composer .stop-button")).to_be_visible()
        expect(page.locator("#composer .submit-button")).to_be_visible(timeout=60_000)
        stage.model.words, stage.model.delay = None, 0.0
        seen: dict[str, Any] = page.evaluate("() => { window.seen.on = false; return window.seen }")
        nodes: int = page.evaluate("document.querySelectorAll('*').length")
        heap: int = page.evaluate("performance.memory.usedJSHeapSize")
    frames = sorted(seen["frames"])
    p95 = frames[int(0.95 * len(frames))]
    musts = [
        Must("first word on screen after the model's, ms", 400, 1e3 * median(first)),
        Must("frames while an answer is written, p95, ms", 34, p95),
        Must("longest task, ms", 200, max(seen["tasks"], default=0)),
        Must("DOM nodes", 4_000, nodes),
        Must("heap, MB", 60, heap / 1e6),
    ]
    rows = [
        ["first word, ms", ", ".join(f"{1e3 * each:.0f}" for each in first)],
        ["long tasks", f"{len(seen['tasks'])}, together {sum(seen['tasks']):.0f} ms"],
        ["frames", f"{len(frames)}"],
    ]
    return Report(tables=[Table("Writing", ["what", "measured"], rows)], musts=musts)


def _ask(page: Page, text: str) -> None:
    expect(page.locator("#composer .submit-button")).to_be_visible()
    page.fill("#composer textarea", text)
    page.keyboard.press("Enter")


def _first(stage: Stage, page: Page) -> float:
    """Seconds from when the model had the question, and answered at once, to its first word on the screen."""
    question, stage.model.words = f"How about number {len(stage.model.answers)}?", 5
    page.evaluate(FIRST_WORD, question)
    epoch = time.time() - time.monotonic()
    _ask(page, question)
    page.wait_for_function("window.first")
    shown: float = page.evaluate("window.first") / 1e3
    return shown - (stage.model.answers[-1].at + epoch)
