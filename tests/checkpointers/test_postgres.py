"""The saver: its authors' contract, the stock's threads, and what it keeps besides."""

import asyncio
from uuid import uuid4

import psycopg
import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage, SystemMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, MessagesState, StateGraph

from graph.bookmark import Bookmark
from graph.checkpointers.postgres import PostgresCheckpointer, open_postgres
from graph.errors import LongthreadError, StoreUnavailable
from graph.threads import Threads

pytestmark = pytest.mark.anyio


def echo(state: MessagesState) -> dict[str, list[AnyMessage]]:
    """A node that answers at once."""
    return {"messages": [AIMessage(f"re: {state['messages'][-1].text}")]}


def chain() -> "StateGraph[MessagesState]":
    """A stranger's graph: nothing of ours in it."""
    graph = StateGraph(MessagesState)
    graph.add_node("echo", echo)
    graph.add_edge(START, "echo")
    graph.add_edge("echo", END)
    return graph


async def test_a_thread_of_the_stock_saver_opens_and_goes_on(fresh_database: str) -> None:
    """Same state, same history; the next turn continues it."""
    with PostgresSaver.from_conn_string(fresh_database) as stock:
        stock.setup()
        chain().compile(checkpointer=stock).invoke({"messages": [("user", "one")]}, _config("t"))
    async with open_postgres(fresh_database) as saver:
        graph = chain().compile(checkpointer=saver)
        assert [m.text for m in (await graph.aget_state(_config("t"))).values["messages"]] == [
            "one",
            "re: one",
        ]
        await graph.ainvoke({"messages": [("user", "two")]}, _config("t"))
        page = await Threads(saver).transcript(Bookmark("t"))
        assert [e.message.text for e in page.entries] == ["one", "re: one", "two", "re: two"]
        assert len([s async for s in graph.aget_state_history(_config("t"))]) == 6


async def test_ids_that_look_alike_are_different_threads(database: str) -> None:
    """Deleting `a` leaves `a_b`, `A`, other people's `a` and `~a` alone."""
    mark = uuid4().hex[:8]
    places = [
        Bookmark(f"{mark}a"),
        Bookmark(f"{mark}a_b"),
        Bookmark(f"{mark}A"),
        Bookmark(f"{mark}a", "eve"),
        Bookmark(f"~{mark}a"),
    ]
    async with open_postgres(database) as saver:
        graph = chain().compile(checkpointer=saver)
        for n, place in enumerate(places):
            await graph.ainvoke({"messages": [("user", str(n))]}, place.config)
        await saver.adelete_thread(f"{mark}a")
        assert (await graph.aget_state(places[0].config)).values == {}
        for n, place in enumerate(places[1:], 1):
            assert (await graph.aget_state(place.config)).values["messages"][0].text == str(n)


async def test_config_comes_back_with_its_owner(database: str) -> None:
    """A snapshot's config can be used as it is, and never leads to another user's thread."""
    async with open_postgres(database) as saver:
        graph = chain().compile(checkpointer=saver)
        place = Bookmark(uuid4().hex, "zoë ~ %7E")
        await graph.ainvoke({"messages": [("user", "mine")]}, place.config)
        async for snapshot in graph.aget_state_history(place.config):
            assert Bookmark.of(snapshot.config).user_id == place.user_id
            again = await graph.aget_state(snapshot.config)
            assert again.values == snapshot.values


async def test_nothing_of_a_config_is_stored_but_the_known_keys(database: str) -> None:
    """A secret in `configurable` or `metadata` is nowhere in the database."""
    secret = f"sk-{uuid4().hex}"
    place = Bookmark(uuid4().hex)
    config = {"configurable": {"thread_id": place.thread_id, "api_key": secret}, "metadata": {"note": secret}}
    async with open_postgres(database) as saver:
        await chain().compile(checkpointer=saver).ainvoke({"messages": [("user", "hi")]}, config)
    with psycopg.connect(database) as conn:
        for table in (
            "checkpoints",
            "checkpoint_blobs",
            "checkpoint_writes",
            "longthread_thread",
            "longthread_message",
            "longthread_checkpoint",
            "longthread_write",
            "longthread_value",
        ):
            rows = conn.execute(
                f"SELECT t::text FROM {table} t WHERE t::text LIKE %s", (f"%{secret}%",)
            ).fetchall()  # type: ignore[arg-type]
            assert not rows, table


async def test_a_message_is_one_row_for_ever(database: str) -> None:
    """Ten turns leave twenty rows, chained; removing messages from the window removes no row."""
    place = Bookmark(uuid4().hex)
    async with open_postgres(database) as saver:
        graph = chain().compile(checkpointer=saver)
        for n in range(10):
            await graph.ainvoke({"messages": [("user", str(n))]}, place.config)
        window = (await graph.aget_state(place.config)).values["messages"]
        summary = SystemMessage(
            "s", additional_kwargs={"longthread": {"count": 18, "through": window[17].id}}
        )
        remove = [RemoveMessage(id=m.id) for m in window[:18]]
        await graph.aupdate_state(place.config, {"messages": remove}, as_node="echo")
        assert summary.text == "s"
        page = await Threads(saver).transcript(place, limit=500)
    assert [e.message.text for e in page.entries] == [t for n in range(10) for t in (str(n), f"re: {n}")]
    assert [e.seq for e in page.entries] == list(range(20))
    assert page.earlier == 0


