"""A thread's past, as values: what a snapshot shows, how two of them differ, and two texts word by word.

Pure; runs nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

from langchain_core.messages import BaseMessage, SystemMessage
from langgraph.types import StateSnapshot

Kind = Literal["same", "removed", "added"]
MOST = 2_000_000
"""Pairs of words that are compared; of longer texts only the shared ends are found."""


@dataclass(frozen=True)
class View:
    """What a moment holds: the live window, oldest first, the summary of what came before it, and what is
    pinned."""

    messages: list[BaseMessage] = field(default_factory=list[BaseMessage])
    summary: SystemMessage | None = None
    pinned: list[BaseMessage] = field(default_factory=list[BaseMessage])


@dataclass(frozen=True)
class Difference:
    """What changed from one moment to a later one; `changed` pairs the old and the new of one message id."""

    added: list[BaseMessage]
    removed: list[BaseMessage]
    changed: list[tuple[BaseMessage, BaseMessage]]
    summary_before: SystemMessage | None
    summary_after: SystemMessage | None
    pinned: list[BaseMessage] = field(default_factory=list[BaseMessage])
    unpinned: list[BaseMessage] = field(default_factory=list[BaseMessage])

    @property
    def empty(self) -> bool:
        """Whether nothing that a person can see has changed."""
        same_summary = _text(self.summary_before) == _text(self.summary_after)
        pins = self.pinned or self.unpinned
        return same_summary and not (self.added or self.removed or self.changed or pins)


def look(snapshot: StateSnapshot) -> View:
    """What the snapshot shows."""
    values = snapshot.values
    return View(list(values.get("messages") or ()), values.get("summary"), list(values.get("pinned") or ()))


def difference(before: StateSnapshot | None, after: StateSnapshot) -> Difference:
    """What changed from `before` (None: the beginning) to `after`, in the order of the windows."""
    old, new = look(before) if before else View(), look(after)
    old_by_id, new_by_id = _by_id(old.messages), _by_id(new.messages)
    old_pins, new_pins = _by_id(old.pinned), _by_id(new.pinned)
    return Difference(
        added=[m for m in new.messages if m.id not in old_by_id],
        removed=[m for m in old.messages if m.id not in new_by_id],
        changed=[(o, m) for m in new.messages if (o := old_by_id.get(m.id)) and o.content != m.content],
        summary_before=old.summary,
        summary_after=new.summary,
        pinned=[m for m in new.pinned if m.id not in old_pins],
        unpinned=[m for m in old.pinned if m.id not in new_pins],
    )


def worded(before: str, after: str) -> list[tuple[Kind, str]]:
    """How a text became another, in words and the spaces after them: what stayed, what left, what came."""
    old, new = re.findall(r"\s+|\S+\s*", before), re.findall(r"\s+|\S+\s*", after)
    if len(old) * len(new) > MOST:
        return _ends(old, new)
    found: list[tuple[Kind, str]] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(("same", "".join(old[a:b])))
            continue
        found += _replaced(old[a:b], new[c:d])
    return found


def _ends(old: list[str], new: list[str]) -> list[tuple[Kind, str]]:
    most = min(len(old), len(new))
    head = next((n for n in range(most) if old[n] != new[n]), most)
    tail = next((n for n in range(most - head) if old[-1 - n] != new[-1 - n]), most - head)
    first: list[tuple[Kind, str]] = [("same", "".join(old[:head]))] if head else []
    last: list[tuple[Kind, str]] = [("same", "".join(old[len(old) - tail :]))] if tail else []
    return first + _replaced(old[head : len(old) - tail], new[head : len(new) - tail]) + last


def _replaced(old: list[str], new: list[str]) -> list[tuple[Kind, str]]:
    parts: list[tuple[Kind, str]] = [("removed", "".join(old)), ("added", "".join(new))]
    return [part for part in parts if part[1]]


def _by_id(messages: Sequence[BaseMessage]) -> dict[str | None, BaseMessage]:
    return {m.id: m for m in messages}


def _text(message: BaseMessage | None) -> str:
    return message.text if message else ""
