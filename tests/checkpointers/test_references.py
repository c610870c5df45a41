"""What is stored instead of a value with messages in it, and what comes back."""

import copy
from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    BaseMessage,
    HumanMessage,
    SystemMessage,
)
from langgraph.types import Send

from graph.checkpointers.references import Stored, give, messages_in, numbers_in, take
from graph.checkpointers.serializer import StrictSerializer
from tests.checkpointers.strategies import MESSAGES, NAMES, OBJECTS, PLAIN

SERDE = StrictSerializer()


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists, tuples, dicts and Sends, each in each."""
    return st.recursive(
        leaf,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(NAMES | st.integers(-5, 5), inner, max_size=4)
            | st.builds(Send, st.just("node"), inner)
        ),
        max_leaves=12,
    )


VALUES = nested(PLAIN | OBJECTS | MESSAGES)
SILENT = nested(PLAIN | OBJECTS | st.sampled_from(["m", "o", "v", "h", "d"]))


class Numbers:
    """Gives every message a number of its own, from 7; notes go below 0."""

    def __init__(self) -> None:
        self.messages: dict[int, BaseMessage] = {}
        self.calls = 0

    def __call__(self, message: BaseMessage, spoken: bool) -> int:
        self.calls += 1
        number = self.calls + 6 if spoken else -self.calls - 6
        self.messages[number] = message
        return number


def as_the_stock_gives_it(value: Any) -> Any:
    """What a serializer keeps of a value: a tuple comes back as a list."""
    return SERDE.loads_typed(SERDE.dumps_typed(value))


def through_the_database(stored: Stored) -> Stored:
    """A stored value as its bytes give it back."""
    packed: Any = ormsgpack.unpackb(ormsgpack.packb(stored))
    return packed


# Values


@given(st.sampled_from(["messages", "notes"]), VALUES)
def test_any_value_comes_back_with_its_messages(channel: str, value: Any) -> None:
    """Whatever is nested in what; the messages travel by number, and the value is not touched."""
    numbers, before = Numbers(), copy.deepcopy(value)
    stored = through_the_database(take(channel, value, numbers, SERDE))
    assert give(stored, numbers.messages, SERDE) == as_the_stock_gives_it(value)
    assert value == before
    assert sorted(numbers_in(stored)) == sorted(numbers.messages)
    assert numbers.calls == len(list(messages_in(value))), "each message is asked for once"


@given(VALUES.filter(lambda value: any(messages_in(value))))
def test_no_message_is_copied_into_a_value(value: Any) -> None:
    """What is given back are the messages themselves, at every place where they were."""
    numbers = Numbers()
    stored = through_the_database(take("messages", value, numbers, SERDE))
    given_back = [message for _, message in messages_in(give(stored, numbers.messages, SERDE))]
    taken_out = [message for _, message in messages_in(value)]
    assert all(one is other for one, other in zip(given_back, taken_out, strict=True))


@given(st.integers(1, 3_000))
def test_a_list_of_messages_costs_its_runs(length: int) -> None:
    """A window of any length is a few bytes."""
    stored = take("messages", [HumanMessage("x")] * length, Numbers(), SERDE)
    assert stored == ["m", [7, length + 6]]
    assert len(ormsgpack.packb(stored)) <= 10


@given(SILENT)
def test_nothing_without_messages_points_at_any(value: Any) -> None:
    """Whatever a caller stores, however it looks, is given back with no message at hand."""
    stored = through_the_database(take("messages", value, Numbers(), SERDE))
    assert list(numbers_in(stored)) == []
    assert give(stored, {}, SERDE) == as_the_stock_gives_it(value)


@pytest.mark.parametrize(
    "value",
    [
        ["m", [0, 1]],
        ["o", 0],
        ["d", b"0" * 16, [0, 1]],
        ["v", "msgpack", b"\x90"],
        ["h", "msgpack", b"\x91\xc0", [[[0], 0]]],
        {"m": [0, 1]},
        [["m", [0, 1]], ["o", 0]],
        ("m", [0, 1]),
        None,
        [],
    ],
    ids=repr,
)
def test_what_looks_like_a_reference_is_none(value: Any) -> None:
    """Alone, or beside a message, it comes back as it is."""
    message = HumanMessage("hi")
    for given_value in (value, [value, message], {"a": value, "b": message}, (message, value, None)):
        numbers = Numbers()
        stored = through_the_database(take("messages", given_value, numbers, SERDE))
        assert set(numbers_in(stored)) == set(numbers.messages)
        assert give(stored, numbers.messages, SERDE) == as_the_stock_gives_it(given_value)


def test_only_what_is_said_counts_as_said() -> None:
    """Messages of the conversation, and those handed to a node as its input; not what stands beside them."""
    said, note = HumanMessage("said"), SystemMessage("note")
    for channel, value in (
        ("messages", [said]),
        ("messages", said),
        ("tasks", Send("node", {"messages": [said], "summary": note})),
        ("__start__", {"messages": [said]}),
        ("summary", note),
        ("scratch", [note]),
    ):
        numbers = Numbers()
        take(channel, value, numbers, SERDE)
        assert all((number >= 0) == (message is said) for number, message in numbers.messages.items())
