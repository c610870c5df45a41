"""What stands between a saver and its Postgres: a pooler, a silent network, a server that restarts."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from psycopg.rows import scalar_row

from graph import Settings, StoreUnavailable, open_graph
from graph.checkpointers import pool
from graph.checkpointers.cluster import Cluster
from graph.checkpointers.embedded import embedded_postgres
from graph.checkpointers.lodging import tools
from graph.checkpointers.postgres import PostgresCheckpointer, open_postgres
from tests.checkpointers.by_hand import at, put, values
from tests.checkpointers.pgbouncer import MISSING, PROGRAM, PgBouncer
from tests.checkpointers.wire import Wire

pytestmark = pytest.mark.anyio

BOUND = 15  # seconds in which a call has to fail when nothing answers
CONNECTION = ("client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings", "application_name")


@pytest.fixture
def pooler(fresh_database: str, tmp_path: Path) -> Iterator[PgBouncer]:
    """A PgBouncer in transaction mode, with two connections to an empty database."""
    if not PROGRAM:
        pytest.fail(MISSING, pytrace=False)
    with PgBouncer(tmp_path / "pgbouncer", fresh_database) as pooler:
        yield pooler


@pytest.mark.pooler
async def test_eight_starters_may_set_up_at_once_through_a_pooler(pooler: PgBouncer) -> None:
    """On an empty database, again on a full one, and nobody is refused."""

    async def start(n: int) -> None:
        async with open_postgres(pooler.url) as saver:
            await saver.setup()
            await talk(saver, f"t{n}", "one")

    for _ in range(2):
        assert await asyncio.gather(*map(start, range(8)), return_exceptions=True) == [None] * 8


@pytest.mark.pooler
async def test_eight_savers_share_two_connections(pooler: PgBouncer, fresh_database: str) -> None:
    """Turns of a stranger's graph in 24 threads at once, all kept, and no session keeps anything."""
    async with AsyncExitStack() as stack:
        savers = [await stack.enter_async_context(open_postgres(pooler.url)) for _ in range(8)]
        threads = [(saver, f"t{n} {m}") for n, saver in enumerate(savers) for m in range(3)]
        for turn in range(4):
            await asyncio.gather(*(talk(saver, thread, str(turn)) for saver, thread in threads))
        for n, (_, thread) in enumerate(threads):
            other = savers[(n + 3) % 8]
            held = await values(other, at(thread))
            assert [m.text for m in held["messages"]] == [
                text for turn in range(4) for text in (str(turn), f"re: {turn}")
            ]
        await savers[0].acopy_thread("t0 0", "copy")
        await savers[0].aprune(["t0 0"])
        await savers[0].adelete_thread("t0 0")
        assert len([t async for t in savers[1].alist(at("copy"))]) == 12
        assert_nothing_left(pooler.url, fresh_database)


@pytest.mark.pooler
async def test_our_own_graph_works_through_a_pooler(pooler: PgBouncer, fresh_database: str) -> None:
    """Eight programs, two turns in each of two threads at once; the demo model knows what was said."""
    settings = Settings.read(database_url=pooler.url)

    async def program(n: int) -> list[str]:
        async with open_graph(settings) as graph:
            answers: list[str] = []
            for text in (f"My name is Ada{n}.", "What is my name?"):
                places = [{"configurable": {"thread_id": f"t{n} {m}", "user_id": f"u{n}"}} for m in range(2)]
                done = await asyncio.gather(
                    *(graph.ainvoke({"messages": [("user", text)]}, p) for p in places)
                )
                answers = [d["messages"][-1].text for d in done]
            assert len(await graph.threads.list(f"u{n}")) == 2
            return answers

    for n, answers in enumerate(await asyncio.gather(*map(program, range(8)))):
        assert all(f"Ada{n}" in answer for answer in answers)
    assert_nothing_left(pooler.url, fresh_database)


@pytest.mark.pooler
async def test_a_restarted_pooler_needs_no_restarted_process(pooler: PgBouncer) -> None:
    """While it is away the error has a name; when it is back the same saver goes on."""
    async with open_postgres(pooler.url) as saver:
        await talk(saver, "t", "one")
        pooler.stop()
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(saver.aget_tuple(at("t")), 2 * BOUND)
        pooler.start()
        assert await talk(saver, "t", "two") == ["one", "re: one", "two", "re: two"]


CALLS: list[Callable[[PostgresCheckpointer], Awaitable[Any]]] = [
    lambda saver: saver.aget_tuple(at("t")),
    lambda saver: put(saver, "t", {"messages": [HumanMessage("lost")]}),
    lambda saver: talk(saver, "t", "lost"),
    lambda saver: saver.adelete_thread("t"),
    lambda saver: saver.setup(),
]


@pytest.mark.parametrize("rest", [0.0, 60.0], ids=["asked first", "trusted"])
@pytest.mark.parametrize("flows", [(), ("answers",)], ids=["nothing passes", "no answer passes"])
async def test_a_silent_network_is_an_error_in_bounded_time(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch, flows: tuple[str, ...], rest: float
) -> None:
    """Connections stay open and nothing answers: each call fails by name in seconds, then all is well."""
    monkeypatch.setattr(pool, "STATEMENT_TIMEOUT", 1.0)
    monkeypatch.setattr(pool, "PATIENCE", 1.0)
    monkeypatch.setattr(pool, "REST", rest)

    async def lasted(call: Callable[[PostgresCheckpointer], Awaitable[Any]]) -> float:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(call(saver), 4 * BOUND)
        return time.monotonic() - began

    async with Wire(fresh_database) as wire, open_postgres(wire.url) as saver:
        await talk(saver, "kept", "one")
        wire.cut(*flows)
        assert max(await asyncio.gather(*map(lasted, CALLS))) < BOUND
        wire.mend()
        assert await talk(saver, "kept", "two") == ["one", "re: one", "two", "re: two"]
        await talk(saver, "t", "three")


