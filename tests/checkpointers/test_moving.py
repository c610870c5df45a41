"""Threads of other forms: the stock saver's, opened and moved, and those of the tables before."""

import operator
import subprocess
import sys
import zlib
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import psycopg
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, StateSnapshot, interrupt
from psycopg.rows import dict_row

from graph.bookmark import Bookmark
from graph.checkpointers import ids, migrations
from graph.checkpointers.packing import DICTIONARY, pack, unsqueeze
from graph.checkpointers.postgres import PostgresCheckpointer, open_postgres
from graph.errors import StoreUnavailable
from graph.threads import Threads

pytestmark = pytest.mark.anyio
T: Any = {"configurable": {"thread_id": "t"}}


class State(MessagesState):
    """A conversation, and what is none."""

    seen: Annotated[list[str], operator.add]
    big: str


def builder(*, asks: bool = False) -> "StateGraph[State]":
    """A stranger's graph with a subgraph that has messages of its own."""

    def answer(state: State) -> dict[str, Any]:
        said = [m for m in state["messages"] if isinstance(m, HumanMessage)][-1].text
        if asks and "ask" in said:
            said = str(interrupt("sure?"))
        return {"messages": [AIMessage(f"re: {said}")], "seen": [said], "big": said * 500}

    inner = StateGraph(MessagesState)
    inner.add_node("think", lambda _: {"messages": [AIMessage("hm")]})
    inner.add_edge(START, "think")
    graph = StateGraph(State)
    graph.add_node("inner", inner.compile())
    graph.add_node("answer", answer)
    graph.add_edge(START, "inner")
    graph.add_edge("inner", "answer")
    graph.add_edge("answer", END)
    return graph


def echo(state: MessagesState) -> dict[str, Any]:
    """A node that answers at once."""
    return {"messages": [AIMessage(f"re: {state['messages'][-1].text}")]}


def plain(snapshot: StateSnapshot) -> Any:
    """A snapshot without the names that our configs add."""
    tasks = [(t.name, t.id, [i.value for i in t.interrupts], t.result) for t in snapshot.tasks]
    return snapshot.values, snapshot.next, snapshot.metadata, snapshot.created_at, tasks


def tables(url: str) -> dict[str, int]:
    """How many rows of the stock's are left."""
    with psycopg.connect(url) as conn:
        names = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
        return {n: conn.execute(f"SELECT count(*) FROM {n}").fetchone()[0] for n in names}  # type: ignore[index]


def stocked(url: str) -> list[StateSnapshot]:
    """A thread of the stock saver: three turns, a fork, an edit, an interrupt. Its whole history."""
    with PostgresSaver.from_conn_string(url) as stock:
        stock.setup()
        graph = builder(asks=True).compile(checkpointer=stock)
        for word in ("one", "two", "three"):
            graph.invoke({"messages": [("user", word)]}, T)
        done = (s for s in graph.get_state_history(T) if not s.next)
        middle = next(s for s in done if len(s.values["messages"]) == 6)
        graph.invoke({"messages": [("user", "forked")]}, middle.config)
        first = graph.get_state(T).values["messages"][0]
        graph.update_state(T, {"messages": [HumanMessage("edited", id=first.id)]}, as_node="answer")
        graph.invoke({"messages": [("user", "ask me")]}, T)
        return list(graph.get_state_history(T))


async def history(saver: PostgresCheckpointer) -> list[StateSnapshot]:
    """All of the thread's snapshots."""
    graph = builder(asks=True).compile(checkpointer=saver)
    return [s async for s in graph.aget_state_history(T)]


