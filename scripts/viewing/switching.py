"""Whether the answer of one thread is ever seen in another, when one goes back and forth: `switching`."""

from playwright.sync_api import Page, expect

from scripts.benchmark.report import Must, Report
from scripts.viewing.stage import OPEN, WRITING, Stage

TIMES = 100
OTHER = "length-10"
LOUD = "Talk for long"
WORDS, DELAY = 1_500, 0.3
"""Of the answer that is written meanwhile: each word is `word` and a number."""

WATCH = """() => { window.seen = 0; window.quiet = false; const look = () => {
  if (window.quiet && document.querySelector("#chat").textContent.match(/word\\d/)) window.seen++;
  requestAnimationFrame(look); }; look(); }"""


def switching(stage: Stage) -> Report:
    """An answer is being written in one thread; the other is opened again and again."""
    stage.model.words, stage.model.delay = WORDS, DELAY
    try:
        with stage.page(WRITING) as page:
            page.evaluate(WATCH)
            page.fill("#composer textarea", LOUD)
            page.keyboard.press("Enter")
            expect(page.locator("#composer .stop-button")).to_be_visible()
            done = sum(_there_and_back(page) for _ in range(TIMES))
            seen: int = page.evaluate("window.seen")
            running = page.locator("#composer .stop-button").is_visible()
            page.click("#composer .stop-button")
    finally:
        stage.model.words, stage.model.delay = None, 0.0
    return Report(
        musts=[
            Must(f"frames with another thread's answer, in {TIMES} switches", 0, seen),
            Must("switches while the answer was being written", TIMES, done if running else 0, at_least=True),
        ]
    )


def _there_and_back(page: Page) -> int:
    """1 when the other thread was seen, and this one after it."""
    page.evaluate(OPEN, OTHER)
    expect(page.locator("#chat .user-row").last).to_contain_text(OTHER)
    page.evaluate("window.quiet = true")
    page.wait_for_timeout(150)
    page.evaluate("window.quiet = false")
    page.evaluate(OPEN, WRITING)
    expect(page.locator("#chat .user-row").last).to_contain_text(LOUD)
    return 1
