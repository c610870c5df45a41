"""A real server on a real Postgres with a real model server behind it, and a real browser in front."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from graph import OpenGraph, Settings, open_graph
from tests.conftest import new_database
from tests.openai_server import ModelServer
from tests.ui.site import Site, browser

ROOT = Path(__file__).parents[2]
expect.set_options(timeout=15_000)

Behind = Callable[[Callable[[OpenGraph], object]], object]


class Tab:
    """A browser tab on the page, and what a person does there."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page, self.site = page, site
        self.faults: list[str] = []
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("console", lambda m: self.faults.append(f"console: {m.text}") if m.type == "error" else None)
        page.on(
            "request", lambda r: self.faults.append(f"request: {r.url}") if _foreign(r.url, site) else None
        )

    @property
    def thread(self) -> str:
        """The thread in the address bar."""
        return parse_qs(urlsplit(self.page.url).query).get("thread", [""])[0]

    def open(self, thread: str = "") -> "Tab":
        self.page.goto(f"{self.site.url}/?thread={thread}" if thread else self.site.url)
        return self.ready()

    def go(self, path: str) -> "Tab":
        """Leave the page for another of the site."""
        self.page.goto(self.site.url + path)
        self.left()
        return self

    def reload(self) -> "Tab":
        self.page.reload()
        self.left()
        return self.ready()

    def left(self) -> None:
        """Forgive what the client of Gradio says of a page that is left: it loses a stream."""
        words = ("AbortError", "Connection errored out")
        self.faults[:] = [fault for fault in self.faults if not any(word in fault for word in words)]

    def ready(self) -> "Tab":
        """Wait until the page is alive and has drawn the list of threads."""
        expect(self.page.locator("#threads nav .chips")).to_be_attached()
        return self

    def say(self, text: str) -> "Tab":
        """Send a message, and wait until it is among the messages."""
        expect(self.page.locator("#composer .submit-button")).to_be_visible()
        self.page.fill("#composer textarea", text)
        self.page.keyboard.press("Enter")
        expect(self.mine.last).to_contain_text(text.splitlines()[0][:30])
        expect(self.page).to_have_url(re.compile("thread="))
        return self

    def answered(self) -> "Tab":
        """Wait until the answer is complete."""
        expect(self.page.locator("#composer .submit-button")).to_be_visible()
        return self

    @property
    def mine(self):
        return self.page.locator("#chat .user-row")

    @property
    def answers(self):
        return self.page.locator("#chat .bot-row:not(.lt-row)")

    @property
    def notes(self):
        return self.page.locator("#chat .lt-note")

    @property
    def names(self):
        return self.page.locator("#threads li a")

    def steps(self, kind: str):
        return self.page.locator(f"#timeline li.{kind} button")


Visit = Callable[..., Tab]


def words_in_all(number: int) -> re.Pattern[str]:
    """A text of that many words."""
    return re.compile(rf"^\s*(\S+\s+){{{number - 1}}}\S+\s*$")


def _foreign(url: str, site: Site) -> bool:
    return not url.startswith((site.url, "data:", "blob:"))


@pytest.fixture(scope="session")
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="session")
def database(server: str) -> Iterator[str]:
    """URL of a database that the pages' tests share and no other has: a page finishes what was cut off, also
    where another test looks on purpose at what is left."""
    with new_database(server) as url:
        yield url


@pytest.fixture(scope="session")
def environment(database: str, model: ModelServer) -> dict[str, str]:
    """Settings with a budget that a long talk overflows."""
    return {
        "DATABASE_URL": database,
        "OPENAI_BASE_URL": model.url,
        "LONGTHREAD_TOKEN_BUDGET": "1200",
        "LONGTHREAD_MODEL_RETRIES": "0",
        "LONGTHREAD_MODEL_TIMEOUT": "5",
        "LONGTHREAD_TITLES": "false",
    }


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"), **environment)
    with site.running():
        yield site


@pytest.fixture(scope="module")  # its driver keeps an event loop, in which no other test may run
def chromium() -> Iterator[Browser]:
    with browser() as chromium:
        yield chromium


@pytest.fixture
def visit(chromium: Browser, site: Site, model: ModelServer) -> Iterator[Callable[..., Tab]]:
    """Open a tab; every tab must end without an error and without a request to another host."""
    tabs: list[Tab] = []

    def opened(
        thread: str = "",
        *,
        to: Site = site,
        size: tuple[int, int] = (1440, 900),
        dark: bool = False,
        language: str = "en-US",
        before: Callable[[Page], object] = id,
    ) -> Tab:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            locale=language,
        )
        tabs.append(Tab(context.new_page(), to))
        before(tabs[-1].page)
        return tabs[-1].open(thread)

    yield opened
    model.delay, model.words, model.fault = 0.0, None, None
    for tab in tabs:
        tab.page.context.close()
    assert not [fault for tab in tabs for fault in tab.faults]


@pytest.fixture
def tab(visit: Callable[..., Tab]) -> Tab:
    return visit()


@pytest.fixture(scope="session")
def behind(environment: dict[str, str]) -> Callable[[Callable[[OpenGraph], object]], object]:
    """Run something against the same threads without the page, as any script may."""
    names = {"DATABASE_URL": "database_url", "OPENAI_BASE_URL": "openai_base_url"}
    chosen = {names.get(k, re.sub("^LONGTHREAD_", "", k).lower()): v for k, v in environment.items()}

    def act(work: Callable[[OpenGraph], object]) -> object:
        def opened() -> object:
            with open_graph(Settings.read(**chosen)) as graph:
                return work(graph)

        with ThreadPoolExecutor(1) as elsewhere:  # the browser's driver keeps an event loop in this thread
            return elsewhere.submit(opened).result()

    return act


@pytest.fixture(scope="session")
def long_thread(behind: Behind) -> str:
    """A thread of 140 messages, most of them folded."""
    thread = f"long-{uuid4()}"

    def talk(graph: OpenGraph) -> None:
        place = {"configurable": {"thread_id": thread}}
        for i in range(70):
            graph.invoke({"messages": [("user", f"Fact number {i}: the lighthouse has {i} steps.")]}, place)

    behind(talk)
    return thread
