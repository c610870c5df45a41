"""Something else said in a message's stead: edits, other answers, questions taken back; nothing is lost."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from graph import Bookmark, CheckpointNotFound, ModelError, OpenGraph, ThreadNotFound
from graph.transcript import Entry
from tests.openai_server import Fault, ModelServer

pytestmark = pytest.mark.anyio


async def said(graph: OpenGraph, place: Bookmark) -> Sequence[Entry]:
    """The active branch."""
    return (await graph.threads.transcript(place)).entries


async def say(graph: OpenGraph, place: Bookmark, *texts: str) -> Sequence[Entry]:
    """One question after the other, and what the branch is then."""
    for text in texts:
        await (await graph.turns.start(place, text)).wait()
    return await said(graph, place.at(None))


@pytest.mark.parametrize("nth", [0, 1, 2])
async def test_an_edited_question_is_a_sibling_wherever_it_stands(
    graph: OpenGraph, place: Bookmark, nth: int
) -> None:
    """The first one, too, which has no checkpoint before it; and each keeps what came after."""
    before = await say(graph, place, "One?", "Two?", "Three?")
    point = await graph.threads.before(place, before[2 * nth].id or "")
    after = await say(graph, point, "Or else?")
    assert [e.message.text for e in after[: 2 * nth]] == [e.message.text for e in before[: 2 * nth]]
    assert after[2 * nth].message.text == "Or else?" and len(after) == 2 * nth + 2
    branches = after[2 * nth].branches
    assert [branch.current for branch in branches] == [False, True]
    await graph.threads.switch(place.at(branches[0].checkpoint_id))
    assert [e.message.text for e in await said(graph, place)] == [e.message.text for e in before]


async def test_a_first_question_may_be_said_anew_as_often_as_one_likes(
    graph: OpenGraph, other: OpenGraph, place: Bookmark
) -> None:
    """In two processes at once: the beginning is one and the same."""
    first = (await say(graph, place, "One?"))[0].id or ""
    points = await asyncio.gather(*(g.threads.before(place, first) for g in (graph, other) * 3))
    assert len({point.checkpoint_id for point in points}) == 1
    for n in range(3):
        branches = (await say((graph, other)[n % 2], points[n], f"Or {n}?"))[0].branches
        assert len(branches) == n + 2
    assert not (await graph.threads.transcript(points[0])).entries
    assert (await graph.threads.get(place)).messages == 2


async def test_another_answer_to_a_question_is_its_siblings_and_the_question_stays_one(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    entries = await say(graph, place, "One?", "Two?")
    for nth in (0, 1):
        entries = await said(graph, place)
        question = entries[2 * nth].message
        assert isinstance(question, HumanMessage)
        point = await graph.threads.before(place, question.id or "")
        await (await graph.turns.again(point, question)).wait()
        now = await said(graph, place)
        assert now[2 * nth].id == question.id and len(now) == 2 * nth + 2
        assert not now[2 * nth].branches and len(now[2 * nth + 1].branches) == 2
        await graph.threads.switch(place.at(now[2 * nth + 1].branches[0].checkpoint_id))
    assert [e.id for e in await said(graph, place)] == [e.id for e in entries]
    assert len(model.answers) == 4


async def test_a_question_without_an_answer_is_taken_back(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    await say(graph, place, "One?")
    model.fault = Fault("status", 401, times=1)
    with pytest.raises(ModelError):
        await say(graph, place, "Two?")
    assert await other.turns.withdraw(place) == "Two?"
    assert not await graph.turns.withdraw(place)
    assert [e.message.text for e in await said(graph, place)][::2] == ["One?"]
    entries = await say(graph, place, "Three?")
    assert [e.message.text for e in entries][::2] == ["One?", "Three?"]
    assert "Two?" not in str(model.requests[-1])


async def test_a_message_of_another_branch_thread_or_person_has_no_moment(
    graph: OpenGraph, place: Bookmark
) -> None:
    entries = await say(graph, place, "One?", "Two?")
    left = entries[2].id or ""
    await say(graph, await graph.threads.before(place, left), "Or else?")
    for id in (left, "nothing", "x" * 300):
        with pytest.raises(CheckpointNotFound):
            await graph.threads.before(place, id)
    with pytest.raises(ThreadNotFound):
        await graph.threads.before(Bookmark(place.thread_id, "somebody"), left)


async def test_a_moment_that_was_pruned_is_told(graph: OpenGraph, place: Bookmark) -> None:
    entries = await say(graph, place, "One?", "Two?", "Three?")
    saver: Any = graph.checkpointer
    await saver.aprune([place.thread_id])
    with pytest.raises(CheckpointNotFound):
        await graph.threads.before(place, entries[2].id or "")


async def test_the_first_moment_with_a_message_is_found_on_its_branch(
    graph: OpenGraph, place: Bookmark
) -> None:
    """However much was said since; what is not on the branch has none."""
    before = await say(graph, place, "One?", "Two?", "Three?")
    for nth, entry in enumerate(before):
        moment = await graph.threads.first(place, str(entry.id))
        there = await said(graph, moment)
        assert [e.id for e in there] == [e.id for e in before[: nth + (2 if nth % 2 == 0 else 1)]]
    point = await graph.threads.before(place, str(before[2].id))
    await say(graph, point, "Or else?")
    with pytest.raises(CheckpointNotFound):
        await graph.threads.first(place, str(before[2].id))
    with pytest.raises(ThreadNotFound):
        await graph.threads.first(Bookmark(place.thread_id, "somebody else"), str(before[0].id))
