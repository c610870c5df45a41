"""Turns under way in this process: `Turns` starts, follows and stops them, detached from whoever asked.

A turn is a task of the process and not of a browser's request: closing the page only stops following it.
"""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

from langchain_core.messages import HumanMessage

from graph.bookmark import Bookmark
from graph.context import Context
from graph.errors import LongthreadError, ThreadBusy
from graph.turns import ThreadGraph

log = logging.getLogger("longthread")


class Turn:
    """One turn while it runs and just after. `text` is the answer so far; `error` says why there is none."""

    def __init__(self, place: Bookmark, question: HumanMessage | None) -> None:
        self.bookmark = place
        self.question = question
        self.text = ""
        self.folding = False
        self.done = False
        self.error: LongthreadError | None = None
        self.context = Context()
        self._changed = asyncio.Event()

    def say(self, text: str) -> None:
        """Add to the answer."""
        self.text += text
        self._tell()

    def settle(self, error: LongthreadError | None = None) -> None:
        """Nothing more will come."""
        self.error, self.done = error, True
        self._tell()

    async def wait(self) -> None:
        """Until the turn is done and stored; raises its error."""
        while not self.done:
            await self._change()
        if self.error:
            raise self.error

    async def tail(self, interval: float = 0.06) -> AsyncIterator[str]:
        """The answer so far, whenever it grew, at most every `interval` seconds; ends with the turn."""
        seen = None
        while not self.done:
            if seen != self.text:
                seen = self.text
                yield seen
            await asyncio.sleep(interval)
            if seen == self.text and not self.done:
                await self._change()
        if seen != self.text:
            yield self.text

    async def _change(self) -> None:
        await self._changed.wait()

    def _tell(self) -> None:
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()


class Turns:
    """The turns of one graph, at most one a thread. Call it on the graph's own event loop."""

    def __init__(self, graph: ThreadGraph) -> None:
        self._graph = graph
        self._running: dict[str, Turn] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def running(self, place: Bookmark) -> Turn | None:
        """The turn under way in this thread."""
        return self._running.get(place.key)

    async def start(self, place: Bookmark, text: str) -> Turn:
        """Ask a question. What it raises (`ThreadBusy`, `InvalidInput`, …) means that nothing was stored."""
        question = HumanMessage(text, id=str(uuid4()))
        await self._graph.admit({"messages": [question]}, place.config)
        turn = Turn(place, question)
        return self._launch(turn, lambda: self._answer(turn, {"messages": [question]}))

    async def resume(self, place: Bookmark) -> Turn | None:
        """Finish a turn that a crash or a failing model left without an answer; None if there is none."""
        snapshot = await self._graph.aget_state(place.config)
        if not snapshot.tasks:  # `next` is empty already between an answer and its checkpoint
            return None
        turn = Turn(place, None)
        return self._launch(turn, lambda: self._answer(turn, None))

    async def trim(self, place: Bookmark) -> Turn:
        """Fold all but the last exchange now."""
        turn = Turn(place, None)
        turn.folding = True
        return self._launch(turn, lambda: self._graph.atrim(place))

    def stop(self, place: Bookmark) -> bool:
        """End the answer here and keep what there is; False when none is under way."""
        turn = self.running(place)
        if turn:
            turn.context.stop.set()
        return turn is not None

    async def close(self) -> None:
        """Stop every turn, keeping its partial answer, and wait until all are stored."""
        for turn in list(self._running.values()):
            turn.context.stop.set()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=5)
        for task in list(self._tasks):
            task.cancel()

    def _launch(self, turn: Turn, work: Callable[[], Awaitable[Any]]) -> Turn:
        if self.running(turn.bookmark):
            raise ThreadBusy
        self._running[turn.bookmark.key] = turn
        task = asyncio.create_task(self._run(turn, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return turn

    async def _run(self, turn: Turn, work: Callable[[], Awaitable[Any]]) -> None:
        error: LongthreadError | None = None
        try:
            await work()
        except LongthreadError as e:
            error = e
        except asyncio.CancelledError:
            error = LongthreadError("The server stopped before the answer was finished.")
            raise
        except Exception as e:  # noqa: BLE001 a task of the process has nobody else to tell
            # Not the exception's text nor its traceback's: they may quote the conversation.
            where = traceback.extract_tb(e.__traceback__)[-1]
            log.error("a turn failed: %s at %s:%s", type(e).__name__, where.filename, where.lineno)  # noqa: TRY400
            error = LongthreadError(
                f"Something went wrong on our side ({type(e).__name__}); the log has more."
            )
        finally:
            del self._running[turn.bookmark.key]
            turn.settle(error)

    async def _answer(self, turn: Turn, values: Any) -> None:
        parts = self._graph.astream(
            values, turn.bookmark.config, context=turn.context, stream_mode=["messages", "updates"]
        )
        async for mode, part in parts:
            if mode == "updates":
                turn.folding = "answer" in part
            elif part[1].get("langgraph_node") == "answer":
                turn.say(part[0].text)
