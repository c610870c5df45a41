"""What a graph that waits for a person asks, and what it is told: `Approval`. Pure.

An interrupt may hold anything. Known are the requests of LangChain's human-in-the-loop middleware, those of
Agent Inbox, and a question with options; of anything else a person may say yes or no.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langgraph.types import Interrupt


@dataclass(frozen=True)
class Choice:
    """A way to go on: `name` is approve, reject, ignore or a text of the graph's own; `answer` is what the
    graph is told."""

    name: str
    answer: Any
    key: str
    """Names the choice and what it is a choice of: an old button does not answer a new question."""


@dataclass(frozen=True)
class Approval:
    """What is asked, in words (perhaps none) and in detail, and how it can be answered."""

    interrupt_id: str
    text: str
    details: str
    choices: Sequence[Choice]

    @classmethod
    def of(cls, interrupt: Interrupt) -> "Approval":
        """What this interrupt asks."""
        text, details, answers = _asked(interrupt.value)
        choices = [Choice(name, answer, _key(interrupt.id, name)) for name, answer in answers.items()]
        return cls(interrupt.id, text, details, choices)

    def chosen(self, key: str) -> Choice | None:
        """The choice of this key."""
        return next((choice for choice in self.choices if choice.key == key), None)


def _asked(value: Any) -> tuple[str, str, dict[str, Any]]:
    match value:
        case {"action_requests": [*actions]}:
            answers = {name: {"decisions": [{"type": name}] * len(actions)} for name in ("approve", "reject")}
            return _described(actions), _listed(actions, "name", ("args", "arguments")), answers
        case [{"action_request": _}, *_]:
            requests = cast("list[Mapping[str, Any]]", value)
            allowed = cast("Mapping[str, Any]", requests[0].get("config") or {})
            answers: dict[str, Any] = {"approve": [{"type": "accept"}]}
            if allowed.get("allow_ignore", True):
                answers["ignore"] = [{"type": "ignore"}]
            actions = [cast("Mapping[str, Any]", request["action_request"]) for request in requests]
            return _described(requests), _listed(actions, "action", ("args",)), answers
        case {"options": [_, *_] as options} | {"choices": [_, *_] as options}:
            mapping = cast("Mapping[str, Any]", value)
            return _question(mapping), "", {str(option): option for option in options}
        case str():
            return value, "", {"approve": True, "reject": False}
        case dict():
            mapping = cast("Mapping[str, Any]", value)
            rest = {k: v for k, v in mapping.items() if k not in _QUESTIONS}
            return _question(mapping), _shown(rest) if rest else "", {"approve": True, "reject": False}
        case _:
            return "", _shown(value), {"approve": True, "reject": False}


_QUESTIONS = ("question", "message", "description", "prompt", "text")


def _question(value: Mapping[str, Any]) -> str:
    return next((str(value[name]) for name in _QUESTIONS if value.get(name)), "")


def _described(requests: Sequence[Any]) -> str:
    return "\n\n".join(str(each["description"]) for each in _mappings(requests) if each.get("description"))


def _listed(actions: Sequence[Any], name: str, given: Sequence[str]) -> str:
    shown: list[dict[str, Any]] = []
    for action in _mappings(actions):
        arguments = next((action[key] for key in given if key in action), None)
        shown.append({str(action.get(name, "")): arguments})
    return _shown(shown[0] if len(shown) == 1 else shown)


def _mappings(items: Sequence[Any]) -> list[Mapping[str, Any]]:
    return [cast("Mapping[str, Any]", item) for item in items if isinstance(item, Mapping)]


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)


def _key(interrupt_id: str, name: str) -> str:
    return hashlib.blake2s(f"{interrupt_id} {name}".encode(), digest_size=8).hexdigest()
