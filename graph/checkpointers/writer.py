"""From what LangGraph saves to rows: `Writer` composes the statements that store it."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, cast
from uuid import UUID

from langgraph.checkpoint.base import WRITES_IDX_MAP, ChannelVersions

from graph.bookmark import Bookmark, configurable
from graph.checkpointers.asked import Asked
from graph.checkpointers.attempts import Attempts, surely
from graph.checkpointers.drafts import Draft
from graph.checkpointers.leases import Lease
from graph.checkpointers.memory import Known, Memory
from graph.checkpointers.packing import pack
from graph.checkpointers.reader import Reader
from graph.checkpointers.records import Record
from graph.checkpointers.references import TRANSCRIPT, numbers_in
from graph.checkpointers.rows import Codec
from graph.checkpointers.runs import Runs
from graph.checkpointers.saves import Save, record_of
from graph.checkpointers.statements import Held, noting, saving
from graph.errors import InvalidInput, StaleWriter

PATIENCE = 1.0
"""Seconds that what a task wrote waits for its checkpoint; without one it is stored all the same."""


class Writer:
    """Writes threads."""

    def __init__(self, memory: Memory, codec: Codec, reader: Reader, attempts: Attempts) -> None:
        self._memory = memory
        self._codec = codec
        self._reader = reader
        self._attempts = attempts

    # A checkpoint

    async def save(self, place: Bookmark, save: Save, lease: Lease | None = None) -> None:
        """Store a checkpoint after the bookmark's, by whoever holds the `lease`.

        Raises `ThreadNotFound` for a thread that was deleted, `StaleWriter` where somebody else has it.
        """
        _named(save.checkpoint["id"])
        if lease and lease.undone:
            raise StaleWriter

        async def attempt(known: Known) -> bool:
            asked = known.asked if not save.ns else None
            if asked and place.checkpoint_id not in (asked.id, asked.parent):
                await self._settle(place, asked)
            if await self._save(place, known, save, lease=lease):
                return True
            # Perhaps it was, and only the answer was lost: then the lease may have ended with it.
            if await self._reader.find(place, save.ns, save.checkpoint["id"]):
                return True
            self._attempts.still(place, lease)
            return False

        await self._attempts.until_stored(place, attempt)

    async def _save(
        self,
        place: Bookmark,
        known: Known,
        save: Save,
        after: Record | None = None,
        lease: Lease | None = None,
    ) -> bool:
        asked = known.asked if not save.ns else None
        if asked and place.checkpoint_id not in (asked.id, asked.parent):
            asked = None
        parent = after or await self._parent(place, known, save.ns, asked)
        draft = Draft(known, self._codec)
        record = record_of(save, draft, parent, asked.parent if asked else place.checkpoint_id)
        seen_all = asked is not None and place.checkpoint_id == asked.id != asked.parent
        left = None if asked is None or seen_all else asked.without(save.said, record.id)
        title = "" if known.titled or not self._codec.readable else save.title
        statement = saving(
            known=known.thread is not None,
            root=not save.ns,
            onward=not save.ns and known.thread is not None and record.parent == known.head,
            settles=asked is not None,
            titles=bool(title),
            messages=len(draft.messages),
            unheard=len(draft.unheard) if known.thread is not None else 0,
            values=bool(draft.large),
            held=_held(lease, save.ns),
        )
        values = {
            "lease": lease.token if lease else None,
            "id": record.id,
            "parent": record.parent,
            "ns": record.ns,
            "holds": record.holds.written() or None,
            "body": record.body(),
            "metadata": json.dumps(record.extra) if record.extra else None,
            "messages": str(record.line.length),
            "left": left.pack() if left else None,
            "title": title,
        }
        if not await self._attempts.made(place, statement, known, draft, values):
            return False
        known.titled = known.titled or bool(title)
        known.keep(record)
        known.tips[record.ns] = record.id
        if not record.ns:
            if known.head in (None, record.parent) or (known.head or "") <= record.id:
                known.head = record.id
            known.asked = left if asked else known.asked
        return True

    async def _parent(self, place: Bookmark, known: Known, ns: str, asked: Asked | None) -> Record | None:
        """The stored checkpoint that a new one goes on from."""
        at = asked.parent if asked else place.checkpoint_id
        record = known.records.get((ns, at)) if at else None
        if record is None and at:
            found = await self._reader.find(place, ns, at)
            if found and found.stock:
                await self.adopt(place.at(at), ns)
                return known.records.get((ns, at))
            record = found.record if found else None
        if record and asked and place.checkpoint_id == asked.id:
            return record.without((TRANSCRIPT, *asked.wakes))  # questions changed these since
        return record

    async def _settle(self, place: Bookmark, asked: Asked) -> None:
        """Make a checkpoint of questions that wait on another branch, so that this one can go on."""
        tip = place.at(None)
        found = await self._reader.find(tip, "", None)
        if found and found.asked and found.asked.id == asked.id:
            made = await self._reader.as_tuple(tip, found)
            changed: ChannelVersions = dict.fromkeys((TRANSCRIPT, *asked.wakes), "")
            save = Save("", made.checkpoint, cast("dict[str, Any]", made.metadata), changed)
            await surely(lambda: self._save(place.at(asked.id), self._memory.of(place.key), save))

    async def adopt(self, place: Bookmark, ns: str) -> None:
        """Bring one checkpoint of the stock saver's into our form, with what tasks wrote there."""
        stock = await self._reader.stock.tuple_at(place.key, ns, place.checkpoint_id)
        if stock is None:
            return
        known = self._memory.of(place.key)
        known.stock = False
        parent = configurable(stock.parent_config).get("checkpoint_id")
        after = known.records.get((ns, parent)) if parent else None
        if after is None:
            line = await self._reader.stock_prefix(known, stock) if not ns else Runs()
            after = Record(parent or "", None, ns, "loop", {}, {}, {}, line)
        metadata = cast("dict[str, Any]", stock.metadata)
        save = Save(ns, stock.checkpoint, metadata, stock.checkpoint["channel_versions"])
        await surely(lambda: self._save(place.at(parent), known, save, after))
        for task, path, writes in await self._reader.stock.written(place.key, stock):
            await surely(partial(self._note, place, known, ns, writes, (task, path)))

    # What a task wrote

    async def note(
        self,
        place: Bookmark,
        ns: str,
        writes: Sequence[tuple[str, Any]],
        whose: tuple[str, str],
        lease: Lease | None = None,
    ) -> None:
        """Store what a task (`whose`: id, path) wrote at the bookmark's checkpoint. Raises `StaleWriter`."""
        id = _named(place.checkpoint_id or "")
        if lease and lease.undone:
            raise StaleWriter
        await self._arrived(place, ns, id)

        async def attempt(known: Known) -> bool:
            if known.stock and (ns, id) not in known.records:
                await self.adopt(place, ns)
            if await self._note(place, known, ns, writes, whose, lease=lease):
                return True
            self._attempts.still(place, lease)
            return False

        await self._attempts.until_stored(place, attempt)

    async def _arrived(self, place: Bookmark, ns: str, id: str) -> None:
        """Let a checkpoint be stored before what was written at it, for LangGraph saves both at once: else an
        answer would have a number below its question's, and their line would be no run."""
        if self._memory.of(place.key).holds(ns, id) or await self._reader.find(place, ns, id):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not (known := self._memory.of(place.key)).holds(ns, id):
                    await known.saved.wait()

    async def _note(
        self,
        place: Bookmark,
        known: Known,
        ns: str,
        writes: Sequence[tuple[str, Any]],
        whose: tuple[str, str],
        *,
        lease: Lease | None = None,
    ) -> bool:
        draft = Draft(known, self._codec)
        stored = [draft.value(channel, value) for channel, value in writes]
        held = [Runs.of(sorted(set(numbers_in(value)))) for value in stored]
        statement = noting(
            known=known.thread is not None,
            messages=len(draft.messages),
            unheard=len(draft.unheard) if known.thread is not None else 0,
            values=bool(draft.large),
            replace=all(channel in WRITES_IDX_MAP for channel, _ in writes),
            held="kept" if lease else "",
        )
        task, path = whose
        values = {
            "lease": lease.token if lease else None,
            "id": place.checkpoint_id,
            "ns": ns,
            "task": task,
            "path": path,
            "indexes": Runs.literal_of(
                WRITES_IDX_MAP.get(channel, at) for at, (channel, _) in enumerate(writes)
            ),
            "channels": [channel for channel, _ in writes],
            "held": [runs.written() or None for runs in held],
            "written": [pack(value) for value in stored],
        }
        return await self._attempts.made(place, statement, known, draft, values)


def _held(lease: Lease | None, ns: str) -> Held:
    if lease is None:
        return ""
    return "ended" if lease.last and not ns else "kept"


def _named(checkpoint_id: str) -> str:
    try:
        return str(UUID(checkpoint_id))
    except ValueError:
        raise InvalidInput("A checkpoint's id is a UUID.") from None
