"""Threads of the stock saver brought into our form, whole: `Moving`.

Checkpoints are saved again one by one, oldest first, under their own ids, and the stock's rows go at the end,
in one transaction. Stopped half way, nothing is lost: what is stored already is skipped the next time, and
until then the thread is read from both.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from psycopg.rows import DictRow

from graph.bookmark import Bookmark
from graph.checkpointers.asked import made
from graph.checkpointers.memory import Memory
from graph.checkpointers.pool import Lends
from graph.checkpointers.reader import Reader
from graph.checkpointers.runs import Runs
from graph.checkpointers.writer import Writer
from graph.errors import ThreadNotFound

_KEYS = b"SELECT DISTINCT thread_id FROM checkpoints ORDER BY thread_id"
_LEFT = b"""
SELECT s.checkpoint_ns, s.checkpoint_id FROM checkpoints s
WHERE s.thread_id = %(key)s AND NOT EXISTS (
    SELECT FROM longthread_thread t JOIN longthread_checkpoint c ON c.thread = t.number
    WHERE t.key = %(key)s AND c.ns = s.checkpoint_ns AND c.id = s.checkpoint_id::uuid
) ORDER BY s.checkpoint_id, s.checkpoint_ns
"""
_BEFORE = b"SELECT head, updated FROM longthread_thread WHERE key = %s"
_DATED = b"UPDATE longthread_message SET created = %s WHERE thread = %s AND number >= %s AND number < %s"
_TIPS = b"""
SELECT c.id FROM longthread_checkpoint c WHERE c.thread = %(thread)s AND c.ns = '' AND NOT EXISTS (
    SELECT FROM longthread_checkpoint k WHERE k.thread = %(thread)s AND k.ns = '' AND k.parent = c.id
) ORDER BY c.id
"""
_DONE = b"""
UPDATE longthread_thread SET head = %(head)s, branches = %(branches)s::uuid[], messages = %(messages)s,
    updated = %(updated)s, line = NULL WHERE number = %(thread)s
"""
_FREED = (
    b"DELETE FROM checkpoints WHERE thread_id = %s",
    b"DELETE FROM checkpoint_blobs WHERE thread_id = %s",
    b"DELETE FROM checkpoint_writes WHERE thread_id = %s",
)


class Moving:
    """Moves threads; each may go on meanwhile, in another process too."""

    def __init__(self, lender: Lends, memory: Memory, reader: Reader, writer: Writer) -> None:
        self._lender = lender
        self._memory = memory
        self._reader = reader
        self._writer = writer

    async def threads(self) -> Sequence[Bookmark]:
        """The threads that the stock saver holds something of."""
        return [Bookmark.at_key(row["thread_id"]) for row in await self._rows(_KEYS)]

    async def left(self, place: Bookmark) -> int:
        """How many of the thread's checkpoints are still in the stock's form."""
        return len(await self._rows(_LEFT, {"key": place.key}))

    async def move(self, place: Bookmark) -> AsyncIterator[int]:
        """Move a thread; yields how many of its checkpoints are left, after each. Raises `ThreadNotFound`."""
        if not await self._rows(b"SELECT 1 FROM checkpoints WHERE thread_id = %s LIMIT 1", (place.key,)):
            raise ThreadNotFound
        before = await self._rows(_BEFORE, (place.key,))
        await self._reader.find(place, "", None)
        left = await self._rows(_LEFT, {"key": place.key})
        for done, row in enumerate(left, 1):
            await self._copy(place.at(row["checkpoint_id"]), row["checkpoint_ns"])
            yield len(left) - done
        await self._finish(place, before[0] if before else None)

    async def _copy(self, place: Bookmark, ns: str) -> None:
        first = self._memory.of(place.key).next
        async with self._memory.of(place.key).alone():
            await self._writer.adopt(place, ns)
        known = self._memory.of(place.key)
        dated = (made(place.checkpoint_id or ""), known.thread, first, known.next)
        async with self._lender.connection() as conn:
            await conn.execute(_DATED, dated)

    async def _finish(self, place: Bookmark, before: DictRow | None) -> None:
        """Set the head and the branches as they were, and free what the stock saver took."""
        thread = self._memory.of(place.key).thread
        async with self._lender.connection() as conn, conn.transaction():
            rows = await (await conn.execute(_TIPS, {"thread": thread})).fetchall()
            tips = [str(row["id"]) for row in rows]
            head = str(before["head"]) if before and before["head"] else tips[-1] if tips else None
            found = await self._reader.find(place, "", head) if head else None
            values = {
                "thread": thread,
                "head": head,
                "branches": Runs.literal_of(tip for tip in tips if tip != head),
                "messages": found.record.line.length if found else 0,
                "updated": before["updated"] if before else made(head) if head else None,
            }
            if head:
                await conn.execute(_DONE, values)
            for statement in _FREED:
                await conn.execute(statement, (place.key,))
        self._memory.forget(place.key)

    async def _rows(self, statement: bytes, values: Any = None) -> Sequence[DictRow]:
        async with self._lender.connection() as conn:
            return await (await conn.execute(statement, values)).fetchall()
