"""How Postgres runs our statements once the tables are large: by an index, every one of them."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import product
from types import ModuleType
from typing import Any

import anyio
import psycopg
import pytest

from graph import boughs, comparing, counting, forking, searching, tags, threads, timeline, transcript, usage
from graph.checkpointers import admitting, answers, leases, listing, pruning, reader
from graph.checkpointers.postgres import open_postgres
from graph.checkpointers.reading import reading
from graph.checkpointers.statements import FEW, LEAVING, asking, noting, saving, taking

THREADS, LONG = 12_000, 40_000
"""Threads, of 8 messages each; and messages of one that has more."""

FEW_LONG = """
INSERT INTO longthread_thread (key, owner, thread_id, head)
SELECT n, '', n, md5(n::text)::uuid FROM generate_series(1, 2) n;

INSERT INTO longthread_checkpoint (thread, id, ns, holds, body)
SELECT n, md5(n::text)::uuid, '', '0:9 90:99', '\\x90' FROM generate_series(1, 2) n;

INSERT INTO longthread_message (thread, number, owner, type, id, text)
SELECT n, m, hashtext(''), 'human', 'id-' || n || '-' || m, repeat(md5(m::text), 8)
FROM (VALUES (1, 99), (2, 9999)) t (n, last), generate_series(0, last) m;
"""

FILL = """
INSERT INTO longthread_thread (key, owner, thread_id, updated, pinned, archived, trashed, messages, head)
SELECT 't' || n, 'user' || n % 300, 't' || n, now() - n * interval '1 minute', n % 50 = 0, n % 7 = 0,
    CASE WHEN n % 11 = 0 THEN now() END, 8, lpad(to_hex(n), 32, '0')::uuid
FROM generate_series(1, {threads}) n;

INSERT INTO longthread_title (thread, owner, title)
SELECT n, hashtext('user' || n % 300), 'Title number ' || n FROM generate_series(1, {threads}) n;

INSERT INTO longthread_tag (thread, owner, tag)
SELECT n, hashtext('user' || n % 300), 'tag ' || n % 5 FROM generate_series(1, {threads}) n;

INSERT INTO longthread_message (thread, number, owner, type, id, text)
SELECT n, m, hashtext('user' || n % 300), 'human', 'id-' || n || '-' || m,
    'word' || n || ' and other words ' || m
FROM generate_series(1, {threads}) n, generate_series(-1, 6) m
UNION ALL
SELECT 1, m, hashtext('user1'), 'ai', 'id-1-' || m, 'word' || m || ' and other words'
FROM generate_series(7, {long}) m;

INSERT INTO longthread_checkpoint (thread, id, parent, ns, holds, body, metadata)
SELECT n, lpad(to_hex(n * c), 32, '0')::uuid, NULL::uuid, s, '0:7', '\\x90'::bytea,
    CASE WHEN n % 1000 = 0 THEN jsonb_build_object('run_id', 'run' || n) END
FROM generate_series(1, {threads}) n, generate_series(1, 3) c, unnest(ARRAY['', 'sub:1']) s
UNION ALL
SELECT 1, ('e' || lpad(to_hex(c), 31, '0'))::uuid, NULL, '', '0:7', '\\x90', NULL
FROM generate_series(1, {long}) c;

INSERT INTO longthread_write (thread, checkpoint, ns, task, path, idx, channel, holds, body)
SELECT n, lpad(to_hex(n), 32, '0')::uuid, '', 'task', '', i, 'messages', '0:1', '\\x90'
FROM generate_series(1, {threads}) n, generate_series(0, 1) i;

INSERT INTO longthread_value (thread, digest, body)
SELECT n, md5(n || '-' || d)::uuid, '\\x90' FROM generate_series(1, {threads}) n, generate_series(0, 1) d;

INSERT INTO longthread_draft (thread, lease, text)
SELECT n, md5(n::text)::uuid, 'So far' FROM generate_series(1, {threads}) n;

INSERT INTO longthread_request (thread, request, message)
SELECT n, md5(n::text)::uuid, 'id-' || n FROM generate_series(1, {threads}) n;

