"""The transcript of a thread's branch, a page at a time, and the switch to another branch: `Transcripts`.

It holds every message: those that are folded away, and the questions that wait for an answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from langchain_core.messages import BaseMessage

from graph.bookmark import Bookmark
from graph.branches import Branch, forks
from graph.checkpointers import PostgresCheckpointer
from graph.checkpointers.asked import Asked
from graph.checkpointers.ids import short
from graph.checkpointers.records import Record
from graph.checkpointers.rows import MessageRow
from graph.checkpointers.runs import Runs
from graph.errors import CheckpointNotFound, ThreadBusy, ThreadNotFound
from graph.tables import Tables, owned

_LINE = """
SELECT t.number, t.asked, t.asked_id, c.body, c.id::text AS id FROM longthread_thread t
LEFT JOIN longthread_checkpoint c ON c.thread = t.number AND c.ns = '' AND c.id =
    coalesce(%(checkpoint_id)s::uuid, CASE WHEN t.asked IS NULL THEN t.head ELSE t.asked_on END)
WHERE t.owner = %(owner)s AND t.key = %(key)s
"""
_LINES = """
SELECT t.number, c.id::text AS id, c.body FROM longthread_thread t
JOIN longthread_checkpoint c ON c.thread = t.number AND c.ns = '' AND c.id = ANY (t.branches || t.head)
WHERE t.owner = %(owner)s AND t.key = %(key)s
"""
_SAID = """
SELECT m.number, m.type, m.id, m.text, m.body, m.created
FROM (SELECT %(runs)s::integer[] AS runs) a CROSS JOIN generate_subscripts(a.runs, 1) i
CROSS JOIN LATERAL (
    SELECT * FROM longthread_message m
    WHERE m.thread = %(thread)s AND m.number BETWEEN a.runs[i] AND a.runs[i + 1]
    ORDER BY m.number LIMIT a.runs[i + 1] - a.runs[i] + 1
) m WHERE i %% 2 = 1
"""
_NUMBERS = """
SELECT m.id, m.number FROM longthread_message m JOIN unnest(%(ids)s::text[]) i ON hashtext(m.id) = hashtext(i)
    AND m.id = i
WHERE m.thread = %(thread)s AND m.number >= 0 ORDER BY m.number
"""
# The tip that is left stays a tip, unless the other was built on it.
_SWITCH = """
WITH RECURSIVE place AS (
    SELECT number, head FROM longthread_thread WHERE owner = %(owner)s AND key = %(key)s
), walk AS (
    SELECT c.id, c.parent FROM longthread_checkpoint c JOIN place ON c.thread = place.number
    WHERE c.ns = '' AND c.id = %(checkpoint_id)s::uuid
    UNION ALL
    SELECT c.id, c.parent FROM walk JOIN place ON true
    JOIN longthread_checkpoint c ON c.thread = place.number AND c.ns = '' AND c.id = walk.parent
    WHERE walk.id > place.head
)
UPDATE longthread_thread t SET
    branches = array_remove(t.branches, %(checkpoint_id)s::uuid) || CASE
        WHEN t.head = %(checkpoint_id)s::uuid OR EXISTS (SELECT FROM walk WHERE id = t.head)
        THEN '{}'::uuid[] ELSE ARRAY[t.head] END,
    head = %(checkpoint_id)s::uuid, messages = %(messages)s, line = %(line)s::integer[]
