"""What a checkpoint adds to a thread's catalogue, transcript and timeline, as rows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.serde.base import SerializerProtocol

from graph.bookmark import Bookmark

PREVIEW = 80
TITLE = 60


@dataclass(frozen=True)
class Rows:
    """Parameters of the statements that go with one checkpoint."""

    messages: list[dict[str, Any]]
    moment: dict[str, Any]
    thread: dict[str, Any]


def catalogue_rows(
    place: Bookmark,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    new_versions: ChannelVersions,
    serde: SerializerProtocol,
) -> Rows:
    """The rows of a root checkpoint of any graph; one without a `messages` channel has no transcript.

    A message's parent is the one before it in the window, or, for the first of the window, the last one that
    was folded into the summary.
    """
    window = _messages(checkpoint["channel_values"].get("messages"))
    folded, through = _fold(checkpoint["channel_values"].get("summary"))
    parents = [through, *(m.id for m in window)]
    head = parents[-1]
    changed = "messages" in new_versions
    rows = [_message(place.key, m, parents[i], folded + i, serde) for i, m in enumerate(window) if changed]
    kind = _kind(metadata, new_versions, window)
    moment = {
        "key": place.key,
        "checkpoint_id": checkpoint["id"],
        "parent": place.checkpoint_id,
        "step": metadata.get("step", -1),
        "kind": kind,
        "message": head,
        "preview": _preview(kind, window, folded),
    }
    thread = {
        "key": place.key,
        "owner": place.user_id,
        "thread_id": place.thread_id,
        "title": next((shorten(m.text, TITLE) for m in window if isinstance(m, HumanMessage)), ""),
        "messages": folded + len(window),
        "head": checkpoint["id"],
        "parent": place.checkpoint_id,
    }
    return Rows(rows, moment, thread)


def shorten(text: str, length: int) -> str:
    """The first line's worth of `text`, whole words where that costs little, as Postgres can hold it."""
    line = " ".join(text.replace("\0", "").encode("utf-8", "replace").decode().split())
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > length // 2 else cut).rstrip(" ,;:.") + "…"


def _messages(value: Any) -> Sequence[BaseMessage]:
    if not isinstance(value, list):
        return ()
    items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
    return [m for m in items if isinstance(m, BaseMessage) and m.id]


def _fold(summary: Any) -> tuple[int, str | None]:
    """How many messages are under the fold, and the id of the newest of them."""
    notes: dict[str, Any] = (
        summary.additional_kwargs.get("longthread", {}) if isinstance(summary, BaseMessage) else {}
    )
    return int(notes.get("count", 0)), notes.get("through")


def _message(
    key: str, message: BaseMessage, parent: str | None, seq: int, serde: SerializerProtocol
) -> dict[str, Any]:
    kind, body = serde.dumps_typed(message)
    text = message.text.replace("\0", "").encode("utf-8", "replace").decode()
    return {
        "key": key,
        "id": message.id,
        "parent": parent,
        "seq": seq,
        "role": message.type,
        "text": text,
        "type": kind,
        "body": body,
    }


def _kind(metadata: CheckpointMetadata, new: ChannelVersions, window: Sequence[BaseMessage]) -> str:
    source = metadata.get("source", "loop")
    if "summary" in new and source != "input":
        return "fold"
    if source != "loop":
        return source
    return "answer" if window and isinstance(window[-1], AIMessage) else "question"


def _preview(kind: str, window: Sequence[BaseMessage], folded: int) -> str:
    if kind == "fold":
        return f"{folded:,} messages summarised"
    return shorten(window[-1].text, PREVIEW) if window and kind != "input" else ""
