"""Threads in the form of the stock saver: `StockThreads` reads them; nothing here writes.

Such a thread opens unchanged. What is added to it is stored in our form, and so is the checkpoint that it was
added to; the rest stays where it is until `scripts/migrate-thread` moves it.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from langgraph.checkpoint.base import WRITES_IDX_MAP, CheckpointTuple
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import DictRow, dict_row

from graph.bookmark import configurable

_PATHS = b"""
SELECT task_id, task_path FROM checkpoint_writes
WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s
ORDER BY task_path COLLATE "C", task_id COLLATE "C", idx
"""


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

    async def written(
        self, key: str, found: CheckpointTuple
    ) -> Sequence[tuple[str, str, list[tuple[str, Any]]]]:
        """What tasks wrote at a checkpoint: task, path, and (channel, value)s; the special ones apart."""
        places = configurable(found.config)
        names = (key, places["checkpoint_ns"], places["checkpoint_id"])
        async with self._lender.connection() as conn:
            rows = await (await conn.execute(_PATHS, names)).fetchall()
        tasks: defaultdict[tuple[str, str, bool], list[tuple[str, Any]]] = defaultdict(list)
        for row, (_, channel, value) in zip(rows, found.pending_writes or (), strict=True):
            tasks[(row["task_id"], row["task_path"], channel in WRITES_IDX_MAP)].append((channel, value))
        return [(task, path, writes) for (task, path, _), writes in tasks.items()]
