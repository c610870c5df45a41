"""Threads in the form of the stock saver: `StockThreads` reads them; nothing here writes.

Such a thread opens unchanged. What is added to it is stored in our form; what was there stays where it is
until `scripts/migrate-thread` moves it.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import DictRow, dict_row


class Connects(Protocol):
    """What lends connections."""

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection[DictRow]]:
        """A living connection."""
        ...


class StockThreads(AsyncPostgresSaver):
    """The stock saver's reads, on connections that are lent."""

    def __init__(self, lender: Connects, serde: SerializerProtocol) -> None:
        self.serde = serde
        self._lender = lender

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:
        async with (
            self._lender.connection() as conn,
            conn.cursor(binary=True, row_factory=dict_row) as cur,
        ):
            yield cur

    async def tuple_at(self, key: str, namespace: str, checkpoint_id: str | None) -> CheckpointTuple | None:
        """The checkpoint named, else the newest of the namespace."""
        places = {"thread_id": key, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}
        return await self.aget_tuple({"configurable": places})
