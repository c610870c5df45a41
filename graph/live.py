"""Turns under way: `Turns` starts, follows, stops and finishes them, detached from whoever asked.

A turn is a task of the process and not of a browser's request: closing the page only stops following it. One
of another process is followed from here as it is known in the database, and what a process that died has left
is finished by another.
"""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, cast
from uuid import uuid4

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from graph.admission import Admits
from graph.approvals import Approval
from graph.bookmark import Bookmark, with_places
from graph.context import Context
from graph.errors import LongthreadError, StoreUnavailable, ThreadBusy, ThreadNotFound
from graph.turns import ThreadGraph

log = logging.getLogger("longthread")

UNSURE = 1_000
"""Questions remembered of which it is not known whether they were stored."""

SPOKEN = ("ai", "AIMessageChunk")
"""Types of the messages that are an answer, whichever node says them."""

FOLLOWING = 0.5
"""Seconds between two looks at another process's turn, which tells each second what it has said."""


class Turn:
    """One turn while it runs and just after. `text` is the answer so far; `error` says why there is none."""

    def __init__(self, place: Bookmark, question: HumanMessage | None) -> None:
        self.bookmark = place
        self.question = question
        self.text = ""
        self.folding = False
        self.done = False
        self.error: LongthreadError | None = None
        self.admitted = False
        self.context = Context(words=lambda: self.text, admitted=self._admit)
        self._changed = asyncio.Event()

    def say(self, text: str) -> None:
        """Add to the answer."""
        self.text += text
        self._tell()

    async def admission(self) -> None:
        """Until the turn has its thread, and its question is durable; raises what came in between."""
        while not (self.admitted or self.done):
            await self._change()
        if self.error and not self.admitted:
            raise self.error

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

    def _admit(self) -> None:
        self.admitted = True
        self._tell()

    async def _change(self) -> None:
        await self._changed.wait()

    def _tell(self) -> None:
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()


