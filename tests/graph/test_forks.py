"""A fork that is sent twice: one question, one answer there, too; and how to have another."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from graph import Bookmark, IdempotencyConflict, OpenGraph
from graph.bookmark import configurable, with_places
from tests.openai_server import ModelServer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def first(graph: OpenGraph, place: Bookmark) -> Bookmark:
    """Where the thread had its first answer, before it went on."""
    await graph.ainvoke(asks("One?"), place.config)
    at = configurable((await graph.aget_state(place.config)).config)["checkpoint_id"]
    await graph.ainvoke(asks("Two?"), place.config)
    return place.at(at)


def asks(text: str, id: str | None = None) -> dict[str, Any]:
    """A question, under an id of the caller's if it has one."""
    return {"messages": [{"role": "user", "content": text} | ({"id": id} if id else {})]}


async def answer(graph: OpenGraph, values: Any, place: Bookmark, **places: Any) -> BaseMessage:
    """What comes of it at this place."""
    return (await graph.ainvoke(values, with_places(place.config, **places)))["messages"][-1]


@pytest.mark.parametrize("by", ["message", "request"])
async def test_a_fork_sent_twice_is_one(
    graph: OpenGraph, other: OpenGraph, first: Bookmark, model: ModelServer, by: str
) -> None:
    """In a row and at once, in two processes; later, too, when both branches have gone on."""
    values = asks("Or else?", "q" if by == "message" else None)
    places = {"request_id": "r"} if by == "request" else {}
    given = await asyncio.gather(*(answer(g, values, first, **places) for g in (graph, other) * 3))
    await graph.ainvoke(asks("Three?"), first.at(None).config)
    given += [await answer(g, values, first, **places) for g in (graph, other)]
    assert {message.id for message in given} == {given[0].id}
    assert len(model.answers) == 4
    assert sum(moment.tip for moment in await graph.threads.moments(first.at(None))) == 2


async def test_a_question_is_asked_again_under_another_name(
    graph: OpenGraph, other: OpenGraph, first: Bookmark, model: ModelServer
) -> None:
    """Where somebody wants another answer to it; each name goes on meaning its own."""
    values = asks("Or else?", "q")
    answers = [await answer(graph, values, first)]
    answers += [await answer(graph, values, first, request_id=name) for name in ("r1", "r2")]
    assert len({message.id for message in answers}) == 3
    for g in (graph, other):
        again = [await answer(g, values, first, request_id=name) for name in ("r1", "r2")]
        assert [message.id for message in again] == [message.id for message in answers[1:]]
    assert len(model.answers) == 5


async def test_a_question_is_asked_again_elsewhere(
    graph: OpenGraph, first: Bookmark, model: ModelServer
) -> None:
    """At another moment it is another request; another text under its id is none."""
    tip = (await graph.aget_state(first.at(None).config)).config
    values = asks("Or else?", "q")
    here = await answer(graph, values, first)
    there = await answer(graph, values, first.at(configurable(tip)["checkpoint_id"]))
    assert here.id != there.id
    with pytest.raises(IdempotencyConflict):
        await answer(graph, asks("Something else?", "q"), first)
    assert len(model.answers) == 4