async def test_an_edited_message_changes_no_older_moment(database: str) -> None:
    """The transcript shows the new text, the old checkpoint still the old one."""
    place = Bookmark(uuid4().hex)
    async with open_postgres(database) as saver:
        graph = chain().compile(checkpointer=saver)
        await graph.ainvoke({"messages": [HumanMessage("befor", id="m1")]}, place.config)
        old = await graph.aget_state(place.config)
        await graph.aupdate_state(
            place.config, {"messages": [HumanMessage("before", id="m1")]}, as_node="echo"
        )
        assert (await graph.aget_state(old.config)).values["messages"][0].text == "befor"
        assert (await Threads(saver).transcript(place)).entries[0].message.text == "before"


async def test_eight_starters_may_set_up_at_once(fresh_database: str) -> None:
    """Concurrent starters on an empty database, each with connections of its own, all succeed."""

    async def start() -> None:
        async with open_postgres(fresh_database) as saver:
            await saver.setup()

    assert await asyncio.gather(*(start() for _ in range(8)), return_exceptions=True) == [None] * 8


async def test_a_restarted_database_needs_no_restarted_process(fresh_database: str) -> None:
    """Connections that the server cut are replaced before they are used."""
    async with open_postgres(fresh_database) as saver:
        graph = chain().compile(checkpointer=saver)
        await graph.ainvoke({"messages": [("user", "one")]}, _config("t"))
        with psycopg.connect(fresh_database, autocommit=True) as conn:
            cut = conn.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
        assert cut and cut[0] >= 1
        await graph.ainvoke({"messages": [("user", "two")]}, _config("t"))
        assert len((await graph.aget_state(_config("t"))).values["messages"]) == 4


async def test_the_saver_works_from_another_loop_and_from_a_thread(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the stock saver hangs, calls cross to the loop that the pool lives on; also more than it has."""
    places = [Bookmark(uuid4().hex) for _ in range(25)]
    async with open_postgres(database) as saver:
        graph = chain().compile(checkpointer=saver)

        async def all_at_once() -> None:
            await asyncio.gather(*(graph.ainvoke({"messages": [("user", "a")]}, p.config) for p in places))

        def elsewhere() -> list[str]:
            asyncio.run(asyncio.wait_for(all_at_once(), 30))
            graph.invoke({"messages": [("user", "b")]}, places[0].config)
            return [m.text for m in graph.get_state(places[0].config).values["messages"]]

        loops: set[asyncio.AbstractEventLoop] = set()
        lend = saver.pool.getconn

        async def noted(timeout: float | None = None) -> object:
            loops.add(asyncio.get_running_loop())
            return await lend(timeout)

        monkeypatch.setattr(saver.pool, "getconn", noted)
        assert await asyncio.to_thread(elsewhere) == ["a", "re: a", "b", "re: b"]
        assert loops == {asyncio.get_running_loop()}, "the pool was used on its own loop only"


async def test_no_postgres_is_one_clear_error() -> None:
    """A port where nobody listens: StoreUnavailable in seconds, with the host and what to check."""
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1\b.*DATABASE_URL"):
        async with open_postgres("postgresql://u:secret@127.0.0.1:1/db"):
            pass


async def test_a_wrong_password_is_not_repeated_in_the_error(database: str) -> None:
    """The error names the host, not the secret."""
    wrong = database.replace(psycopg.conninfo.conninfo_to_dict(database)["password"], "hunter2")  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable) as e:
        async with open_postgres(wrong):
            pass
    assert "hunter2" not in str(e.value)
    assert isinstance(e.value, LongthreadError)


async def test_a_machine_whose_clock_is_behind_can_go_on(database: str) -> None:
    """What continues from the head is the head, though its id sorts before it."""
    place = Bookmark(uuid4().hex)
    async with open_postgres(database) as saver:
        ahead = empty_checkpoint() | {"id": "2f000000-0000-6000-8000-000000000000"}
        behind = empty_checkpoint() | {"id": "1f000000-0000-6000-8000-000000000000"}
        config = {"configurable": {"thread_id": place.thread_id, "checkpoint_ns": ""}}
        for checkpoint in (ahead, behind):
            config = await saver.aput(config, checkpoint, {"source": "loop", "step": 0, "parents": {}}, {})
        found = await saver.aget_tuple(place.config)
    assert found
    assert found.checkpoint["id"] == behind["id"]


async def test_pruning_keeps_the_transcript(database: str) -> None:
    """keep_latest drops checkpoints and no message; delete drops the thread."""
    place = Bookmark(uuid4().hex)
    async with open_postgres(database) as saver:
        graph = chain().compile(checkpointer=saver)
        for n in range(3):
            await graph.ainvoke({"messages": [("user", str(n))]}, place.config)
        await saver.aprune([place.thread_id])
        assert len([s async for s in graph.aget_state_history(place.config)]) == 1
        assert len((await Threads(saver).transcript(place)).entries) == 6
        await saver.aprune([place.thread_id], strategy="delete")
        assert not await Threads(saver).list("nobody")
        assert (await graph.aget_state(place.config)).values == {}


async def test_a_graph_without_messages_is_kept_too(database: str) -> None:
    """The saver is a drop-in: any state, and a checkpoint of nothing."""
    async with open_postgres(database) as saver:
        assert isinstance(saver, PostgresCheckpointer)
        config = _config(uuid4().hex)
        config["configurable"]["checkpoint_ns"] = ""
        stored = await saver.aput(
            config, empty_checkpoint(), {"source": "input", "step": -1, "parents": {}}, {}
        )
        assert (await saver.aget_tuple(stored)) is not None


def _config(thread_id: str) -> dict[str, dict[str, str]]:
    return {"configurable": {"thread_id": thread_id}}
