"""Two turns in one thread at once: in order, or as their callers choose."""

import asyncio

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from graph import (
    Bookmark,
    OpenGraph,
    Settings,
    StaleWriter,
    ThreadBusy,
    open_graph,
)
from graph.checkpointers import statements
from graph.checkpointers.admitting import Admitting
from tests.graph.talking import config, raw, say, talk, texts, until
from tests.openai_server import ModelServer

pytestmark = pytest.mark.anyio


async def write(graphs: list[OpenGraph], place: Bookmark, turns: int) -> None:
    """Each graph says its turns, as fast as it can."""

    async def one(n: int, graph: OpenGraph) -> None:
        for turn in range(turns):
            await graph.ainvoke(say(f"{n}.{turn}"), place.config)

    await asyncio.gather(*(one(n, graph) for n, graph in enumerate(graphs)))


async def test_writers_of_one_thread_are_put_in_order(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, small: Settings
) -> None:
    """Nothing is lost, each question is followed by its answer, and there is one branch; folds among them."""
    await write([graph, graph, other, other], place, 6)
    said = [e.message for e in (await graph.threads.transcript(place, limit=100)).entries]
    assert [type(message) for message in said] == [HumanMessage, AIMessage] * 24
    for n in range(4):
        mine = [m.text for m in said[::2] if m.text.startswith(f"{n}.")]
        assert mine == [f"{n}.{turn}" for turn in range(6)], "in the order in which they were said"
    rows = await raw(small, "SELECT branches, lease FROM longthread_thread WHERE key = %s", place.key)
    assert rows == [([], None)]


async def test_without_leases_writers_are_not_put_in_order(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with the protection switched off: the test above can fail."""
    monkeypatch.setattr(statements, "_FREE", "")
    monkeypatch.setattr(statements, "_HELD", "")
    monkeypatch.setattr(Admitting, "_free", lambda *_: None)
    statements.asking.cache_clear()
    statements.saving.cache_clear()
    try:
        await asyncio.gather(write([graph, other], place, 6), return_exceptions=True)
        said = [e.message for e in (await graph.threads.transcript(place, limit=100)).entries]
        assert [type(message) for message in said] != [HumanMessage, AIMessage] * 12
    finally:
        monkeypatch.undo()
        statements.asking.cache_clear()
        statements.saving.cache_clear()


@pytest.mark.parametrize("where", ["here", "elsewhere"])
async def test_reject_does_not_wait(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer, where: str
) -> None:
    """`ThreadBusy` at once, nothing stored of it, and the turn under way is not disturbed."""
    model.delay = 0.03
    running = asyncio.create_task(graph.ainvoke(say("First?"), place.config))
    await until(model, 1)
    late = graph if where == "here" else other
    with pytest.raises(ThreadBusy):
        await late.ainvoke(say("Second?"), config(place, multitask_strategy="reject"))
    await running
    assert len(await texts(graph, place)) == 2


async def test_enqueue_waits_so_long_and_no_longer(
    small: Settings, place: Bookmark, model: ModelServer
) -> None:
    """Then `ThreadBusy`; a longer patience has its turn."""
    model.delay, model.words = 0.05, 20
    async with (
        open_graph(small.model_copy(update={"turn_wait": 0.2})) as hasty,
        open_graph(small) as patient,
    ):
        running = asyncio.create_task(patient.ainvoke(say("First?"), place.config))
        await until(model, 1)
        with pytest.raises(ThreadBusy):
            await hasty.ainvoke(say("Hasty."), place.config)
        await patient.ainvoke(say("Patient."), place.config)
        await running
        assert (await texts(patient, place))[::2] == ["First?", "Patient."]


@pytest.mark.parametrize("where", ["here", "elsewhere"])
async def test_interrupt_ends_the_turn_under_way_and_keeps_its_words(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer, where: str
) -> None:
    """Its caller gets what was said, marked; then the other has its turn."""
    model.delay, model.words = 0.02, 500
    running = asyncio.create_task(graph.ainvoke(say("First?"), place.config))
    await until(model, 1)
    await asyncio.sleep(0.2)
    late = graph if where == "here" else other
    second = asyncio.create_task(late.ainvoke(say("Second?"), config(place, multitask_strategy="interrupt")))
    first = (await running)["messages"][-1]
    assert first.response_metadata["stopped"] is True
    assert 0 < len(first.text.split()) < 500
    model.words = 3
    await second
    assert (await texts(graph, place))[::2] == ["First?", "Second?"]
    assert (await texts(graph, place))[1] == first.text


@pytest.mark.parametrize("where", ["here", "elsewhere"])
@pytest.mark.parametrize("begun", [False, True])
async def test_rollback_leaves_no_trace_of_the_turn_under_way(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer, where: str, begun: bool
) -> None:
    """Its caller is told by name; in a new thread and in one that was begun."""
    if begun:
        await talk(graph, place, 1)
    model.delay, model.words = 0.02, 500
    running = asyncio.create_task(graph.ainvoke(say(f"Not {place.thread_id}."), place.config))
    await until(model, 1 + begun)
    late = graph if where == "here" else other
    second = asyncio.create_task(late.ainvoke(say("This."), config(place, multitask_strategy="rollback")))
    with pytest.raises(StaleWriter):
        await running
    model.words = 3
    await second
    assert (await texts(graph, place))[2 * begun :: 2] == ["This."]
    assert not await graph.threads.search(place.user_id, place.thread_id)
