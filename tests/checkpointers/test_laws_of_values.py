"""What every saver gives back: of any value what the stock serializer gives back, messages above all."""

import string
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    BaseMessage,
    ChatMessage,
    ChatMessageChunk,
    FunctionMessage,
    FunctionMessageChunk,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    SystemMessageChunk,
    ToolMessage,
    ToolMessageChunk,
)
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Interrupt, Send
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from tests.checkpointers.by_hand import Saver, at, put
from tests.checkpointers.conftest import OpenSaver

pytestmark = pytest.mark.anyio


@dataclass
class Desk:
    """A state that is a dataclass, with messages in it."""

    top: AnyMessage | None = None
    drawers: dict[str, list[AnyMessage]] = field(default_factory=dict[str, list[AnyMessage]])


class Shelf(BaseModel):
    """A state that pydantic knows, with messages in it."""

    top: AnyMessage | None = None
    rows: list[list[AnyMessage]] = Field(default_factory=list[list[AnyMessage]])


OURS = [(__name__, "Desk"), (__name__, "Shelf")]

MESSAGES: dict[str, BaseMessage] = {
    "human": HumanMessage("hi", id="1", name="Ada", additional_kwargs={"n": 1, "deep": {"list": [1, None]}}),
    "ai": AIMessage(
        "",
        id="2",
        tool_calls=[{"name": "f", "args": {"x": [1, {"y": None}]}, "id": "call 1", "type": "tool_call"}],
        invalid_tool_calls=[
            {"name": "g", "args": "{", "id": "call 2", "error": "no JSON", "type": "invalid_tool_call"}
        ],
        usage_metadata={
            "input_tokens": 1,
            "output_tokens": 2,
            "total_tokens": 3,
            "input_token_details": {"cache_read": 1},
        },
        response_metadata={"model_name": "m", "logprobs": {"content": [0.5, -1e-9]}, "finish_reason": "stop"},
    ),
    "tool": ToolMessage("42", id="3", tool_call_id="call 1", status="error", artifact={"rows": [1, b"\0"]}),
    "system": SystemMessage("be kind", id="4"),
    "chat": ChatMessage("hm", id="5", role="narrator"),
    "function": FunctionMessage("42", id="6", name="f"),
    "remove": RemoveMessage(id="7"),
    "human chunk": HumanMessageChunk("h", id="8"),
    "ai chunk": AIMessageChunk(
        "h",
        id="9",
        tool_call_chunks=[{"name": "f", "args": '{"x', "id": "c", "index": 0, "type": "tool_call_chunk"}],
        chunk_position="last",
    ),
    "tool chunk": ToolMessageChunk("4", id="10", tool_call_id="c"),
    "system chunk": SystemMessageChunk("b", id="11"),
    "chat chunk": ChatMessageChunk("h", id="12", role="narrator"),
    "function chunk": FunctionMessageChunk("4", id="13", name="f"),
    "blocks": HumanMessage(
        [
            "plain",
            {"type": "text", "text": "what is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "reasoning", "reasoning": "…", "extras": {"signature": "\0"}},
        ],
        id="14",
    ),
    "no blocks": AIMessage([], id="15"),
    "empty": AIMessage("", id="16"),
    "empty id": HumanMessage("hi", id=""),
    "odd id": HumanMessage("hi", id="a\0b ' % \U0001f4ac " + "x" * 3000),
    "extras": HumanMessage("hi", id="17", example=True, of_a_subclass={"x": 1}),  # pyright: ignore[reportCallIssue]
    "nul": HumanMessage("a\0b", id="18", additional_kwargs={"\0": "\0"}, name="\0"),
    "surrogate": HumanMessage("a\ud800b", id="19", additional_kwargs={"x": "\udfff"}),
    "message in a message": ToolMessage(
        "42", id="20", tool_call_id="c", artifact=[HumanMessage("in", id="21")]
    ),
    "without an id": HumanMessage("hi"),
}
ONE, TWO = HumanMessage("same words", id="one"), HumanMessage("same words", id="two")
VALUES: dict[str, Any] = {
    "nothing": None,
    "an empty list": [],
    "empty things": [{}, (), set(), "", b"", None],
    "numbers": [0, -1, 2**64 - 1, -(2**63), 0.1, -0.0, 1e300, float("inf"), True, 1, 1.0],
    "texts": ["", "\0", "\ud800", "ä\U0001f4ac", " \r\n\t", "'\"%\\", "{}"],
    "keys": {"": 1, "\0": 2, "a.b": 3, "lc": 1, "type": "constructor", 1: "int", (1, 2): "tuple"},
    "a user's dict that looks like a message": {"lc": 1, "type": "human", "content": "x", "id": ["a", "b"]},
    "bytes": b"\0\xff",
    "more bytes": {"b": b"\0", "a": bytearray(b"\1")},
    "times": [
        datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
        date(2026, 1, 2),
        timedelta(1, 2, 3),
    ],
    "others": [
        UUID(int=7),
        Decimal("1.50"),
        deque([1, 2]),
        frozenset({"a"}),
        {1, 2, 3},
        Document("d", id="e"),
    ],
    "a message alone": ONE,
    "messages": [ONE, TWO],
    "the same message twice": [ONE, TWO, ONE, ONE],
    "one id, two texts": [ONE, HumanMessage("other words", id="one"), ONE],
    "no ids": [HumanMessage("same"), HumanMessage("same"), AIMessage("same")],
    "among others": ["x", ONE, None, {"deep": [TWO]}, 3],
    "in a dict": {"a": ONE, "b": {"c": [TWO, [ONE]]}, "last": None},
    "in a tuple": (1, ONE, (TWO,)),
    "in a deque": deque([ONE, TWO]),
    "in a Send": [Send("node", {"messages": [ONE, TWO], "n": 1})],
    "in a Command": Command(update={"messages": [ONE]}, goto="node"),
    "in an interrupt": [Interrupt(value={"q": ONE}, id="i")],
    "in a dataclass": Desk(ONE, {"left": [TWO, ONE], "right": []}),
    "in a model": Shelf(top=ONE, rows=[[TWO], []]),
    "models in a list": [Shelf(top=TWO), {"desk": Desk(ONE)}],
}


@pytest.mark.parametrize("name", MESSAGES)
async def test_a_message_of_any_kind_comes_back_as_it_was(open_saver: OpenSaver, name: str) -> None:
    """Each type and shape: alone, in a list, in a dict, and as a pending write."""
    message = MESSAGES[name]
    await goes_round(open_saver, {"alone": message, "listed": [ONE, message], "deep": {"a": [1, message]}})


@pytest.mark.parametrize("name", VALUES)
async def test_a_value_of_any_kind_comes_back_as_it_was(open_saver: OpenSaver, name: str) -> None:
    """As a channel, in a list, and as a pending write."""
    await goes_round(open_saver, {"value": VALUES[name], "listed": [VALUES[name]]})


async def test_one_message_in_many_channels_comes_back_in_each(open_saver: OpenSaver) -> None:
    """Every message in every channel, in this checkpoint and the next, in other orders too."""
    everything = list(MESSAGES.values())
    held = {"all": everything, "back": everything[::-1], "some": everything[::3], "one": everything[0]}
    async with open_saver() as saver:
        first = await put(saver, "t", held)
        held_next = {**held, "all": everything[::-1] + everything}
        second = await put(saver, "t", held_next, parent=first)
        assert await read(saver, first) == channels(plain(held))
        assert await read(saver, second) == channels(plain(held_next))


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "\0"], ids=ascii)
async def test_a_plain_string_may_hold_anything(open_saver: OpenSaver, value: str) -> None:
    """A NUL or half a surrogate pair in a channel that is a `str` makes no turn fail, now or later."""
    async with open_saver() as saver:
        first = await put(saver, "t", {"summary": value, "n": 1})
        assert await read(saver, first) == channels(plain({"summary": value, "n": 1}))
        second = await put(saver, "t", {"summary": value * 2}, parent=first)
        assert await read(saver, second) == channels(plain({"summary": value * 2}))


