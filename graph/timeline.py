"""The timeline of a thread, its checkpoints on every branch as `Moment`s: `Timelines`. Reads no state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graph.bookmark import Bookmark
from graph.checkpointers import PostgresCheckpointer
from graph.checkpointers.asked import made
from graph.checkpointers.records import Record
from graph.checkpointers.rows import MessageRow
from graph.checkpointers.runs import Runs
from graph.tables import Tables, owned
from graph.titles import PREVIEW, shorten
from graph.transcript import Transcripts

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


class Timelines:
    """The timelines of the threads kept by a saver."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self._tables, self._transcripts = Tables(saver), Transcripts(saver)

    async def moments(self, place: Bookmark, limit: int, before: str | None) -> Sequence[Moment]:
        """The newest `limit` moments, newest first, or those before `before`; none of no thread."""
        rows = await self._tables.rows(_MOMENTS, owned(place) | {"before": before, "limit": limit})
        records = [_record(row) for row in rows]
        newest = Runs.of(sorted({r.line.last for r in records if r.line.last is not None}))
        said = await self._transcripts.said(rows[0]["number"] if rows else 0, newest)
        return [
            Moment(
                record.id,
                record.parent,
                int(record.metadata.get("step", -1)),
                record.kind,
                made(record.id),
                _preview(record, said),
                row["active"],
                row["tip"],
            )
            for row, record in zip(rows, records, strict=True)
        ]


def _record(row: dict[str, Any]) -> Record:
    if row["body"] is not None:
        return Record.read(
            id=row["id"], parent=row["parent"], ns="", body=row["body"], metadata=row["metadata"]
        )
    kind = str(row["metadata"].get("source", "loop"))
    return Record(row["id"], row["parent"], "", kind, row["metadata"], {}, {})


def _preview(record: Record, said: Mapping[int, MessageRow]) -> str:
    if record.kind == "fold":
        stored = record.values.get("messages", ["m", []])
        left = Runs(tuple(stored[1])).length if stored[0] == "m" else 0
        return f"{record.line.length - left:,} messages summarised"
    last = record.line.last
    if last is None or last not in said or record.kind == "input":
        return ""
    return shorten(said[last].text or "", PREVIEW)
