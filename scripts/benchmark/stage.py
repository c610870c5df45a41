"""Where a run takes place: the server, a database for each variant, the loop of the async ones. `Stage`."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.sql import SQL, Identifier
from tqdm import tqdm

from graph.checkpointers.embedded import embedded_postgres
from scripts.benchmark.chat import Chat, Variant
from scripts.benchmark.report import Report
from scripts.benchmark.variants import VARIANTS
from scripts.benchmark.words import Words

T = TypeVar("T")
WARM = 3
"""Turns that every thread has had, in the way that is measured, before one is timed."""


@dataclass(frozen=True)
class Options:
    """How much is measured. Seconds where nothing else is said."""

    variants: list[str]
    lengths: list[int]
    turns: int
    stored_turns: int = 1_000
    crowd: int = 32
    crowd_seconds: float = 4.0
    crowd_rounds: int = 3
    delays: tuple[float, ...] = (0.0, 0.020, 0.080)
    threads: int = 100_000
    messages: int = 1_000_000
    repeats: int = 50
    warm_up: int = 32
    """Turns before any is timed: a pool's connections take turns, and each prepares its statements."""


class Player:
    """A variant at work on one database: its turns, timed, sync and async alike."""

    def __init__(self, stage: "Stage", variant: Variant, chat: Chat, seeded: dict[str, int]) -> None:
        self.variant = variant
        self.chat = chat
        self._stage = stage
        self._seeded = seeded

    def seed(self, thread: str, length: int) -> None:
        """Bring a thread to `length` messages, the last of them by real turns; once in a run."""
        if self._seeded.get(thread, 0) >= length:
            return
        bulk = max(0, length - 2 * WARM)
        bulk -= bulk % 2
        label = f"{self.variant.name} {length:,}"
        with self._stage.bar(label, bulk, quiet=bulk < 1_000, unit="message") as bar:
            for begin in range(0, bulk, self.chat.chunk):
                size = min(self.chat.chunk, bulk - begin)
                self._do(self.chat.fill, thread, self._stage.words.talk(size))
                bar.update(size)
        for _ in range((length - bulk) // 2):
            self.turn(thread)
        self._seeded[thread] = length

    def warm_up(self) -> None:
        """Turns on a thread that is not measured, until connections and statements are as they stay."""
        for _ in range(self._stage.options.warm_up):
            self.turn("warm")

    def turn(self, thread: str) -> float:
        """One turn; how many seconds it took."""
        question = self._stage.words.question()
        if self.variant.sync:
            begin = time.perf_counter()
            self.chat.say(thread, question)
            return time.perf_counter() - begin

        async def timed() -> float:
            begin = time.perf_counter()
            await self.chat.say(thread, question)
            return time.perf_counter() - begin

        return self._stage.run(timed())

    def _do(self, call: Callable[..., Any], *words: Any) -> None:
        if self.variant.sync:
            call(*words)
        else:
            self._stage.run(call(*words))


@dataclass
class Stage:
    """One run: its server, its words, what it found so far."""

    server: str
    options: Options
    loop: asyncio.AbstractEventLoop
    embedded: bool
    words: Words = field(default_factory=Words)
    report: Report = field(default_factory=Report)
    _databases: dict[str, str] = field(default_factory=dict[str, str])
    _seeded: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run async work to its end on the loop that all of it shares."""
        return self.loop.run_until_complete(work)

    def chosen(self, *names: str) -> list[str]:
        """Those of `names` that take part in this run."""
        return [name for name in names if name in self.options.variants]

    def database(self, name: str) -> str:
        """The URL of the run's database of that name, made when it is first asked for."""
        if name not in self._databases:
            self._databases[name] = with_database(self.server, f"bench_{name.replace('-', '_')}")
            with psycopg.connect(self.server, autocommit=True) as conn:
                place = Identifier(f"bench_{name.replace('-', '_')}")
                conn.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(place))
                conn.execute(SQL("CREATE DATABASE {}").format(place))
        return self._databases[name]

    @contextmanager
    def open(self, name: str, database: str | None = None, url: str | None = None) -> Iterator[Player]:
        """A variant on a database of its name, unless told another; `url` leads there by another way."""
        variant = VARIANTS[name]
        database = database or name
        place = self.database(database)
        opened = variant.open(url or place, self.words)
        seeded = self._seeded.setdefault(database, {})
        if variant.sync:
            with cast("AbstractContextManager[Chat]", opened) as chat:
                yield Player(self, variant, chat, seeded)
            return
        manager = cast("AbstractAsyncContextManager[Chat]", opened)
        chat = self.run(manager.__aenter__())
        try:
            yield Player(self, variant, chat, seeded)
        finally:
            self.run(manager.__aexit__(None, None, None))  # pyright: ignore[reportArgumentType]

    def settle(self) -> None:
        """Take statistics and clear up, as autovacuum does in time: no plan may take a table for empty."""
        with psycopg.connect(self.server, autocommit=True) as conn:
            conn.execute("CHECKPOINT")
        for url in self._databases.values():
            with psycopg.connect(url, autocommit=True) as conn:
                conn.execute("VACUUM ANALYZE")

    @contextmanager
    def cast(self, names: list[str]) -> Iterator[dict[str, Player]]:
        """Several variants at once."""
        with ExitStack() as stack:
            yield {name: stack.enter_context(self.open(name)) for name in names}

    def bar(self, label: str, total: int, *, quiet: bool = False, unit: str = "turn") -> "tqdm[Any]":
        """A progress bar, gone when it is full; where nobody looks there is none."""
        return tqdm(
            total=total, desc=label, unit=unit, leave=False, disable=True if quiet else None, smoothing=0.1
        )

    def close(self) -> None:
        """Drop the databases."""
        with psycopg.connect(self.server, autocommit=True) as conn:
            for url in self._databases.values():
                place = Identifier(urlsplit(url).path[1:])
                conn.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(place))


@contextmanager
def open_stage(url: str | None, options: Options) -> Iterator[Stage]:
    """A stage on the server at `url`, else on one of its own that is gone afterwards."""
    with ExitStack() as stack:
        loop = stack.enter_context(asyncio.Runner()).get_loop()
        embedded = url is None
        if url is None:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="longthread-bench-")))
            folder.chmod(0o711)  # as root, the server is another user, who has to pass
            server = embedded_postgres(folder / "data")
            url = loop.run_until_complete(server.__aenter__())
            stack.callback(lambda: loop.run_until_complete(server.__aexit__(None, None, None)))
        stage = Stage(url, options, loop, embedded)
        stack.callback(stage.close)
        yield stage


def with_database(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