async def test_a_stock_thread_shows_the_same_history_when_it_is_moved(fresh_database: str) -> None:
    """Every snapshot with values, tasks, interrupts, metadata; the stock's rows are gone, and it goes on."""
    expected = stocked(fresh_database)
    async with open_postgres(fresh_database) as saver:
        assert list(map(plain, await history(saver))) == list(map(plain, expected))
        left = [n async for n in saver.moving.move(Bookmark("t"))]
        assert left == list(range(len(left)))[::-1]
        assert len(left) > len(expected), "the subgraph's too"
        assert list(map(plain, await history(saver))) == list(map(plain, expected))
        used = (await Threads(saver).get(Bookmark("t"))).updated
    assert abs(used - datetime.fromisoformat(str(expected[0].created_at))) < timedelta(seconds=1)
    with psycopg.connect(fresh_database) as conn:
        said = conn.execute("SELECT created FROM longthread_message ORDER BY number").fetchall()
    assert min(said)[0] - datetime.fromisoformat(str(expected[-1].created_at)) < timedelta(seconds=1)
    assert max(said)[0] <= used, "when it was said, not when it was moved"
    assert set(tables(fresh_database).values()) == {0}
    async with open_postgres(fresh_database) as saver:
        assert list(map(plain, await history(saver))) == list(map(plain, expected))
        graph = builder(asks=True).compile(checkpointer=saver)
        end = await graph.ainvoke(Command(resume="yes"), T)
        assert end["messages"][-1].text == "re: yes"
        page = await Threads(saver).transcript(Bookmark("t"))
        said = [e.message.text for e in page.entries if e.message.type == "human"]
        assert said == ["edited", "two", "forked", "ask me"]
        assert [e.message.text for e in page.entries if e.branches] == ["edited"], "where the branches part"


async def test_a_stock_thread_goes_on_without_being_moved(fresh_database: str) -> None:
    """One history over both forms, newest first; old moments can be forked."""
    expected = stocked(fresh_database)
    async with open_postgres(fresh_database) as saver:
        graph = builder(asks=True).compile(checkpointer=saver)
        await graph.ainvoke(Command(resume="yes"), T)
        await graph.ainvoke({"messages": [("user", "more")]}, T)
        mixed = await history(saver)
        assert len(mixed) > len(expected)
        assert list(map(plain, mixed[-len(expected) :][1:])) == list(map(plain, expected[1:]))
        old = next(s for s in mixed if [m.text for m in s.values.get("messages", [])][-1:] == ["re: one"])
        await graph.ainvoke({"messages": [("user", "from the beginning")]}, old.config)
        moments = [moment.checkpoint_id for moment in await Threads(saver).moments(Bookmark("t"))]
        assert len(moments) == len(set(moments)), "what was brought over is in both tables"
        texts = [e.message.text for e in (await Threads(saver).transcript(Bookmark("t"))).entries]
        assert texts == ["one", "hm", "re: one", "from the beginning", "hm", "re: from the beginning"]
        _ = [n async for n in saver.moving.move(Bookmark("t"))]
        assert [e.message.text for e in (await Threads(saver).transcript(Bookmark("t"))).entries] == texts


async def test_a_move_that_is_stopped_goes_on(fresh_database: str) -> None:
    """Half way the thread reads the same, and the second run moves the rest."""
    expected = stocked(fresh_database)
    async with open_postgres(fresh_database) as saver:
        async for left in saver.moving.move(Bookmark("t")):
            if left < 10:
                break
        assert list(map(plain, await history(saver))) == list(map(plain, expected))
        assert tables(fresh_database)["checkpoints"] > 0
        assert [n async for n in saver.moving.move(Bookmark("t"))] == list(range(9))[::-1]
        assert list(map(plain, await history(saver))) == list(map(plain, expected))
    assert set(tables(fresh_database).values()) == {0}


async def test_the_command_moves_what_it_is_told(fresh_database: str) -> None:
    """scripts/migrate-thread: an unknown thread is 2, all of them is 0, and then there is nothing left."""
    stocked(fresh_database)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        root = Path(__file__).parents[2]
        command = [sys.executable, root / "scripts/migrate_thread.py", *words]
        environment = {"DATABASE_URL": fresh_database, "PYTHONPATH": str(root), "PATH": ""}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    unknown = run("nobody")
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "migrate-thread: the stock saver holds no such thread.\n",
    )
    done = run()
    assert done.returncode == 0, done.stderr
    assert "1 threads are in the new form" in done.stdout
    assert set(tables(fresh_database).values()) == {0}


# The tables of before


