"""A thread that somebody else has by now, or that is no more: what comes late is refused."""

import asyncio
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage

from graph import (
    Bookmark,
    CheckpointNotFound,
    OpenGraph,
    Settings,
    StaleWriter,
    ThreadBusy,
    ThreadDeleted,
    ThreadNotFound,
    open_graph,
)
from graph.checkpointers import leases
from tests.graph.talking import config, raw, say, talk, texts, until
from tests.openai_server import Fault, ModelServer

pytestmark = pytest.mark.anyio


async def test_who_was_away_too_long_stores_nothing(
    graph: OpenGraph, other: OpenGraph, small: Settings, place: Bookmark, model: ModelServer
) -> None:
    """Its lease is over and another's turn is stored: `StaleWriter`, and what is newer stays."""
    await talk(graph, place, 1)
    model.delay, model.words = 0.05, 40
    running = asyncio.create_task(graph.ainvoke(say("Slow?"), place.config))
    await until(model, 2)
    graph.checkpointer._leases.close()  # type: ignore[union-attr]  # as of a process that stands still
    await raw(small, "UPDATE longthread_thread SET until = now() - interval '1 s' WHERE key = %s", place.key)
    model.words = 2
    await other.ainvoke(say("Quick?"), place.config)
    with pytest.raises(StaleWriter):
        await running
    assert (await texts(other, place))[2:-1] == ["Slow?", "Quick?"], (
        "the question was kept, and asked with it"
    )
    assert len(await texts(other, place)) == 5


async def test_a_lease_is_renewed_while_the_model_works(
    small: Settings, place: Bookmark, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long; and it is over in seconds when its process does not renew it."""
    monkeypatch.setattr(leases, "EVERY", 0.1)
    model.delay, model.words = 0.05, 30
    async with open_graph(small) as graph, open_graph(small) as other:
        running = asyncio.create_task(graph.ainvoke(say("Long?"), place.config))
        await until(model, 1)
        left = "SELECT until - now() > interval '5.5 s' FROM longthread_thread WHERE key = %s"
        for _ in range(4):
            await asyncio.sleep(0.3)
            assert await raw(small, left, place.key) == [(True,)]
        with pytest.raises(ThreadBusy):
            await other.ainvoke(say("Me?"), config(place, multitask_strategy="reject"))
        await running


async def test_a_change_of_the_state_waits_for_the_turn(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """It goes on from the answer, not from before it."""
    model.delay = 0.02
    running = asyncio.create_task(graph.ainvoke(say("First?"), place.config))
    await until(model, 1)
    noted = {"messages": [AIMessage("A note.")]}
    await other.aupdate_state(place.config, noted, as_node="answer")
    await running
    said = await texts(other, place)
    assert (said[0], said[-1], len(said)) == ("First?", "A note.", 3)


@pytest.mark.parametrize("begun", [False, True])
async def test_a_deleted_thread_does_not_come_back(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer, begun: bool
) -> None:
    """A turn under way is told, as is one that begins; nothing is stored, and no other thread is hit."""
    if begun:
        await talk(graph, place, 2)
    model.delay, model.words = 0.02, 20
    running = asyncio.create_task(graph.ainvoke(say("Still there?"), place.config))
    await until(model, 1 + 2 * begun)
    await other.threads.delete(place)
    with pytest.raises(ThreadNotFound):
        await running
    for g in (graph, other):
        with pytest.raises(ThreadDeleted):
            await g.ainvoke(say("Again?"), place.config)
        with pytest.raises(ThreadDeleted):
            await g.aupdate_state(place.config, {"messages": [AIMessage("x")]}, as_node="answer")
        with pytest.raises(ThreadNotFound):
            await g.threads.get(place)
        assert (await g.aget_state(place.config)).values == {}
    await graph.ainvoke(say("Hello."), Bookmark(place.thread_id, user_id="somebody").config)


async def test_a_failed_turn_gives_its_thread_back(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """At once: the next need not wait for the lease to end; a moment that is not there makes no thread."""
    model.fault = Fault("status", 500)
    with pytest.raises(Exception, match="500"):
        await graph.ainvoke(say("First?"), place.config)
    model.fault = None
    await other.ainvoke(say("Second?"), config(place, multitask_strategy="reject"))
    said = await texts(other, place)
    assert said[:2] == ["First?", "Second?"]
    assert len(said) == 3
    nowhere = Bookmark(f"t-{uuid4()}")
    with pytest.raises(CheckpointNotFound):
        await graph.ainvoke(say("Hi."), nowhere.at(str(uuid4())).config)
    with pytest.raises(ThreadNotFound):
        await graph.threads.get(nowhere)
