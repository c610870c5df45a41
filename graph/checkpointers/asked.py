"""The checkpoint that a durable question makes while its answer is not stored yet. Pure.

A question is stored as a row and a note on the thread, in one round trip and without a checkpoint. Whoever
reads the thread meanwhile, or after its process was killed, is shown the checkpoint that LangGraph itself
would have stored before it called the model: the question in `messages`, and the node that answers next.
"""

from collections.abc import Callable
from typing import Any

from langgraph.checkpoint.serde.base import SerializerProtocol

from graph.checkpointers.memory import Asked
from graph.checkpointers.records import Record
from graph.checkpointers.references import TRANSCRIPT
from graph.checkpointers.runs import Runs

_FIRST = f"{1:032}.0"
_EMPTY = Record(
    id="",
    parent=None,
    ns="",
    kind="input",
    metadata={"source": "input", "step": -1, "parents": {}},
    checkpoint={
        "v": 4,
        "ts": None,
        "channel_versions": {"__start__": _FIRST},
        "versions_seen": {"__input__": {}, "__start__": {"__start__": _FIRST}},
        "updated_channels": None,
    },
    values={},
)


def asked_record(
    base: Record | None, asked: Asked, ts: str, following: Callable[[Any], Any], serde: SerializerProtocol
) -> Record:
    """The questions `asked` on top of `base`; `following` makes the version after another, `ts` is a time."""
    base = base or _EMPTY
    versions: dict[str, Any] = dict(base.checkpoint["channel_versions"] or {})
    version = following(max(versions.values(), default=None))
    said = [number for number in asked.numbers if number not in base.line]
    window = base.values.get(TRANSCRIPT, ["m", []])
    before = Runs(tuple(window[1])) if window[0] == "m" else Runs()
    values = dict(base.values) | {TRANSCRIPT: ["m", list(before.then(said).flat)]}
    for channel in asked.wakes:
        values[channel] = ["v", *serde.dumps_typed(None)]
    changed = [TRANSCRIPT, *asked.wakes]
    step = base.metadata.get("step")
    return Record(
        id=asked.id,
        parent=asked.parent,
        ns="",
        kind="question",
        metadata={"source": "loop", "step": (-1 if step is None else step) + 1, "parents": {}},
        checkpoint=base.checkpoint
        | {
            "ts": ts,
            "channel_versions": versions | dict.fromkeys(changed, version),
            "updated_channels": changed,
        },
        values=values,
        line=base.line.then(said),
    )
