"""A write, tried until it is stored: `Attempts` runs the writing statements.

Each is one statement and one transaction. What it takes for granted (the head, the questions that wait, the
numbers that are free, the messages that are new) it believes from memory; where that does not hold nothing is
written, what the database has is read, and the write is made again.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from psycopg.errors import UniqueViolation

from graph.bookmark import Bookmark
from graph.checkpointers.drafts import Draft
from graph.checkpointers.leases import Lease
from graph.checkpointers.memory import Known, Memory
from graph.checkpointers.pool import ConnectionLost, Lends
from graph.checkpointers.reader import Reader
from graph.errors import StaleWriter, StoreUnavailable, ThreadDeleted, ThreadNotFound

TRIES = 8

CROWDED = "Too many writers at once on this thread. Try again."


class Attempts:
    """Writes to threads, one at a time to each."""

    def __init__(self, lender: Lends, memory: Memory, reader: Reader) -> None:
        self._lender = lender
        self._memory = memory
        self._reader = reader

    async def until_stored(self, place: Bookmark, attempt: Callable[[Known], Awaitable[bool]]) -> None:
        """Try until it is stored; nobody else of this process writes to the thread meanwhile.

        Raises `ThreadNotFound` for a thread that was deleted since it was read.
        """
        async with self._memory.of(place.key).alone():
            if not self._memory.of(place.key).read:
                await self._refresh(place)
            thread = self._memory.of(place.key).thread

            async def step() -> bool:
                known = self._memory.of(place.key)
                if known.deleted:
                    raise ThreadDeleted
                if thread is not None and known.thread != thread:
                    raise ThreadNotFound
                return await attempt(known)

            await surely(step)

    def still(self, place: Bookmark, lease: Lease | None) -> None:
        """Raise where the thread, as it was just read, is another's or no more."""
        known = self._memory.of(place.key)
        if lease and known.thread != lease.thread:
            raise ThreadDeleted if known.deleted else ThreadNotFound
        if lease and known.lease != lease.token:
            raise StaleWriter

    async def _refresh(self, place: Bookmark) -> None:
        """Read the tip of the thread anew."""
        self._memory.of(place.key).tips.clear()
        await self._reader.find(place.at(None), "", None)

    async def made(
        self, place: Bookmark, statement: bytes, known: Known, draft: Draft | None, values: dict[str, Any]
    ) -> bool:
        """Run a writing statement; False when what it believed does not hold, its numbers were taken, or the
        connection was lost in the middle: then what is stored is read, and each write may be made again."""
        values |= {"key": place.key, "owner": place.user_id, "thread_id": place.thread_id}
        values |= {"thread": None if known.thread is None else str(known.thread)}
        values |= {"waiting": known.asked.id if known.asked else None}
        if draft:
            values |= draft.parameters()
        thread = known.thread
        try:
            async with self._lender.connection() as conn:
                cursor = await conn.execute(statement, values)
                if cursor.description is None:
                    stored = cursor.rowcount > 0
                else:
                    row = await cursor.fetchone()
                    stored, thread = row is not None, row["number"] if row else thread
        except (UniqueViolation, ConnectionLost):
            stored = False
        if not stored:
            await self._refresh(place)  # which may forget messages that no remembered checkpoint holds
            await self._reader.learn(self._memory.of(place.key), draft.unheard if draft else [])
            return False
        known.thread = thread
        if draft:
            known.learn(draft.stored, draft.prints)
        return True


async def surely(step: Callable[[], Awaitable[bool]]) -> None:
    """Again until it is stored: each time more is known of what the database has."""
    for _ in range(TRIES):
        if await step():
            return
    raise StoreUnavailable(CROWDED)