INSERT INTO longthread_usage (thread, owner, quarter, asked, turns, sent, said, guessed, bytes)
SELECT n, 'user' || n % 300, now(), 'answer', 1, 1, 1, 0, 1 FROM generate_series(1, {threads}) n;

INSERT INTO longthread_counted (thread) SELECT n FROM generate_series(1, {threads}) n;

INSERT INTO longthread_branch (thread, number, name)
SELECT n, 0, 'Branch ' || n FROM generate_series(1, {threads}) n;

INSERT INTO longthread_deleted (digest) SELECT md5(n::text)::uuid FROM generate_series(1, {threads}) n;

INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, checkpoint)
SELECT 's' || n, '', lpad(to_hex(c), 32, '0')::uuid::text, '{{}}'
FROM generate_series(1, {threads}) n, generate_series(1, 2) c;

INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
SELECT 's' || n, '', 'messages', v::text, 'msgpack', '\\x90'
FROM generate_series(1, {threads}) n, generate_series(1, 2) v;

INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob)
SELECT 's' || n, '', lpad(to_hex(c), 32, '0')::uuid::text, 'task', 0, 'messages', 'msgpack', '\\x90'
FROM generate_series(1, {threads}) n, generate_series(1, 2) c;
"""
TABLES = (*pruning.TABLES, *pruning.STOCK, "longthread_thread", "longthread_deleted")
NUMBERS = frozenset({"thread", "number", "from", "to", "limit", "place", "days"})
"""Parameters that psycopg sends as numbers; of the others Postgres finds the type."""


@contextmanager
def filled(server: str, name: str, rows: str) -> Iterator[psycopg.Connection]:
    """A connection to a database of our tables with these rows, of which Postgres has taken statistics."""
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        conn.execute(f"CREATE DATABASE {name}".encode())
    url = re.sub(r"/postgres(\?|$)", rf"/{name}\1", server)

    async def make_tables() -> None:
        async with open_postgres(url):
            pass

    anyio.run(make_tables)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(rows.encode())
        conn.execute("VACUUM ANALYZE")
        yield conn
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="module")
def large(server: str) -> Iterator[psycopg.Connection]:
    """A connection to a database whose every table has 10,000 rows or more."""
    with filled(server, "plans", FILL.format(threads=THREADS, long=LONG)) as conn:
        for table in TABLES:
            row = conn.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            assert row and row[0] >= 10_000, table
        yield conn


@pytest.fixture(scope="module")
def few_long(server: str) -> Iterator[psycopg.Connection]:
    """A connection to a database of two threads, one of which has nearly all the messages."""
    with filled(server, "few_long", FEW_LONG) as conn:
        yield conn


def numbered(statement: str | bytes) -> str:
    """A statement with parameters as Postgres knows them: $1, $2, …"""
    places: dict[str, int] = {}

    def place(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        name = found[1] or f"at {found.start()}"
        number = places.setdefault(name, len(places) + 1)
        return f"${number}::bigint" if name in NUMBERS else f"${number}"

    text = statement.decode() if isinstance(statement, bytes) else statement
    return re.sub(r"%%|%\((\w+)\)[sbt]|%[sbt]", place, text)


def nodes(top: Any) -> Iterator[dict[str, Any]]:
    """Every node of a plan."""
    yield top
    for inner in top.get("Plans", ()):
        yield from nodes(inner)


def plan(conn: psycopg.Connection, statement: str | bytes) -> Iterator[dict[str, Any]]:
    """The nodes of the plan that is used for all parameters alike, as `open_pool` asks for."""
    row = conn.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {numbered(statement)}".encode()).fetchone()
    assert row
    (explained,) = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return nodes(explained["Plan"])


def scans(conn: psycopg.Connection, statement: str | bytes) -> list[str]:
    """Where a statement reads a whole table, or a whole index, however large."""
    found: list[str] = []
    for node in plan(conn, statement):
        kind = node["Node Type"]
        if kind == "Seq Scan" and node["Relation Name"] in TABLES:
            found.append(f"{kind} on {node['Relation Name']}")
        if kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan") and "Index Cond" not in node:
            found.append(f"{kind} of all of {node['Index Name']}")
    return found


def written_in(module: ModuleType, *apart: str) -> dict[str, str | bytes]:
    """The statements that stand in a module as constants, but for those `apart`."""
    found: dict[str, str | bytes] = {}
    for name, value in vars(module).items():
        many = value if isinstance(value, tuple) else (value,)
        for n, each in enumerate(many):
            text = each.decode() if isinstance(each, bytes) else each
            if isinstance(text, str) and re.match(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b", text):
                found[f"{name}[{n}]" if isinstance(value, tuple) else name] = each
    return {name: statement for name, statement in found.items() if name not in apart}


def lists() -> dict[str, str]:
    """A user's list, each shelf, the first page and a further one."""
    return {
        f"{shelf}{' further' if further else ''}{' tagged' if tagged else ''}": threads._THREAD
        + threads._LISTED
        + (threads._TAGGED if tagged else "")
        + threads._SHELVES[shelf].format(after=threads._AFTER[shelf] if further else "")
        + " LIMIT %(limit)s"
        for shelf in threads._SHELVES
        for further in (False, True)
        for tagged in ((False, True) if shelf == "kept" else (False,))
    }


