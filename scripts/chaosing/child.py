"""A process of the program under test: it opens the graph and does as it is told, a line of JSON an order.

Orders run at once, each answered by a line with its number: what came of it, or the error that a caller of
the program would have seen, by name. A reply that was written reaches the parent even if we die right after.
"""

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage

from graph import Bookmark, LongthreadError, OpenGraph, Settings, open_graph
from graph.bookmark import configurable, with_places
from graph.checkpointers import PostgresCheckpointer
from graph.context import Context
from graph.settings import Settings as _Settings
from scripts.chaosing import hostile_calls, switches

_Settings.model_config["env_file"] = None  # an operator's own settings are not tried here


def main(socket: str) -> None:
    """Serve the parent until it hangs up."""
    logging.disable(logging.CRITICAL)  # what goes wrong is what we are for
    asyncio.run(_Child().serve(socket))


class _Child:
    """`graph` once it is opened; each method without an underscore, `serve` apart, is an order."""

    graph: OpenGraph

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, socket: str) -> None:
        """Read orders until there are no more."""
        reader, self._writer = await asyncio.open_unix_connection(socket, limit=1 << 26)
        self._say({"pid": os.getpid()})
        while line := await reader.readline():
            order = json.loads(line)
            task = asyncio.create_task(self._obey(order.pop("n"), order.pop("do"), order))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _say(self, what: dict[str, Any]) -> None:
        self._writer.write(json.dumps(what).encode() + b"\n")

    async def _obey(self, n: int, do: str, order: dict[str, Any]) -> None:
        call: Callable[..., Awaitable[dict[str, Any]]] = getattr(self, do)
        try:
            self._say({"n": n, **await call(**order)})
        except Exception as e:  # noqa: BLE001 - what a caller sees is what is judged
            self._say({"n": n, **named(e)})

    async def open(self, *, switches: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
        """Open the graph, with what is to be otherwise."""
        _turn_on(switches)
        self.graph = await self._stack.enter_async_context(open_graph(Settings.read(**settings)))
        return {}

    async def turn(
        self, *, thread: str, text: str, request: str | None, at: str | None, options: dict[str, Any]
    ) -> dict[str, Any]:
        """Ask one question; the answer is acknowledged once it is stored."""
        switches.arm()
        where = Bookmark(thread).at(at).config
        where = with_places(where, request_id=request) if request else where
        values = {"messages": [{"role": "user", "content": text}]}
        if switches.hasty:
            return await self._hasty(values, where)
        answer: BaseMessage = (await self.graph.ainvoke(values, where, **options))["messages"][-1]
        return {"answer": answer.id, "text": answer.text}

    async def _hasty(self, values: Any, where: Any) -> dict[str, Any]:
        """Acknowledge what the model has said before it is stored, and die of it: a control."""
        stream = self.graph.astream(values, where, context=Context(), stream_mode="messages")
        async for message, _ in stream:
            if message.text:
                return {"answer": message.id, "text": message.text}
        return {}

    async def look(self, *, thread: str) -> dict[str, Any]:
        """All there is of a thread, read anew."""
        place = Bookmark(thread)
        entries = (await self.graph.threads.transcript(place, limit=100_000)).entries
        state = await self.graph.aget_state(place.config)
        summary: BaseMessage | None = state.values.get("summary")
        rows = await self._rows(_ROWS, (place.key,))
        return {
            "said": [_shown(entry.message) for entry in entries],
            "window": [m.id for m in state.values.get("messages") or ()],
            "folded": summary.additional_kwargs["longthread"]["count"] if summary else 0,
            "head": configurable(state.config).get("checkpoint_id"),
            "waits": bool(state.tasks),
            **rows[0],
        }

    async def left(self, *, key: str) -> dict[str, Any]:
        """How many rows there are of a thread."""
        return (await self._rows(_LEFT, {"key": key}))[0]

    async def delete(self, *, thread: str, for_good: bool) -> dict[str, Any]:
        """Delete a thread, as its owner does."""
        if for_good:
            await self.graph.threads.delete(Bookmark(thread))
        else:
            await cast("PostgresCheckpointer", self.graph.checkpointer).adelete(Bookmark(thread))
        return {}

    async def call(self, *, entry: str, values: Any, config: Any) -> dict[str, Any]:
        """Any call of the graph with anything; what a caller gets."""
        return await hostile_calls.call(self.graph, entry, values, config)

    async def _rows(self, statement: bytes, values: Any) -> list[dict[str, Any]]:
        saver = cast("PostgresCheckpointer", self.graph.checkpointer)
        async with saver.connection() as conn:
            return await (await conn.execute(statement, values)).fetchall()


def named(error: BaseException) -> dict[str, Any]:
    """An error by its kind, with the module that raised it; its words too, for it holds none of a
    conversation."""
    kind, frame = type(error), error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    return {
        "error": kind.__name__,
        "raised": frame.tb_frame.f_globals["__name__"] if frame else "",
        "ours": isinstance(error, LongthreadError),
        "why": str(error)[:300],
    }


def _shown(message: BaseMessage) -> list[Any]:
    return ["answer" if isinstance(message, AIMessage) else "question", message.id, message.text]


def _turn_on(chosen: dict[str, Any]) -> None:
    for name, value in chosen.items():
        getattr(switches, name)(**value)


_ROWS = b"""
SELECT cardinality(t.branches) AS branches, t.lease IS NOT NULL AS leased,
    (SELECT count(*) FROM longthread_message m WHERE m.thread = t.number AND m.number >= 0) AS rows
FROM longthread_thread t WHERE t.key = %s
"""
_LEFT = b"""
SELECT (SELECT count(*) FROM longthread_thread t WHERE t.key = %(key)s) AS threads,
    (SELECT count(*) FROM longthread_message m WHERE m.thread NOT IN (SELECT number FROM longthread_thread))
    + (SELECT count(*) FROM longthread_checkpoint c
        WHERE c.thread NOT IN (SELECT number FROM longthread_thread))
    + (SELECT count(*) FROM longthread_write w WHERE w.thread NOT IN (SELECT number FROM longthread_thread))
    + (SELECT count(*) FROM longthread_title n WHERE n.thread NOT IN (SELECT number FROM longthread_thread))
    AS orphans
"""