class Room(TypedDict):
    """A state with messages in objects."""

    messages: Annotated[list[AnyMessage], add_messages]
    desk: Desk
    shelf: Shelf


@pytest.mark.parametrize("schema", [Desk, Shelf, Room])
async def test_a_state_of_objects_keeps_its_messages(open_saver: OpenSaver, schema: type) -> None:
    """States that are a dataclass or a model, and states with such in their channels."""
    updates: dict[type, dict[str, Any]] = {
        Desk: {"top": ONE, "drawers": {"left": [TWO, ONE]}},
        Shelf: {"top": ONE, "rows": [[TWO], [ONE]]},
        Room: {"messages": [ONE, TWO], "desk": VALUES["in a dataclass"], "shelf": VALUES["in a model"]},
    }
    first: dict[str, Any] = {"messages": []} if schema is Room else {"top": TWO}
    graph = StateGraph(schema)
    graph.add_node("put", lambda _: updates[schema])
    graph.add_edge(START, "put")
    async with open_saver() as saver:
        done = await graph.compile(checkpointer=saver).ainvoke(first, at("t"))
        assert channels(done) == channels(updates[schema])
    async with open_saver() as saver:
        state = await graph.compile(checkpointer=saver).aget_state(at("t"))
    assert channels(state.values) == channels(updates[schema])


