"""The floor: what a good engineer writes by hand. Read the last 20 messages, insert two, nothing else.

And the same where the question is durable before the model is called, as Longthread promises: two commits.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Any

from psycopg_pool import AsyncConnectionPool, ConnectionPool

from scripts.benchmark.chat import Chat
from scripts.benchmark.words import Words

_TABLE = """
CREATE TABLE IF NOT EXISTS message (
    thread_id text, seq bigint, role text NOT NULL, content text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (thread_id, seq))
"""
_READ = "SELECT seq, role, content FROM message WHERE thread_id = %s ORDER BY seq DESC LIMIT 20"
_WRITE = """
INSERT INTO message (thread_id, seq, role, content) VALUES (%s, %s, 'user', %s), (%s, %s, 'assistant', %s)
"""
_ONE = "INSERT INTO message (thread_id, seq, role, content) VALUES (%s, %s, %s, %s)"
_ASK = """
WITH asked AS (
    INSERT INTO message (thread_id, seq, role, content)
    SELECT %(thread)s, coalesce(max(seq), -1) + 1, 'user', %(question)s
    FROM message WHERE thread_id = %(thread)s RETURNING seq)
SELECT asked.seq, m.role, m.content FROM asked LEFT JOIN LATERAL (
    SELECT * FROM message WHERE thread_id = %(thread)s ORDER BY seq DESC LIMIT 20) m ON true
"""
_POOL: dict[str, Any] = {"kwargs": {"autocommit": True}, "max_size": 16}


@contextmanager
def floor(url: str, words: Words, *, durable: bool = False) -> Iterator[Chat]:
    """Sync psycopg: two statements, each a transaction; `durable`: the first stores the question."""
    with ConnectionPool(url, **_POOL) as pool:

        def say(thread: str, question: str) -> None:
            with pool.connection() as conn:
                seq = _next(conn.execute(_READ, (thread,)).fetchall())
                conn.execute(_WRITE, (thread, seq, question, thread, seq + 1, words.answer()))

        def ask(thread: str, question: str) -> None:
            with pool.connection() as conn:
                rows = conn.execute(_ASK, {"thread": thread, "question": question}).fetchall()
            with pool.connection() as conn:
                conn.execute(_ONE, (thread, rows[0][0] + 1, "assistant", words.answer()))

        def fill(thread: str, talk: list[str]) -> None:
            with pool.connection() as conn, conn.cursor() as cursor:
                seq = _next(conn.execute(_READ, (thread,)).fetchall())
                cursor.executemany(_ONE, _rows(thread, seq, talk))

        with pool.connection() as conn:
            conn.execute(_TABLE)
        yield Chat(ask if durable else say, fill)


@asynccontextmanager
async def async_floor(url: str, words: Words, *, durable: bool = False) -> AsyncIterator[Chat]:
    """The same with async psycopg."""
    async with AsyncConnectionPool(url, open=False, **_POOL) as pool:

        async def say(thread: str, question: str) -> None:
            async with pool.connection() as conn:
                seq = _next(await (await conn.execute(_READ, (thread,))).fetchall())
                await conn.execute(_WRITE, (thread, seq, question, thread, seq + 1, words.answer()))

        async def ask(thread: str, question: str) -> None:
            async with pool.connection() as conn:
                asked = await conn.execute(_ASK, {"thread": thread, "question": question})
                rows = await asked.fetchall()
            async with pool.connection() as conn:
                await conn.execute(_ONE, (thread, rows[0][0] + 1, "assistant", words.answer()))

        async def fill(thread: str, talk: list[str]) -> None:
            async with pool.connection() as conn, conn.cursor() as cursor:
                seq = _next(await (await conn.execute(_READ, (thread,))).fetchall())
                await cursor.executemany(_ONE, _rows(thread, seq, talk))

        async with pool.connection() as conn:
            await conn.execute(_TABLE)
        yield Chat(ask if durable else say, fill)


def _next(rows: list[Any]) -> int:
    return rows[0][0] + 1 if rows else 0


def _rows(thread: str, seq: int, talk: list[str]) -> Iterator[tuple[str, int, str, str]]:
    for number, text in zip(count(seq), talk, strict=False):
        yield thread, number, "assistant" if number % 2 else "user", text
