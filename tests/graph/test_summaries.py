"""What a person does to a summary: folds taken back, summaries written anew and edited; nothing is lost."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import BaseMessage, SystemMessage

from graph import (
    Bookmark,
    CheckpointNotFound,
    InvalidInput,
    ModelError,
    OpenGraph,
    Settings,
    ThreadBusy,
    ThreadNotFound,
)
from graph.summarize import HEADING, fold_due, notes
from graph.usage import Usage
from tests.graph.talking import raw, say, talk, texts
from tests.openai_server import Fault, ModelServer

pytestmark = pytest.mark.anyio

ROWS = """
SELECT count(*) FILTER (WHERE m.number >= 0), count(*) FILTER (WHERE m.number < 0)
FROM longthread_message m JOIN longthread_thread t ON t.number = m.thread
WHERE t.key = %s AND m.type <> 'remove'
"""


async def values(graph: OpenGraph, place: Bookmark) -> dict[str, Any]:
    """The state now."""
    return (await graph.aget_state(place.config)).values


def ids(messages: Sequence[BaseMessage]) -> list[str | None]:
    """The ids of messages."""
    return [message.id for message in messages]


async def folded(graph: OpenGraph, place: Bookmark, turns: int = 3) -> dict[str, Any]:
    """A talk whose exchanges but the last are folded; the state before that."""
    await talk(graph, place, turns)
    before = await values(graph, place)
    assert await graph.atrim(place)
    return before


async def test_a_fold_taken_back_gives_the_window_before_it_and_what_was_said_since(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer, small: Settings
) -> None:
    """In another process, by the rows that there are: no model is asked, no message stored again."""
    before = await folded(graph, place, 2)
    await graph.ainvoke(say("And then?"), place.config)
    now, said = await values(graph, place), await texts(graph, place)
    asked, rows = len(model.requests), await raw(small, ROWS, place.key)
    await other.summaries.undo(place)
    after = await values(graph, place)
    new = [message for message in now["messages"] if message.id not in ids(before["messages"])]
    assert len(new) == 2
    assert after["messages"] == [*before["messages"], *new]
    assert after.get("summary") == before.get("summary")
    assert await texts(other, place) == await texts(graph, place) == said
    assert len(model.requests) == asked and await raw(small, ROWS, place.key) == rows


async def test_folds_are_taken_back_one_after_the_other_and_can_be_made_again(
    graph: OpenGraph, place: Bookmark
) -> None:
    seen = list[dict[str, Any]]()
    for n in range(3):
        await graph.ainvoke(say(f"Question {n}"), place.config)
        await graph.ainvoke(say(f"More {n}"), place.config)
        seen.append(await values(graph, place))
        assert await graph.atrim(place)
    said = await texts(graph, place)
    whole = list[str | None]()
    for state in seen:
        whole += [id for id in ids(state["messages"]) if id not in whole]
    for state in reversed(seen):
        await graph.summaries.undo(place)
        now = await values(graph, place)
        assert now.get("summary") == state.get("summary")
        first = whole.index(state["messages"][0].id)
        assert ids(now["messages"]) == whole[first:]
    with pytest.raises(InvalidInput, match="no summary"):
        await graph.summaries.undo(place)
    assert await graph.atrim(place)
    assert len((await values(graph, place))["messages"]) == 2
    await graph.summaries.undo(place)
    assert ids((await values(graph, place))["messages"]) == whole
    assert await texts(graph, place) == said


async def test_what_is_taken_back_stays_so_until_the_next_answer(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """Though the window is over its mark; the next question is answered, within the budget."""
    await talk(graph, place, 12)
    assert model.summaries
    while (await values(graph, place)).get("summary"):
        await graph.summaries.undo(place)
    state: Any = await values(graph, place)
    assert fold_due(state, graph.settings) and len(state["messages"]) == 24
    asked = len(model.summaries)
    await asyncio.sleep(0.2)
    assert (await values(graph, place)) == state and len(model.summaries) == asked
    await graph.ainvoke(say("And now?"), place.config)
    assert len(model.summaries) > asked and (await values(graph, place))["summary"]
    assert model.answers[-1].tokens <= graph.settings.budget.prompt


async def test_a_fold_is_taken_back_on_its_own_branch(graph: OpenGraph, place: Bookmark) -> None:
    """A fold of the branch that was left is none of this one's."""
    await talk(graph, place, 3)
    before = await values(graph, place)
    fork = (await graph.aget_state(place.config)).config
    assert await graph.atrim(place)
    await graph.aupdate_state(fork, {"messages": []}, as_node="summarize")
    with pytest.raises(InvalidInput):
        await graph.summaries.undo(place)
    assert await graph.atrim(place)
    await graph.summaries.undo(place)
    now = await values(graph, place)
    assert now["messages"] == before["messages"] and not now["summary"]