_text = st.text(st.characters(), max_size=20)  # NUL and lone surrogates, too
_keys = st.text(string.ascii_letters + "\0é ", max_size=5)
_small = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | _text
_extras = st.dictionaries(
    _keys, st.recursive(_small, lambda s: st.lists(s, max_size=3), max_leaves=4), max_size=3
)
_ids = st.none() | st.sampled_from(["a", "b", "c"]) | _text
_messages = st.one_of(
    st.builds(kind, content=_text, id=_ids, additional_kwargs=_extras)
    for kind in (HumanMessage, AIMessage, SystemMessage, AIMessageChunk)
) | st.builds(ToolMessage, content=_text, id=_ids, tool_call_id=st.just("c"), artifact=_small)
_leaves = (
    _small
    | st.binary(max_size=9)
    | st.datetimes(timezones=st.none() | st.just(UTC))
    | st.uuids()
    | st.frozensets(st.integers(0, 9), max_size=3)
    | _messages
)
_values = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(_messages, max_size=6)
        | st.tuples(inner, inner)
        | st.dictionaries(_keys, inner, max_size=3)
        | st.builds(Send, st.just("node"), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(held=st.lists(_values, min_size=5, max_size=20))
async def test_any_values_come_back_as_they_were(open_saver: OpenSaver, held: list[Any]) -> None:
    """Whatever is nested in whatever, message or not."""
    await goes_round(open_saver, {f"c{n}": [value] for n, value in enumerate(held)})


async def goes_round(open_saver: OpenSaver, held: Mapping[str, Any]) -> None:
    """Assert that `held` is read as the stock serializer would have it: as channels, in a list, as writes."""
    expected = channels(plain(held))
    async with open_saver() as opened:
        saver = allowing(opened)
        place = await put(saver, uuid4().hex, held)
        await saver.aput_writes(place, list(held.items()), "task")
    async with open_saver() as opened:
        saver = allowing(opened)
        assert await read(saver, place) == expected
        (found,) = [t async for t in saver.alist(place)]
        assert channels(found.checkpoint["channel_values"]) == expected
        writes = {channel: value for _, channel, value in found.pending_writes or ()}
        assert channels(writes) == expected


def allowing(saver: Saver) -> Saver:
    """The saver that may read this file's classes, as LangGraph makes it for states that name them."""
    return saver.with_allowlist(OURS)


async def read(saver: Saver, where: RunnableConfig) -> dict[str, Any]:
    """The channels at a place, spelled out."""
    found = await saver.aget_tuple(where)
    assert found
    return channels(found.checkpoint["channel_values"])


def plain(held: Mapping[str, Any]) -> dict[str, Any]:
    """What the stock serializer makes of each value."""
    serde = JsonPlusSerializer(allowed_msgpack_modules=OURS)
    return {channel: serde.loads_typed(serde.dumps_typed(value)) for channel, value in held.items()}


def channels(held: Mapping[str, Any]) -> dict[str, Any]:
    """Each channel's value, spelled out."""
    return {channel: spelled(value) for channel, value in held.items()}


def spelled(value: Any) -> Any:
    """A value with the types of all that it holds, so that 1, 1.0 and True differ, and an order of keys."""
    kind = type(value).__name__
    if isinstance(value, BaseModel):
        return kind, spelled({name: getattr(value, name) for name in value.model_dump()})
    if is_dataclass(value) or isinstance(value, Send):
        names = ("node", "arg") if isinstance(value, Send) else value.__dataclass_fields__
        return kind, [spelled(getattr(value, name, None)) for name in names]
    if isinstance(value, Mapping):
        return kind, [(spelled(k), spelled(v)) for k, v in value.items()]
    if isinstance(value, (list, tuple, deque)):
        return kind, [spelled(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return kind, sorted(repr(spelled(v)) for v in value)
    return kind, repr(value)
