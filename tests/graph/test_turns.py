"""One turn: what is refused, what is kept, and what the model is sent."""

import asyncio
import traceback
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from graph import (
    Bookmark,
    CheckpointNotFound,
    InvalidInput,
    LongthreadError,
    MessageOverBudget,
    ModelRefused,
    ModelUnavailable,
    OpenGraph,
    Settings,
    open_graph,
)
from graph.bookmark import with_places
from tests.graph.talking import WORDS, say, talk, texts
from tests.openai_server import Fault, ModelServer

pytestmark = pytest.mark.anyio

BAD_TEXTS = {
    "empty": "",
    "blank": " \n\t ",
    "1 MB": "word " * 210_000,
    "over the budget": "word " * 2_000,
    "NUL": "a\0b",
    "lone surrogate": "a\ud83d b",
}


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=list(BAD_TEXTS))
async def test_bad_text_is_refused_and_nothing_is_stored(
    graph: OpenGraph, place: Bookmark, text: str
) -> None:
    """A typed error, the thread as it was, and the next good question is answered."""
    await graph.ainvoke(say("Hello there."), place.config)
    before = await graph.aget_state(place.config)
    for call in (graph.ainvoke(say(text), place.config), graph.turns.start(place, text)):
        with pytest.raises(InvalidInput) as e:
            await call
        assert len(str(e.value)) < 300, "the error does not repeat the text"
    assert await graph.aget_state(place.config) == before
    await graph.ainvoke(say("Still there?"), place.config)
    assert len(await texts(graph, place)) == 4


@pytest.mark.parametrize(
    "values", [{}, {"messages": []}, {"messages": [{"nonsense": 1}]}, {"messages": 7}], ids=str
)
async def test_no_message_is_refused(graph: OpenGraph, place: Bookmark, values: Any) -> None:
    """What is no message is InvalidInput, not an error of the library's depths."""
    with pytest.raises(InvalidInput):
        await graph.ainvoke(values, place.config)
    assert (await graph.aget_state(place.config)).values == {}


NO_MESSAGES = {
    "a value": [{"role": "user", "content": {"secret": "marzipan"}}],
    "a role": [{"role": "marzipan", "content": "marzipan"}],
    "a form": [("user", "marzipan", "marzipan")],
    "a key": [{"role": "tool", "content": "marzipan"}],
    "a call": [{"role": "assistant", "content": "marzipan", "tool_calls": 7}],
    "nothing": [{"role": "user", "content": [{"type": "text", "text": " "}]}],
}


@pytest.mark.parametrize("messages", NO_MESSAGES.values(), ids=list(NO_MESSAGES))
async def test_what_is_no_message_is_refused_without_a_word_of_it(
    graph: OpenGraph, place: Bookmark, messages: list[Any]
) -> None:
    """InvalidInput for every way a form can be wrong; not even its traceback quotes the conversation."""
    with pytest.raises(InvalidInput) as e:
        await graph.ainvoke({"messages": messages}, place.config)
    assert "marzipan" not in "".join(traceback.format_exception(e.value, limit=0))


BESIDE_THE_TEXT = {
    "a surrogate in a part": {"content": [{"type": "text", "text": "q"}, {"x": "\ud800"}]},
    "a surrogate in a key": {"content": [{"type": "text", "text": "q"}, {"a\udfff": 1}]},
    "no number": {"content": [{"type": "text", "text": "q"}, {"x": float("nan")}]},
    "a large number": {"content": "q", "additional_kwargs": {"a": 1 << 70}},
    "a surrogate beside": {"content": "q", "additional_kwargs": {"a": ["\udfff"]}},
    "a surrogate as a name": {"content": "q", "name": "a\udfff"},
}


@pytest.mark.parametrize("message", BESIDE_THE_TEXT.values(), ids=list(BESIDE_THE_TEXT))
async def test_what_cannot_be_kept_beside_the_text_is_refused(
    graph: OpenGraph, place: Bookmark, message: dict[str, Any]
) -> None:
    """It would come back changed, or be sent again with every question after it, and refused each time."""
    with pytest.raises(InvalidInput):
        await graph.ainvoke({"messages": [{"role": "user", **message}]}, place.config)
    with pytest.raises(InvalidInput):
        await graph.ainvoke({**say("q"), "more": message}, place.config)
    await graph.ainvoke(say("Still there?"), place.config)
    assert (await texts(graph, place))[0] == "Still there?"


async def test_what_may_stand_beside_the_text_comes_back(graph: OpenGraph, place: Bookmark) -> None:
    """The largest numbers, a NUL, lists in lists."""
    beside = {"a": [[[(1 << 64) - 1, -(1 << 63), 1.5, True, None]]], "b": {"c": "\0 😀"}}
    message = HumanMessage("q", additional_kwargs=beside)
    await graph.ainvoke({"messages": [message]}, place.config)
    assert (await graph.threads.transcript(place)).entries[0].message.additional_kwargs == beside


