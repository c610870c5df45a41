"""The tables behind a saver, read and changed from any event loop: `Tables`.

`owned` is what a statement is told of the thread that it is about.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from graph.bookmark import Bookmark
from graph.checkpointers import PostgresCheckpointer
from graph.errors import ThreadNotFound


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