def catalogue(url: str) -> list[Any]:
    """Everything that our scripts make in a database: columns, indexes, functions, constraints."""
    parts = (
        """SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default,
        is_identity, collation_name FROM information_schema.columns WHERE table_schema = 'public'""",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype <> 'n'""",
        "SELECT relname, reloptions::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        "SELECT name FROM longthread_migration",
    )
    with psycopg.connect(url) as conn:
        return [sorted(conn.execute(part).fetchall(), key=str) for part in parts]


def before_rows(url: str) -> list[BaseMessage]:
    """A thread as 001 kept it: the stock's checkpoints, and all that was said in rows; two are folded."""
    schema = files("graph.checkpointers").joinpath("schema", "001_threads.sql").read_bytes()
    with PostgresSaver.from_conn_string(url) as stock:
        stock.setup()
        graph = StateGraph(MessagesState)
        graph.add_node("answer", echo)
        graph.add_edge(START, "answer")
        compiled = graph.compile(checkpointer=stock)
        for word in ("one", "two", "three"):
            compiled.invoke({"messages": [("user", word)]}, T)
        said = compiled.get_state(T).values["messages"]
        folded = [RemoveMessage(id=m.id) for m in said[:2]]
        compiled.update_state(T, {"messages": folded}, as_node="answer")
        ids = [s.config["configurable"]["checkpoint_id"] for s in compiled.get_state_history(T)]
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as conn:
        conn.execute(
            "CREATE TABLE longthread_migration (name text PRIMARY KEY, applied timestamptz DEFAULT now())"
        )
        conn.execute(schema)
        conn.execute("INSERT INTO longthread_migration (name) VALUES ('001_threads.sql')")
        conn.execute(
            "INSERT INTO longthread_thread (key, owner, thread_id, title, messages, head) "
            "VALUES ('t', 'local', 't', 'One', 6, %s)",
            (ids[0],),
        )
        for n, message in enumerate(said):
            kind, body = JsonPlusSerializer().dumps_typed(message)
            conn.execute(
                "INSERT INTO longthread_message (key, id, parent, seq, role, text, type, body) "
                "VALUES ('t', %s, %s, %s, %s, %s, %s, %s)",
                (message.id, said[n - 1].id if n else None, n, message.type, message.text, kind, body),
            )
        for n, id in enumerate(ids):
            conn.execute(
                "INSERT INTO longthread_moment (key, checkpoint_id, parent, step, kind, message, preview) "
                "VALUES ('t', %s, %s, %s, 'answer', %s, '')",
                (id, ids[n + 1] if n + 1 < len(ids) else None, len(ids) - n, said[-1].id),
            )
    return said


async def test_older_tables_become_the_same_as_fresh_ones(fresh_database: str, server: str) -> None:
    """Columns, indexes, functions and constraints, in the same order."""
    other = f"other_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{other}"')  # type: ignore[arg-type]
    base, _, query = server.partition("?")
    older = f"{base.rsplit('/', 1)[0]}/{other}" + (f"?{query}" if query else "")
    before_rows(older)
    for url in (older, fresh_database):
        async with open_postgres(url):
            pass
    assert catalogue(older) == catalogue(fresh_database)


async def test_what_older_tables_held_is_carried_over(fresh_database: str) -> None:
    """The title, the transcript with what was folded, and the state; and the thread goes on from there."""
    said = before_rows(fresh_database)
    async with open_postgres(fresh_database) as saver:
        threads, place = Threads(saver), Bookmark("t")
        (thread,) = await threads.list("local")
        assert (thread.title, thread.messages) == ("One", 6)
        assert [e.message for e in (await threads.transcript(place)).entries] == said
        assert (await threads.search("local", "three"))[0].message_id in {said[4].id, said[5].id}
        graph = StateGraph(MessagesState)
        graph.add_node("answer", echo)
        graph.add_edge(START, "answer")
        compiled = graph.compile(checkpointer=saver)
        assert (await compiled.aget_state(T)).values["messages"] == said[2:]
        await compiled.ainvoke({"messages": [("user", "four")]}, T)
        texts = [*(m.text for m in said), "four", "re: four"]
        assert [e.message.text for e in (await threads.transcript(place)).entries] == texts
        _ = [n async for n in saver.moving.move(place)]
        assert [e.message.text for e in (await threads.transcript(place)).entries] == texts
        assert len([s async for s in compiled.aget_state_history(T)]) == 13


BACK = """
DROP INDEX longthread_thread_kept, longthread_thread_away, longthread_thread_trashed,
    longthread_thread_temporary;
ALTER TABLE longthread_thread DROP COLUMN hour, DROP COLUMN lease, DROP COLUMN until, DROP COLUMN wish,
    DROP COLUMN temporary;
ALTER TABLE longthread_title DROP COLUMN by_hand;
DROP TABLE longthread_deleted, longthread_draft, longthread_request, longthread_tag, longthread_usage,
    longthread_counted, longthread_branch;
CREATE INDEX longthread_thread_kept ON longthread_thread (owner, pinned DESC, updated DESC, number DESC)
    WHERE NOT archived AND trashed IS NULL;
CREATE INDEX longthread_thread_archived ON longthread_thread (owner, updated DESC, number DESC)
    WHERE archived AND trashed IS NULL;
CREATE INDEX longthread_thread_trashed ON longthread_thread (owner, updated DESC, number DESC)
    WHERE trashed IS NOT NULL;
ALTER TABLE longthread_title ALTER COLUMN title TYPE text;
ALTER TABLE longthread_checkpoint ALTER COLUMN holds TYPE integer[] USING NULL;
ALTER TABLE longthread_write ALTER COLUMN holds TYPE integer[] USING NULL;
DELETE FROM longthread_migration WHERE name > '003';
"""


def back_to_002(url: str) -> None:
    """What is stored, as it was before 003: long ids, arrays of numbers, whole versions, fewer words."""
    with psycopg.connect(url, row_factory=dict_row) as conn:
        checkpoints = conn.execute("SELECT thread, id, holds, body FROM longthread_checkpoint").fetchall()
        messages = conn.execute("SELECT thread, number, id FROM longthread_message").fetchall()
        conn.execute(BACK)  # type: ignore[arg-type]
        for row in messages:
            old = ids.whole(row["id"]), row["thread"], row["number"]
            conn.execute("UPDATE longthread_message SET id = %s WHERE thread = %s AND number = %s", old)
        for row in checkpoints:
            parts = unsqueeze(row["body"])
            newest, behind = parts[6]
            parts[6] = {channel: newest - n for channel, n in behind.items()}
            parts[7] = {node: {c: newest - n for c, n in each.items()} for node, each in parts[7].items()}
            press = zlib.compressobj(1, zlib.DEFLATED, -11, 2, zlib.Z_DEFAULT_STRATEGY, DICTIONARY[-572:])
            body = press.compress(pack(parts)) + press.flush()
            runs = [run.split(":") for run in (row["holds"] or "").split()]
            holds = [int(number) for run in runs for number in (run[0], run[-1])] or None
            conn.execute(
                "UPDATE longthread_checkpoint SET holds = %s, body = %s WHERE thread = %s AND id = %s",
                (holds, body, row["thread"], row["id"]),
            )


async def test_what_002_stored_is_carried_over(fresh_database: str) -> None:
    """States, transcript and timeline as they were, odd ids among them; an edit still finds its message."""
    graph = StateGraph(MessagesState)
    graph.add_node("answer", echo)
    graph.add_edge(START, "answer")
    odd = (None, "plain", ":sign", f"lc_run--{uuid4()}", str(uuid4()).upper())
    async with open_postgres(fresh_database) as saver:
        compiled = graph.compile(checkpointer=saver)
        for id in odd:
            await compiled.ainvoke({"messages": [HumanMessage(f"said {id}", id=id)]}, T)
        states = [s.values async for s in compiled.aget_state_history(T)]
        moments = await Threads(saver).moments(Bookmark("t"))
    back_to_002(fresh_database)
    async with open_postgres(fresh_database) as saver:
        compiled = graph.compile(checkpointer=saver)
        assert [s.values async for s in compiled.aget_state_history(T)] == states
        assert await Threads(saver).moments(Bookmark("t")) == moments
        first = states[0]["messages"][0]
        await compiled.aupdate_state(T, {"messages": [HumanMessage("edited", id=first.id)]}, as_node="answer")
        page = await Threads(saver).transcript(Bookmark("t"))
        assert [e.message.text for e in page.entries][:1] == ["edited"]
        assert len(page.entries) == 2 * len(odd)


async def test_a_postgres_that_is_too_old_is_told(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a statement fails that it does not know, with the version that it takes."""
    monkeypatch.setattr(migrations, "OLDEST", 990_000)
    with pytest.raises(StoreUnavailable, match="version 99"):
        async with open_postgres(fresh_database):
            pass
