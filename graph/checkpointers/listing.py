"""Checkpoints listed, newest first: `Listing` reads them a page at a time, ours and the stock's together."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, cast

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.base import CheckpointTuple
from psycopg.rows import DictRow

from graph.bookmark import Bookmark, configurable
from graph.checkpointers.pool import Lends
from graph.checkpointers.reader import Found, Reader, named
from graph.checkpointers.records import Record
from graph.checkpointers.references import read

PAGE = 64

_PAGE = """
SELECT t.key, t.number AS thread, k.id, k.parent, k.ns, k.body, k.metadata, w.tasks, w.channels, w.written
FROM longthread_checkpoint k JOIN longthread_thread t ON t.number = k.thread
LEFT JOIN LATERAL (
    SELECT array_agg(w.task ORDER BY w.path, w.task, w.idx) AS tasks,
        array_agg(w.channel ORDER BY w.path, w.task, w.idx) AS channels,
        array_agg(w.body ORDER BY w.path, w.task, w.idx) AS written
    FROM longthread_write w WHERE w.thread = k.thread AND w.ns = k.ns AND w.checkpoint = k.id
) w ON true
WHERE {where} ORDER BY k.id DESC, k.thread DESC, k.ns DESC LIMIT %(limit)s
"""


class Listing:
    """Lists checkpoints for a serializer."""

    def __init__(self, lender: Lends, reader: Reader) -> None:
        self._lender = lender
        self._reader = reader

    async def tuples(
        self,
        place: Bookmark | None,
        ns: str | None,
        *,
        filter: dict[str, Any] | None,
        before: str | None,
        limit: int | None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Checkpoints of a thread, or of all; of a namespace, or of all; newest first by id."""
        sent = 0
        streams = [self._ours(place, ns, before), self._theirs(place, ns, filter, before, limit)]
        async with aclosing(_merged(streams)) as merged:
            async for each in merged:
                if limit is not None and sent >= limit:
                    return
                if filter and not _contains(cast("dict[str, Any]", each.metadata), filter):
                    continue
                sent += 1
                yield each

    async def _ours(
        self, place: Bookmark | None, ns: str | None, before: str | None
    ) -> AsyncIterator[CheckpointTuple]:
        if place and not place.checkpoint_id and not ns:
            tip = await self._reader.find(place, "", None)
            if tip and tip.asked and (before is None or tip.asked.id < before):
                yield await self._reader.as_tuple(place, tip)
        async for row in self._rows(place, ns, before):
            at = place or Bookmark.at_key(row["key"])
            record = Record.read(
                id=str(row["id"]),
                parent=str(row["parent"]) if row["parent"] else None,
                ns=row["ns"],
                body=row["body"],
                metadata=row["metadata"],
            )
            names = zip(row["tasks"] or (), row["channels"] or (), row["written"] or (), strict=True)
            writes = [(task, channel, read(body)) for task, channel, body in names]
            stored = [*record.values.values(), *(value for _, _, value in writes)]
            messages: Mapping[int, BaseMessage] = await self._reader.messages(at, row["thread"], stored)
            yield await self._reader.as_tuple(at, Found(record, writes, messages, thread=row["thread"]))

    async def _rows(
        self, place: Bookmark | None, ns: str | None, before: str | None
    ) -> AsyncIterator[DictRow]:
        where = {
            "k.thread = (SELECT number FROM longthread_thread WHERE key = %(key)s)": place is not None,
            "k.ns = %(ns)s": ns is not None,
            "k.id = %(id)s::uuid": place is not None and place.checkpoint_id is not None,
            "k.id < %(before)s::uuid": before is not None,
        }
        values: dict[str, Any] = {
            "key": place.key if place else None,
            "ns": ns,
            "before": before,
            "limit": PAGE,
        }
        values["id"] = place.checkpoint_id if place else None
        first = " AND ".join(part for part, used in where.items() if used) or "true"
        further = f"{first} AND (k.id, k.thread, k.ns) < (%(last)s::uuid, %(thread)s, %(last_ns)s)"
        statement = first
        while True:
            async with self._lender.connection() as conn:
                rows = await (await conn.execute(_PAGE.format(where=statement).encode(), values)).fetchall()
            for row in rows:
                yield row
            if len(rows) < PAGE:
                return
            last = rows[-1]
            values |= {"last": last["id"], "thread": last["thread"], "last_ns": last["ns"]}
            statement = further

    async def _theirs(
        self,
        place: Bookmark | None,
        ns: str | None,
        filter: dict[str, Any] | None,
        before: str | None,
        limit: int | None,
    ) -> AsyncIterator[CheckpointTuple]:
        places = {"thread_id": place.key, "checkpoint_id": place.checkpoint_id} if place else {}
        if ns is not None:
            places["checkpoint_ns"] = ns
        older: Any = {"configurable": {"checkpoint_id": before}} if before else None
        config: Any = {"configurable": places} if place else None
        async for found in self._reader.stock.alist(config, filter=filter, before=older, limit=limit):
            yield named(found, place or Bookmark.at_key(configurable(found.config)["thread_id"]))


async def _merged(streams: list[AsyncIterator[CheckpointTuple]]) -> AsyncGenerator[CheckpointTuple]:
    """The newest of what the streams have next, until all end."""
    firsts = [(await anext(stream, None), stream) for stream in streams]
    heads = [(first, stream) for first, stream in firsts if first is not None]
    seen: Any = None
    while heads:
        heads.sort(key=lambda head: head[0].checkpoint["id"], reverse=True)
        each, stream = heads.pop(0)
        if each.config != seen:  # a thread that is being moved has some in both forms
            yield each
        seen = each.config
        if (following := await anext(stream, None)) is not None:
            heads.append((following, stream))


def _contains(whole: Any, part: Any) -> bool:
    """As Postgres' `@>` on JSON."""
    if isinstance(part, dict) and isinstance(whole, dict):
        parts, wholes = cast("dict[str, Any]", part), cast("dict[str, Any]", whole)
        return all(key in wholes and _contains(wholes[key], value) for key, value in parts.items())
    if isinstance(part, list) and isinstance(whole, list):
        return all(any(_contains(w, p) for w in cast("list[Any]", whole)) for p in cast("list[Any]", part))
    return bool(whole == part)
