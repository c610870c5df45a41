"""From what LangGraph saves to rows: `Writer` composes the writing statements and runs them.

Each write is one statement and one transaction. Numbers are given out here, ahead of the database; where
another process gave the same out, or stored the same message, nothing is written, what the database has is
read, and the write is made again.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol, cast
from uuid import UUID

import ormsgpack
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.base import WRITES_IDX_MAP, ChannelVersions, Checkpoint, CheckpointTuple
from langgraph.checkpoint.base.id import uuid6
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow

from graph.bookmark import Bookmark
from graph.checkpointers.asked import asked_record
from graph.checkpointers.drafts import Draft
from graph.checkpointers.memory import Asked, Known, Memory
from graph.checkpointers.reader import NOTHING, Found, Reader
from graph.checkpointers.records import Record
from graph.checkpointers.references import TRANSCRIPT, Stored, numbers_in
from graph.checkpointers.rows import Codec
from graph.checkpointers.runs import Runs, carried_on
from graph.checkpointers.statements import asking, noting, saving
from graph.errors import InvalidInput, StoreUnavailable, ThreadNotFound
from graph.titles import TITLE, shorten

TRIES = 8
CROWDED = "Too many writers at once on this thread. Try again."


class Lends(Protocol):
    """What the writer writes through."""

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection[DictRow]]:
        """A living connection."""
        ...


@dataclass(frozen=True)
class Admitted:
    """A question that is durable now: what the turn goes on from, and earlier questions without an answer."""

    base: CheckpointTuple | None
    waiting: list[BaseMessage]


class Writer:
    """Writes threads; `following` makes the version after another."""

    def __init__(
        self, lender: Lends, memory: Memory, codec: Codec, reader: Reader, following: Callable[[Any], Any]
    ) -> None:
        self._lender = lender
        self._memory = memory
        self._codec = codec
        self._reader = reader
        self._following = following

    # A checkpoint

    async def save(
        self,
        place: Bookmark,
        ns: str,
        checkpoint: Checkpoint,
        metadata: dict[str, Any],
        new_versions: ChannelVersions,
    ) -> None:
        """Store a checkpoint after the bookmark's. Raises `ThreadNotFound` for a thread that was deleted."""
        _named(checkpoint["id"])

        async def attempt(known: Known) -> bool:
            parent = await self._parent(place, ns, known)
            if not ns and known.asked and place.checkpoint_id not in (known.asked.id, known.asked.parent):
                await self._settle_asked(place, known)
            draft = Draft(known, self._codec)
            record = self._record(
                draft,
                place,
                ns=ns,
                parent=parent,
                checkpoint=checkpoint,
                metadata=metadata,
                new_versions=new_versions,
            )
            title = "" if known.titled or ns or not self._codec.readable else _title(checkpoint)
            return await self._store(place, known, draft, record, title)

        await self._until_stored(place, attempt)

    @staticmethod
    def _record(
        draft: Draft,
        place: Bookmark,
        *,
        ns: str,
        parent: Record | None,
        checkpoint: Checkpoint,
        metadata: dict[str, Any],
        new_versions: ChannelVersions,
    ) -> Record:
        before = parent.values if parent else {}
        values = {
            channel: before[channel]
            if channel in before and channel not in new_versions
            else draft.value(channel, value)
            for channel, value in checkpoint["channel_values"].items()
        }
        line = _line(draft, parent, values) if not ns else Runs()
        return Record.of(
            checkpoint,
            metadata,
            parent=place.checkpoint_id,
            ns=ns,
            kind=_kind(metadata, new_versions, checkpoint["channel_values"].get(TRANSCRIPT)),
            values=values,
            line=line,
        )

    async def _store(
        self, place: Bookmark, known: Known, draft: Draft, record: Record, title: str = ""
    ) -> bool:
        asked = known.asked if not record.ns else None
        settles: Sequence[int] = ()
        if asked and record.parent == asked.id:
            settles = asked.numbers
            record = replace(record, parent=asked.parent)
        elif asked:
            settles = [number for number in asked.numbers if number in record.line]
        onward = (
            not record.ns
            and record.parent == known.head
            and len(settles) == len(asked.numbers if asked else ())
        )
        statement = saving(
            known=known.thread is not None,
            root=not record.ns,
            onward=onward and known.thread is not None,
            settles=bool(settles),
            titles=bool(title),
            messages=draft.many,
            unheard=known.thread is not None and bool(draft.unheard),
            values=bool(draft.large),
        )
        values = {
            **_names(place),
            "thread": _text(known.thread),
            "id": record.id,
            "parent": record.parent,
            "ns": record.ns,
            "holds": record.holds.literal() if record.holds.flat else None,
            "body": record.body(),
            "metadata": json.dumps(record.extra) if record.extra else None,
            "messages": str(record.line.length),
            "settles": Runs.literal_of(settles),
            "title": title,
        }
        if not await self._written(place, statement, known, draft, values):
            return False
        known.titled = known.titled or bool(title)
        if asked and settles:
            left = tuple(n for n in asked.numbers if n not in settles)
            known.asked = replace(asked, numbers=left, parent=record.id) if left else None
        known.keep(record)
        known.tips[record.ns] = record.id
        if not record.ns:
            known.head = record.id
        return True

    async def _parent(self, place: Bookmark, ns: str, known: Known) -> Record | None:
        if place.checkpoint_id is None:
            return None
        record = known.records.get((ns, place.checkpoint_id))
        if record is None:
            found = await self.find(place, ns, place.checkpoint_id)
            record = found.record if found else None
        return record

    # Writes of tasks

    async def note(
        self, place: Bookmark, ns: str, writes: Sequence[tuple[str, Any]], task: str, path: str
    ) -> None:
        """Store what a task wrote at the bookmark's checkpoint."""
        id = _named(place.checkpoint_id or "")

        async def attempt(known: Known) -> bool:
            draft = Draft(known, self._codec)
            stored = [draft.value(channel, value) for channel, value in writes]
            held = [Runs.of(sorted(set(numbers_in(value)))) for value in stored]
            statement = noting(
                known=known.thread is not None,
                messages=draft.many,
                unheard=known.thread is not None and bool(draft.unheard),
                values=bool(draft.large),
                replace=all(channel in WRITES_IDX_MAP for channel, _ in writes),
            )
            indexes = (WRITES_IDX_MAP.get(channel, at) for at, (channel, _) in enumerate(writes))
            values = {
                **_names(place),
                "thread": _text(known.thread),
                "id": id,
                "ns": ns,
                "task": task,
                "path": path,
                "indexes": Runs.literal_of(indexes),
                "channels": [channel for channel, _ in writes],
                "held": [runs.literal() if runs.flat else None for runs in held],
                "written": [ormsgpack.packb(value) for value in stored],
            }
            return await self._written(place, statement, known, draft, values)

        await self._until_stored(place, attempt)

    # Questions

    async def ask(
        self, place: Bookmark, questions: Sequence[BaseMessage], wakes: Sequence[str]
    ) -> Admitted | None:
        """Make questions durable, in the round trip that makes sure that what is remembered is the newest, or
        after one that reads it. None where only a checkpoint can make them durable."""
        async with self._memory.of(place.key).lock:
            base = self._remembered(place)
            for _ in range(TRIES):
                noted = base is None
                base = base or await self._reader.find(place, "", place.checkpoint_id)
                known = self._memory.of(place.key)
                if known.stock or (known.asked and place.checkpoint_id not in (None, known.asked.parent)):
                    return None
                if place.checkpoint_id and base is None:
                    return None
                waiting = known.asked
                if await self._asked(place, known, questions, wakes, base, noted=noted):
                    return await self._admitted(place, base, waiting)
                base = None
        raise StoreUnavailable(CROWDED)

    def _remembered(self, place: Bookmark) -> Found | None:
        """The tip of the active branch, if it is remembered and nothing waits there."""
        known = self._memory.of(place.key)
        if place.checkpoint_id or known.asked or not known.thread:
            return None
        seen, held = self._reader.remembered(known, "", None)
        return Found(known.records[("", seen)], (), held, known.thread) if seen else None

    async def _asked(
        self,
        place: Bookmark,
        known: Known,
        questions: Sequence[BaseMessage],
        wakes: Sequence[str],
        base: Found | None,
        *,
        noted: bool,
    ) -> bool:
        draft = Draft(known, self._codec)
        numbers = [draft.number(question, True) for question in questions]
        waiting = known.asked
        head = base.record.id or None if base else None
        asked = Asked(
            (*(waiting.numbers if waiting else ()), *numbers),
            waiting.id if waiting else str(uuid6(clock_seq=-2)),
            waiting.parent if waiting else head,
            tuple(wakes),
        )
        title = "" if known.titled or not self._codec.readable else shorten(str(questions[0].text), TITLE)
        statement = asking(
            known=known.thread is not None,
            fork=place.checkpoint_id is not None,
            noted=noted,
            messages=draft.many,
            unheard=known.thread is not None and bool(draft.unheard),
            titles=bool(title),
        )
        values = {
            **_names(place),
            "thread": _text(known.thread),
            "seen": known.head,
            "waiting": Runs.literal_of(waiting.numbers) if waiting else None,
            "asked": Runs.literal_of(asked.numbers),
            "asked_id": asked.id,
            "on": asked.parent,
            "wakes": list(asked.wakes),
            "title": title,
        }
        if not await self._written(place, statement, known, draft, values):
            return False
        known.asked, known.titled = asked, known.titled or bool(title)
        return True

    async def _admitted(self, place: Bookmark, base: Found | None, waiting: Asked | None) -> Admitted:
        real = base if base and base.record is not NOTHING else None
        return Admitted(
            await self._reader.as_tuple(place, real) if real else None,
            [base.messages[n] for n in waiting.numbers] if base and waiting else [],
        )

    async def find(self, place: Bookmark, ns: str, id: str | None) -> Found | None:
        """The reader's, with the checkpoint that questions make on top of what is stored."""
        known = self._memory.of(place.key)
        if id and not ns and known.asked and id == known.asked.id:
            id = None
        found = await self._reader.find(place, ns, id)
        known = self._memory.of(place.key)
        asked = known.asked
        if ns or id or not asked or not found:
            return found
        base = None if found.record is NOTHING else found.record
        at = datetime.fromtimestamp((UUID(asked.id).time - 0x01B21DD213814000) / 1e7, UTC)
        record = asked_record(base, asked, at.isoformat(), self._following, self._codec.serde)
        return replace(found, record=record)

    async def _settle_asked(self, place: Bookmark, known: Known) -> None:
        """Make a checkpoint of questions that wait on another branch, so that this one can go on."""
        found = await self.find(place.at(None), "", None)
        asked = known.asked
        if not found or not asked or found.record.id != asked.id:
            return
        await self._store(place, known, Draft(known, self._codec), found.record)

    # Every write

    async def _until_stored(self, place: Bookmark, attempt: Callable[[Known], Awaitable[bool]]) -> None:
        """Try until it is stored; nobody else of this process writes to the thread meanwhile.

        Raises `ThreadNotFound` for a thread that was deleted since it was read.
        """
        async with self._memory.of(place.key).lock:
            for again in range(TRIES):
                known = self._memory.of(place.key)
                thread = known.thread
                if again or not known.read:
                    known.tips.clear()
                    await self._reader.find(place.at(None), "", None)
                    known = self._memory.of(place.key)
                if thread is not None and known.thread != thread:
                    raise ThreadNotFound
                if await attempt(known):
                    return
        raise StoreUnavailable(CROWDED)

    async def _written(
        self, place: Bookmark, statement: bytes, known: Known, draft: Draft, values: dict[str, Any]
    ) -> bool:
        """Run a writing statement; False when what it believed does not hold, or its numbers were taken."""
        try:
            async with self._lender.connection() as conn:
                row = await (await conn.execute(statement, values | draft.parameters())).fetchone()
        except UniqueViolation:
            row = None
        if row is None:
            await self._reader.learn(known, draft.unheard)
            return False
        known.thread = row["thread"]
        known.learn(draft.stored, draft.prints)
        return True


