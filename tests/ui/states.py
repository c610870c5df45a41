"""Every state of the page that a person can bring about, one after the other: `states`.

The tests look at each with axe, and `scripts/screenshots --all` makes a picture of each.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from playwright.sync_api import Page, expect

CODE = "Show me:\n\n```python\nprint('hello')\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[a link](https://example.org)"

Slowly = Callable[[], AbstractContextManager[None]]
"""Within it the model takes its time."""


def states(page: Page, slowly: Slowly) -> Iterator[str]:
    """Go from state to state of a page that shows no thread yet; the name of each, while it lasts."""
    yield "empty"
    yield from _talking(page, slowly)
    yield from _lists(page)
    yield from _context(page)
    yield from _times(page)
    page.goto(page.url.split("?")[0] + "usage")
    expect(page.locator("#usage-database li").first).to_be_visible()
    page.wait_for_timeout(1000)  # its plots come one after the other
    yield "usage"


def _talking(page: Page, slowly: Slowly) -> Iterator[str]:
    _say(page, CODE)
    _say(page, "I like plums, and I leave on the ninth of May.")
    page.locator("#chat .user-row").last.hover()
    page.locator("#chat .user-row").last.locator(".lt-do-pin").click()
    expect(page.locator("#chat .lt-do-unpin")).to_be_visible()
    yield "talk"
    with slowly():
        page.fill("#composer textarea", "Tell me more")
        page.keyboard.press("Enter")
        expect(page.locator("#composer .stop-button")).to_be_visible()
        expect(page.locator("#chat .bot-row")).to_have_count(3)
        yield "answering"
        page.evaluate("document.querySelector('#composer .stop-button')?.click()")
        _ready(page)
    _say(page, "And then?")
    _act(page, "edit")
    expect(page.locator("#editing")).to_be_visible()
    yield "editing"
    _say(page, "And before that?")
    expect(page.locator("#chat .lt-nth").last).to_be_visible()
    yield "versions"
    page.locator("#to-keys").dispatch_event("click")
    expect(page.locator("#keys-list")).to_be_visible()
    yield "keys"
    page.keyboard.press("Escape")


def _lists(page: Page) -> Iterator[str]:
    _drawer(page, "left")
    page.locator("#threads .dots").first.click()
    expect(page.locator("#thread-menu")).to_be_visible()
    yield "menu"
    page.keyboard.press("Escape")
    page.fill("#thread-search", "plums")
    expect(page.locator("#thread-found mark").first).to_be_visible()
    yield "search"
    page.fill("#thread-search", "zebrazebra")
    expect(page.locator("#thread-found .empty")).to_be_visible()
    yield "nothing found"
    page.fill("#thread-search", "")
    for shelf in ("archived", "trashed", "kept"):
        chip = page.locator(f"#threads button[data-shelf={shelf}][data-tag='']")
        chip.click()
        expect(chip).to_have_attribute("aria-pressed", "true")
        if shelf != "kept":
            yield shelf
    _close(page)


def _context(page: Page) -> Iterator[str]:
    _drawer(page, "right")
    page.click("#trim")
    expect(page.locator("#chat .lt-divider")).to_be_attached()
    _ready(page)
    _drawer(page, "right")
    page.locator("#sent button").first.click()
    expect(page.locator("#sent-list li").first).to_be_visible()
    page.locator("#sent-list li summary").first.click()
    yield "what is sent"
    page.locator("#sent button").first.click()
    page.click("#summary summary")
    yield "summary"
    page.click("#summary [data-do=edit]")
    expect(page.locator("#summary textarea")).to_be_visible()
    yield "summary edited"
    page.keyboard.press("Escape")
    _close(page)


def _times(page: Page) -> Iterator[str]:
    _drawer(page, "right")
    page.locator("#branches [data-act=name]").first.click()
    yield "branches"
    page.keyboard.press("Escape")
    page.locator("#branches [data-act=beside]").first.click()
    expect(page.locator("#beside")).to_be_visible()
    yield "side by side"
    page.keyboard.press("Escape")
    _drawer(page, "right")
    page.locator("#timeline li.answer button").last.click()
    expect(page.locator("#difference li").first).to_be_attached()
    yield "looking"
    page.click("#compare")
    _drawer(page, "right")
    page.locator("#timeline li.answer button").first.click()
    expect(page.locator("#compare-before")).to_be_visible()
    expect(page.locator("#compare")).to_be_visible()
    yield "compared"
    page.click("#fork")
    yield "forking"
    page.click("#back")
    expect(page.locator("#banner")).to_be_hidden()


def _ready(page: Page) -> None:
    expect(page.locator("#composer .submit-button")).to_be_visible(timeout=30_000)


def _say(page: Page, text: str) -> None:
    _ready(page)
    page.fill("#composer textarea", text)
    page.keyboard.press("Enter")
    expect(page.locator("#chat .user-row").last).to_contain_text(text.splitlines()[0])
    _ready(page)


def _act(page: Page, kind: str) -> None:
    page.locator("#chat .user-row").last.hover()
    page.locator("#chat .user-row").last.locator(f".lt-do-{kind}").click()


def _drawer(page: Page, side: str) -> None:
    """Open it, where the page is too narrow to show it beside."""
    button = page.locator(f"button[data-drawer={side}]")
    if button.is_visible() and button.get_attribute("aria-expanded") != "true":
        button.click()


def _close(page: Page) -> None:
    page.keyboard.press("Escape")
