"""A request that is sent again, at once or later: its answer again, and the model is asked once."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import BaseMessage, HumanMessage

from graph import (
    Bookmark,
    IdempotencyConflict,
    InvalidInput,
    ModelRefused,
    ModelUnavailable,
    OpenGraph,
)
from tests.graph.talking import config, say, talk, texts
from tests.openai_server import Fault, ModelServer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("by", ["message", "request_id"])
async def test_a_request_sent_again_has_the_same_answer_and_asks_nobody(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer, by: str
) -> None:
    """In this process and in another, at once and after further turns."""
    request = str(uuid4())
    values = say("Once?")
    where = config(place, request_id=request)
    if by == "message":
        values["messages"][0]["id"] = request
        where = place.config
    first = await graph.ainvoke(values, where)
    for g in (graph, other):
        assert await g.ainvoke(values, where) == first
    await graph.ainvoke(say("And then?"), place.config)
    for g in (graph, other):
        assert await g.ainvoke(values, where) == first
    assert len(model.answers) == 2
    assert len(await texts(graph, place)) == 4


async def test_an_answer_is_given_again_in_every_stream(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """The words, the update and the state, alone and together, and in the forms of both versions."""
    values, where = say("Once?"), config(place, request_id="r")
    first = await graph.ainvoke(values, where)
    answer: BaseMessage = first["messages"][-1]

    async def again(**options: Any) -> list[Any]:
        return [part async for part in graph.astream(values, where, **options)]

    assert await again() == [{"answer": {"messages": [answer]}}], "a compiled graph's own mode"
    assert await again(stream_mode="values") == [first]
    assert await again(stream_mode="updates") == [{"answer": {"messages": [answer]}}]
    ((message, about),) = await again(stream_mode="messages")
    assert (message, about["langgraph_node"]) == (answer, "answer")
    assert [mode for mode, _ in await again(stream_mode=["messages", "values"])] == ["messages", "values"]
    assert await again(stream_mode=["values"], subgraphs=True) == [((), "values", first)]
    (part,) = await again(stream_mode="values", version="v2")
    assert (part["type"], part["data"]) == ("values", first)
    assert len(model.answers) == 1


async def test_a_request_sent_eight_times_at_once_is_one_turn(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """Half of them in another process: one call of the model, eight times its answer."""
    model.delay = 0.01
    await talk(graph, place, 1)
    where = config(place, request_id=str(uuid4()))
    calls = [g.ainvoke(say("Once?"), where) for g in (graph, other) * 4]
    found = await asyncio.gather(*calls)
    assert all(each == found[0] for each in found)
    assert len(model.answers) == 2
    assert len(await texts(graph, place)) == 4


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_it_holds_where_each_step_is_stored(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer, durability: Any
) -> None:
    """Whatever durability a caller asks for."""
    where = config(place, request_id="r")
    calls = [g.ainvoke(say("Once?"), where, durability=durability) for g in (graph, other) * 2]
    found = await asyncio.gather(*calls)
    assert all(each == found[0] for each in found)
    assert (len(model.answers), len(await texts(graph, place))) == (1, 2)


async def test_another_question_under_the_same_id_is_refused(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """By name, and the thread is as it was; also while the first waits for an answer."""
    where = config(place, request_id="r")
    await graph.ainvoke(say("One thing?"), where)
    before = await graph.aget_state(place.config)
    for g in (graph, other):
        with pytest.raises(IdempotencyConflict):
            await g.ainvoke(say("Another thing?"), where)
    assert await graph.aget_state(place.config) == before
    model.fault = Fault("status", 500)
    with pytest.raises(Exception, match="500"):
        await graph.ainvoke(say("Waiting?"), config(place, request_id="w"))
    model.fault = None
    with pytest.raises(IdempotencyConflict):
        await other.ainvoke(say("Not the same?"), config(place, request_id="w"))
    await other.ainvoke(say("Waiting?"), config(place, request_id="w"))
    assert (await texts(graph, place))[::2] == ["One thing?", "Waiting?"]


@pytest.mark.parametrize("durability", [None, "sync"])
async def test_a_request_may_have_a_name_beside_its_messages_id(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer, durability: Any
) -> None:
    """A client that gives each try's message an id of its own, and the request one: asked once."""
    await talk(graph, place, 1)
    found: list[Any] = []
    for g in (graph, other, graph):
        values = {"messages": [HumanMessage("Once?", id=str(uuid4()))]}
        found.append(await g.ainvoke(values, config(place, request_id="r"), durability=durability))
    assert found[0] == found[1] == found[2]
    twice = {"messages": [HumanMessage("Twice?", id=str(uuid4()))]}
    with pytest.raises(IdempotencyConflict):
        await other.ainvoke(twice, config(place, request_id="r"))
    assert (len(model.answers), len(await texts(graph, place))) == (2, 4)
    model.fault = Fault("status", 500)
    with pytest.raises(ModelUnavailable):
        await graph.ainvoke({"messages": [HumanMessage("Fails?", id="1")]}, config(place, request_id="f"))
    model.fault = None
    await other.ainvoke({"messages": [HumanMessage("Fails?", id="2")]}, config(place, request_id="f"))
    assert (await texts(graph, place))[4:-1] == ["Fails?"]


async def test_a_request_has_an_id_that_can_be_kept(graph: OpenGraph, place: Bookmark) -> None:
    """And the strategy is one that there is."""
    values = {"messages": [HumanMessage("Hi.", id="a")]}
    for bad in ("", " ", "a\0b", "x" * 300):
        with pytest.raises(InvalidInput):
            await graph.ainvoke(say("Hi."), config(place, request_id=bad))
    with pytest.raises(InvalidInput, match="multitask_strategy"):
        await graph.ainvoke(say("Hi."), config(place, multitask_strategy="hurry"))
    assert (await graph.aget_state(place.config)).values == {}
    await graph.ainvoke(values, config(place, request_id="a"))


async def test_a_question_that_is_refused_takes_no_other_with_it(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """It is kept, and asked again by itself; the thread goes on without it, in every process."""
    await talk(graph, place, 1)
    model.fault = Fault("status", 400, times=1)
    with pytest.raises(ModelRefused):
        await graph.ainvoke(say("Poison."), config(place, request_id="p"))
    for g in (other, graph):
        await g.ainvoke(say("Good?"), place.config)
        assert "Poison." not in [m["content"] for m in model.answers[-1].messages]
        assert "Poison." in await texts(g, place), "nothing is lost"
    await other.ainvoke(say("Poison."), config(place, request_id="p"))
    assert [m["content"] for m in model.answers[-1].messages].count("Poison.") == 1
    assert (await texts(graph, place))[2:-1:2] == ["Good?", "Good?", "Poison."]
    assert len(await texts(graph, place)) == 8