async def test_a_fold_whose_moment_before_is_pruned_stays(graph: OpenGraph, place: Bookmark) -> None:
    await folded(graph, place)
    saver: Any = graph.checkpointer
    await saver.aprune([place.thread_id])
    now = await values(graph, place)
    with pytest.raises(CheckpointNotFound, match="taken back"):
        await graph.summaries.undo(place)
    assert await values(graph, place) == now


async def test_a_fold_whose_messages_are_partly_pruned_stays(graph: OpenGraph, place: Bookmark) -> None:
    """The oldest moment that is left saw some of what the fold took, not all: not half of it comes back."""
    await talk(graph, place, 3)
    moments = await graph.threads.moments(place, limit=50)
    state: Any = await graph.aget_state(place.at(moments[-1].checkpoint_id).config)
    assert await graph.atrim(place)
    now = await graph.aget_state(place.config)
    real = graph.aget_state

    async def pruned(config: Any, **options: Any) -> Any:
        """As if the fold had been built on the first turn."""
        found = await real(config, **options)
        return state if found.config == now.parent_config else found

    graph.aget_state = pruned
    with pytest.raises(CheckpointNotFound):
        await graph.summaries.undo(place)
    graph.aget_state = real
    assert (await real(place.config)).values == now.values


async def test_a_question_asked_meanwhile_comes_after_the_fold_is_taken_back(
    graph: OpenGraph, other: OpenGraph, place: Bookmark
) -> None:
    """In another process, between the look and the write: it is in the window, and so is what came back."""
    before = await folded(graph, place)
    real, asked = other.aupdate_state, list[asyncio.Task[Any]]()

    async def late(*args: Any, **options: Any) -> Any:
        asked.append(asyncio.create_task(graph.ainvoke(say("Meanwhile?"), place.config)))
        await asyncio.wait(asked, timeout=1)
        assert not asked[0].done()
        return await real(*args, **options)

    other.aupdate_state = late
    await other.summaries.undo(place)
    await asked[0]
    state, said = await values(graph, place), await graph.threads.transcript(place)
    assert [entry.id for entry in said.entries] == [*ids(before["messages"]), *ids(state["messages"])[-2:]]
    assert said.entries[-2].message.text == "Meanwhile?"
    if not state.get("summary"):  # else it was folded again, after the answer
        assert ids(state["messages"]) == [entry.id for entry in said.entries]


async def test_two_who_take_a_fold_back_at_once_are_put_in_order(
    graph: OpenGraph, other: OpenGraph, place: Bookmark
) -> None:
    """The second finds none that is left, and no message is twice in the window."""
    before = await folded(graph, place)
    told = await asyncio.gather(
        graph.summaries.undo(place), other.summaries.undo(place), return_exceptions=True
    )
    assert [type(error) for error in told if error] == [InvalidInput]
    assert ids((await values(graph, place))["messages"]) == ids(before["messages"])


