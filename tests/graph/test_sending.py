"""What is shown of the next prompt is what is sent, message by message."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from graph import Bookmark, OpenGraph
from graph.budget import Budget, compose
from graph.errors import MessageOverBudget
from graph.exchanges import CUT_OFF
from graph.sending import Part, parts
from tests.graph.talking import WORDS, say
from tests.openai_server import ModelServer


def _call(key: str | None, id: str = "") -> AIMessage:
    call: Any = {"name": "look", "args": {"at": "moon"}, "id": key, "type": "tool_call"}
    return AIMessage("", tool_calls=[call], id=id or None)


def _wire(part: Part) -> tuple[str, str | None, list[str | None], str | None]:
    message = part.message
    calls = [call["id"] for call in message.tool_calls] if isinstance(message, AIMessage) else []
    answers = message.tool_call_id if isinstance(message, ToolMessage) else None
    role = {"human": "user", "ai": "assistant"}.get(message.type, message.type)
    return role, message.text, calls, answers


def _sent(message: dict[str, Any]) -> tuple[str, str | None, list[str | None], str | None]:
    calls = [call["id"] for call in message.get("tool_calls") or []]
    return message["role"], message["content"] or "", calls, message.get("tool_call_id")


@pytest.mark.anyio
async def test_the_next_request_is_what_was_shown_and_the_question(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """With a summary that is clipped, messages without room, a cut-off call and a result without its call."""
    summary = SystemMessage(f"Summary so far: {WORDS * 20}", id="s")
    window: list[BaseMessage] = [
        HumanMessage(f"Long ago: {WORDS * 18}", id="h1"),
        AIMessage("I remember.", id="a1"),
        HumanMessage("Look.", id="h2"),
        ToolMessage("Nobody asked.", tool_call_id="gone", id="t1"),
        _call("c1", "a2"),
        HumanMessage("And?", id="h3"),
        AIMessage("Nothing.", id="a3"),
    ]
    values = {"summary": summary, "messages": window}
    await graph.aupdate_state(place.config, values, as_node="summarize")
    shown = await graph.acontext(place)
    left_out = [(part.message.id, part.why) for part in shown.parts if part.why]
    assert left_out == [("h1", "room"), ("a1", "room"), ("t1", "call")]
    assert [part.kind for part in shown.parts if not part.why].count("mark") == 1
    assert 0 < len(shown.parts[1].message.text) < len(summary.text)
    sent = [_wire(part) for part in shown.parts if not part.why]
    assert ("tool", CUT_OFF, [], "c1") in sent
    assert sum(part.tokens for part in shown.parts if not part.why) == shown.prompt.tokens
    await graph.ainvoke(say("Short?"), place.config)
    (request,) = model.answers
    assert [_sent(message) for message in request.messages] == [*sent, ("user", "Short?", [], None)]


MESSAGES = st.lists(
    st.one_of(
        st.integers(1, 60).map(lambda n: HumanMessage("tea " * n)),
        st.integers(1, 60).map(lambda n: AIMessage("cup " * n)),
        st.sampled_from(["c1", "c2", None]).map(_call),
        st.sampled_from(["c1", "c2"]).map(lambda key: ToolMessage("Found.", tool_call_id=key)),
        st.integers(1, 9).map(
            lambda n: AIMessage(
                "cup",
                usage_metadata={"input_tokens": 40 * n, "output_tokens": 1, "total_tokens": 40 * n + 1},
                response_metadata={"longthread_estimate": 100},
            )
        ),
    ),
    max_size=14,
)


@settings(deadline=None)  # the machine may pause, and this test measures no time
@given(MESSAGES, st.one_of(st.none(), st.integers(1, 90)))
def test_the_parts_are_the_prompt_and_the_rest_of_the_window(
    window: list[BaseMessage], said: int | None
) -> None:
    """In their order, each once, and their tokens add up to the meter's."""
    summary = None if said is None else SystemMessage("leaf " * said)
    try:
        prompt = compose(SystemMessage("Be brief."), summary, window, Budget(300, 50))
    except MessageOverBudget:
        return
    found = parts(prompt, summary, window)
    assert [part.message for part in found if not part.why] == prompt.messages
    assert sum(part.tokens for part in found if not part.why) == prompt.tokens
    ours = [id(part.message) for part in found if part.kind == "message"]
    assert ours == [id(message) for message in window]
    assert sum(bool(part.why) for part in found if part.kind == "message") == prompt.left_out
    unfit = [part for part in found if part.why in ("call", "id")]
    assert all(isinstance(p.message, ToolMessage if p.why == "call" else AIMessage) for p in unfit)
