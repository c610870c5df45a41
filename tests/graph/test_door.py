"""The front door: every call, sync and async, from any loop, and nobody else's thread."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from graph import LOCAL, Bookmark, CheckpointNotFound, Settings, WrongLoop, open_graph
from graph.build import build

SAY = {"messages": [{"role": "user", "content": "My name is Ada."}]}
ASK = {"messages": [{"role": "user", "content": "What is my name?"}]}


def test_the_sync_calls_share_one_thread(settings: Settings, place: Bookmark) -> None:
    """invoke, stream, get_state, get_state_history and update_state, with a plain `with`."""
    with open_graph(settings) as graph:
        graph.invoke(SAY, place.config)
        parts = list(graph.stream(ASK, place.config, stream_mode="messages"))
        assert len(parts) > 2, "the answer streams"
        state = graph.get_state(place.config)
        assert "Ada" in state.values["messages"][-1].text
        history = list(graph.get_state_history(place.config))
        assert history[0].config == state.config
        graph.update_state(
            place.config, {"messages": [{"role": "user", "content": "I like tea."}]}, as_node="__start__"
        )
        assert graph.get_state(place.config).next == ("answer",)
    with open_graph(settings) as graph:
        assert "tea" in graph.get_state(place.config).values["messages"][-1].text


@pytest.mark.anyio
async def test_the_async_calls_share_one_thread(settings: Settings, place: Bookmark) -> None:
    """ainvoke, astream, aget_state, aget_state_history and aupdate_state, with `async with`."""
    async with open_graph(settings) as graph:
        await graph.ainvoke(SAY, place.config)
        parts = [p async for p in graph.astream(ASK, place.config, stream_mode="updates")]
        assert [list(p) for p in parts] == [["answer"]]
        assert "Ada" in (await graph.aget_state(place.config)).values["messages"][-1].text
        assert len([s async for s in graph.aget_state_history(place.config)]) == 2, "one checkpoint a turn"
        await graph.aupdate_state(place.config, {"messages": [("user", "I like tea.")]}, as_node="__start__")
        assert (await graph.aget_state(place.config)).next == ("answer",)


@pytest.mark.anyio
async def test_a_blocking_call_inside_the_loop_is_refused_by_name(
    settings: Settings, place: Bookmark
) -> None:
    """It would hang for ever; WrongLoop says which call to await."""
    async with open_graph(settings) as graph:
        for call in (
            lambda: graph.invoke(SAY, place.config),
            lambda: graph.get_state(place.config),
            lambda: list(graph.stream(SAY, place.config)),
            lambda: list(graph.get_state_history(place.config)),
        ):
            with pytest.raises(WrongLoop, match="Await a"):
                call()


@pytest.mark.anyio
async def test_sync_calls_from_a_worker_thread_of_an_async_program(
    settings: Settings, place: Bookmark
) -> None:
    """A sync handler of an async server may use the same graph."""
    async with open_graph(settings) as graph:
        await asyncio.to_thread(graph.invoke, SAY, place.config)
        assert len((await asyncio.to_thread(graph.get_state, place.config)).values["messages"]) == 2


def test_async_calls_from_another_loop(settings: Settings, place: Bookmark) -> None:
    """A graph opened by `with` may be awaited in a loop of the caller's own."""
    with open_graph(settings) as graph:

        async def elsewhere() -> list[Any]:
            await graph.ainvoke(SAY, place.config)
            await graph.threads.rename(place, "From elsewhere")
            return [p async for p in graph.astream(ASK, place.config, stream_mode="messages")]

        assert len(asyncio.run(asyncio.wait_for(elsewhere(), 20))) > 2


def test_closing_a_sync_stream_early_ends_the_turn_there(settings: Settings, place: Bookmark) -> None:
    """Leaving the loop hangs nothing, and the question is kept."""
    with open_graph(settings) as graph:
        for _ in graph.stream(SAY, place.config, stream_mode="messages"):
            break
        assert graph.get_state(place.config).values["messages"][0].text == "My name is Ada."


