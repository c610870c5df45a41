"""The connections: `open_pool`, and `checked`, which lends one and tells in our words why it cannot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from graph.errors import StoreUnavailable

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]


@asynccontextmanager
async def open_pool(url: str) -> AsyncIterator[Pool]:
    """A pool of autocommitting connections with dict rows. Raises `StoreUnavailable`, in seconds."""
    await _answers(url)
    pool: Pool = AsyncConnectionPool(
        url,
        connection_class=AsyncConnection[DictRow],
        kwargs={
            "autocommit": True,  # without it nothing is stored
            "row_factory": dict_row,
            "prepare_threshold": None,  # prepared statements break behind poolers
            "connect_timeout": 5,
            "keepalives_idle": 30,
            "tcp_user_timeout": 10_000,
        },
        min_size=1,
        max_size=10,
        timeout=10,
        check=AsyncConnectionPool[Any].check_connection,  # without it the pool dies with the database
        open=False,
    )
    async with pool:
        yield pool


@asynccontextmanager
async def checked(pool: Pool) -> AsyncIterator[AsyncConnection[DictRow]]:
    """A living connection; errors that mean "no database" become `StoreUnavailable`."""
    try:
        async with pool.connection() as conn:
            yield conn
    except (psycopg.OperationalError, PoolTimeout) as e:
        raise StoreUnavailable(f"Postgres is not answering ({type(e).__name__}). Is it running?") from e


async def _answers(url: str) -> None:
    """Raise `StoreUnavailable` in seconds, with the reason, where the pool would retry for long."""
    try:
        conn = await asyncio.wait_for(AsyncConnection.connect(url, connect_timeout=5), 10)
        await conn.close()
    except (psycopg.Error, OSError, TimeoutError) as e:
        where: dict[str, Any] = conninfo_to_dict(url) if isinstance(e, psycopg.OperationalError) else {}
        place = f"{where.get('host', 'localhost')}:{where.get('port', 5432)}"
        reason = str(e).strip().splitlines()[-1].strip() if str(e).strip() else type(e).__name__
        raise StoreUnavailable(f"No Postgres at {place}: {reason}. Check DATABASE_URL.") from e