FROM place WHERE t.number = place.number AND t.asked IS NULL AND coalesce(t.until < now(), true)
"""


@dataclass(frozen=True)
class Entry:
    """A message in its branch: `seq` counts from 0 at the root. `branches` are what else was said at this
    place, itself among them; none for most."""

    id: str | None
    seq: int
    message: BaseMessage
    branches: Sequence[Branch] = ()
    created: datetime | None = None
    """When it was stored; None while it waits for an answer."""


@dataclass(frozen=True)
class Page:
    """A stretch of a transcript, oldest first, and how many messages come before it."""

    entries: list[Entry]
    earlier: int


class Transcripts:
    """The transcripts of the threads kept by a saver."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self._saver, self._tables = saver, Tables(saver)

    async def page(self, place: Bookmark, limit: int, before: int | None) -> Page:
        """The branch's last `limit` messages, or those before its `before`th. Raises `ThreadNotFound`, and
        `CheckpointNotFound` where the bookmark's is gone."""
        thread, line, tip, asked = await self.line(place)
        length = line.length + len(asked)
        stop = length if before is None else min(before, length)
        start = max(0, stop - limit)
        part = line.cut(start, stop)
        stored = await self._stored(thread, part)
        said = {row["number"]: _kept(row) for row in stored}
        created = {row["number"]: row["created"] for row in stored}
        parted = await self._forks(place, line, tip, range(start, stop))
        message = self._saver.codec.message
        entries = [
            Entry(said[number].id, seq, message(said[number]), parted.get(seq, ()), created[number])
            for seq, number in enumerate(part, start)
            if number in said
        ]
        waiting = [(line.length + n, row) for n, row in enumerate(asked)]
        entries += [Entry(row.id, seq, message(row)) for seq, row in waiting if start <= seq < stop]
        return Page(entries, start)

    async def positions(self, thread: int, line: Runs, ids: Iterable[str]) -> Mapping[str, int]:
        """Where on the line messages of these ids stand, from 0; of one that was changed the last."""
        asked = {short(id): id for id in ids}
        rows = await self._tables.rows(_NUMBERS, {"thread": thread, "ids": list(asked)})
        return {asked[row["id"]]: at for row in rows if (at := line.position(row["number"])) is not None}

    async def entry(self, place: Bookmark, message_id: str) -> Entry:
        """A message of the branch. Raises `ThreadNotFound`, `CheckpointNotFound` where it is not there."""
        thread, line, _, _ = await self.line(place)
        at = (await self.positions(thread, line, [message_id])).get(message_id)
        found = (await self.page(place, 1, at + 1)).entries if at is not None else []
        if not found:
            raise CheckpointNotFound
        return found[0]

    async def said(self, thread: int, numbers: Runs) -> Mapping[int, MessageRow]:
        """Those of a thread's messages, as they are kept, by number."""
        return {row["number"]: _kept(row) for row in await self._stored(thread, numbers)}

    async def dated(self, thread: int, numbers: Runs) -> Sequence[tuple[MessageRow, datetime]]:
        """The same in the order of `numbers`, each with when it was stored."""
        rows = {row["number"]: row for row in await self._stored(thread, numbers)}
        return [(_kept(rows[number]), rows[number]["created"]) for number in numbers if number in rows]

    async def _stored(self, thread: int, numbers: Runs) -> Sequence[dict[str, Any]]:
        return await self._tables.rows(_SAID, {"runs": numbers.literal(), "thread": thread})

    async def switch(self, place: Bookmark) -> None:
        """Make the bookmark's checkpoint the tip of the active branch.

        Raises `CheckpointNotFound`; `ThreadBusy` while a question there waits for its answer, which would be
        lost to sight; and, for a thread that has gone meanwhile, `ThreadNotFound`.
        """
        if not is_uuid(place.checkpoint_id) or not (found := await self._saver.locate(place)):
            raise CheckpointNotFound
        line = found.record.line
        values = {"checkpoint_id": place.checkpoint_id, "messages": line.length}
        values["line"] = line.literal() if found.stock else None
        try:
            await self._tables.change(_SWITCH, owned(place) | values)
        except ThreadNotFound:
            if await self._tables.rows(_LINE, owned(place) | {"checkpoint_id": None}):
                raise ThreadBusy from None
            raise

    async def line(self, place: Bookmark) -> tuple[int, Runs, str, Sequence[MessageRow]]:
        """The thread's number, the line of the branch, its tip, and the questions that wait after it.

        Raises `ThreadNotFound`.
        """
        id = place.checkpoint_id if is_uuid(place.checkpoint_id) else None
        rows = await self._tables.rows(_LINE, owned(place) | {"checkpoint_id": id})
        if not rows:
            raise ThreadNotFound
        row = rows[0]
        waits = row["asked"] is not None and id in (None, str(row["asked_id"]))
        asked = Asked.unpack(cast("bytes", row["asked"]), "", None).rows if waits else ()
        if row["body"] is not None:
            return row["number"], _line_of(row), row["id"], asked
        found = await self._saver.locate(place)
        if found is None and place.checkpoint_id:
            raise CheckpointNotFound
        return row["number"], found.record.line if found else Runs(), found.record.id if found else "", asked

    async def _forks(
        self, place: Bookmark, line: Runs, tip: str, places: range
    ) -> Mapping[int, Sequence[Branch]]:
        rows = await self._tables.rows(_LINES, owned(place))
        if len(rows) < 2:
            return {}
        return forks(line, tip, {row["id"]: _line_of(row) for row in rows if row["id"] != tip}, places)


def _kept(row: dict[str, Any]) -> MessageRow:
    return MessageRow.kept(row["type"], row["id"], row["text"], row["body"])


def is_uuid(id: str | None) -> bool:
    """Whether that may name a checkpoint."""
    try:
        return id is not None and bool(UUID(id))
    except ValueError:
        return False


def _line_of(row: dict[str, Any]) -> Runs:
    return Record.read(id=row["id"], parent=None, ns="", body=row["body"], metadata=None).line
