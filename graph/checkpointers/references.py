"""A value of a channel with its messages taken out, and put back: message ↔ reference. Pure.

A checkpoint points at messages by their numbers in the thread. `take` walks lists, tuples, dicts and `Send`s;
what it finds no messages in is the serializer's, whole. Nothing marks the place of a message inside the value
that stays behind: the way to it is kept beside, so that no data of a caller's can look like a reference.

    stored value    ["m", [first, last, …]]         a list of messages, as runs of their numbers
                    ["o", number]                   a message
                    ["v", form, bytes]              anything else, by the serializer
                    ["h", form, bytes, [[way, number], …]]   the same, with holes where messages were
                    ["d", digest, [first, last, …]] one of these, kept as a row because it is large
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.types import Send

from graph.checkpointers.packing import unpack
from graph.checkpointers.runs import Runs
from graph.errors import BROKEN, ForgedRow

Stored = list[Any]
Way = tuple[str | int, ...]
TRANSCRIPT = "messages"
"""The channel, or the key of an input, whose messages are the conversation."""


def messages_in(value: Any, way: Way = ()) -> Iterator[tuple[Way, BaseMessage]]:
    """Every message in `value` that can be taken out, with the way to it."""
    if isinstance(value, BaseMessage):
        yield way, value
    elif type(value) in (list, tuple):
        for at, item in enumerate(cast("list[Any]", value)):
            if isinstance(item, BaseMessage):
                yield (*way, at), item
            elif type(item) in (list, tuple, dict, Send):
                yield from messages_in(item, (*way, at))
    elif type(value) is dict:
        for key, item in cast("dict[Any, Any]", value).items():
            if type(key) is str or type(key) is int:
                yield from messages_in(item, (*way, key))
    elif type(value) is Send:
        yield from messages_in(value.arg, (*way, "arg"))


def spoken(channel: str, way: Way) -> bool:
    """Whether what is found there belongs to the conversation, and is no note beside it."""
    return channel == TRANSCRIPT or TRANSCRIPT in way


def take(
    channel: str, value: Any, number: Callable[[BaseMessage, bool], int], serde: SerializerProtocol
) -> Stored:
    """`value` as it is stored. `number` names a message; it is told whether the message is spoken."""
    if isinstance(value, BaseMessage):
        return ["o", number(value, spoken(channel, ()))]
    if (
        type(value) is list
        and value
        and all(isinstance(item, BaseMessage) for item in cast("list[Any]", value))
    ):
        aloud = spoken(channel, ())
        numbers = [number(item, aloud) for item in cast("list[BaseMessage]", value)]
        return ["m", list(Runs.of(numbers).flat)]
    found = list(messages_in(value))
    if not found:
        return ["v", *serde.dumps_typed(value)]
    holes = [[list(way), number(message, spoken(channel, way))] for way, message in found]
    rest = _planted(value, [(way, None) for way, _ in found])
    return ["h", *serde.dumps_typed(rest), holes]


def numbers_in(stored: Stored) -> Iterator[int]:
    """The numbers of the messages that a stored value points at."""
    match stored:
        case ["m", flat] | ["d", _, flat]:
            yield from Runs(tuple(flat))
        case ["o", number]:
            yield number
        case ["h", _, _, holes]:
            for _, number in holes:
                yield number
        case _:
            pass


def give(stored: Stored, messages: Mapping[int, BaseMessage], serde: SerializerProtocol) -> Any:
    """The value that was stored. Raises `ForgedRow`."""
    match stored:
        case ["m", flat]:
            return [messages[number] for number in Runs(tuple(flat))]
        case ["o", number]:
            return messages[number]
        case ["v", form, payload]:
            return serde.loads_typed((form, payload))
        case ["h", form, payload, holes]:
            value = serde.loads_typed((form, payload))
            return _planted(value, [(tuple(way), messages[number]) for way, number in holes])
        case _:
            raise ForgedRow(BROKEN)


def read(packed: bytes) -> Stored:
    """The stored value of a row. Raises `ForgedRow`."""
    match unpack(packed):
        case [("m" | "o" | "v" | "h" | "d"), *_] as stored:
            return cast("Stored", stored)
        case _:
            raise ForgedRow(BROKEN)


def _planted(value: Any, seeds: Sequence[tuple[Way, BaseMessage | None]]) -> Any:
    """`value` with each message at the end of its way; what is on the ways is copied, never changed."""
    if not seeds[0][0]:
        return seeds[0][1]
    by_step: dict[str | int, list[tuple[Way, BaseMessage | None]]] = {}
    for way, message in seeds:
        by_step.setdefault(way[0], []).append((way[1:], message))
    if type(value) is Send:
        twin = copy.copy(value)
        twin.arg = _planted(value.arg, by_step["arg"])
        return twin
    if type(value) is tuple:
        return tuple(_planted(list(cast("tuple[Any, ...]", value)), seeds))
    twin = copy.copy(value)
    for step, further in by_step.items():
        twin[step] = _planted(twin[step], further)
    return twin
