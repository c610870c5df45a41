"""The catalogue of threads and what a person can do with one: `Threads`.

Every call names the owner. A thread that does not exist and one of somebody else's: both `ThreadNotFound`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from langchain_core.messages import BaseMessage

from graph.bookmark import Bookmark, storable
from graph.branches import Branch, forks
from graph.checkpointers import PostgresCheckpointer
from graph.checkpointers.asked import Asked, made
from graph.checkpointers.records import Record
from graph.checkpointers.rows import MessageRow
from graph.checkpointers.runs import Runs
from graph.errors import CheckpointNotFound, InvalidInput, ThreadNotFound
from graph.searching import SEARCH, Hit, wanted
from graph.titles import PREVIEW, shorten

MAX_TITLE = 200

Shelf = Literal["kept", "archived", "trashed"]
"""Where a thread is: in the list, out of the way, or on its way out."""

_THREAD = """
SELECT t.number, t.thread_id, coalesce(n.title, '') AS title, t.created, t.updated, t.messages,
    coalesce(t.head, t.asked_id)::text AS head, t.pinned, t.archived, t.trashed
FROM longthread_thread t LEFT JOIN longthread_title n ON n.thread = t.number
WHERE t.owner = %(owner)s"""
_GET = _THREAD + " AND t.key = %(key)s"
# The index has the hour, which a turn seldom changes; the few threads of an hour are sorted.
_SHELVES = {
    "kept": " AND NOT t.archived AND t.trashed IS NULL{after} "
    "ORDER BY t.pinned DESC, t.hour DESC, t.updated DESC, t.number DESC",
    "archived": " AND t.archived AND t.trashed IS NULL{after} "
    "ORDER BY t.hour DESC, t.updated DESC, t.number DESC",
    "trashed": " AND t.trashed IS NOT NULL{after} ORDER BY t.hour DESC, t.updated DESC, t.number DESC",
}
_HOUR = "date_bin('1 hour', %(updated)s, '2000-01-01 00:00+00')"
_AFTER = {
    "kept": f" AND (t.pinned, t.hour, t.updated, t.number) < (%(pinned)s, {_HOUR}, %(updated)s, %(number)s)",
    "archived": f" AND (t.hour, t.updated, t.number) < ({_HOUR}, %(updated)s, %(number)s)",
    "trashed": f" AND (t.hour, t.updated, t.number) < ({_HOUR}, %(updated)s, %(number)s)",
}
_OWN = "owner = %(owner)s AND key = %(key)s"
_RENAME = f"""
INSERT INTO longthread_title (thread, owner, title)
SELECT number, hashtext(owner), %(title)s FROM longthread_thread WHERE {_OWN}
ON CONFLICT (thread) DO UPDATE SET title = excluded.title
"""
_PIN = f"UPDATE longthread_thread SET pinned = %(on)s WHERE {_OWN}"
_ARCHIVE = f"UPDATE longthread_thread SET archived = %(on)s WHERE {_OWN}"
_TRASH = f"""
UPDATE longthread_thread SET trashed = CASE WHEN %(on)s THEN coalesce(trashed, now()) END WHERE {_OWN}
"""
# The tip that is left stays a tip, unless the other was built on it.
_SWITCH = f"""
WITH RECURSIVE place AS (
    SELECT number, head FROM longthread_thread WHERE {_OWN}
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
        THEN '{{}}'::uuid[] ELSE ARRAY[t.head] END,
    head = %(checkpoint_id)s::uuid, messages = %(messages)s, line = %(line)s::integer[]
FROM place WHERE t.number = place.number
"""
_LINES = """
SELECT t.number, c.id::text AS id, c.body FROM longthread_thread t
JOIN longthread_checkpoint c ON c.thread = t.number AND c.ns = '' AND c.id = ANY (t.branches || t.head)
WHERE t.owner = %(owner)s AND t.key = %(key)s
"""
_LINE = """
SELECT t.number, t.asked, t.asked_id, c.body, c.id::text AS id FROM longthread_thread t
LEFT JOIN longthread_checkpoint c ON c.thread = t.number AND c.ns = '' AND c.id =
    coalesce(%(checkpoint_id)s::uuid, CASE WHEN t.asked IS NULL THEN t.head ELSE t.asked_on END)
WHERE t.owner = %(owner)s AND t.key = %(key)s
"""
_SAID = """
SELECT m.number, m.type, m.id, m.text, m.body
FROM (SELECT %(runs)s::integer[] AS runs) a CROSS JOIN generate_subscripts(a.runs, 1) i
CROSS JOIN LATERAL (
    SELECT * FROM longthread_message m
    WHERE m.thread = %(thread)s AND m.number BETWEEN a.runs[i] AND a.runs[i + 1]
    ORDER BY m.number LIMIT a.runs[i + 1] - a.runs[i] + 1
) m WHERE i %% 2 = 1
"""
_SIZE = """
SELECT (SELECT coalesce(sum(pg_column_size(m)), 0) FROM longthread_message m WHERE m.thread = t.number)
    + (SELECT coalesce(sum(pg_column_size(c)), 0) FROM longthread_checkpoint c WHERE c.thread = t.number)
    + (SELECT coalesce(sum(pg_column_size(w)), 0) FROM longthread_write w WHERE w.thread = t.number)
    + (SELECT coalesce(sum(pg_column_size(v)), 0) FROM longthread_value v WHERE v.thread = t.number)
    + (SELECT coalesce(sum(pg_column_size(s)), 0) FROM checkpoints s WHERE s.thread_id = t.key)
    + (SELECT coalesce(sum(pg_column_size(s)), 0) FROM checkpoint_blobs s WHERE s.thread_id = t.key)
    + (SELECT coalesce(sum(pg_column_size(s)), 0) FROM checkpoint_writes s WHERE s.thread_id = t.key)
    + pg_column_size(t) AS bytes
FROM longthread_thread t WHERE t.owner = %(owner)s AND t.key = %(key)s
"""
_MOMENTS = """
WITH RECURSIVE place AS (
    SELECT number, key, head, branches, asked_on FROM longthread_thread
    WHERE owner = %(owner)s AND key = %(key)s
), page AS (
    SELECT * FROM (
        (SELECT c.id, c.parent, c.body, c.metadata FROM longthread_checkpoint c
        WHERE c.thread = (SELECT number FROM place) AND c.ns = ''
          AND (%(before)s::uuid IS NULL OR c.id < %(before)s::uuid) ORDER BY c.id DESC LIMIT %(limit)s)
        UNION ALL
        (SELECT s.checkpoint_id::uuid, s.parent_checkpoint_id::uuid, NULL, s.metadata FROM checkpoints s
        WHERE s.thread_id = (SELECT key FROM place) AND s.checkpoint_ns = ''
          AND (%(before)s::uuid IS NULL OR s.checkpoint_id < (%(before)s::uuid)::text)
        ORDER BY s.checkpoint_id DESC LIMIT %(limit)s)
    ) both_forms ORDER BY id DESC LIMIT %(limit)s
), walk AS (
    SELECT coalesce(asked_on, head) AS id FROM place
    UNION ALL
    SELECT coalesce(c.parent, s.parent_checkpoint_id::uuid) FROM walk CROSS JOIN place
    LEFT JOIN longthread_checkpoint c ON c.thread = place.number AND c.ns = '' AND c.id = walk.id
    LEFT JOIN checkpoints s ON c.id IS NULL AND s.thread_id = place.key AND s.checkpoint_ns = ''
        AND s.checkpoint_id = walk.id::text
    WHERE walk.id >= (SELECT id FROM page ORDER BY id LIMIT 1)
)
SELECT page.id::text AS id, page.parent::text AS parent, page.body, page.metadata,
    page.id IN (SELECT id FROM walk WHERE id IS NOT NULL) AS active,
    page.id = place.head OR page.id = ANY (place.branches) AS tip, place.number
FROM page CROSS JOIN place ORDER BY page.id DESC
"""


@dataclass(frozen=True)
class Thread:
    """A row of the catalogue. `messages` counts those of the active branch, folded ones included; `number` is
    the store's own, never given again."""

    number: int
    thread_id: str
    title: str
    created: datetime
    updated: datetime
    messages: int
    head: str | None
    pinned: bool
    archived: bool
    trashed: datetime | None


@dataclass(frozen=True)
class Entry:
    """A message in its branch: `seq` counts from 0 at the root. `branches` are what else was said at this
    place, itself among them; none for most."""

    id: str | None
    seq: int
    message: BaseMessage
    branches: Sequence[Branch] = ()


@dataclass(frozen=True)
class Page:
    """A stretch of a transcript, oldest first, and how many messages come before it."""

    entries: list[Entry]
    earlier: int


@dataclass(frozen=True)
class Moment:
    """A checkpoint on the timeline, without its state.

    `kind` is input, question, answer, fold, update or fork; `active`: it is on the active branch; `tip`:
    nothing was built on it.
    """

    checkpoint_id: str
    parent: str | None
    step: int
    kind: str
    created: datetime
    preview: str
    active: bool
    tip: bool


class Threads:
    """The threads kept by a saver. Methods may be awaited on any event loop."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self._saver = saver

    # The catalogue

    async def list(
        self, user_id: str, *, limit: int = 50, after: Thread | None = None, shelf: Shelf = "kept"
    ) -> Sequence[Thread]:
        """A user's threads, pinned ones first, then by latest use; `after` is the last of the page before."""
        if shelf not in _SHELVES:
            raise InvalidInput(f"There is no shelf {shelf!r}: it is one of {', '.join(_SHELVES)}.")
        values: dict[str, Any] = {"owner": user_id, "limit": limit}
        if after:
            values |= {"pinned": after.pinned, "updated": after.updated, "number": after.number}
        statement = (
            _THREAD + _SHELVES[shelf].format(after=_AFTER[shelf] if after else "") + " LIMIT %(limit)s"
        )
        return [Thread(**row) for row in await self._rows(statement, values)]

    async def get(self, place: Bookmark) -> Thread:
        """The thread's row. Raises `ThreadNotFound`."""
        rows = await self._rows(_GET, _owned(place))
        if not rows:
            raise ThreadNotFound
        return Thread(**rows[0])

    async def search(
        self, user_id: str, text: str, *, limit: int = 50, after: Hit | None = None
    ) -> Sequence[Hit]:
        """Where a user's titles and messages hold every word of `text`, the newest first.

        A word matches those that begin with it; scripts without spaces between words match anywhere. `after`
        is the last hit of the page before. Nothing is found in threads that a serializer of yours hides, nor
        in trashed ones.
        """
        asked = wanted(text)
        if asked is None:
            return []
        values = {"owner": user_id, "limit": limit, **asked}
        values |= {"created": after.created if after else None, "thread": after.number if after else 0}
        values["place"] = after.place if after else 0
        return [Hit.of(row) for row in await self._rows(SEARCH, values)]

    async def rename(self, place: Bookmark, title: str) -> None:
        """Give the thread a title of 1 to 200 characters. Raises `ThreadNotFound`, `InvalidInput`."""
        title = " ".join(title.split())
        if not title or len(title) > MAX_TITLE or not storable(title):
            raise InvalidInput(f"A title has 1 to {MAX_TITLE} characters; this one has {len(title):,}.")
        await self._change(_RENAME, _owned(place) | {"title": title}, ThreadNotFound)

    async def pin(self, place: Bookmark, on: bool = True) -> None:
        """Keep the thread at the head of the list, or no longer. Raises `ThreadNotFound`."""
        await self._change(_PIN, _owned(place) | {"on": on}, ThreadNotFound)

    async def archive(self, place: Bookmark, on: bool = True) -> None:
        """Take the thread out of the list, or put it back. Raises `ThreadNotFound`."""
        await self._change(_ARCHIVE, _owned(place) | {"on": on}, ThreadNotFound)

    async def trash(self, place: Bookmark, on: bool = True) -> None:
        """Mark the thread for deletion, or restore it; nothing is deleted yet. Raises `ThreadNotFound`."""
        await self._change(_TRASH, _owned(place) | {"on": on}, ThreadNotFound)

    async def delete(self, place: Bookmark) -> None:
        """Delete the thread and all of its messages and checkpoints. Raises `ThreadNotFound`."""
        await self.get(place)
        await self._saver.adelete(place)

    async def size(self, place: Bookmark) -> int:
        """Bytes of the thread's rows, indexes apart. Raises `ThreadNotFound`."""
        rows = await self._rows(_SIZE, _owned(place))
        if not rows:
            raise ThreadNotFound
        return int(rows[0]["bytes"])

    # Branches

    async def switch(self, place: Bookmark) -> None:
        """Make the bookmark's checkpoint the tip of the active branch. Raises `CheckpointNotFound`."""
        await self.get(place)
        if not _is_uuid(place.checkpoint_id) or not (found := await self._saver.locate(place)):
            raise CheckpointNotFound
        line = found.record.line
        values = {"checkpoint_id": place.checkpoint_id, "messages": line.length}
        values["line"] = line.literal() if found.stock else None
        await self._change(_SWITCH, _owned(place) | values, ThreadNotFound)

    async def transcript(self, place: Bookmark, *, limit: int = 60, before: int | None = None) -> Page:
        """The last `limit` messages of the branch, or those before its `before`th; folded ones included.

        The branch is the bookmark's checkpoint's, else the active one. Raises `ThreadNotFound`.
        """
        thread, line, tip, asked = await self._line(place)
        length = line.length + len(asked)
        stop = length if before is None else min(before, length)
        start = max(0, stop - limit)
        part = line.cut(start, stop)
        rows = await self._rows(_SAID, {"runs": part.literal(), "thread": thread})
        said = {r["number"]: MessageRow.kept(r["type"], r["id"], r["text"], r["body"]) for r in rows}
        parted = await self._forks(place, line, tip, range(start, stop))
        message = self._saver.codec.message
        entries = [
            Entry(said[number].id, seq, message(said[number]), parted.get(seq, ()))
            for seq, number in enumerate(part, start)
            if number in said
        ]
        waiting = [(line.length + n, row) for n, row in enumerate(asked)]
        entries += [Entry(row.id, seq, message(row)) for seq, row in waiting if start <= seq < stop]
        return Page(entries, start)

    async def _line(self, place: Bookmark) -> tuple[int, Runs, str, Sequence[MessageRow]]:
        """The thread's number, the line of the branch, its tip, and the questions that wait after it."""
        id = place.checkpoint_id if _is_uuid(place.checkpoint_id) else None
        rows = await self._rows(_LINE, _owned(place) | {"checkpoint_id": id})
        if not rows:
            raise ThreadNotFound
        row = rows[0]
        waits = row["asked"] is not None and id in (None, str(row["asked_id"]))
        asked = Asked.unpack(cast("bytes", row["asked"]), "", None).rows if waits else ()
        if row["body"] is not None:
            return row["number"], _line_of(row), row["id"], asked
        found = await self._saver.locate(place)
        return row["number"], found.record.line if found else Runs(), found.record.id if found else "", asked

    async def _forks(
        self, place: Bookmark, line: Runs, tip: str, places: range
    ) -> Mapping[int, Sequence[Branch]]:
        rows = await self._rows(_LINES, _owned(place))
        if len(rows) < 2:
            return {}
        return forks(line, tip, {row["id"]: _line_of(row) for row in rows if row["id"] != tip}, places)

    # The timeline

    async def moments(
        self, place: Bookmark, *, limit: int = 80, before: str | None = None
    ) -> Sequence[Moment]:
        """The thread's checkpoints on every branch, newest first; `before`: the last id of the page before.

        Reads no state. Raises `ThreadNotFound`.
        """
        await self.get(place)
        rows = await self._rows(_MOMENTS, _owned(place) | {"before": before, "limit": limit})
        records = [_record(row) for row in rows]
        newest = Runs.of(sorted({r.line.last for r in records if r.line.last is not None}))
        values = {"runs": newest.literal(), "thread": rows[0]["number"] if rows else 0}
        said = await self._rows(_SAID, values)
        texts = {row["number"]: row["text"] or "" for row in said}
        return [
            Moment(
                record.id,
                record.parent,
                int(record.metadata.get("step", -1)),
                record.kind,
                made(record.id),
                _preview(record, texts),
                row["active"],
                row["tip"],
            )
            for row, record in zip(rows, records, strict=True)
        ]

    # Statements

    async def _rows(self, statement: str, values: dict[str, Any]) -> Sequence[dict[str, Any]]:
        async def read() -> Sequence[dict[str, Any]]:
            async with self._saver.connection() as conn:
                cursor = await conn.execute(statement.encode(), values)
                return await cursor.fetchall()

        return await self._saver.bridge.cross(read)

    async def _change(self, statement: str, values: dict[str, Any], absent: Callable[[], Exception]) -> None:
        async def write() -> int:
            async with self._saver.connection() as conn:
                return (await conn.execute(statement.encode(), values)).rowcount

        if not await self._saver.bridge.cross(write):
            raise absent()


def _owned(place: Bookmark) -> dict[str, Any]:
    return {"owner": place.user_id, "key": place.key}


def _is_uuid(id: str | None) -> bool:
    try:
        return id is not None and bool(UUID(id))
    except ValueError:
        return False


def _line_of(row: dict[str, Any]) -> Runs:
    return Record.read(id=row["id"], parent=None, ns="", body=row["body"], metadata=None).line


def _record(row: dict[str, Any]) -> Record:
    if row["body"] is not None:
        return Record.read(
            id=row["id"], parent=row["parent"], ns="", body=row["body"], metadata=row["metadata"]
        )
    kind = str(row["metadata"].get("source", "loop"))
    return Record(row["id"], row["parent"], "", kind, row["metadata"], {}, {})


def _preview(record: Record, texts: dict[int, str]) -> str:
    if record.kind == "fold":
        stored = record.values.get("messages", ["m", []])
        left = Runs(tuple(stored[1])).length if stored[0] == "m" else 0
        return f"{record.line.length - left:,} messages summarised"
    last = record.line.last
    return shorten(texts.get(last, ""), PREVIEW) if last is not None and record.kind != "input" else ""