def pages() -> dict[str, str]:
    """The checkpoints of a thread, by what may be asked of them."""
    conditions = {
        "ns": "k.ns = %(ns)s",
        "id": "k.id = %(id)s::uuid",
        "before": "k.id < %(before)s::uuid",
        "last": "(k.id, k.thread, k.ns) < (%(last)s::uuid, %(thread)s, %(last_ns)s)",
    }
    found: dict[str, str] = {}
    for used in product((False, True), repeat=len(conditions)):
        names = [name for name, wanted in zip(conditions, used, strict=True) if wanted]
        where = ["k.thread = (SELECT number FROM longthread_thread WHERE key = %(key)s)"]
        where += [conditions[name] for name in names]
        found[" ".join(["page", *names])] = listing._PAGE.format(where=" AND ".join(where))
    return found


def deletions() -> dict[str, str]:
    """As `Pruning.delete` and the copy of stock threads make them."""
    found = {"threads": "DELETE FROM longthread_thread WHERE key = ANY (%s) RETURNING number"}
    found |= {table: f"DELETE FROM {table} WHERE thread = ANY (%s)" for table in pruning.TABLES}
    found |= {table: f"DELETE FROM {table} WHERE thread_id = ANY (%s)" for table in pruning.STOCK}
    for table, columns in pruning._STOCK_COLUMNS.items():
        found[f"copy {table}"] = (
            f"INSERT INTO {table} (thread_id, {columns}) "
            f"SELECT %s, {columns} FROM {table} WHERE thread_id = %s"
        )
    return found


KNOWN = {
    **{f"threads.{name}": text for name, text in written_in(threads, "_THREAD", "SEARCH").items()},
    **{f"list {name}": text for name, text in lists().items()},
    **{f"tags.{name}": text for name, text in written_in(tags).items()},
    **{f"forking.{name}": text for name, text in written_in(forking).items()},
    **{f"counting.{name}": text for name, text in written_in(counting, "_ADD", "_DONE").items()},
    **{f"usage.{name}": text for name, text in written_in(usage, "_BIGGEST").items()},
    **{f"transcript.{name}": text for name, text in written_in(transcript).items()},
    **{f"timeline.{name}": text for name, text in written_in(timeline).items()},
    **{f"boughs.{name}": text for name, text in written_in(boughs).items()},
    **{f"comparing.{name}": text for name, text in written_in(comparing).items()},
    **{f"searching.{name}": text for name, text in written_in(searching).items()},
    **{f"reader.{name}": text for name, text in written_in(reader, "_COLUMNS").items()},
    **{f"pruning.{name}": text for name, text in written_in(pruning).items()},
    **{f"admitting.{name}": text for name, text in written_in(admitting).items()},
    **{f"answers.{name}": text for name, text in written_in(answers).items()},
    **{f"leases.{name}": text for name, text in written_in(leases, "_FORGET", "_ABANDONED").items()},
    "statements.LEAVING": LEAVING,
    "usage._BIGGEST": usage._BIGGEST.format(order=usage._ORDERS["money"], sums=usage._SUMS),
    **pages(),
    **{f"delete {name}": text for name, text in deletions().items()},
    **{f"reading {which}": reading(which) for which in ("head", "newest", "named")},
}