def test_a_copy_has_the_same_door(settings: Settings, place: Bookmark) -> None:
    """with_config() binds a thread and a user, and keeps the checks and the threads."""
    with open_graph(settings) as graph:
        bound = graph.with_config(configurable={"thread_id": place.thread_id, "user_id": "eve"})
        bound.invoke(SAY)
        assert graph.get_state(Bookmark(place.thread_id, "eve").config).values["messages"]
        assert graph.get_state(place.config).values == {}
        assert type(bound) is type(graph)


def test_the_bare_graph_answers_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """build() names no saver and needs none."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/nowhere")
    graph = build()
    assert graph.checkpointer is None
    assert graph.invoke(SAY)["messages"][-1].type == "ai"
    assert list(graph.stream(SAY, stream_mode="updates"))


Call = Callable[[Any, Bookmark], Awaitable[str]]


async def _state(graph: Any, place: Bookmark) -> str:
    return repr(await graph.aget_state(place.config))


async def _history(graph: Any, place: Bookmark) -> str:
    return repr([s async for s in graph.aget_state_history(place.config)])


async def _invoke(graph: Any, place: Bookmark) -> str:
    return repr(await graph.ainvoke({"messages": [("user", "what did I say about marzipan?")]}, place.config))


async def _stream(graph: Any, place: Bookmark) -> str:
    question = {"messages": [("user", "what did I say about marzipan?")]}
    return repr([p async for p in graph.astream(question, place.config, stream_mode="values")])


async def _update(graph: Any, place: Bookmark) -> str:
    await graph.aupdate_state(place.config, {"messages": [("user", "hello")]}, as_node="__start__")
    return await _state(graph, place)


async def _list(graph: Any, place: Bookmark) -> str:
    return repr(await graph.threads.list(place.user_id))


async def _sync(graph: Any, place: Bookmark) -> str:
    def read() -> str:
        return repr(graph.get_state(place.config)) + repr(list(graph.get_state_history(place.config)))

    return await asyncio.to_thread(read)


@pytest.mark.anyio
@pytest.mark.parametrize("call", [_state, _history, _invoke, _stream, _update, _list, _sync])
async def test_two_users_with_one_thread_id_never_meet(settings: Settings, call: Call) -> None:
    """Whatever is called, neither sees nor changes a word of the other's thread."""
    thread = uuid4().hex
    ada, eve = Bookmark(thread, "ada"), Bookmark(thread, "eve")
    async with open_graph(settings) as graph:
        for owner, secret in ((ada, "SILVER"), (Bookmark(thread, LOCAL), "GOLDEN")):
            said = {"messages": [("user", f"The marzipan is hidden under the {secret} oak.")]}
            await graph.ainvoke(said, owner.config)
        before = repr((await graph.aget_state(ada.config)).values)
        seen = await call(graph, eve)
        assert "SILVER" not in seen
        assert "GOLDEN" not in seen
        assert repr((await graph.aget_state(ada.config)).values) == before


@pytest.mark.anyio
async def test_another_users_checkpoint_id_is_as_good_as_none(settings: Settings) -> None:
    """A stolen checkpoint id opens nothing, under the thief's name or with the same thread_id."""
    thread = uuid4().hex
    async with open_graph(settings) as graph:
        await graph.ainvoke(SAY, Bookmark(thread, "ada").config)
        stolen = (await graph.aget_state(Bookmark(thread, "ada").config)).config["configurable"][
            "checkpoint_id"
        ]
        for thief in (Bookmark(thread, "eve", stolen), Bookmark(thread, LOCAL, stolen)):
            with pytest.raises(CheckpointNotFound):
                await graph.aget_state(thief.config)
            with pytest.raises(CheckpointNotFound):
                await graph.ainvoke(ASK, thief.config)