@pytest.mark.parametrize(
    "update", [{"messages": None}, {"messages": {}}, {"summary": "text"}, {"summary": 7}], ids=str
)
async def test_an_update_of_no_form_is_refused(graph: OpenGraph, place: Bookmark, update: Any) -> None:
    """By name, and not by whoever stumbles over it later."""
    await graph.ainvoke(say("Hello."), place.config)
    with pytest.raises(InvalidInput):
        await graph.aupdate_state(place.config, update, as_node="answer")
    await graph.ainvoke(say("Still there?"), place.config)


@pytest.mark.parametrize(
    "path",
    [{"checkpoint_ns": {}}, {"checkpoint_ns": "\udfff"}, {"checkpoint_map": []}, {"checkpoint_map": None}],
    ids=ascii,
)
async def test_a_path_of_no_form_is_refused(graph: OpenGraph, place: Bookmark, path: Any) -> None:
    """LangGraph stumbles over it somewhere inside."""
    where = with_places(place.config, **path)
    for call in (
        graph.ainvoke(say("Hello."), where),
        graph.aget_state(where),
        graph.aupdate_state(where, {"messages": [AIMessage("x")]}, as_node="answer"),
    ):
        with pytest.raises(InvalidInput):
            await call


async def test_a_message_over_the_budget_says_both_numbers(graph: OpenGraph, place: Bookmark) -> None:
    """The error carries what the message needs and what a prompt may hold."""
    with pytest.raises(MessageOverBudget) as e:
        await graph.ainvoke(say("word " * 3000), place.config)
    assert e.value.limit == graph.settings.budget.prompt == 500
    assert e.value.tokens > 2500
    assert f"{e.value.tokens:,}" in str(e.value)
    assert "500" in str(e.value)


async def test_a_message_is_weighed_as_the_model_counts_in_this_thread(
    graph: OpenGraph, place: Bookmark
) -> None:
    """Where the model said that its prompts are three times our estimate, a third is already too much."""
    told = AIMessage(
        "Hello.",
        usage_metadata={"input_tokens": 300, "output_tokens": 2, "total_tokens": 302},
        response_metadata={"longthread_estimate": 100},
    )
    await graph.aupdate_state(place.config, {"messages": [HumanMessage("Hi."), told]}, as_node="answer")
    before = await graph.aget_state(place.config)
    for call in (
        graph.ainvoke(say("word " * 200), place.config),
        graph.aupdate_state(place.config, say("word " * 200)),
    ):
        with pytest.raises(MessageOverBudget):
            await call
    assert await graph.aget_state(place.config) == before


@pytest.mark.parametrize(
    "checkpoint",
    [
        "b07a2cd9-cda2-493d-9d31-f9dabc8c9372",
        "garbage",
        "zzzz",
        "1f000000-0000-6000-8000-000000000000",
        "98bc35c01ed569f1080fd7-1f269d6322",
    ],
)
async def test_an_unknown_checkpoint_changes_nothing(
    graph: OpenGraph, place: Bookmark, checkpoint: str
) -> None:
    """Stock LangGraph replaces the thread; here every call refuses and the head stays."""
    await graph.ainvoke(say("Hello there."), place.config)
    before = await graph.aget_state(place.config)
    stray = place.at(checkpoint).config
    for call in (
        graph.ainvoke(say("x"), stray),
        graph.aget_state(stray),
        graph.aupdate_state(stray, say("x")),
        graph.turns.start(place.at(checkpoint), "x"),
    ):
        with pytest.raises(CheckpointNotFound):
            await call
    with pytest.raises(CheckpointNotFound):
        _ = [s async for s in graph.aget_state_history(stray)]
    assert await graph.aget_state(place.config) == before


@pytest.mark.parametrize("thread", ["x" * 10_000, "", "\0", "\ud800"], ids=["long", "empty", "nul", "half"])
async def test_a_bad_thread_id_is_refused(graph: OpenGraph, thread: str) -> None:
    """InvalidInput from every call."""
    config: Any = {"configurable": {"thread_id": thread}}
    for call in (
        graph.ainvoke(say("x"), config),
        graph.aget_state(config),
        graph.aupdate_state(config, say("x")),
    ):
        with pytest.raises(InvalidInput):
            await call


