"""Requests to a model over real HTTP: what is sent, what is streamed, and who is asked."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.graph import END, START, MessagesState, StateGraph  # pyright: ignore[reportMissingTypeStubs]

from graph.asking import ask
from graph.demo_model import DemoModel
from graph.errors import ModelUnavailable
from graph.model import open_models
from graph.settings import Settings
from tests.graph.prompting import KEY, MESSAGES, SECRET, _answer, _model, _settings, _text
from tests.openai_server import Fault, ModelServer, count_prompt

pytestmark = pytest.mark.anyio


async def test_an_answer_streams_with_its_cost(api: ModelServer) -> None:
    """Word by word, with the server's own count of the prompt."""
    chunks = await _answer(_model(api), max_tokens=300)
    whole = sum(chunks[1:], chunks[0])
    assert len(chunks) > 10 and SECRET in whole.text
    assert whole.usage_metadata is not None
    (seen,) = api.requests
    assert whole.usage_metadata["input_tokens"] == seen.tokens == count_prompt(seen.messages)
    assert (seen.stream, seen.model, seen.max_tokens, seen.key) == (True, "loopback", 300, KEY)


async def test_a_server_of_ones_own_needs_no_key(api: ModelServer) -> None:
    """A URL without a key is enough."""
    models = open_models(Settings.read(openai_base_url=api.url, model="x", summary_model="y"))
    await _answer(models.answer)
    await ask(models, models.summary, MESSAGES, timeout=5, retries=0)
    assert [(r.key, r.model) for r in api.requests] == [("none", "x"), ("none", "y")]
    assert (models.name, models.demo) == ("x", False)


def test_the_demo_model_says_that_it_is_one(caplog: pytest.LogCaptureFixture) -> None:
    """Neither key nor URL: one warning, and no other model."""
    with caplog.at_level(logging.INFO, "longthread"):
        models = open_models(Settings.read())
    assert models.demo and isinstance(models.answer, DemoModel) and isinstance(models.summary, DemoModel)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING and "no real model" in record.getMessage()


async def test_text_that_cannot_be_stored_is_replaced(api: ModelServer) -> None:
    """NUL and a lone surrogate arrive as U+FFFD; whole pairs, which the wire escapes too, stay."""
    api.fault = Fault("nul")
    text = _text(await _answer(_model(api)))
    assert text.endswith(" before\ufffdafter \ufffd end")
    api.fault = None
    models = open_models(_settings(api))
    reply = await ask(models, models.answer, [HumanMessage("I like 🦭")], timeout=5, retries=0)
    assert "🦭" in reply.text


async def test_a_model_that_cannot_stream_answers_all_the_same() -> None:
    """Its whole answer is one chunk, tool calls included."""
    call: Any = {"name": "look", "args": {}, "id": "1", "type": "tool_call"}
    model = FakeMessagesListChatModel(responses=[AIMessage("hello"), AIMessage("", tool_calls=[call])])
    assert _text(await _answer(model)) == "hello"
    assert (await _answer(model))[0].tool_calls[0]["name"] == "look"


async def test_a_summary_is_one_message(api: ModelServer) -> None:
    """`ask` gives the whole, and fails as an answer does."""
    models = open_models(_settings(api))
    api.fault = Fault("status", 500, only="summaries")
    request = [SystemMessage("Summarise this."), HumanMessage("I was born in Oslo")]
    with pytest.raises(ModelUnavailable):
        await ask(models, models.summary, request, timeout=5, retries=0)
    assert await _answer(models.answer)
    api.fault = None
    summary = await ask(models, models.summary, request, timeout=5, retries=0, max_tokens=64)
    assert type(summary) is AIMessage and summary.text == "- I was born in Oslo"
    assert [r.summary for r in api.requests] == [True, False, True]
    assert api.summaries[-1].max_tokens == 64


async def test_langgraph_sees_the_words_of_answers_and_not_of_summaries(api: ModelServer) -> None:
    """stream_mode="messages" shows the answer as it is written, whoever reads the stream inside the node."""
    models = open_models(_settings(api))

    async def answer(state: MessagesState) -> dict[str, Any]:
        await ask(
            models, models.summary, [SystemMessage("Summarise"), HumanMessage("hidden")], timeout=5, retries=0
        )
        chunks = await _answer(models.answer)
        return {"messages": [sum(chunks[1:], chunks[0])]}

    builder: Any = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    stream: AsyncIterator[Any] = builder.compile().astream(
        {"messages": [HumanMessage("hi")]}, stream_mode="messages"
    )
    seen = [(chunk.text, meta["langgraph_node"]) async for chunk, meta in stream]
    assert len(seen) > 10 and {node for _, node in seen} == {"answer"}
    assert SECRET in "".join(text for text, _ in seen)
    assert "hidden" not in str(seen)


def test_two_event_loops_may_share_a_model(api: ModelServer) -> None:
    """The page's loop and that of the blocking calls use one model, one after the other and at once."""
    model = _model(api)

    def both() -> None:
        assert SECRET in _text(asyncio.run(_answer(model)))
        assert SECRET in _text(asyncio.run(_answer(model)))

    async def at_once() -> None:
        await asyncio.gather(*(asyncio.to_thread(both) for _ in range(4)))

    asyncio.run(at_once())
    assert len(api.requests) == 8
