"""Of what Longthread writes in a turn, which part takes how much: `measure`, by the statements one at a time.

Each part is a statement like the saver's, alone in a transaction, less one that writes next to nothing.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from graph import Bookmark
from scripts.benchmark.clone import Connection, cloning, drop_indexes, search_indexes
from scripts.benchmark.report import Spread, Table, ratio
from scripts.benchmark.stage import Stage
from scripts.benchmark.turns import net

NAME = "ours-async"
THREAD = "shared"
LENGTH = 100
REPEATS = 4
"""Of each statement, for one repeat of other parts."""

_BARE = "CREATE TABLE bench_message (LIKE longthread_message INCLUDING ALL)"
_PAIR = "longthread_message one WHERE thread = %(thread)s AND number IN (0, 1)"
_POINT = (
    "(SELECT * FROM longthread_checkpoint WHERE thread = %(thread)s AND ns = '' ORDER BY id DESC LIMIT 1) one"
)
_MOVE = "UPDATE longthread_thread SET updated = now(), messages = messages + 2 WHERE number = %(thread)s"


@dataclass(frozen=True)
class _Part:
    """A statement, and the one it is more than."""

    label: str
    run: Callable[[int], object]
    less: str


def measure(stage: Stage) -> None:
    """Fill the report with each part's time, and its share of all of them."""
    if not stage.chosen(NAME):
        return
    with stage.open(NAME, "shares") as player:
        player.seed(THREAD, LENGTH)
    with psycopg.connect(stage.database("shares"), autocommit=True) as conn:
        parts = _parts(stage, conn)
        times: dict[str, list[float]] = {part.label: [] for part in parts}
        order = random.Random(19)  # noqa: S311 - not a secret
        repeats = REPEATS * stage.options.repeats
        with stage.bar("shares", repeats, unit="round") as bar:
            for number in range(repeats):
                order.shuffle(parts)
                stage.words.prepare(2)
                for part in parts:
                    begin = time.perf_counter()
                    part.run(number)
                    times[part.label].append(time.perf_counter() - begin)
                bar.update()
    parts.sort(key=lambda part: list(times).index(part.label))
    stage.report.tables.append(_table(parts, times, _net(stage)))


def _parts(stage: Stage, conn: Connection) -> list[_Part]:
    row = conn.execute(
        "SELECT number FROM longthread_thread WHERE key = %s", (Bookmark(THREAD).key,)
    ).fetchone()
    thread = {"thread": row[0] if row else None}
    conn.execute("CREATE TABLE bench_nothing (number integer)")
    conn.execute(_BARE)
    drop_indexes(conn, search_indexes(conn, "bench_message"))

    said = "CASE WHEN one.number = 0 THEN %(question)s ELSE %(answer)s END"
    place = {"number": "one.number + 1000000 + 2 * %(n)s::integer", "id": "gen_random_uuid()::text"}
    new = {"id": "gen_random_uuid()", "thread": "-1 - %(n)s::integer"}

    def pair(table: str) -> Callable[[int], object]:
        insert = cloning(conn, table, _PAIR, text=said, **place)
        words = stage.words
        return lambda n: conn.execute(
            insert, {**thread, "n": n, "question": words.question(), "answer": words.answer()}
        )

    point = cloning(conn, "longthread_checkpoint", _POINT, **new)
    base, bare = "a transaction", "messages (2 rows)"
    return [
        _Part(base, lambda n: conn.execute("INSERT INTO bench_nothing VALUES (%s)", (n,)), ""),
        _Part(bare, pair("bench_message"), base),
        _Part("search index", pair("longthread_message"), bare),
        _Part("checkpoint", lambda n: conn.execute(point, {**thread, "n": n}), base),
        _Part("catalogue (the thread's row)", lambda _: conn.execute(_MOVE, thread), base),
    ]


def _net(stage: Stage) -> float | None:
    """What persistence takes of a turn in all, where this run has measured it."""
    samples = stage.report.samples.get("turn", {})
    length = min(stage.options.lengths, key=lambda n: abs(n - LENGTH))
    found = net(samples, NAME, length) if NAME in samples else None
    return found[0] if found else None


def _table(parts: list[_Part], times: dict[str, list[float]], all_of_it: float | None) -> Table:
    spreads = {label: Spread.of(of) for label, of in times.items()}
    own = {p.label: spreads[p.label].p50 - (spreads[p.less].p50 if p.less else 0) for p in parts}
    whole = sum(own.values())
    rows = [
        [p.label, spreads[p.label].line(1e3), f"{own[p.label] * 1e3:,.3f}", ratio(own[p.label] * 100, whole)]
        for p in parts
    ]
    rows.append(["together", "", f"{whole * 1e3:,.3f}", "100"])
    if all_of_it is not None:
        rows.append(
            ["net persistence of a turn", "", f"{all_of_it * 1e3:,.3f}", ratio(all_of_it * 100, whole)]
        )
    columns = ["part", "statement, ms: p50 [min-max] p99", "its own, ms", "%"]
    note = (
        "Its own: less a transaction that inserts one number; of the search index, less the bare messages. "
    )
    note += "The net has more: the read, a second transaction, the second trip, Python."
    return Table("Shares of what a turn writes", columns, rows, note)