async def test_no_prompt_is_over_the_budget_and_no_word_is_lost(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """Forty turns through a window of a few: the server's count fits, the transcript is whole, in order."""
    await talk(graph, place, 40)
    assert max(r.tokens for r in model.requests) <= graph.settings.budget.prompt
    assert model.summaries, "the conversation was folded"
    said = [t for t in await texts(graph, place) if t.startswith("Note")]
    assert said == [f"Note {n}: {WORDS} {n}" for n in range(40)]
    assert len(await texts(graph, place)) == 80
    state = (await graph.aget_state(place.config)).values
    notes = state["summary"].additional_kwargs["longthread"]
    assert notes["count"] + len(state["messages"]) == 80


async def test_what_was_folded_is_still_known(graph: OpenGraph, place: Bookmark) -> None:
    """A fact from before the fold is answered from the summary."""
    await graph.ainvoke(say("My sister Wilhelmina keeps bees."), place.config)
    await talk(graph, place, 4)
    window = (await graph.aget_state(place.config)).values["messages"]
    assert not any("Wilhelmina" in m.text for m in window)
    answer = await graph.ainvoke(say("What did I say about Wilhelmina?"), place.config)
    assert "bees" in answer["messages"][-1].text


async def test_a_failing_summary_drops_nothing_and_is_tried_again(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """While it fails prompts are trimmed to the budget; once it works all is folded."""
    model.fault = Fault("status", 500, only="summaries")
    await talk(graph, place, 12)
    state = (await graph.aget_state(place.config)).values
    assert "summary" not in state
    assert len(state["messages"]) == 24
    assert max(r.tokens for r in model.requests) <= graph.settings.budget.prompt
    tried = len(model.summaries)
    assert tried > 1
    model.fault = None
    await graph.ainvoke(say("One more."), place.config)
    state = (await graph.aget_state(place.config)).values
    assert state["summary"].additional_kwargs["longthread"]["count"] + len(state["messages"]) == 26
    assert len(await texts(graph, place)) == 26


MODEL_FAULTS = {
    "401": (Fault("status", 401), ModelRefused),
    "429": (Fault("status", 429), ModelUnavailable),
    "500": (Fault("status", 500), ModelUnavailable),
    "garbage": (Fault("garbage"), ModelRefused),
    "hangs": (Fault("hang"), ModelUnavailable),
    "drops": (Fault("drop_midway"), ModelUnavailable),
}


@pytest.mark.parametrize(("fault", "error"), MODEL_FAULTS.values(), ids=list(MODEL_FAULTS))
async def test_a_failing_model_loses_no_question(
    graph: OpenGraph, place: Bookmark, model: ModelServer, fault: Fault, error: type[LongthreadError]
) -> None:
    """A typed error, the question kept once, and the same turn can be finished later."""
    model.fault = fault
    with pytest.raises(error):
        await graph.ainvoke(say("Do you hear me?"), place.config)
    assert await texts(graph, place) == ["Do you hear me?"]
    model.fault = None
    turn = await graph.turns.resume(place)
    assert turn
    await turn.wait()
    kept = await texts(graph, place)
    assert kept[0] == "Do you hear me?"
    assert len(kept) == 2
    assert await graph.turns.resume(place) is None


async def test_a_model_that_is_not_there_is_a_typed_error(database: str, place: Bookmark) -> None:
    """Connection refused."""
    settings = Settings.read(database_url=database, openai_base_url="http://127.0.0.1:1/v1", model_retries=0)
    async with open_graph(settings) as graph:
        with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1"):
            await graph.ainvoke(say("Hello?"), place.config)
        assert await texts(graph, place) == ["Hello?"]


async def test_the_question_is_durable_before_the_model_is_called(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """While the model hangs, another process would already read the question."""
    model.fault = Fault("hang")
    turn = await graph.turns.start(place, "Are you there?")
    while not model.requests:
        await asyncio.sleep(0.02)
    assert await texts(graph, place) == ["Are you there?"]
    await graph.turns.stop(place)
    await turn.wait()


async def test_a_nul_from_the_model_wedges_nothing(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """NUL and half a surrogate pair in an answer, then in a summary: the thread goes on."""
    model.fault = Fault("nul")
    await talk(graph, place, 12)
    assert (await graph.aget_state(place.config)).values["summary"]
    assert len(await texts(graph, place)) == 24


async def test_a_fork_keeps_the_branch_it_left(graph: OpenGraph, place: Bookmark) -> None:
    """Forked at the first answer: two branches, either can be the current one."""
    await graph.ainvoke(say("First."), place.config)
    early = await graph.aget_state(place.config)
    await graph.ainvoke(say("Original second."), place.config)
    original = await graph.aget_state(place.config)
    checkpoint = early.config["configurable"]["checkpoint_id"]
    await graph.ainvoke(say("Forked second."), place.at(checkpoint).config)
    forked = await texts(graph, place)
    assert forked[0] == "First."
    assert forked[2] == "Forked second."
    tips = [m for m in await graph.threads.moments(place) if m.tip]
    assert [t.active for t in tips] == [True, False]
    await graph.threads.switch(place.at(original.config["configurable"]["checkpoint_id"]))
    assert (await texts(graph, place))[2] == "Original second."
    assert (await graph.aget_state(place.config)).values == original.values
    await graph.ainvoke(say("Original third."), place.config)
    questions = (await texts(graph, place))[::2]
    assert questions == ["First.", "Original second.", "Original third."]


async def test_a_reused_id_is_asked_once(graph: OpenGraph, place: Bookmark) -> None:
    """The same message id twice leaves one question in the thread."""
    for _ in range(2):
        await graph.ainvoke({"messages": [HumanMessage("Once?", id="q1")]}, place.config)
    assert (await texts(graph, place)).count("Once?") == 1