class Turns:
    """The turns of one graph, at most one a thread. Call it on the graph's own event loop."""

    def __init__(
        self,
        graph: ThreadGraph,
        *,
        anew: Callable[[Bookmark, asyncio.Event], Awaitable[None]],
        settled: Callable[[Bookmark], Coroutine[Any, Any, None]] | None = None,
        sweep: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        """`anew` writes a thread's summary anew, unless it is stopped; `settled` is run after each answer, as
        a task of its own; `sweep` now and then by `recover`, and says how many threads it deleted."""
        self._graph, self._anew, self._settled, self._sweep = graph, anew, settled, sweep
        self._after: set[asyncio.Task[None]] = set()
        self._running: dict[str, Turn] = {}
        self._followed: dict[str, Turn] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsure: dict[tuple[str, str], str] = {}

    def running(self, place: Bookmark) -> Turn | None:
        """The turn under way in this thread, if it is a task of this process."""
        return self._running.get(place.key)

    async def under_way(self, place: Bookmark) -> Turn | None:
        """The turn under way in this thread, in whichever process; words of others come a second late."""
        if turn := self._running.get(place.key) or self._followed.get(place.key):
            return turn
        text = await self._saver.under_way(place)
        if text is None or self._running.get(place.key):
            return self._running.get(place.key)
        turn = self._followed[place.key] = Turn(place, None)
        turn.text = text
        self._keep(self._follow(turn))
        return turn

    @property
    def _saver(self) -> Admits:
        return cast("Any", self._graph).checkpointer

    async def start(self, place: Bookmark, text: str) -> Turn:
        """Ask a question, and wait until it is durable.

        What it raises (`ThreadBusy`, `InvalidInput`, …) means that nothing was stored; after
        `StoreUnavailable` that is not known, and the same words again are the same question.
        """
        asked = place.key, text
        question = HumanMessage(text, id=self._unsure.pop(asked, None) or str(uuid4()))
        await self._graph.admit({"messages": [question]}, place.config)
        turn = self._launch(Turn(place, question), lambda turn: self._answer(turn, {"messages": [question]}))
        try:
            await turn.admission()
        except StoreUnavailable:
            self._unsure = dict([*self._unsure.items(), (asked, str(question.id))][-UNSURE:])
            raise
        return turn

    async def resume(self, place: Bookmark) -> Turn | None:
        """Finish a turn that a crash or a failing model left without an answer; None if there is none."""
        snapshot = await self._graph.aget_state(place.config)
        if not snapshot.tasks:  # `next` is empty already between an answer and its checkpoint
            return None
        return self._launch(Turn(place, None), lambda turn: self._answer(turn, None))

    async def again(self, place: Bookmark, question: HumanMessage) -> Turn:
        """Ask a question that is stored once more, at the moment before it: its next answer is a sibling of
        those that it had. Raises as `start`."""
        config = with_places(place.config, request_id=str(uuid4()))
        values = {"messages": [question]}
        await self._graph.admit(values, config)
        turn = self._launch(Turn(place, question), lambda turn: self._answer(turn, values, config))
        await turn.admission()
        return turn

    async def withdraw(self, place: Bookmark) -> str:
        """Take back the questions that have no answer; what they said. Raises `ThreadBusy`."""
        if self.running(place):
            raise ThreadBusy
        return "\n\n".join(question.text for question in await self._saver.withdraw(place))

    async def approvals(self, place: Bookmark) -> list[Approval]:
        """What a graph that waits in this thread asks of a person; none for most."""
        try:
            snapshot = await self._graph.aget_state(place.config)
        except ThreadNotFound:
            return []
        return [Approval.of(interrupt) for interrupt in snapshot.interrupts]

    async def approve(self, place: Bookmark, key: str) -> Turn | None:
        """Tell a graph that waits what was chosen; None where it asks that no more. Raises `ThreadBusy`."""
        for asked in await self.approvals(place):
            if choice := asked.chosen(key):
                told: Command[Any] = Command(resume={asked.interrupt_id: choice.answer})
                return self._launch(Turn(place, None), partial(self._answer, values=told))
        return None

    async def trim(self, place: Bookmark) -> Turn:
        """Fold all but the last exchange now. Raises `ThreadBusy`."""
        return self._fold(place, self._graph.atrim)

    async def resummarise(self, place: Bookmark) -> Turn:
        """Have the summary written anew; if the model fails the old one stays. Raises `ThreadBusy`."""
        return self._fold(place, self._anew)

    async def stop(self, place: Bookmark) -> bool:
        """End the answer here and keep what there is, or leave a fold undone, in whichever process; False
        when none is under way."""
        if turn := self.running(place):
            turn.context.stop.set()
            return True
        return await self._saver.wish(place, "interrupt")

    async def recover(self, every: float = 30.0) -> None:
        """Finish, now and every so many seconds, what processes that died have left without an answer."""
        while True:
            try:
                for place in await self._saver.abandoned():
                    await self._finish(place)
                if self._sweep and (swept := await self._sweep()):
                    log.info("threads deleted for good, whose time was over: %d", swept)
            except LongthreadError as e:
                log.warning(
                    "could not look for turns that were cut off, or threads whose time is over: %s", e
                )
            await asyncio.sleep(every)

    async def _finish(self, place: Bookmark) -> None:
        try:
            if self.running(place) is None:
                await self._launch(Turn(place, None), lambda turn: self._answer(turn, None)).wait()
                log.info("finished a turn that was cut off")
        except LongthreadError as e:
            log.warning("could not finish a turn that was cut off: %s", e)

    async def close(self) -> None:
        """Stop every turn, keeping its partial answer, and wait until all are stored."""
        for task in list(self._after):
            task.cancel()
        for turn in list(self._running.values()):
            turn.context.stop.set()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=5)
        for task in list(self._tasks):
            task.cancel()

    def _fold(self, place: Bookmark, work: Callable[[Bookmark, asyncio.Event], Awaitable[Any]]) -> Turn:
        """A turn that says nothing: it works on the summary."""
        turn = Turn(place, None)
        turn.folding = True
        return self._launch(turn, lambda turn: work(place, turn.context.stop))

    def _launch(self, turn: Turn, work: Callable[[Turn], Awaitable[Any]]) -> Turn:
        if self.running(turn.bookmark):
            raise ThreadBusy
        self._running[turn.bookmark.key] = turn
        self._keep(self._run(turn, work))
        return turn

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, turn: Turn) -> None:
        """Say what another process's turn says, until it is over."""
        place, error = turn.bookmark, None
        try:
            while (text := await self._saver.under_way(place)) is not None:
                if text.startswith(turn.text):
                    turn.say(text.removeprefix(turn.text))
                await asyncio.sleep(FOLLOWING)
        except LongthreadError as e:
            error = e
        finally:
            del self._followed[place.key]
            turn.settle(error)

    async def _run(self, turn: Turn, work: Callable[[Turn], Awaitable[Any]]) -> None:
        error: LongthreadError | None = None
        try:
            await work(turn)
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

    async def _answer(self, turn: Turn, values: Any, config: RunnableConfig | None = None) -> None:
        parts = self._graph.astream(
            values, config or turn.bookmark.config, context=turn.context, stream_mode=["messages", "updates"]
        )
        async for mode, part in parts:
            if mode == "updates":
                turn.folding = "answer" in part
            elif part[0].type in SPOKEN and part[1].get("langgraph_node") != "summarize":
                turn.say(part[0].text)
        if self._settled:
            task = asyncio.create_task(self._settled(turn.bookmark))
            self._after.add(task)
            task.add_done_callback(self._after.discard)
