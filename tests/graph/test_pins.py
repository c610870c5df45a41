"""Pinned messages are always sent whole, are stored once, and never take the prompt above its budget."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from graph import Bookmark, CheckpointNotFound, InvalidInput, OpenGraph, Settings, ThreadNotFound
from graph.budget import Budget, choose_fold, compose
from graph.errors import MessageOverBudget
from graph.sending import parts
from graph.tokens import count_all
from tests.graph.talking import raw, say, talk, texts
from tests.graph.test_budget import SYSTEM, budgets, histories, ids, many, summaries
from tests.openai_server import ModelServer

ROWS = """
SELECT count(*) FROM longthread_message m JOIN longthread_thread t ON t.number = m.thread WHERE t.key = %s
"""


async def pinned(graph: OpenGraph, place: Bookmark) -> list[str]:
    """What is pinned now."""
    values = (await graph.aget_state(place.config)).values
    return [message.text for message in values.get("pinned") or []]


@pytest.mark.anyio
async def test_what_is_pinned_is_sent_though_it_is_folded(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, model: ModelServer, small: Settings
) -> None:
    """Pinned before and after it was folded, by this process and another; no row is added for a pin."""
    model.words = 5
    for text in ("My train leaves at nine.", "Platform?", "And my seat?"):
        await graph.ainvoke(say(text), place.config)
    first, *_, last = (await graph.threads.transcript(place)).entries
    await graph.pins.pin(place, str(last.id))
    assert await graph.atrim(place)
    await talk(graph, place, 2)
    await graph.atrim(place)
    assert len((await graph.acontext(place)).window) == 2
    said, rows = await texts(graph, place), await raw(small, ROWS, place.key)
    await other.pins.pin(place, str(first.id))
    await other.pins.pin(place, str(first.id))
    assert await raw(small, ROWS, place.key) == rows
    await graph.ainvoke(say("And now?"), place.config)
    sent = [(message["role"], message["content"]) for message in model.answers[-1].messages]
    assert sent[2:4] == [("user", first.message.text), ("assistant", last.message.text)]
    assert sent[-1] == ("user", "And now?") and len(sent) == 7
    assert (await texts(graph, place))[: len(said)] == said
    shown = await graph.acontext(place)
    assert [part.kind for part in shown.parts][:4] == ["system", "summary", "pinned", "pinned"]
    assert sum(part.tokens for part in shown.parts) == shown.prompt.tokens
    await graph.pins.unpin(place, str(first.id))
    told = [moment.act for moment in await graph.threads.moments(place) if moment.act]
    assert told == ["unpin", "pin", "pin"]
    assert await pinned(other, place) == [last.message.text]


@pytest.mark.anyio
async def test_what_cannot_be_pinned_is_refused(graph: OpenGraph, place: Bookmark) -> None:
    """By type, by size, by whose it is; and nothing is changed."""
    call: Any = {"name": "look", "args": {}, "id": "c", "type": "tool_call"}
    await talk(graph, place, 1)
    more = [AIMessage("", tool_calls=[call], id="call"), ToolMessage("Seen.", tool_call_id="c", id="result")]
    long = HumanMessage("tea " * 4 * graph.settings.budget.pinned, id="long")
    await graph.aupdate_state(place.config, {"messages": more}, as_node="summarize")
    before = (await graph.aget_state(place.config)).config
    for id in ("call", "result"):
        with pytest.raises(InvalidInput, match="call no tool"):
            await graph.pins.pin(place, id)
    with pytest.raises(CheckpointNotFound):
        await graph.pins.pin(place, "nobody said that")
    with pytest.raises(ThreadNotFound):
        await graph.pins.pin(Bookmark(place.thread_id, "somebody else"), "call")
    with pytest.raises(InvalidInput, match="pinned"):
        await graph.aupdate_state(place.config, {"pinned": more}, as_node="summarize")
    (first, *_) = (await graph.threads.transcript(place)).entries
    many = [first.message.model_copy(update={"content": long.content})]
    await graph.aupdate_state(place.config, {"messages": many}, as_node="summarize")
    with pytest.raises(InvalidInput, match="tokens together"):
        await graph.pins.pin(place, str(first.id))
    assert await pinned(graph, place) == []
    assert (await graph.aget_state(place.config)).config != before  # by the two updates alone


@many
@given(histories, summaries, budgets, st.data())
def test_pins_are_in_every_prompt_that_has_room(
    window: list[BaseMessage], summary: SystemMessage | None, budget: Budget, data: st.DataObject
) -> None:
    """In the window or before it, once, in their order; a prompt is never above its budget, and pins never
    make one impossible."""
    single = [
        m for m in window if isinstance(m, HumanMessage) or (isinstance(m, AIMessage) and not m.tool_calls)
    ]
    older: list[BaseMessage] = [
        HumanMessage("tea " * n, id=f"old {n}") for n in data.draw(st.sets(st.integers(1, 300), max_size=3))
    ]
    chosen = data.draw(st.sets(st.sampled_from(range(len(single))))) if single else set[int]()
    pins = [*older, *(single[n] for n in sorted(chosen))]
    try:
        plain = compose(SYSTEM, summary, window, budget)
    except MessageOverBudget:
        with pytest.raises(MessageOverBudget):
            compose(SYSTEM, summary, window, budget, pins)
        return
    prompt = compose(SYSTEM, summary, window, budget, pins)
    assert prompt.estimate == count_all(prompt.messages) and prompt.tokens <= budget.prompt
    sent = [id for id in ids(prompt.messages) if id is not None]
    assert len(sent) == len(set(sent))
    kept = [id for id in ids(pins) if id in sent]
    without = [n for n, pin in enumerate(pins) if pin.id not in kept]
    assert all(pin.id in ids(window) for pin in pins[: max(without, default=0)] if pin.id in kept)
    assert not without or prompt.summary == 0
    assert prompt.sent <= plain.sent or prompt.summary < plain.summary
    found = parts(prompt, summary, window, pins)
    assert [part.message for part in found if not part.why] == prompt.messages
    assert sum(part.tokens for part in found if not part.why) == prompt.tokens
    shown = [part.message.id for part in found if part.kind in ("message", "pinned")]
    assert sorted(map(str, shown)) == sorted(map(str, {*ids(window), *ids(pins)}))
    assert sum(bool(part.why) for part in found if part.kind == "message") == prompt.left_out


def test_a_fold_counts_what_stays_pinned() -> None:
    """It does not make the room that it seems to."""
    budget = Budget(500, 100)
    window: list[BaseMessage] = []
    for n in range(6):
        window += [HumanMessage("tea " * 40, id=f"h{n}"), AIMessage("cup", id=f"a{n}")]
    without, having = (choose_fold(SYSTEM, None, window, budget, pinned=pins) for pins in ((), (window[0],)))
    assert without and having and len(having.fold) > len(without.fold)
    assert having.fold[0] is window[0]
    small = window[-10:]
    assert choose_fold(SYSTEM, None, small, budget) is None
    assert choose_fold(SYSTEM, None, small, budget, pinned=window[:1])
