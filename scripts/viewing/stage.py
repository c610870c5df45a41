"""Where the page is measured, `Stage`: Postgres, a model server, the page in its own process, threads."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio.from_thread
from playwright.sync_api import Browser, Page, expect
from tqdm import tqdm

from graph import Settings, open_graph
from graph.checkpointers.embedded import embedded_postgres
from graph.demo_model import DemoModel
from graph.model import Models
from tests.openai_server import ModelServer
from tests.ui.site import Site, browser

expect.set_options(timeout=30_000)

SHORT = (10, 100)
"""Messages of the other threads."""

OPEN = "id => document.querySelector(`#threads a[data-id='${id}']`).click()"
"""Opens a thread of the list, wherever the list is scrolled to."""

WRITING, CROWD = "writing", "person-{}"


@dataclass
class Stage:
    """All of it, running. `lengths`: messages of the threads `length-<n>`."""

    site: Site
    pid: int
    model: ModelServer
    chromium: Browser
    lengths: list[int]
    people: int

    @contextmanager
    def page(self, thread: str = "") -> Iterator[Page]:
        """A page in a browser profile of its own, when it can be used."""
        with self.chromium.new_context(viewport={"width": 1440, "height": 900}) as context:
            page = context.new_page()
            page.goto(f"{self.site.url}/?thread={thread}" if thread else self.site.url)
            expect(page.locator("#threads li").first).to_be_visible()
            expect(page.locator("#composer .submit-button")).to_be_visible()
            yield page

    def cpu(self) -> float:
        """Seconds that the page's process has computed."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def open_stage(longest: int, people: int) -> Iterator[Stage]:
    """Make it; progress is told on stderr."""
    for name in [n for n in os.environ if n.startswith(("LONGTHREAD_", "OPENAI_", "DATABASE_"))]:
        del os.environ[name]
    lengths = [*SHORT, longest]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="longthread-page-")))
        portal = stack.enter_context(anyio.from_thread.start_blocking_portal())
        url = stack.enter_context(portal.wrap_async_context_manager(embedded_postgres(folder / "data")))
        model = stack.enter_context(ModelServer())
        asyncio.run(_fill(Settings.read(database_url=url, model_retries=0), lengths, people))
        site = Site(folder, DATABASE_URL=url, OPENAI_BASE_URL=model.url)
        process = stack.enter_context(site.running())
        yield Stage(site, process.pid, model, stack.enter_context(browser()), lengths, people)


async def _fill(settings: Settings, lengths: list[int], people: int) -> None:
    """Threads that were talked in, turn by turn, so that they are folded as they would be."""
    quick = DemoModel(delay=0)
    threads = {CROWD.format(n): 5 for n in range(people)}  # the list begins with those used last
    threads |= {f"length-{n}": n // 2 for n in reversed(lengths)} | {WRITING: 50}
    with tqdm(total=sum(threads.values()), desc="talking", unit="turn") as bar:
        async with open_graph(settings, models=Models(quick, quick, "quick", demo=True)) as graph:
            for thread, turns in threads.items():
                for n in range(turns):
                    text = f"Fact {n} of {thread}: the keeper counted {n * 37} steps and wrote it down."
                    config = {"configurable": {"thread_id": thread}}
                    await graph.ainvoke({"messages": [("user", text)]}, config)  # pyright: ignore[reportArgumentType]
                    bar.update()
