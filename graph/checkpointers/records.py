"""A checkpoint as the row that keeps it, and back: `Record`. Pure.

The body: what LangGraph needs to go on, the values of the channels as `references` stores them,
and the line of the conversation. Of the metadata what every checkpoint has (source, step) is in the body; the
rest is JSON.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, cast

from langgraph.checkpoint.base import Checkpoint

from graph.checkpointers.packing import squeeze, unsqueeze
from graph.checkpointers.references import Stored, numbers_in
from graph.checkpointers.runs import Runs
from graph.errors import BROKEN, ForgedRow

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KNOWN = ("v", "id", "ts", "channel_values", "channel_versions", "versions_seen", "updated_channels")
_MADE = re.compile(r"0{14}[0-9]{18}\.")
ACT = "longthread_act"
"""Where the metadata tell what a person did: undo, again or edit the summary, pin or unpin a message."""

_SOURCES = {"question": "loop", "answer": "loop", "fold": "loop"}
"""The source of a checkpoint of each kind; of other kinds it is the kind."""


@dataclass(frozen=True)
class Record:
    """A stored checkpoint of the namespace `ns`; `values` by channel, as stored.

    `kind` is what it is on the timeline: input, question, answer, fold, update or fork. `line` is the
    conversation up to it, for the root of a graph that has one.
    """

    id: str
    parent: str | None
    ns: str
    kind: str
    metadata: dict[str, Any]
    checkpoint: dict[str, Any]
    values: dict[str, Stored]
    line: Runs = field(default_factory=Runs)

    @classmethod
    def of(cls, checkpoint: Checkpoint, metadata: dict[str, Any], **parts: Any) -> "Record":
        """The record of what LangGraph saves, with values that are stored already."""
        kept = {k: v for k, v in checkpoint.items() if k not in ("channel_values", "id")}
        return cls(id=checkpoint["id"], metadata=metadata, checkpoint=kept, **parts)

    @cached_property
    def holds(self) -> Runs:
        """The numbers of the messages in its values, each once."""
        held = [stored for stored in self.values.values() if stored[0] != "v"]
        if len(held) == 1 and held[0][0] == "m" and len(held[0][1]) == 2:
            return Runs(tuple(held[0][1]))
        return Runs.of(sorted({n for stored in held for n in numbers_in(stored)}))

    @property
    def nodes(self) -> tuple[str, ...]:
        """Who wrote it: the nodes that last saw something new. An input is nobody's."""
        seen = cast("dict[str, dict[str, Any]]", self.checkpoint.get("versions_seen") or {})
        return () if self.kind == "input" else newest_of(seen)

    @property
    def extra(self) -> dict[str, Any] | None:
        """Metadata beyond source, step and no parents."""
        rest = {k: v for k, v in self.metadata.items() if k not in ("source", "step")}
        if rest.get("parents") == {}:
            del rest["parents"]
        elif "parents" not in rest:
            rest["parents"] = None  # absent is not the same as none
        return rest or None

    def body(self) -> bytes:
        """The bytes of the row."""
        kept = self.checkpoint
        source = self.metadata.get("source")
        parts: list[Any] = [
            self.kind,
            None if source == _SOURCES.get(self.kind, self.kind) else [source],
            self.metadata.get("step"),
            list(self.line.flat),
            kept.get("v"),
            _instant(kept.get("ts")),
            *_short(kept.get("channel_versions"), kept.get("versions_seen")),
            kept.get("updated_channels"),
            self.values,
        ]
        if rest := {k: v for k, v in kept.items() if k not in _KNOWN and v}:
            parts.append(rest)
        return squeeze(parts)

    @classmethod
    def read(
        cls, *, id: str, parent: str | None, ns: str, body: bytes, metadata: dict[str, Any] | None
    ) -> "Record":
        """The record of a row. Raises `ForgedRow`."""
        parts = unsqueeze(body)
        if not isinstance(parts, list) or len(cast("list[Any]", parts)) not in (10, 11):
            raise ForgedRow(BROKEN)
        kind, source, step, line, v, ts, versions, seen, updated, values, *rest = cast("list[Any]", parts)
        known: dict[str, Any] = {"source": source[0] if source else _SOURCES.get(kind, kind), "step": step}
        known["parents"] = {}
        known = {k: x for k, x in known.items() if x is not None} | (metadata or {})
        if known["parents"] is None:
            del known["parents"]
        versions, seen = _long(versions, seen)
        kept: dict[str, Any] = {"v": v, "ts": _iso(ts), "channel_versions": versions, "versions_seen": seen}
        kept |= {"updated_channels": updated, **(rest[0] if rest else {})}
        return cls(id, parent, ns, kind, known, kept, values, Runs(tuple(line)))

    def as_checkpoint(self, values: dict[str, Any]) -> Checkpoint:
        """What LangGraph saved, with `values` for its channels; nothing of it is shared."""
        kept = self.checkpoint
        seen = cast("dict[str, dict[str, Any]]", kept["versions_seen"] or {})
        return cast(
            "Checkpoint",
            {
                **kept,
                "id": self.id,
                "channel_values": values,
                "channel_versions": dict(kept["channel_versions"] or {}),
                "versions_seen": {node: dict(versions) for node, versions in seen.items()},
            },
        )

    def without(self, channels: Collection[str]) -> "Record":
        """The same without the values of some channels."""
        return replace(self, values={k: v for k, v in self.values.items() if k not in channels})


def newest_of(seen: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Of the nodes that have seen versions of channels, those that saw the newest; LangGraph's own apart."""
    last = {node: max(map(str, of.values())) for node, of in seen.items() if of and not node.startswith("__")}
    newest = max(last.values(), default="")
    return tuple(sorted(node for node, version in last.items() if version == newest))


def _short(versions: Any, seen: Any) -> tuple[Any, Any]:
    """Versions as small numbers, how far each is behind the newest: they are the same from turn to turn.

    Of their 50 characters the tail only tells forks apart, which have rows of their own here. Others, that
    LangGraph's savers do not make, stay as they are, alone in a list.
    """
    every: list[dict[str, Any]] = [versions or {}, *(seen or {}).values()]
    given = [version for each in every for version in each.values()]
    if not given or not all(isinstance(v, str) and _MADE.match(v) for v in given):
        return [versions], seen
    newest = int(max(given)[:32])
    return [newest, _behind(versions, newest)], {node: _behind(each, newest) for node, each in seen.items()}


def _long(versions: Any, seen: Any) -> tuple[Any, Any]:
    """What `_short` made short."""
    match versions:
        case [int(newest), behind]:
            pass
        case [whole]:
            return whole, seen
        case _:  # of the first rows in this form: how far each is ahead of nothing
            newest, behind = 0, versions
    return _ahead(behind, newest), {node: _ahead(each, newest) for node, each in seen.items()}


def _behind(versions: dict[str, str], newest: int) -> dict[str, int]:
    return {channel: newest - int(version[:32]) for channel, version in versions.items()}


def _ahead(behind: dict[str, int], newest: int) -> dict[str, str]:
    return {channel: f"{abs(newest - number):032}.0" for channel, number in behind.items()}


def _instant(ts: str | None) -> int | str | None:
    """A time of ours in microseconds, where that loses nothing."""
    try:
        at = datetime.fromisoformat(ts or "")
    except ValueError:
        return ts
    micros = (at - EPOCH) // timedelta(microseconds=1) if at.tzinfo else None
    return micros if micros is not None and _iso(micros) == ts else ts


def _iso(ts: int | str | None) -> str | None:
    if not isinstance(ts, int):
        return ts
    return (EPOCH + timedelta(microseconds=ts)).isoformat()
