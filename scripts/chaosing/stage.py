"""Where a run takes place: `Stage`, with a Postgres of its own, a model over HTTP, and children to spend."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from tqdm import tqdm

from graph.checkpointers.embedded import embedded_postgres
from scripts.chaosing.hands import Child, Nursery, Reply, open_nursery
from tests.openai_server import ModelServer

SHORT: dict[str, Any] = {"short_leases": {}}
WORDS, DELAY = 14, 0.002
"""Of an answer, and seconds before each: some of a turn is spent while the model speaks."""


@dataclass
class Stage:
    """One run."""

    url: str
    model: ModelServer
    nursery: Nursery
    seed: int
    folder: Path
    _counted: int = 0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _bystanders: dict[str, Child] = field(default_factory=dict[str, Child])
    _calls: Counter[str] = field(default_factory=Counter[str])

    def random(self, *of: object) -> random.Random:
        """The dice of one trial: the same for the same seed, whatever else runs."""
        return random.Random(":".join(map(str, (self.seed, *of))))  # noqa: S311 - no secret

    def thread(self, name: str) -> str:
        """A thread that nobody had yet."""
        return f"{name}-{uuid4().hex}"

    async def child(
        self, switches: dict[str, Any] | None = None, *, url: str | None = None, **settings: Any
    ) -> Child:
        """A process with the graph open, on the stage's database unless told another `url`."""
        child = await self.nursery.child()
        given = {"database_url": url or self.url, "openai_base_url": self.model.url, "model_retries": 0}
        reply = await child.ask("open", switches=SHORT | (switches or {}), settings=given | settings)
        if "error" in reply:
            await child.kill()
            raise ConnectionError(reply["why"])
        return child

    async def bystander(self, name: str) -> Child:
        """A process that is disturbed by nothing and serves all trials; each thread is new to it."""
        async with self._lock:
            if name not in self._bystanders:
                self._bystanders[name] = await self.child()
            return self._bystanders[name]

    def calls(self, text: str) -> int:
        """How often the model was asked this."""
        requests = self.model.requests
        while self._counted < len(requests):
            self._calls[str(requests[self._counted].messages[-1]["content"])] += 1
            self._counted += 1
        return self._calls[text]

    async def look(self, thread: str) -> Reply:
        """All there is of a thread, by a process that never wrote to it."""
        return await (await self.bystander("reader")).look(thread)

    async def asked(self, text: str) -> None:
        """Until the model is asked this."""
        while not self.calls(text):  # noqa: ASYNC110 - the model's threads set no events of ours
            await asyncio.sleep(0.002)

    async def each(
        self, row: str, trials: int, trial: Callable[[int], Awaitable[None]], at_once: int = 8
    ) -> None:
        """Make so many trials, some at once; a bar shows how far it is, where somebody looks."""
        numbers = iter(range(trials))
        with self.bar(row, trials) as bar:

            async def work() -> None:
                for n in numbers:
                    await trial(n)
                    bar.update()

            async with asyncio.TaskGroup() as group:
                for _ in range(min(at_once, trials)):
                    group.create_task(work())

    def bar(self, row: str, total: int) -> "tqdm[Any]":
        """A progress bar, gone when it is full."""
        return tqdm(total=total, desc=row, unit="trial", leave=False, disable=None, smoothing=0.1)


@contextmanager
def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="longthread-chaos-") as name:
        Path(name).chmod(0o711)  # as root, the server is another user, who has to pass
        yield Path(name)


@asynccontextmanager
async def open_stage(seed: int) -> AsyncIterator[Stage]:
    """A stage that leaves nothing behind."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(_folder())
        url = await stack.enter_async_context(embedded_postgres(folder / "data"))
        model = stack.enter_context(ModelServer(words=WORDS, delay=DELAY))
        nursery = await stack.enter_async_context(open_nursery(model.url))
        yield Stage(url, model, nursery, seed, folder)
