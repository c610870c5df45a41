"""The connections: `open_pool`, and `Loan`, which lends one and tells in our words why it cannot."""

import asyncio
import os
import select
import socket
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Protocol

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from graph.errors import StoreUnavailable

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

SIZE = 10
STATEMENT_TIMEOUT = 5.0
"""Seconds that a loan of a connection may take; the statements of a turn take a thousandth. Kept here and not
by the server: a pooler between the two hands the server's settings from one client to the next."""

PATIENCE = 60.0
"""The same for work on whole threads: delete, prune, copy, move, search."""

WAIT = 4.0
"""Seconds that a caller waits for a connection that is free, or for a new one."""

RECONNECT = 1.0
"""Seconds for which the pool tries by itself to connect again, ever more seldom; after them who asks makes
it try, at once, however long Postgres was away."""

REST = 15.0
"""Seconds unused after which a connection is asked whether it still lives, which costs a round trip."""


AGAIN = ("08", "40", "57")
"""Classes of SQLSTATE by which a server says that the connection is over or that it undid what was asked. An
OperationalError of another class, such as a full disk's, would come again at once."""

CANCELED = "57014"
"""By the server itself, because it took too long there, or by its operator."""


class NoConnection(StoreUnavailable):
    """Nothing came of asking for a connection."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Postgres is not answering ({reason}). Is it running?")


class ConnectionLost(NoConnection):
    """A connection ended while it was lent: what was asked may have happened or not; another may do."""


class Refused(StoreUnavailable):
    """Postgres would not do what it was asked, or the driver could not ask."""

    def __init__(self, error: psycopg.Error) -> None:
        state = f", SQLSTATE {error.sqlstate}" if error.sqlstate else ""
        super().__init__(
            f"Postgres refused ({type(error).__name__}{state}). Nothing was stored. If it goes on: may this "
            "user write to these tables, and are they of this version?"
        )


class Connection(AsyncConnection[DictRow]):
    """A connection that knows when it was last in use."""

    used = 0.0


@asynccontextmanager
async def open_pool(url: str, *, size: int = SIZE) -> AsyncIterator[Pool]:
    """A pool of autocommitting connections with dict rows. Raises `StoreUnavailable`, in seconds.

    Statements are prepared where the server itself answers; behind a pooler, which may run two of them on two
    servers, they are not.
    """
    direct = await _answers(url)
    pool: Pool = AsyncConnectionPool(
        url,
        connection_class=Connection,
        kwargs={
            "autocommit": True,  # without it nothing is stored
            "row_factory": dict_row,
            # Our statements are few and wide: planning one anew costs more than running it.
            **(
                {"prepare_threshold": 1, "options": _with_option(url)}
                if direct
                else {"prepare_threshold": None}
            ),
            "connect_timeout": 5,
            "keepalives_idle": 30,
            "tcp_user_timeout": 10_000,
        },
        min_size=1,
        max_size=size,
        timeout=WAIT,
        reconnect_timeout=RECONNECT,
        configure=_begin,
        check=_lives,  # without it the pool dies with the database
        open=False,
    )
    pool._pool = _Newest()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    async with pool:
        yield pool


class Lends(Protocol):
    """What is read and written through."""

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection[DictRow]]:
        """A living connection."""
        ...


class Loan:
    """A living connection, for `async with`: `NoConnection` where none is to be had, or `ConnectionLost`.

    Hung up on when it takes too long: to cancel would be to ask the server, and wait for it once more.
    """

    __slots__ = ("_alarm", "_conn", "_pool", "_seconds")

    def __init__(self, pool: Pool, seconds: float | None = None) -> None:
        self._pool = pool
        self._seconds = STATEMENT_TIMEOUT if seconds is None else seconds

    async def __aenter__(self) -> AsyncConnection[DictRow]:
        try:
            self._conn = await self._pool.getconn()
        except (psycopg.OperationalError, PoolTimeout) as e:
            raise NoConnection(type(e).__name__) from e
        self._alarm = asyncio.get_running_loop().call_later(self._seconds, _hang_up, self._conn)
        return self._conn

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        silent = self._alarm.when() <= asyncio.get_running_loop().time()
        self._alarm.cancel()
        if error is None and isinstance(self._conn, Connection):
            self._conn.used = time.monotonic()
        await self._pool.putconn(self._conn)
        if isinstance(error, psycopg.OperationalError) and silent:
            raise NoConnection(f"no answer in {self._seconds:g} s") from None  # nor would another have one
        if isinstance(error, psycopg.OperationalError) and _passes(error.sqlstate):
            raise ConnectionLost(type(error).__name__) from None
        if isinstance(error, psycopg.Error) and not isinstance(error, UniqueViolation):
            raise Refused(error) from None  # the driver's text may quote the row


class Patient:
    """Lends connections for work on whole threads, which takes as long as they are."""

    def __init__(self, pool: Pool, seconds: float | None = None) -> None:
        self._pool = pool
        self._seconds = seconds

    def connection(self) -> Loan:
        """A living connection."""
        return Loan(self._pool, PATIENCE if self._seconds is None else self._seconds)


class _Newest(deque[Any]):
    """Connections of which the last to come back goes first: its server process has the plans at hand."""

    popleft = deque[Any].pop


def _with_option(url: str) -> str:
    return f"{conninfo_to_dict(url).get('options') or ''} -c plan_cache_mode=force_generic_plan".strip()


async def _begin(conn: AsyncConnection[Any]) -> None:
    """A new connection lives."""
    if isinstance(conn, Connection):
        conn.used = time.monotonic()


async def _lives(conn: AsyncConnection[Any]) -> None:
    """Raise for a connection that the server has ended, which leaves a word in the socket: that costs nothing
    to see. After a rest, when the network may have dropped it in silence, ask."""
    waiting = select.poll()
    waiting.register(conn.pgconn.socket, select.POLLIN)
    if waiting.poll(0):
        await conn.close()  # or the pool would lend it again
        raise psycopg.OperationalError("the server ended the connection")
    rested = time.monotonic() - conn.used if isinstance(conn, Connection) else REST
    if rested >= REST:
        alarm = asyncio.get_running_loop().call_later(STATEMENT_TIMEOUT, _hang_up, conn)
        try:
            await AsyncConnectionPool[Any].check_connection(conn)
        finally:
            alarm.cancel()


def _passes(state: str | None) -> bool:
    """Whether the same may be asked again on another connection; without a state, this one broke."""
    return state is None or (state[:2] in AGAIN and state != CANCELED)


def _hang_up(conn: AsyncConnection[Any]) -> None:
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(conn.pgconn.socket)) as line:
        line.shutdown(socket.SHUT_RDWR)


async def _answers(url: str) -> bool:
    """Whether the server itself answers, and no pooler; `StoreUnavailable` in seconds, with the reason, where
    the pool would retry for long."""
    try:
        async with await asyncio.wait_for(AsyncConnection.connect(url, connect_timeout=5), 10) as conn:
            row = await (await conn.execute("SELECT pg_backend_pid()")).fetchone()
            # A pooler hands out process ids of its own making.
            return row is not None and row[0] == conn.info.backend_pid
    except (psycopg.Error, OSError, TimeoutError) as e:
        where: dict[str, Any] = conninfo_to_dict(url) if isinstance(e, psycopg.OperationalError) else {}
        place = f"{where.get('host', 'localhost')}:{where.get('port', 5432)}"
        reason = str(e).strip().splitlines()[-1].strip() if str(e).strip() else type(e).__name__
        raise StoreUnavailable(f"No Postgres at {place}: {reason}. Check DATABASE_URL.") from e
