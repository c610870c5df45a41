"""The way from any thread and any event loop onto the one loop that async code lives on: `Bridge`.

There is one implementation of everything, and it is async. A pool of connections and a saver belong to the
loop they were made in; used from another they hang. Whoever calls from elsewhere crosses here.
"""

import asyncio
import queue
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from graph.errors import WrongLoop

T = TypeVar("T")


class Bridge:
    """Runs coroutines on `loop`, which must be running in some thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop

    @classmethod
    async def here_now(cls) -> "Bridge":
        """A bridge to the loop that runs this."""
        return cls(asyncio.get_running_loop())

    @property
    def here(self) -> bool:
        """Whether the caller already runs on the loop."""
        try:
            return asyncio.get_running_loop() is self.loop
        except RuntimeError:
            return False

    async def cross(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Await `work()` on the loop, from whichever loop."""
        if self.here:
            return await work()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_run(work), self.loop))

    async def cross_each(self, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """Iterate over `items` on the loop, from whichever loop."""
        if self.here:
            async for item in items:
                yield item
            return
        there: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        pump = asyncio.run_coroutine_threadsafe(_pump(items, there), self.loop)
        try:
            while True:
                kind, item = await asyncio.to_thread(there.get)
                if kind == "end":
                    break
                yield item
            pump.result()
        finally:
            pump.cancel()

    def wait(self, call: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Block this thread until `work()` is done on the loop.

        `call` names what the caller called, for `WrongLoop`, raised where blocking would be for ever.
        """
        if self.here:
            raise WrongLoop(call)
        there = asyncio.run_coroutine_threadsafe(work(), self.loop)
        try:
            return there.result()
        except BaseException:
            there.cancel()  # Ctrl+C here ends the work there
            raise

    def wait_each(self, call: str, items: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
        """Iterate from this thread over what `items()` yields on the loop; closing stops the work there."""
        if self.here:
            raise WrongLoop(call)
        there: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        pump: Future[None] = asyncio.run_coroutine_threadsafe(_pump(items(), there), self.loop)
        try:
            while True:
                kind, item = there.get()
                if kind == "end":
                    break
                yield item
            pump.result()
        finally:
            pump.cancel()


async def _run(work: Callable[[], Awaitable[Any]]) -> Any:
    return await work()


async def _pump(items: AsyncIterator[Any], there: "queue.SimpleQueue[tuple[str, Any]]") -> None:
    try:
        async for item in items:
            there.put(("item", item))
    finally:
        there.put(("end", None))
