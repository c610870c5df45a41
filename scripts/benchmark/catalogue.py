"""What a person waits for before a thread is open: the list of all of them, and a search: `measure`."""

import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg

from graph import Bookmark
from scripts.benchmark.clone import Connection, clone, drop_indexes, search_indexes
from scripts.benchmark.report import Must, Spread, Table
from scripts.benchmark.stage import Player, Stage
from scripts.benchmark.words import ANSWER, RARE

NAME = "ours-async"
OWNERS = 10
HALVES = 20_000
"""Halves of texts; two make a text, so a million texts are a million."""

_THREADS = """
longthread_thread one, generate_series(1, %(each)s) AS n, generate_series(1, %(owners)s) AS o
WHERE one.key = %(key)s ORDER BY n, o
"""
_TITLES = """
longthread_title one JOIN longthread_thread o ON o.number = one.thread, longthread_thread t
WHERE o.key = %(key)s AND t.number <> o.number
"""
_MESSAGES = """
longthread_thread t CROSS JOIN generate_series(0, %(each)s - 1) AS n
JOIN longthread_message one ON one.thread = %(thread)s AND one.number = n %% 2
JOIN bench_half a ON a.number = (t.number * 7919 + n * 104729) %% %(halves)s
JOIN bench_half b ON b.number = (t.number * 15485863 + n * 32452843 + 17) %% %(halves)s
WHERE t.number <> %(thread)s
"""
_TEXT = "CASE WHEN n %% 2 = 0 THEN left(a.text, 99) || '.' ELSE a.text || ' ' || b.text END"
_RARE = """
UPDATE longthread_message SET text = text || %s
WHERE number = 3
  AND thread = (SELECT number FROM longthread_thread WHERE owner = %s ORDER BY number OFFSET 7 LIMIT 1)
"""


def measure(stage: Stage) -> None:
    """Fill the report with the time of a list and of a search among many threads of many owners."""
    if not stage.chosen(NAME):
        return
    options = stage.options
    with stage.open(NAME, "catalogue") as player:
        fill(stage, player)
        threads: Any = player.chat.inside.threads
        listed, many = _timed(stage, "list", lambda owner: threads.list(owner, limit=50))
        found, hits = _timed(stage, "search", lambda owner: threads.search(owner, RARE), owner_name(3))
        common, _ = _timed(stage, "search", lambda owner: threads.search(owner, "ka"))
    rows = [
        ["50 newest threads of an owner", listed.line(1e3)],
        ["search for a word that is there once", found.line(1e3)],
        ["search for a frequent word, 50 newest", common.line(1e3)],
    ]
    size = f"{options.threads:,} threads of {OWNERS} owners, {options.messages:,} messages"
    stage.report.tables.append(Table(f"Among {size}", ["ms", "p50 [min-max] p99"], rows))
    each = min(50, options.threads // OWNERS)
    label = f"list 50 of {options.threads // OWNERS:,} threads ({options.threads:,} in all)"
    stage.report.musts += [
        Must(label, 10, listed.p50 * 1e3 if many == each else None, " ms"),
        Must(
            f"search {options.messages:,} messages for a rare word",
            50,
            found.p50 * 1e3 if hits == 1 else None,
            " ms",
        ),
    ]


def owner_name(number: int) -> str:
    """What the owner of that number, from 1, is called."""
    return f"owner{number}"


def fill(stage: Stage, player: Player) -> None:
    """Make the threads and their messages, like those of a thread that is there by real turns."""
    options, first = stage.options, "first"
    player.seed(first, 8)
    key = Bookmark(first).key
    with (
        psycopg.connect(stage.database("catalogue"), autocommit=True) as conn,
        stage.bar("many threads", 4, unit="step") as bar,
    ):
        conn.execute("SET maintenance_work_mem = '512MB'")
        indexes = search_indexes(conn, "longthread_message")
        drop_indexes(conn, indexes)
        _halves(conn, stage)
        bar.update()
        _threads(conn, key, options.threads)
        bar.update()
        _messages(conn, key, options.messages // options.threads)
        conn.execute(_RARE, (f" {RARE}", owner_name(3)))
        bar.update()
        for statement in indexes.values():
            conn.execute(statement.encode())
        conn.execute("VACUUM ANALYZE")
        bar.update()


def _halves(conn: Connection, stage: Stage) -> None:
    conn.execute("CREATE TABLE bench_half (number integer PRIMARY KEY, text text NOT NULL)")
    with conn.cursor() as cursor, cursor.copy("COPY bench_half FROM STDIN") as copy:
        for number in range(HALVES):
            copy.write_row((number, stage.words.answer()[: ANSWER // 2 - 1]))


def _threads(conn: Connection, key: str, threads: int) -> None:
    values = {"key": key, "each": threads // OWNERS, "owners": OWNERS}
    names = {
        "owner": "'owner' || o",
        "thread_id": "'thread-' || n",
        "key": "'~owner' || o || '~thread-' || n",
    }
    # Nobody's threads are all of one second.
    clone(conn, "longthread_thread", _THREADS, values, updated="now() - n * interval '7 minutes'", **names)
    if conn.execute("SELECT to_regclass('longthread_title') IS NOT NULL").fetchone() == (True,):
        title = "(SELECT left(text, 50) FROM bench_half h WHERE h.number = t.number %% 20000)"
        clone(
            conn,
            "longthread_title",
            _TITLES,
            values,
            thread="t.number",
            owner="hashtext(t.owner)",
            title=title,
        )


def _messages(conn: Connection, key: str, each: int) -> None:
    row = conn.execute("SELECT number FROM longthread_thread WHERE key = %s", (key,)).fetchone()
    values = {"thread": row[0] if row else None, "each": each, "halves": HALVES}
    names = {"thread": "t.number", "number": "n", "owner": "hashtext(t.owner)", "text": _TEXT}
    clone(conn, "longthread_message", _MESSAGES, values, id="gen_random_uuid()::text", **names)


def _timed(
    stage: Stage, label: str, ask: Callable[[str], Awaitable[Any]], owner: str | None = None
) -> tuple[Spread, int]:
    """How long it took, asked by one owner after another or by this one; and how many were found at last."""

    async def timed(owner: str) -> tuple[float, int]:
        begin = time.perf_counter()
        found = await ask(owner)
        return time.perf_counter() - begin, len(found)

    order = random.Random(17)  # noqa: S311 - not a secret
    stage.run(timed(owner or owner_name(1)))
    times: list[float] = []
    hits = 0
    with stage.bar(label, stage.options.repeats, unit="time") as bar:
        for _ in range(stage.options.repeats):
            took, hits = stage.run(timed(owner or owner_name(order.randint(1, OWNERS))))
            times.append(took)
            bar.update()
    return Spread.of(times), hits