def _line(draft: Draft, parent: Record | None, values: dict[str, Stored]) -> Runs:
    line = parent.line if parent else Runs()
    window = _window(values)
    if window is None:
        return line
    new = {draft.id_of(number): number for number in window.without(line)}
    edited: dict[int, int] = {}
    for older in _window(parent.values) or () if parent and new else ():
        id = draft.id_of(older)
        if id is not None and id in new:
            edited[new[id]] = older
    return carried_on(line, window, edited)


def _window(values: dict[str, Stored]) -> Runs | None:
    stored = values.get(TRANSCRIPT)
    return Runs(tuple(stored[1])) if stored and stored[0] == "m" else None


def _kind(metadata: dict[str, Any], new: ChannelVersions, window: Any) -> str:
    source = metadata.get("source", "loop")
    if "summary" in new and source != "input":
        return "fold"
    if source != "loop":
        return str(source)
    last = cast("list[Any]", window)[-1] if isinstance(window, list) and window else None
    return "answer" if isinstance(last, AIMessage) else "question"


def _title(checkpoint: Checkpoint) -> str:
    window: Any = checkpoint["channel_values"].get(TRANSCRIPT)
    said = cast("list[Any]", window) if isinstance(window, list) else []
    return next((shorten(str(m.text), TITLE) for m in said if isinstance(m, HumanMessage)), "")


def _names(place: Bookmark) -> dict[str, Any]:
    return {"key": place.key, "owner": place.user_id, "thread_id": place.thread_id}


def _named(checkpoint_id: str) -> str:
    try:
        return str(UUID(checkpoint_id))
    except ValueError:
        raise InvalidInput("A checkpoint's id is a UUID.") from None


def _text(id: Any) -> str | None:
    return None if id is None else str(id)
