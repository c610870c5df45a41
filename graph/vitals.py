"""How the database is: its size, what is connected and runs, and what our tables carry along: `Vitals`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from graph.checkpointers import PostgresCheckpointer
from graph.tables import Tables

_DATABASE = """
SELECT pg_database_size(current_database()) AS bytes,
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
    current_setting('max_connections')::integer AS allowed,
    (SELECT coalesce(extract(epoch FROM max(clock_timestamp() - query_start)), 0)::float
        FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()) AS oldest,
    (SELECT count(*) FROM longthread_thread WHERE until > now()) AS held,
    (SELECT count(*) FROM longthread_thread
        WHERE asked IS NOT NULL AND (until IS NULL OR until < now())) AS waiting
"""
_TABLES = """
SELECT c.relname AS name, pg_table_size(c.oid) AS bytes, pg_indexes_size(c.oid) AS indexes,
    coalesce(s.n_live_tup, 0) AS rows, coalesce(s.n_dead_tup, 0) AS dead,
    greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relkind = 'r' AND n.nspname = ANY (current_schemas(false))
    AND (c.relname LIKE 'longthread\\_%%'
        OR c.relname IN ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes'))
ORDER BY pg_total_relation_size(c.oid) DESC
"""

SLOW = 60.0
"""Seconds from which a statement is a long one."""

DEAD = 0.2
"""Share of rows from which dead ones are many: where Postgres itself begins to vacuum."""


@dataclass(frozen=True)
class Table:
    """A table of ours: bytes of it and of its indexes, its rows alive and dead, when it was last vacuumed."""

    name: str
    bytes: int
    indexes: int
    rows: int
    dead: int
    vacuumed: datetime | None

    @property
    def well(self) -> bool:
        """Whether dead rows are few."""
        return self.dead < 1_000 or self.dead <= DEAD * (self.rows + self.dead)


@dataclass(frozen=True)
class State:
    """The database: bytes, connections of how many `allowed`, seconds of the `oldest` statement that runs.

    `pool_used` of at most `pool_size` connections of this process are lent, and `pool_waiting` wait for one.
    `held` threads answer now; in `waiting` ones questions wait and nobody answers.
    """

    bytes: int
    connections: int
    allowed: int
    oldest: float
    held: int
    waiting: int
    pool_used: int
    pool_size: int
    pool_waiting: int
    tables: Sequence[Table]


class Vitals:
    """The state of a saver's database; may be asked from any event loop. Quotes no statement of anybody."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self._saver, self._tables = saver, Tables(saver)

    async def look(self) -> State:
        """How the database is now. Raises `StoreUnavailable`."""
        (row,) = await self._tables.rows(_DATABASE, {})
        tables = [Table(**each) for each in await self._tables.rows(_TABLES, {})]
        stats = self._saver.pool.get_stats()
        used = stats.get("pool_size", 0) - stats.get("pool_available", 0)
        size, waiting = stats.get("pool_max", 0), stats.get("requests_waiting", 0)
        return State(**row, pool_used=used, pool_size=size, pool_waiting=waiting, tables=tables)