async def test_a_summary_is_written_anew_from_what_it_stands_for(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """From every one of the stored messages, none of its own words, within what a request may hold."""
    await talk(graph, place, 12)
    old = (await values(graph, place))["summary"]
    window = ids((await values(graph, place))["messages"])
    await graph.summaries.edit(place, "Nothing but a zebra.")
    asked = len(model.summaries)
    await graph.summaries.again(place)
    new: SystemMessage = (await values(graph, place))["summary"]
    requests = str([request.messages for request in model.summaries[asked:]])
    count = notes(old)["count"]
    for n in range(count // 2):
        assert f"Note {n}:" in requests
    assert f"Note {count // 2}:" not in requests and "zebra" not in requests
    assert new.text.startswith(HEADING) and "zebra" not in new.text and new.id != old.id
    for same in ("folds", "count", "through"):
        assert notes(new)[same] == notes(old)[same]
    assert ids((await values(graph, place))["messages"]) == window
    await graph.summaries.undo(place)
    assert len((await values(graph, place))["messages"]) > len(window)


async def test_a_summary_that_cannot_be_written_anew_stays(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """Also where only a later one of several requests fails."""
    await talk(graph, place, 12)
    asked = len(model.summaries)
    await graph.summaries.again(place)
    several = len(model.summaries) - asked
    assert several > 1
    before = await values(graph, place)
    model.fault = Fault("status", 400, only="summaries")
    with pytest.raises(ModelError):
        await graph.summaries.again(place)
    assert await values(graph, place) == before
    model.fault, take = None, model.take
    begun = len(model.summaries)
    model.take = lambda received: (  # the second of them
        take(received) or (Fault("status", 400) if len(model.summaries) == begun + 2 else None)
    )
    with pytest.raises(ModelError):
        await graph.summaries.again(place)
    assert len(model.summaries) == begun + 2 and await values(graph, place) == before
    model.take = take
    await graph.ainvoke(say("Still there?"), place.config)


async def test_a_summary_of_a_thread_changed_from_elsewhere_is_not_written_anew(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """Where its messages cannot be told, none are made up."""
    await folded(graph, place)
    summary: SystemMessage = (await values(graph, place))["summary"]
    told = {**notes(summary), "count": 3}
    await graph.aupdate_state(
        place.config,
        {"summary": summary.model_copy(update={"additional_kwargs": {"longthread": told}})},
        as_node="summarize",
    )
    asked = len(model.requests)
    with pytest.raises(InvalidInput, match="elsewhere"):
        await graph.summaries.again(place)
    assert len(model.requests) == asked


async def test_a_persons_summary_is_sent_and_later_folds_go_on_from_it(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    await folded(graph, place)
    await graph.summaries.edit(place, "  The zebra is called Ingrid. ")
    summary: SystemMessage = (await values(graph, place))["summary"]
    assert summary.text == HEADING + "The zebra is called Ingrid." and notes(summary)["by_hand"] is True
    await graph.ainvoke(say("And?"), place.config)
    assert model.answers[-1].messages[1]["content"] == summary.text
    assert await graph.atrim(place)
    assert "The zebra is called Ingrid." in str(model.summaries[-1].messages)
    later = (await values(graph, place))["summary"]
    assert "by_hand" not in notes(later) and notes(later)["count"] == notes(summary)["count"] + 2


@pytest.mark.parametrize("text", ["", " \n", "a\0b", "a\ud800b", "word " * 900], ids=ascii)
async def test_a_summary_that_cannot_be_kept_or_sent_is_refused(
    graph: OpenGraph, place: Bookmark, text: str
) -> None:
    await folded(graph, place)
    before = await graph.aget_state(place.config)
    with pytest.raises(InvalidInput, match=r"may have 100\b" if len(text) > 100 else None):
        await graph.summaries.edit(place, text)
    assert (await graph.aget_state(place.config)).config == before.config


async def test_words_for_a_summary_that_is_another_by_now_are_refused(
    graph: OpenGraph, place: Bookmark
) -> None:
    """They tell nothing of what was folded meanwhile."""
    await folded(graph, place)
    first: SystemMessage = (await values(graph, place))["summary"]
    await graph.ainvoke(say("More."), place.config)
    assert await graph.atrim(place)
    before = await values(graph, place)
    with pytest.raises(InvalidInput, match="has changed"):
        await graph.summaries.edit(place, "Of the first.", of=first.id)
    assert await values(graph, place) == before
    await graph.summaries.edit(place, "Of both.", of=before["summary"].id)


async def test_an_edit_costs_no_tokens_and_a_new_summary_its_own(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """What the first fold used is counted once."""

    async def requests() -> tuple[int, int]:
        used = await Usage(graph.checkpointer, graph.settings.prices).thread(place)  # pyright: ignore[reportArgumentType]
        return used.sent, used.said

    await folded(graph, place)
    before = await requests()
    await graph.summaries.edit(place, "Short.")
    await graph.summaries.undo(place)
    assert await requests() == before
    assert await graph.atrim(place)
    once = await requests()
    await graph.summaries.again(place)
    assert (await requests())[0] > once[0]


async def test_a_thread_without_a_summary_or_of_somebody_else_is_left_alone(
    graph: OpenGraph, place: Bookmark, small: Settings
) -> None:
    """And none is begun."""
    await folded(graph, place)
    before = await raw(small, "SELECT count(*) FROM longthread_thread WHERE thread_id = %s", place.thread_id)
    eve = Bookmark(place.thread_id, "eve")
    calls = (graph.summaries.undo(eve), graph.summaries.again(eve), graph.summaries.edit(eve, "Mine."))
    for call in calls:
        with pytest.raises((InvalidInput, ThreadNotFound)):
            await call
    after = await raw(small, "SELECT count(*) FROM longthread_thread WHERE thread_id = %s", place.thread_id)
    assert after == before


async def test_a_question_that_waits_for_its_answer_is_not_passed_over(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """It is answered after a try as it would have been."""
    await folded(graph, place)
    model.fault = Fault("status", 500, times=1, only="answers")
    with pytest.raises(ModelError):
        await graph.ainvoke(say("Waiting?"), place.config)
    with pytest.raises(ThreadBusy):
        await graph.summaries.undo(place)
    turn = await graph.turns.resume(place)
    assert turn
    await turn.wait()
    assert (await texts(graph, place))[-2] == "Waiting?"
