"""The pictures of the README: the real page, the demo model, a conversation long enough to be folded."""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.ui.site import Site, browser
from tests.ui.states import states

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

ELSEWHERE = [
    "A packing list for two weeks on Iceland's ring road",
    "Which of these three cover letters is the warmest?",
    "Why does my sourdough stay flat in winter?",
]
CONVERSATION = [
    "We are redoing the kitchen. The budget is 14,500 euros, and it has to be done before the ninth of May.",
    "Ana wants green tiles, the zellige ones. I would rather keep the old cupboards and paint them.",
    "The electrician, Mr Duarte, can come on the 12th or the 19th of March. He needs the plan a week before.",
    "What did I say about the budget?",
    "The oven moves to the wall with the window. The sink stays where it is, the pipes are too old to move.",
    "Tiles came to 2,180 euros with delivery. The painter asks 950 for the cupboards, two coats.",
    "Grace is allergic to epoxy resin, so the worktop must be wood or stone.",
    "What did we say about the tiles?",
    "We took the 19th for the electrician. The plan is due on the 12th then.",
    "What did I say about the worktop?",
]
INSTEAD = "We found a stone that costs less than wood. Which worktop is it now?"
"""Said in the place of the last."""


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(
        prog="scripts/screenshots", description="Make the pictures of the README."
    )
    parser.add_argument(
        "--all", type=Path, metavar="FOLDER", help="of every state of the page instead, in there"
    )
    folder: Path | None = parser.parse_args().all
    (folder or DOCS).mkdir(exist_ok=True, parents=True)
    with _site() as site, browser() as chromium:
        if folder:
            _states(chromium, site.url, folder)
        else:
            _pictures(chromium, site.url)


@contextmanager
def _site() -> Iterator[Site]:
    for name in [n for n in os.environ if n.startswith(("LONGTHREAD_", "OPENAI_", "DATABASE_"))]:
        del os.environ[name]  # the pictures are of the demo model, whatever is set here
    with tempfile.TemporaryDirectory() as folder:
        settings = {"LONGTHREAD_DATA": f"{folder}/data", "LONGTHREAD_TOKEN_BUDGET": "900"}
        site = Site(Path(folder), **settings)
        with site.running():
            yield site


def _states(browser: Browser, url: str, folder: Path) -> None:
    """On a desktop and a phone, light and dark, and in German."""
    for look, size, dark, language in [
        ("light", DESKTOP, False, "en"),
        ("dark", DESKTOP, True, "en"),
        ("phone", PHONE, False, "en"),
        ("phone-dark", PHONE, True, "de"),
    ]:
        with _page(browser, size, dark=dark, language=language) as page:
            page.goto(url)
            expect(page.locator("#threads nav")).to_be_attached()
            for n, state in enumerate(states(page, nullcontext), 1):
                page.wait_for_timeout(400)
                page.screenshot(path=folder / f"{look}-{n:02}-{state.replace(' ', '-')}.png")
                print(f"screenshots: {look}, {state}", file=sys.stderr)


def _pictures(browser: Browser, url: str) -> None:
    address = _talk(browser, url)
    for name, viewport, dark, show in [
        ("page", DESKTOP, False, _divider),
        ("branches", DESKTOP, True, _beside),
        ("context", DESKTOP, False, _context),
        ("phone", PHONE, False, _nothing),
    ]:
        with _page(browser, viewport, dark=dark) as page:
            page.goto(address)
            expect(page.locator("#chat .user-row").last).to_contain_text(CONVERSATION[-1])
            page.wait_for_timeout(1500)
            show(page)
            page.wait_for_timeout(500)
            page.screenshot(path=DOCS / f"{name}.png")


def _nothing(page: Page) -> None:
    """As it is opened."""


def _divider(page: Page) -> None:
    page.mouse.move(720, 400)
    page.locator("#chat .lt-divider").evaluate(
        "e => { const log = e.closest('[role=log]'), box = e.getBoundingClientRect(); "
        "log.scrollTop += box.top - 240 }"
    )


def _beside(page: Page) -> None:
    page.locator("#branches [data-act=beside]").first.click()
    expect(page.locator("#beside")).to_be_visible()


def _context(page: Page) -> None:
    page.click("#summary summary")
    page.locator("#sent button").first.click()
    expect(page.locator("#sent-list li").first).to_be_visible()


def _talk(browser: Browser, url: str) -> str:
    page = browser.new_page()
    for first in ELSEWHERE:
        page.goto(url)
        _say(page, first)
    page.goto(url)
    for text in CONVERSATION:
        _say(page, text)
    page.locator("#threads li").first.locator(".dots").click()
    page.get_by_role("menuitem", name="Rename", exact=True).click()
    page.get_by_role("textbox", name="Title").fill("The kitchen")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("The kitchen")
    _act(page, 6, "pin")
    _act(page, -1, "edit")
    _say(page, INSTEAD)
    _act(page, -1, "prev")
    expect(page.locator("#chat .user-row").last).to_contain_text(CONVERSATION[-1])
    page.locator("#branches .row", has_text=INSTEAD[:9]).locator("[data-act=name]").click()
    page.locator("#branches input").fill("Stone after all")
    page.keyboard.press("Enter")
    expect(page.locator("#branches")).to_contain_text("Stone after all")
    page.close()
    return page.url


def _act(page: Page, nth: int, kind: str) -> None:
    row = page.locator("#chat .user-row").nth(nth)
    row.hover()
    row.locator(f".lt-do-{kind}").click()
    page.wait_for_timeout(500)


def _say(page: Page, text: str) -> None:
    send = page.locator("#composer .submit-button")
    expect(send).to_be_visible()
    expect(page.locator("#left a.new")).to_be_attached()
    page.fill("#composer textarea", text)
    page.keyboard.press("Enter")
    expect(page.locator("#chat .user-row").last).to_contain_text(text)
    expect(send).to_be_visible(timeout=30_000)
    expect(page).to_have_url(re.compile("thread="))


@contextmanager
def _page(browser: Browser, size: dict[str, int], *, dark: bool, language: str = "en") -> Iterator[Page]:
    with browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        color_scheme="dark" if dark else "light",
        device_scale_factor=2 if size is PHONE else 1,
        locale=language,
    ) as context:
        yield context.new_page()


if __name__ == "__main__":
    main()
