"""Tabs of a real browser are closed, reloaded and switched to another thread in the middle of an answer.

The page is a process of its own, as `scripts/serve` starts it, in front of the stage's Postgres.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import Error as PlaywrightError

from graph import open_graph
from graph.settings import Settings
from scripts.chaosing.history import UNANSWERED, judge
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict
from tests.ui.site import CHROMIUM, Site

MUST = "closed, reloaded, switched: the turn finishes, the same text on return in ≤ 1 s"
FULL, QUICK = 200, 10
MISSING = "no browser here: install chromium"
OTHER = "the page shows another text"
LATE = "later than a second"
EMPTY = "the page shows nothing"
AT_ONCE = 2
SOON = 1.0
"""Seconds from the page's coming alive to the words."""


async def run(stage: Stage, trials: int) -> Verdict:
    """The tabs; then some turns that hang on who asked for them, as a page's handler does that runs them."""
    tally, control = Tally(), Tally()
    async with _browser() as browser:
        if browser is None:
            tally.must(False, MISSING)
            return Verdict("tabs", MUST, tally, control, (UNANSWERED,))
        environment = {"DATABASE_URL": stage.url, "OPENAI_BASE_URL": stage.model.url}
        site = Site(stage.folder, **environment, LONGTHREAD_MODEL_RETRIES="0")
        running = site.running()
        await asyncio.to_thread(running.__enter__)
        try:

            async def trial(n: int) -> None:
                await _trial(stage, tally, browser, site, n)

            await stage.each("tabs", trials, trial, AT_ONCE)
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)
    await _control(stage, control)
    return Verdict("tabs", MUST, tally, control, (UNANSWERED,))


async def _trial(stage: Stage, tally: Tally, browser: Browser, site: Site, n: int) -> None:
    tally.trials += 1
    dice, text = stage.random("tabs", n), f"Tab {n} says {stage.thread('so')}."
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await _open(page, site)
        await page.fill("#composer textarea", text)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**thread=*")
        thread = parse_qs(urlsplit(page.url).query)["thread"][0]
        await asyncio.sleep(dice.random() * stage.model.delay * (stage.model.words or 1) * 1.5)
        match dice.choice(["close", "reload", "switch"]):
            case "close":
                await page.close()
                page = await context.new_page()
                await _open(page, site, thread)
            case "reload":
                await page.reload()
                await _alive(page)
            case _:
                await _open(page, site, stage.thread("elsewhere"))
                await _open(page, site, thread)
        await _see(stage, tally, page, thread, text)
    finally:
        with suppress(PlaywrightError):
            await context.close()


async def _see(stage: Stage, tally: Tally, page: Page, thread: str, text: str) -> None:
    """What the page shows, and when, against what is stored."""
    begin = time.monotonic()
    try:
        await page.locator("#chat .user-row").first.wait_for()
    except PlaywrightError:
        words = " ".join((await page.locator("body").inner_text()).split())
        tally.must(False, EMPTY, [page.url, await stage.look(thread), words])
        return
    waited = time.monotonic() - begin
    tally.must(waited <= SOON, LATE, f"{waited:.2f} s")
    await page.locator("#composer .submit-button").wait_for()
    seen = await stage.look(thread)
    answers = [said for kind, _, said in seen["said"] if kind == "answer"]
    shown = await page.locator("#chat .bot-row:not(.lt-row)").all_inner_texts()
    tally.must(
        [" ".join(s.split()) for s in shown] == [" ".join(a.split()) for a in answers], OTHER, [shown, seen]
    )
    acked = {text: seen["said"][1][1]} if len(seen["said"]) > 1 else {}
    judge(tally, seen, [text], acked)


async def _open(page: Page, site: Site, thread: str = "") -> None:
    await page.goto(f"{site.url}/?thread={thread}" if thread else site.url)
    await _alive(page)


async def _alive(page: Page) -> None:
    await page.locator("#left a.new").wait_for(state="attached")


async def _control(stage: Stage, tally: Tally) -> None:
    settings = Settings.read(database_url=stage.url, openai_base_url=stage.model.url, model_retries=0)
    async with open_graph(settings) as graph:
        for n in range(5):
            tally.trials += 1
            thread, text = stage.thread("tabs"), f"Hanging on {n}."
            values: Any = {"messages": [("user", text)]}
            asking = asyncio.create_task(graph.ainvoke(values, {"configurable": {"thread_id": thread}}))
            await stage.asked(text)
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
            judge(tally, await stage.look(thread), [text], {})


@asynccontextmanager
async def _browser() -> AsyncIterator[Browser | None]:
    program = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    if program is None:
        yield None
        return
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        yield chromium
        await chromium.close()