@pytest.mark.parametrize("statement", KNOWN.values(), ids=list(KNOWN))
def test_no_statement_scans(large: psycopg.Connection, statement: str | bytes) -> None:
    """Reading, listing, searching, pruning: what is read is found by an index."""
    assert scans(large, statement) == []


SOME = (0, 1, 2, FEW, FEW + 1)


def savings() -> Iterable[tuple[str, bytes]]:
    """Every way to save a checkpoint."""
    for known, root, onward, settles, titles, values in product((False, True), repeat=6):
        if (onward or settles) and not (known and root):
            continue
        for messages, unheard in product(SOME, SOME):
            if unheard > messages or (unheard and not known):
                continue
            options: dict[str, Any] = {"known": known, "root": root, "onward": onward, "settles": settles}
            options |= {"titles": titles, "values": values, "messages": messages, "unheard": unheard}
            for held in ("", "ended") if known else ("",):
                yield f"{options} {held}", saving(**options, held=held)


def notings() -> Iterable[tuple[str, bytes]]:
    """Every way to note what a task wrote."""
    for known, values, replace in product((False, True), repeat=3):
        for messages, unheard in product(SOME, SOME):
            if unheard > messages or (unheard and not known):
                continue
            options: dict[str, Any] = {"known": known, "values": values, "replace": replace}
            options |= {"messages": messages, "unheard": unheard}
            yield str(options), noting(**options)


def askings() -> Iterable[tuple[str, bytes]]:
    """Every way to take a thread, with questions or without."""
    for known, fork, noted, titles in product((False, True), repeat=4):
        options = {"known": known, "fork": fork, "noted": noted, "titles": titles}
        yield str(options), asking(**options)
        yield f"{options} named", asking(**options, names=True)
    for known, asks, names in product((False, True), repeat=3):
        yield f"taking {known} {asks} {names}", taking(known=known, asks=asks, names=names)


BY_NUMBER = r"reading|reader\.|transcript._SAID|boughs._WORDS"
OF_MESSAGES = {name: text for name, text in KNOWN.items() if re.match(BY_NUMBER, name)}


@pytest.mark.parametrize("statement", OF_MESSAGES.values(), ids=list(OF_MESSAGES))
def test_no_message_is_read_that_was_not_asked_for(
    few_long: psycopg.Connection, statement: str | bytes
) -> None:
    """Where one thread is most of the table, its messages still are found by their numbers or ids."""
    for node in plan(few_long, statement):
        if "longthread_message" in (node.get("Relation Name", "") + node.get("Index Name", "")):
            condition = node.get("Index Cond", node.get("Recheck Cond", ""))
            assert re.search("number|hashtext", condition), (node["Node Type"], condition)


@pytest.mark.parametrize("every", [savings, notings, askings])
def test_no_write_scans(large: psycopg.Connection, every: Any) -> None:
    """Whatever is known, new, large or asked: a turn costs the same however much there is."""
    found = {name: where for name, statement in every() if (where := scans(large, statement))}
    assert found == {}


def test_a_scan_would_be_seen(large: psycopg.Connection) -> None:
    """What no index can answer is told, with the table and the index."""
    assert scans(large, "SELECT 1 FROM longthread_message WHERE text = %(text)s") == [
        "Seq Scan on longthread_message"
    ]
    every = scans(large, "SELECT thread, number FROM longthread_message ORDER BY thread, number")
    assert every == ["Index Only Scan of all of longthread_message_pkey"]


def test_every_statement_is_looked_at() -> None:
    """A module that says more than it did says it here too."""
    assert {"threads._GET", "threads._SIZE", "searching.SEARCH"} < KNOWN.keys()
    assert {"transcript._SAID", "transcript._SWITCH", "timeline._MOMENTS"} < KNOWN.keys()
    assert {"boughs._TIPS", "boughs._NAME", "comparing._RECORDS"} < KNOWN.keys()
    assert {"answers._LINES", "leases._RENEW", "leases._END", "leases._WISH"} < KNOWN.keys()
    assert {"reader._BY_ID", "pruning._OF_RUNS", "pruning._DROP[0]", "pruning._COPY[4]"} < KNOWN.keys()
