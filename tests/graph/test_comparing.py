"""Two branches beside each other; and no branch is made current where that would lose something."""

import asyncio
from uuid import uuid4

import pytest

from graph import Bookmark, CheckpointNotFound, OpenGraph, ThreadBusy, ThreadNotFound
from tests.graph.talking import say, talk, until
from tests.graph.test_boughs import forked
from tests.graph.test_branches import entries, head
from tests.openai_server import ModelServer

pytestmark = pytest.mark.anyio
GONE = str(uuid4())


def asked(messages: object) -> list[str]:
    """The questions among them."""
    return [m.text for m in messages if m.type == "human"]  # type: ignore[attr-defined]


async def test_a_moment_that_is_gone_is_told(graph: OpenGraph, place: Bookmark) -> None:
    """Pruned, never there or no moment at all; and nobody's thread: by name, whatever is asked of it."""
    await talk(graph, place, 2)
    old = (await graph.threads.moments(place))[-1].checkpoint_id
    tip = await head(graph, place)
    await graph.threads._saver.aprune([place.thread_id])
    for id in (old, GONE, "nonsense"):
        for call in (graph.threads.beside(place.at(tip), id), graph.threads.switch(place.at(id))):
            with pytest.raises(CheckpointNotFound):
                await call
    with pytest.raises(CheckpointNotFound):
        await graph.threads.transcript(place.at(old))
    other = Bookmark(place.thread_id, uuid4().hex).at(tip)
    with pytest.raises(ThreadNotFound):
        await graph.threads.beside(other, tip)


async def test_two_branches_beside_each_other(graph: OpenGraph, place: Bookmark, model: ModelServer) -> None:
    """The end of what they share, then both continuations, a page at a time. No model is asked."""
    tips = await forked(graph, place)
    requests = len(model.requests)
    both = await graph.threads.beside(place.at(tips["Leaf"]), tips["One"], limit=3)
    assert both.shared == 2 and asked(e.message for e in both.last) == ["One"]
    assert asked(e.message for e in both.one.entries) == ["Left", "Leaf"]
    assert asked(e.message for e in both.other.entries) == ["Two", "Three"]
    assert [e.seq for e in both.one.entries] == [2, 3, 4] and both.one.later == both.other.later == 1
    rest = await graph.threads.beside(place.at(tips["Leaf"]), tips["One"], limit=3, skip=3)
    assert [e.seq for e in rest.other.entries] == [5] and rest.other.later == 0
    assert len(model.requests) == requests


async def test_no_branch_is_made_current_while_a_question_waits(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """Neither while it is answered nor when that failed: it would be lost to sight. Afterwards it is."""
    tips = await forked(graph, place)
    asked_before = len(model.answers)
    model.delay, model.words = 0.05, 20
    turn = asyncio.create_task(graph.ainvoke(say("Slow"), place.config))
    await until(model, asked_before + 1)
    with pytest.raises(ThreadBusy):
        await graph.threads.switch(place.at(tips["One"]))
    await turn
    assert asked(e.message for e in await entries(graph, place))[-1] == "Slow"
    await graph.threads.switch(place.at(tips["One"]))
    assert (await graph.threads.get(place)).head == tips["One"]
