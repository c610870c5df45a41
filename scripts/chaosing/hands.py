"""The parent's end of its children: `Nursery` makes them, `Child` is told what to do, killed, stopped."""

import asyncio
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

ROOT = Path(__file__).parent.parent.parent

Reply = dict[str, Any]


class Gone(Exception):
    """The child died before it answered."""


class Child:
    """A process of the program, until it is gone."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.gone = False
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._listening = asyncio.create_task(self._listen())

    async def ask(self, do: str, **order: Any) -> Reply:
        """What came of an order. Raises `Gone`."""
        if self.gone:
            raise Gone
        n = next(self._numbers)
        answer = self._waiting[n] = asyncio.get_running_loop().create_future()
        self._writer.write(json.dumps({"n": n, "do": do, **order}).encode() + b"\n")
        return await answer

    async def turn(
        self, thread: str, text: str, request: str | None = None, *, at: str | None = None, **options: Any
    ) -> Reply:
        """One question of a thread, now or at one of its checkpoints."""
        return await self.ask("turn", thread=thread, text=text, request=request, at=at, options=options)

    async def look(self, thread: str) -> Reply:
        """All there is of a thread."""
        return await self.ask("look", thread=thread)

    async def kill(self) -> None:
        """As `kill -9`; what it said before is heard."""
        self.signal(signal.SIGKILL)
        await self._listening

    def stop(self) -> None:
        """It stands still, as in a long pause of its machine."""
        self.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It knows nothing of having stood still."""
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if not self.gone:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def _listen(self) -> None:
        with suppress(ConnectionError):
            while line := await self._reader.readline():
                reply = json.loads(line)
                waiting = self._waiting.pop(reply.pop("n"))
                if not waiting.done():
                    waiting.set_result(reply)
        self.gone = True
        self._writer.close()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Gone())
                waiting.exception()  # whoever asked may have stopped listening


class Nursery:
    """Makes children."""

    def __init__(self, orders: asyncio.StreamWriter) -> None:
        self._orders = orders
        self._born: asyncio.Queue[Child] = asyncio.Queue()
        self._all: set[Child] = set()

    async def child(self) -> Child:
        """A new process, with everything imported and nothing open."""
        self._orders.write(b".")
        child = await self._born.get()
        self._all = {each for each in self._all if not each.gone} | {child}
        return child

    async def receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A child has come."""
        hello = cast("Reply", json.loads(await reader.readline()))
        self._born.put_nowait(Child(hello["pid"], reader, writer))

    async def close(self) -> None:
        """End those that are left, and the nursery."""
        for child in self._all:
            if not child.gone:
                await child.kill()
        self._orders.close()  # its sign to end


@asynccontextmanager
async def open_nursery(model: str) -> AsyncIterator[Nursery]:
    """A nursery of children that know the `model`; they are gone with it."""
    with TemporaryDirectory(prefix="longthread-chaos-") as folder:
        socket = str(Path(folder) / "socket")
        keep = {k: v for k, v in os.environ.items() if not k.startswith(_OTHERS)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scripts.chaosing.nursery", socket, model),
            stdin=asyncio.subprocess.PIPE,
            env=keep | {"PYTHONPATH": str(ROOT), "LANGGRAPH_STRICT_MSGPACK": "true"},
            start_new_session=True,  # Ctrl+C in a terminal is for us
        )
        nursery = Nursery(cast("asyncio.StreamWriter", process.stdin))
        async with await asyncio.start_unix_server(nursery.receive, socket, limit=1 << 26):
            try:
                yield nursery
            finally:
                await nursery.close()
                await process.wait()


_OTHERS = ("LONGTHREAD_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_", "DATABASE_URL")
"""Settings of the operator's, which are none of ours."""
