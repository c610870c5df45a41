"""The timeline of a thread, its checkpoints on every branch as `Moment`s: `Timelines`. Reads no state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from langchain_core.messages import AIMessage

from graph.bookmark import Bookmark
from graph.checkpointers import PostgresCheckpointer
from graph.checkpointers.asked import made
from graph.checkpointers.records import ACT, Record
from graph.checkpointers.rows import MessageRow
from graph.checkpointers.runs import Runs
from graph.errors import CheckpointNotFound, ThreadNotFound
from graph.steps import ID, Steps
from graph.tables import Tables, owned
from graph.titles import PREVIEW, shorten
from graph.transcript import Transcripts, is_uuid

# LIMIT 1 has each step of the walk find its row by the whole key, whatever Postgres thinks of the table.
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
          AND NOT EXISTS (
              SELECT FROM longthread_checkpoint k
              WHERE k.thread = (SELECT number FROM place) AND k.ns = '' AND k.id = s.checkpoint_id::uuid
          )
        ORDER BY s.checkpoint_id DESC LIMIT %(limit)s)
    ) both_forms ORDER BY id DESC LIMIT %(limit)s
), walk AS (
    SELECT coalesce(asked_on, head) AS id FROM place
    UNION ALL
    SELECT coalesce(c.parent, s.parent) FROM walk CROSS JOIN place
    LEFT JOIN LATERAL (
        SELECT c.id, c.parent FROM longthread_checkpoint c
        WHERE c.thread = place.number AND c.ns = '' AND c.id = walk.id LIMIT 1
    ) c ON true
    LEFT JOIN LATERAL (
        SELECT s.parent_checkpoint_id::uuid AS parent FROM checkpoints s
        WHERE c.id IS NULL AND s.thread_id = place.key AND s.checkpoint_ns = ''
            AND s.checkpoint_id = walk.id::text LIMIT 1
    ) s ON true
    WHERE walk.id >= (SELECT id FROM page ORDER BY id LIMIT 1)
)
SELECT page.id::text AS id, page.parent::text AS parent, page.body, page.metadata,
    page.id IN (SELECT id FROM walk WHERE id IS NOT NULL) AS active,
    page.id = place.head OR page.id = ANY (place.branches) AS tip, place.number
FROM page CROSS JOIN place ORDER BY page.id DESC
"""
# Ids only, packed: a long thread has thousands. Asked for one step that is looked at, never for a drawing.
_STEPS = """
WITH place AS (SELECT number, key, coalesce(asked_on, head) AS tip FROM longthread_thread
    WHERE owner = %(owner)s AND key = %(key)s)
SELECT uuid_send(place.tip) AS tip, (
    SELECT string_agg(uuid_send(id) || coalesce(uuid_send(parent), %(none)s), ''::bytea ORDER BY id) FROM (
        SELECT c.id, c.parent FROM longthread_checkpoint c WHERE c.thread = place.number AND c.ns = ''
        UNION ALL
        SELECT s.checkpoint_id::uuid, s.parent_checkpoint_id::uuid FROM checkpoints s
        WHERE s.thread_id = place.key AND s.checkpoint_ns = '' AND NOT EXISTS (
            SELECT FROM longthread_checkpoint k
            WHERE k.thread = place.number AND k.ns = '' AND k.id = s.checkpoint_id::uuid
        )
    ) both_forms
) AS packed FROM place
"""


@dataclass(frozen=True)
class Moment:
    """A checkpoint on the timeline, without its state.

    `kind` is input, question, answer, fold, update or fork; `active`: it is on the active branch; `tip`:
    nothing was built on it. `nodes` wrote it; `tokens` are the prompt's and the answer's, of an answer whose
    model said so. Of a fold, `folded` are the messages that its summary stands for. `act` is what a
    person did: undo, again or edit the summary, pin or unpin a message.
    """

    checkpoint_id: str
    parent: str | None
    step: int
    kind: str
    created: datetime
    preview: str
    active: bool
    tip: bool
    nodes: Sequence[str] = ()
    tokens: tuple[int, int] | None = None
    folded: int = 0
    act: str = ""


class Timelines:
    """The timelines of the threads kept by a saver."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self._codec = saver.codec
        self._tables, self._transcripts = Tables(saver), Transcripts(saver)

    async def moments(self, place: Bookmark, limit: int, before: str | None) -> Sequence[Moment]:
        """The newest `limit` moments, newest first, or those before `before`; none of no thread. What is read
        follows `limit`, however long the thread.

        The empty beginning that a fork of the first message needs is none.
        """
        found = await self._tables.rows(_MOMENTS, owned(place) | {"before": before, "limit": limit})
        rows = [(row, record) for row in found if not _beginning(record := _record(row))]
        if not rows:
            return []
        newest = Runs.of(sorted({r.line.last for _, r in rows if r.line.last is not None}))
        said = await self._transcripts.said(found[0]["number"], newest)
        return [self._moment(row, record, said) for row, record in rows]

    async def step(self, place: Bookmark) -> tuple[int, int]:
        """Which step of its branch the bookmark's checkpoint is, from 1, and of how many: of the active
        branch, or of the newest that was built on it. Reads the ids of the whole thread. Raises
        `ThreadNotFound`, `CheckpointNotFound`."""
        rows = await self._tables.rows(_STEPS, owned(place) | {"none": bytes(ID)})
        if not rows:
            raise ThreadNotFound
        id = place.checkpoint_id
        steps = Steps.of(rows[0]["packed"] or b"", rows[0]["tip"])
        number, total = steps.place(UUID(id).bytes) if id and is_uuid(id) else (0, 0)
        if not number:
            raise CheckpointNotFound
        return number, total

    def _moment(self, row: dict[str, Any], record: Record, said: Mapping[int, MessageRow]) -> Moment:
        return Moment(
            record.id,
            record.parent,
            int(record.metadata.get("step", -1)),
            record.kind,
            made(record.id),
            _preview(record, said),
            row["active"],
            row["tip"],
            record.nodes,
            self._tokens(record, said),
            _folded(record),
            str(record.metadata.get(ACT, "")),
        )

    def _tokens(self, record: Record, said: Mapping[int, MessageRow]) -> tuple[int, int] | None:
        kept = said.get(record.line.last) if record.line.last is not None else None
        if kept is None or record.kind != "answer" or kept.type != "ai":
            return None
        usage = cast("AIMessage", self._codec.message(kept)).usage_metadata
        return (usage["input_tokens"], usage["output_tokens"]) if usage else None


def _beginning(record: Record) -> bool:
    return record.kind == "fork" and record.metadata.get("step") == -2 and not record.line.length


def _record(row: dict[str, Any]) -> Record:
    if row["body"] is not None:
        return Record.read(
            id=row["id"], parent=row["parent"], ns="", body=row["body"], metadata=row["metadata"]
        )
    kind = str(row["metadata"].get("source", "loop"))
    return Record(row["id"], row["parent"], "", kind, row["metadata"], {}, {})


def _folded(record: Record) -> int:
    """How many messages of the conversation are not in the window."""
    if record.kind != "fold":
        return 0
    stored = record.values.get("messages", ["m", []])
    left = Runs(tuple(stored[1])).length if stored[0] == "m" else 0
    return record.line.length - left


def _preview(record: Record, said: Mapping[int, MessageRow]) -> str:
    last = record.line.last
    if last is None or last not in said or record.kind in ("input", "fold"):
        return ""
    return shorten(said[last].text or "", PREVIEW)
