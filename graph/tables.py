"""The tables behind a saver, read and changed from any event loop: `Tables`.

`owned` is what a statement is told of the thread that it is about.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from graph.bookmark import Bookmark
from graph.checkpointers import PostgresCheckpointer
from graph.errors import ThreadNotFound

BYTES = """(
    (SELECT coalesce(sum(pg_column_size(m)), 0) FROM longthread_message m WHERE m.thread = t.number)
    + (SELECT coalesce(sum(pg_column_size(c)), 0) FROM longthread_checkpoint c WHERE c.thread = t.number)
    + (SELECT coalesce(sum(pg_column_size(w)), 0) FROM longthread_write w WHERE w.thread = t.number)
    + (SELECT coalesce(sum(pg_column_size(v)), 0) FROM longthread_value v WHERE v.thread = t.number)
    + (SELECT coalesce(sum(pg_column_size(s)), 0) FROM checkpoints s WHERE s.thread_id = t.key)
    + (SELECT coalesce(sum(pg_column_size(s)), 0) FROM checkpoint_blobs s WHERE s.thread_id = t.key)
    + (SELECT coalesce(sum(pg_column_size(s)), 0) FROM checkpoint_writes s WHERE s.thread_id = t.key)
    + pg_column_size(t)
)"""
"""Of all rows of the thread `t`, indexes apart."""


class Tables:
    """The tables of a saver."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self._saver = saver

    async def rows(self, statement: str, values: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        """What the statement finds."""

        async def read() -> Sequence[dict[str, Any]]:
            async with self._saver.connection() as conn:
                cursor = await conn.execute(statement.encode(), values)
                return await cursor.fetchall()

        return await self._saver.bridge.cross(read)

    async def change(self, statement: str, values: Mapping[str, Any]) -> None:
        """Change the rows that the statement names. Raises `ThreadNotFound` where there is none."""

        async def write() -> int:
            async with self._saver.connection() as conn:
                return (await conn.execute(statement.encode(), values)).rowcount

        if not await self._saver.bridge.cross(write):
            raise ThreadNotFound


def owned(place: Bookmark) -> dict[str, Any]:
    """Whose the thread is, and what it is stored under."""
    return {"owner": place.user_id, "key": place.key}
