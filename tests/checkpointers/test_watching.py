"""Whether a message is still what it was: by its fingerprint, and by the copy of its fields."""

import copy
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage

from graph.checkpointers.memory import Known
from graph.checkpointers.watching import Watched, fingerprint
from tests.checkpointers.strategies import MESSAGES

CHANGES: dict[str, Any] = {
    "content": "something else entirely",
    "id": "another id entirely",
    "name": "another name entirely",
    "additional_kwargs": {"changed": True},
    "response_metadata": {"changed": True},
}


def watched(message: BaseMessage) -> Watched:
    """A message as it is held once it was read."""
    return Watched(message, fingerprint(message))


@given(MESSAGES, st.sampled_from(sorted(CHANGES)))
def test_a_fingerprint_changes_with_the_message(message: BaseMessage, field: str) -> None:
    """Any field of it, also deep inside and in place; and not with a copy."""
    mark = fingerprint(message)
    assert fingerprint(copy.deepcopy(message)) == mark
    assert fingerprint(message.model_copy(update={field: CHANGES[field]})) != mark
    inside: Any = copy.deepcopy(message)
    inside.additional_kwargs["deep"] = {"list": [1, [2, {"x": 1}]]}
    before = fingerprint(inside)
    inside.additional_kwargs["deep"]["list"][1][1]["x"] = 2
    assert fingerprint(inside) != before


class Shouted(HumanMessage):
    """A caller's own kind, with the fields of another."""


def test_two_kinds_of_message_have_two_fingerprints() -> None:
    """The same words by somebody else are another message."""
    kinds: tuple[type[BaseMessage], ...] = (HumanMessage, AIMessage, SystemMessage, AIMessageChunk)
    words = [kind("hi", id="1") for kind in (*kinds, Shouted)]
    assert len({fingerprint(message) for message in words}) == len(words)
    assert fingerprint(HumanMessage("hi", extra=1)) != fingerprint(HumanMessage("hi", extra=2))


@given(MESSAGES, st.sampled_from(sorted(CHANGES)))
def test_who_changes_a_message_in_place_is_seen(message: BaseMessage, field: str) -> None:
    """Whatever is in it, also deep inside, and a field that no class knows."""
    held = watched(message)
    assert held.unchanged
    setattr(message, field, CHANGES[field])
    assert not held.unchanged

    message.additional_kwargs = {"deep": {"list": [1, [2, {"x": 1}]]}}
    held = watched(message)
    assert held.unchanged
    message.additional_kwargs["deep"]["list"][1][1]["x"] = 2
    assert not held.unchanged

    held = watched(message)
    message.__pydantic_extra__ = {"seen_by": "nobody"}
    assert not held.unchanged


def test_what_is_not_plain_is_watched_by_its_fingerprint() -> None:
    """An object in a message may have no copy, and compares as it likes."""
    message = HumanMessage("hi", additional_kwargs={"on": [date(2026, 1, 2)]})
    held = watched(message)
    assert held.unchanged
    message.additional_kwargs["on"][0] = date(2026, 1, 3)
    assert not held.unchanged


def test_only_the_very_message_is_known_without_its_fingerprint() -> None:
    """Not a copy of it, nor itself once it was changed: each of those is looked up by what it says."""
    known, message = Known(), HumanMessage("hi", id="1")
    known.learn({7: message})
    assert known.number_of(message) == 7
    assert known.number_of(message.model_copy()) is None
    assert known.number_like(message.model_copy(), fingerprint(message)) == 7
    message.content = "ho"
    assert known.number_of(message) is None
