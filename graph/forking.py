"""Moments by their messages: before one, to say something else, and the first with one: `Forking`."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

from langgraph.checkpoint.base import Checkpoint, empty_checkpoint

from graph.bookmark import Bookmark
from graph.checkpointers import PostgresCheckpointer
from graph.checkpointers.asked import made_at, nothing
from graph.checkpointers.records import Record
from graph.checkpointers.runs import Runs
from graph.errors import CheckpointNotFound
from graph.tables import Tables, owned
from graph.transcript import Transcripts

STEPS = 200
"""Checkpoints that one statement walks back."""

_CREATED = "SELECT created FROM longthread_thread WHERE owner = %(owner)s AND key = %(key)s"
_BACK = """
WITH RECURSIVE walk AS (
    SELECT c.id, c.parent, c.body, 1 AS back FROM longthread_checkpoint c
    WHERE c.thread = %(thread)s AND c.ns = '' AND c.id = %(tip)s::uuid
    UNION ALL
    SELECT c.id, c.parent, c.body, walk.back + 1 FROM walk
    JOIN longthread_checkpoint c ON c.thread = %(thread)s AND c.ns = '' AND c.id = walk.parent
    WHERE walk.back < %(steps)s
)
SELECT id::text AS id, parent::text AS parent, body FROM walk ORDER BY back
"""


class Forking:
    """Looks for moments in the threads kept by a saver."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self._saver, self._tables = saver, Tables(saver)
        self._transcripts = Transcripts(saver)

    async def before(self, place: Bookmark, message_id: str) -> Bookmark:
        """The moment of the bookmark's branch before this message. What is asked there is its sibling.

        Raises `ThreadNotFound`, and `CheckpointNotFound` where the message is not there or the moment was
        pruned.
        """
        thread, line, tip, _ = await self._transcripts.line(place)
        at = (await self._transcripts.positions(thread, line, [message_id])).get(message_id)
        if at is None:
            raise CheckpointNotFound
        return place.at(await self._root(place) if at == 0 else await self._holding(thread, line, tip, at))

    async def first(self, place: Bookmark, message_id: str) -> Bookmark:
        """The first moment of the bookmark's branch that has this message. Raises as `before`."""
        thread, line, tip, _ = await self._transcripts.line(place)
        at = (await self._transcripts.positions(thread, line, [message_id])).get(message_id)
        if at is None:
            raise CheckpointNotFound
        found = ""
        async for record in self._back(thread, tip):
            if record.line.length <= at:
                break
            found = record.id
        return place.at(found)

    async def _holding(self, thread: int, line: Runs, tip: str, length: int) -> str:
        """The newest checkpoint on the way back from `tip` whose line is the first `length` of `line`."""
        async for record in self._back(thread, tip):
            if record.line.length <= length:
                if record.line == line.cut(0, length):
                    return record.id
                break
        raise CheckpointNotFound

    async def _back(self, thread: int, tip: str) -> AsyncIterator[Record]:
        """The checkpoints on the way back from `tip`, newest first."""
        at: str | None = tip
        while at:
            values = {"thread": thread, "tip": at, "steps": STEPS}
            at = None
            for row in await self._tables.rows(_BACK, values):
                yield Record.read(id=row["id"], parent=None, ns="", body=row["body"], metadata=None)
                at = row["parent"]

    async def _root(self, place: Bookmark) -> str:
        """The empty checkpoint that the thread began with: the same each time, and stored when it is first
        wanted, for a first question is stored without one. The head stays where it is."""
        (row,) = await self._tables.rows(_CREATED, owned(place))
        root = made_at(row["created"] - timedelta(seconds=1))
        if await self._saver.aget_tuple(place.at(root).config) is None:
            made = {**empty_checkpoint(), **nothing(self._saver.following), "id": root}
            metadata: Any = {"source": "fork", "step": -2, "parents": {}}
            await self._saver.aput(place.at(None).config, cast("Checkpoint", made), metadata, {})
        return root
