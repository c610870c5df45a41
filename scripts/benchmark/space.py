"""What turns leave behind: the database's bytes after many of them, and the WAL of each: `measure`."""

from dataclasses import dataclass
from statistics import median
from typing import Any

import psycopg

from scripts.benchmark.report import Must, Table, ratio
from scripts.benchmark.stage import Stage
from scripts.benchmark.variants import VARIANTS

NAMES = ("floor-async", "ours-async", "saver-async", "stock-async", "agent", "session")
THREAD = "stored"
BLOCK = 10
"""Turns between two readings of the WAL, which every database of a server shares."""

_TABLES = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
_SEARCH = """
SELECT coalesce(sum(pg_total_relation_size(i.oid)), 0) FROM pg_class i JOIN pg_am ON pg_am.oid = i.relam
WHERE i.relkind = 'i' AND i.relnamespace = 'public'::regnamespace AND amname = 'gin'
"""
_WAL = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"


@dataclass(frozen=True)
class Stored:
    """Bytes: all of it, the search index's part, what empty tables take without it, and the WAL of a turn."""

    total: int
    search: int
    empty: int
    wal: float

    @property
    def rest(self) -> int:
        """Without the search index."""
        return self.total - self.search

    @property
    def grown(self) -> int:
        """Without the search index and what empty tables take: what more turns would take again."""
        return self.rest - self.empty


def measure(stage: Stage) -> None:
    """Fill the report with bytes; each variant alone, in a database of its own, on one thread."""
    names = stage.chosen(*NAMES)
    with stage.bar("space", stage.options.stored_turns * len(names)) as bar:
        found = {name: _stored(stage, name, bar) for name in names}
    floor = found.get("floor-async")
    rows = [[VARIANTS[name].label, *_row(stored, floor)] for name, stored in found.items()]
    columns = [
        "one thread",
        "MiB",
        "÷ floor",
        "search index",
        "without it ÷ floor",
        "so, less the empty tables",
        "empty",
        "WAL a turn, kB",
    ]
    turns = f"{stage.options.stored_turns:,}"
    note = (
        "All tables with their indexes and TOAST, as they are then; 'empty' is what all but the search index "
        "took before, in it."
    )
    stage.report.tables.append(Table(f"Database after {turns} turns of 500 characters", columns, rows, note))
    if floor and (ours := found.get("ours-async")):
        label = f"ours-async: database after {turns} turns ÷ floor"
        stage.report.musts += [
            Must(f"{label}, search index apart", 2.0, ours.rest / floor.total),
            Must(f"{label}, with it", 3.5, ours.total / floor.total),
        ]


def _stored(stage: Stage, name: str, bar: Any) -> Stored:
    database = f"{name}-space"
    url = stage.database(database)
    with stage.open(name, database) as player, psycopg.connect(url, autocommit=True) as conn:
        empty, wal = _number(conn, _TABLES) - _number(conn, _SEARCH), list[float]()
        for _ in range(0, stage.options.stored_turns, BLOCK):
            stage.words.prepare(BLOCK)
            before = _number(conn, _WAL)
            for _ in range(BLOCK):
                player.turn(THREAD)
            wal.append((_number(conn, _WAL) - before) / BLOCK)
            bar.update(BLOCK)
        return Stored(_number(conn, _TABLES), _number(conn, _SEARCH), empty, median(wal))


def _number(conn: psycopg.Connection[Any], query: str) -> int:
    row = conn.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _row(stored: Stored, floor: Stored | None) -> list[str]:
    by = floor.total if floor else 0
    mib = f"{stored.total / 2**20:,.2f}"
    parts = [f"{stored.search / 2**20:,.2f}", ratio(stored.rest, by)]
    parts += [ratio(stored.grown, floor.grown if floor else 0), f"{stored.empty / 2**20:,.2f}"]
    return [mib, ratio(stored.total, by), *parts, f"{stored.wal / 1e3:,.1f}"]
