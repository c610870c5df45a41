"""Questions that are durable and have no stored answer yet: `Asked`, and the checkpoint they make. Pure.

A question is a note on its thread, made in one round trip, and becomes a row with its answer. Whoever reads
the thread meanwhile, or after its process was killed, is shown the checkpoint that LangGraph itself would
have stored before it called the model: the question in `messages`, and the node that answers next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.base import Checkpoint, CheckpointTuple

from graph.bookmark import Bookmark, with_places
from graph.checkpointers.packing import pack, unpack
from graph.checkpointers.references import TRANSCRIPT
from graph.checkpointers.rows import MessageRow

GREGORIAN = 0x01B21DD213814000
"""Of the clock in a UUID (since 1582, in 100 ns), the part before 1970."""


@dataclass(frozen=True)
class Asked:
    """Questions as rows, the checkpoint `id` that they make on `parent`, and the channels `wakes` that start
    whoever answers. `refused` are the ids of those that a model would not answer: they are kept, and asked
    again only by themselves, so that no other question shares their fate."""

    rows: tuple[MessageRow, ...]
    id: str
    parent: str | None
    wakes: tuple[str, ...]
    refused: frozenset[str] = frozenset()

    def pack(self) -> bytes:
        """What the thread's row keeps, beside id and parent."""
        rows = [[row.type, row.id, row.text, row.body] for row in self.rows]
        return pack([list(self.wakes), rows, *([sorted(self.refused)] if self.refused else [])])

    @classmethod
    def unpack(cls, packed: bytes, id: str, parent: str | None) -> "Asked":
        """What `pack` packed."""
        wakes, rows, *refused = unpack(packed)
        return cls(tuple(MessageRow(*row) for row in rows), id, parent, tuple(wakes), frozenset(*refused))

    @property
    def hopeful(self) -> list[MessageRow]:
        """Those that were not refused."""
        return [row for row in self.rows if row.id not in self.refused]

    def but(self, questions: Sequence[BaseMessage]) -> "Asked | None":
        """Those that are not among `questions`; None if none is left."""
        return self.without(questions, self.parent)

    def without(self, messages: Sequence[BaseMessage], parent: str | None) -> "Asked | None":
        """Those that are not among `messages`, on another parent; None if none is left."""
        there = {message.id for message in messages}
        left = tuple(row for row in self.rows if row.id not in there)
        return replace(self, rows=left, parent=parent) if left else None


def made(checkpoint_id: str) -> datetime:
    """When a checkpoint was made, by its id: a UUID of version 6, whose clock begins with the high bits.
    Python's own `UUID.time` knows that only since 3.14."""
    number = UUID(checkpoint_id).int
    clock = (number >> 96) << 28 | (number >> 80 & 0xFFFF) << 12 | (number >> 64 & 0xFFF)
    return datetime.fromtimestamp((clock - GREGORIAN) / 1e7, UTC)


def made_at(when: datetime) -> str:
    """The id of a checkpoint that was made then; the inverse of `made`."""
    clock = int(when.timestamp() * 1e7) + GREGORIAN
    number = clock >> 28 << 96 | (clock >> 12 & 0xFFFF) << 80 | 6 << 76 | (clock & 0xFFF) << 64 | 2 << 62
    return str(UUID(int=number))


def asked_tuple(
    base: CheckpointTuple | None,
    asked: Asked,
    questions: Sequence[BaseMessage],
    place: Bookmark,
    following: Callable[[Any], Any],
) -> CheckpointTuple:
    """The questions `asked` on top of `base`; `following` makes the version after another."""
    before: Any = base.checkpoint if base else nothing(following)
    version = following(max(before["channel_versions"].values()))
    changed = [TRANSCRIPT, *asked.wakes]
    window = before["channel_values"].get(TRANSCRIPT)
    values: dict[str, Any] = {
        **before["channel_values"],
        TRANSCRIPT: [*(cast("list[Any]", window) if isinstance(window, list) else ()), *questions],
        **dict.fromkeys(asked.wakes),
    }
    checkpoint: dict[str, Any] = {
        **before,
        "id": asked.id,
        "ts": made(asked.id).isoformat(),
        "channel_values": values,
        "channel_versions": {**before["channel_versions"], **dict.fromkeys(changed, version)},
        "updated_channels": changed,
    }
    step = int(base.metadata.get("step", -1)) if base else -1
    names = {"thread_id": place.thread_id, "user_id": place.user_id, "checkpoint_ns": ""}
    return CheckpointTuple(
        with_places({}, **names, checkpoint_id=asked.id),
        cast("Checkpoint", checkpoint),
        {"source": "loop", "step": step + 1, "parents": {}},
        with_places({}, **names, checkpoint_id=asked.parent) if asked.parent else None,
        [],
    )


def nothing(following: Callable[[Any], Any]) -> dict[str, Any]:
    """A thread that has taken its first input, and no more."""
    first = following(None)
    return {
        "v": 4,
        "channel_values": {},
        "channel_versions": {"__start__": first},
        "versions_seen": {"__input__": {}, "__start__": {"__start__": first}},
    }