async def test_a_network_that_falls_silent_in_a_turn_is_an_error(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a turn's read and its write: the turn fails by name, and the next one goes on."""
    monkeypatch.setattr(pool, "STATEMENT_TIMEOUT", 1.0)
    async with Wire(fresh_database) as wire, open_postgres(wire.url) as saver:
        await talk(saver, "t", "one")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(talk(saver, "t", "lost", meanwhile=wire.cut), 4 * BOUND)
        assert time.monotonic() - began < BOUND
        wire.mend()
        said = await talk(saver, "t", "two")
        assert said[:2] + said[-2:] == ["one", "re: one", "two", "re: two"]


async def test_a_silent_network_at_the_start_is_an_error(fresh_database: str) -> None:
    """The first connection is made, and nothing comes back."""
    async with Wire(fresh_database) as wire:
        wire.cut()
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            async with open_postgres(wire.url):
                pass
        assert time.monotonic() - began < BOUND


async def test_killed_connections_are_replaced(fresh_database: str) -> None:
    """Cut by the server between two turns or in one: the saver takes others, and nothing is lost."""
    async with open_postgres(fresh_database) as saver:
        await talk(saver, "t", "one")
        assert kill_connections(fresh_database) >= 1
        await talk(saver, "t", "two")
        said = await talk(saver, "t", "three", meanwhile=lambda: kill_connections(fresh_database))
    assert said == [text for word in ("one", "two", "three") for text in (word, f"re: {word}")]


@pytest.mark.parametrize("how", ["fast", "immediate", "kill"])
async def test_a_restarted_server_needs_no_restarted_process(tmp_path: Path, how: str) -> None:
    """Stopped in order, stopped as by a crash, or killed and started again: the same saver goes on."""
    async with embedded_postgres(tmp_path / "data") as url, open_postgres(url) as saver:
        cluster = Cluster(tmp_path / "data")
        await talk(saver, "t", "one")
        if how == "kill":
            os.kill(int(cluster.pidfile.read_text().split()[0]), signal.SIGKILL)
            with pytest.raises(StoreUnavailable):
                await asyncio.wait_for(ask_on(saver), 2 * BOUND)
            assert await asyncio.to_thread(cluster.start) == url
        else:
            owner = cluster.folder.stat()
            restart = [
                tools(cluster.data, owner.st_uid, owner.st_gid) / "pg_ctl",
                "restart",
                "-s",
                "-w",
                "-m",
                how,
            ]
            assert await asyncio.to_thread(cluster._run, restart)
        assert await talk(saver, "t", "two") == ["one", "re: one", "two", "re: two"]


async def ask_on(saver: PostgresCheckpointer) -> None:
    """Read until that fails: a backend answers until it sees that its postmaster is gone."""
    while True:
        await saver.aget_tuple(at("t"))


async def talk(
    saver: PostgresCheckpointer, thread_id: str, text: str, *, meanwhile: Callable[[], object] = int
) -> list[str]:
    """One turn of a stranger's graph, in which the node does something else too; the texts of the thread."""

    async def echo(state: MessagesState) -> dict[str, list[AIMessage]]:
        meanwhile()
        return {"messages": [AIMessage(f"re: {state['messages'][-1].text}")]}

    graph = StateGraph(MessagesState)
    graph.add_node("echo", echo)
    graph.add_edge(START, "echo")
    compiled = graph.compile(checkpointer=saver)
    # "sync": nothing is under way while the node runs.
    done = await compiled.ainvoke({"messages": [("user", text)]}, at(thread_id), durability="sync")
    return [m.text for m in done["messages"]]


def kill_connections(url: str) -> int:
    """How many connections to this database the server cut."""
    with psycopg.connect(url, autocommit=True) as conn:
        killed = conn.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    return killed[0] if killed else 0


def assert_nothing_left(pooled: str, direct: str) -> None:
    """Assert that both of the pooler's sessions are as they began: nothing prepared, set, locked or open."""
    with (
        psycopg.connect(pooled, prepare_threshold=None, row_factory=scalar_row) as one,
        psycopg.connect(pooled, prepare_threshold=None, row_factory=scalar_row) as two,
        psycopg.connect(direct, row_factory=scalar_row) as outside,
    ):
        left = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        assert outside.execute(left).fetchall() == [], "a transaction is open"
        sessions = [conn.execute("SELECT pg_backend_pid()").fetchone() for conn in (one, two)]
        assert len(set(sessions)) == 2, "each transaction has a session of the two"
        for conn in (one, two):
            assert conn.execute("SELECT name FROM pg_prepared_statements").fetchall() == []
            assert conn.execute("SELECT pg_listening_channels()").fetchall() == []
            assert conn.execute("SELECT name FROM pg_cursors").fetchall() == []
            changed = conn.execute("SELECT name FROM pg_settings WHERE source = 'session'").fetchall()
            assert set(changed) <= set(CONNECTION)
            held = conn.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory'").fetchall()
            assert held == []
