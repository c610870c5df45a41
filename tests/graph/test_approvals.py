"""What a graph that waits asks a person, of whatever its interrupt holds; and what it is told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.types import Interrupt

from graph.approvals import Approval

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=12), each, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "text", "answers"),
    [
        ("Go on?", "Go on?", {"approve": True, "reject": False}),
        ({"question": "Send it?", "to": "Ana"}, "Send it?", {"approve": True, "reject": False}),
        ({"question": "Which?", "options": ["a", "b"]}, "Which?", {"a": "a", "b": "b"}),
        (
            {"action_requests": [{"name": "send", "args": {"to": "Ana"}, "description": "Sends mail"}]},
            "Sends mail",
            {name: {"decisions": [{"type": name}]} for name in ("approve", "reject")},
        ),
        (
            [{"action_request": {"action": "send", "args": {}}, "config": {"allow_ignore": True}}],
            "",
            {"approve": [{"type": "accept"}], "ignore": [{"type": "ignore"}]},
        ),
        ({"options": []}, "", {"approve": True, "reject": False}),
        ([1, 2], "", {"approve": True, "reject": False}),
    ],
)
def test_an_interrupt_is_a_question_with_answers(value: Any, text: str, answers: dict[str, Any]) -> None:
    asked = Approval.of(Interrupt(value, id="i"))
    assert asked.text == text
    assert {choice.name: choice.answer for choice in asked.choices} == answers


def test_an_old_button_answers_no_new_question() -> None:
    first, second = (Approval.of(Interrupt("Go on?", id=id)) for id in ("i", "j"))
    assert all(first.chosen(choice.key) is choice for choice in first.choices)
    assert not any(second.chosen(choice.key) for choice in first.choices)


@given(JSON)
def test_whatever_an_interrupt_holds_can_be_answered(value: Any) -> None:
    asked = Approval.of(Interrupt(value, id="i"))
    assert asked.choices
    assert asked.text or asked.details or value in ("", {}, [])
