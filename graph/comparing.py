"""Two branches beside each other, what they share and how each goes on: `Comparing`.

What they share is told by the numbers of the messages, so only a page is read, at any length. Calls no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from graph.bookmark import Bookmark
from graph.branches import parting
from graph.checkpointers import PostgresCheckpointer
from graph.checkpointers.records import Record
from graph.checkpointers.runs import Runs
from graph.errors import CheckpointNotFound, ThreadNotFound
from graph.tables import Tables, owned
from graph.transcript import Entry, Transcripts, is_uuid

LAST = 2
"""Messages of the shared beginning of two branches that are shown."""

_RECORDS = """
SELECT t.number, c.id::text AS id, c.parent::text AS parent, c.body FROM longthread_thread t
LEFT JOIN longthread_checkpoint c ON c.thread = t.number AND c.ns = '' AND c.id = ANY (%(ids)s::uuid[])
WHERE t.owner = %(owner)s AND t.key = %(key)s
"""


@dataclass(frozen=True)
class Continuation:
    """What a branch says after the beginning that it shares, oldest first; `later`: messages after these."""

    entries: Sequence[Entry]
    later: int


@dataclass(frozen=True)
class SideBySide:
    """Two branches: how many messages they begin with alike, the `last` of those, and how each goes on."""

    shared: int
    last: Sequence[Entry]
    one: Continuation
    other: Continuation


class Comparing:
    """Compares branches of the threads kept by a saver."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self._saver, self._tables, self._transcripts = saver, Tables(saver), Transcripts(saver)

    async def beside(self, place: Bookmark, other: str, limit: int, skip: int) -> SideBySide:
        """How the branches that lead to the bookmark's checkpoint and to `other` go on after what they share:
        `limit` messages of each, after the first `skip`. Raises `ThreadNotFound`, `CheckpointNotFound`."""
        if not place.checkpoint_id or not (is_uuid(place.checkpoint_id) and is_uuid(other)):
            raise CheckpointNotFound
        thread, records = await self._records(place, [place.checkpoint_id, other])
        lines = [await self._line(place.at(id), records) for id in (place.checkpoint_id, other)]
        shared = parting(*lines)
        last = lines[0].cut(max(0, shared - LAST), shared)
        parts = [line.cut(shared + skip, shared + skip + limit) for line in lines]
        said = await self._transcripts.said(thread, Runs.of(n for part in (last, *parts) for n in part))

        def entries(part: Runs, first: int) -> list[Entry]:
            rows = [(seq, said[number]) for seq, number in enumerate(part, first) if number in said]
            return [Entry(row.id, seq, self._saver.codec.message(row)) for seq, row in rows]

        one, two = (
            Continuation(entries(part, shared + skip), max(0, line.length - shared - skip - part.length))
            for line, part in zip(lines, parts, strict=True)
        )
        return SideBySide(shared, entries(last, shared - last.length), one, two)

    async def _records(self, place: Bookmark, ids: Sequence[str]) -> tuple[int, dict[str, Record]]:
        """The thread's number, and those of the checkpoints that are in our form."""
        rows = await self._tables.rows(_RECORDS, owned(place) | {"ids": Runs.literal_of(ids)})
        if not rows:
            raise ThreadNotFound
        return rows[0]["number"], {
            row["id"]: Record.read(id=row["id"], parent=row["parent"], ns="", body=row["body"], metadata=None)
            for row in rows
            if row["body"] is not None
        }

    async def _line(self, place: Bookmark, records: dict[str, Record]) -> Runs:
        if record := records.get((place.checkpoint_id or "").lower()):
            return record.line
        found = await self._saver.locate(place)
        if found is None:
            raise CheckpointNotFound
        return found.record.line
