"""What LangGraph hands to be saved: `Save`, and the record that it becomes. Pure."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.base import ChannelVersions, Checkpoint

from graph.checkpointers.drafts import Draft
from graph.checkpointers.records import Record
from graph.checkpointers.references import TRANSCRIPT, Stored
from graph.checkpointers.runs import Runs, carried_on
from graph.titles import TITLE, shorten


@dataclass(frozen=True)
class Save:
    """A checkpoint of the namespace `ns`."""

    ns: str
    checkpoint: Checkpoint
    metadata: dict[str, Any]
    new_versions: ChannelVersions

    @cached_property
    def said(self) -> list[BaseMessage]:
        """The messages of its conversation."""
        window: Any = self.checkpoint["channel_values"].get(TRANSCRIPT)
        items = cast("list[Any]", window) if isinstance(window, list) and not self.ns else []
        return [message for message in items if isinstance(message, BaseMessage)]

    @property
    def kind(self) -> str:
        """What it is on the timeline."""
        source = str(self.metadata.get("source", "loop"))
        if "summary" in self.new_versions and source != "input":
            return "fold"
        if source != "loop":
            return source
        said = self.said
        return "answer" if said and isinstance(said[-1], AIMessage) else "question"

    @property
    def title(self) -> str:
        """What the thread is called until somebody names it."""
        return next((shorten(str(m.text), TITLE) for m in self.said if isinstance(m, HumanMessage)), "")


def record_of(save: Save, draft: Draft, parent: Record | None, after: str | None) -> Record:
    """What is stored of `save`, on the checkpoint `after`; `parent` is the record whose values it shares,
    and `draft` takes in what is new."""
    before = parent.values if parent else {}
    values = {
        channel: before[channel]
        if channel in before and channel not in save.new_versions
        else draft.value(channel, value)
        for channel, value in save.checkpoint["channel_values"].items()
    }
    return Record.of(
        save.checkpoint,
        save.metadata,
        parent=after,
        ns=save.ns,
        kind=save.kind,
        values=values,
        line=_line(draft, parent, values) if not save.ns else Runs(),
    )


def _line(draft: Draft, parent: Record | None, values: dict[str, Stored]) -> Runs:
    line = parent.line if parent else Runs()
    window = _window(values)
    if window is None:
        return line
    heard = draft.heard(window.without(line))
    before = _window(parent.values) if parent and heard else None
    edited = {heard[id]: older for older in before or () if (id := draft.id_of(older)) in heard}
    return carried_on(line, window, edited)


def _window(values: dict[str, Stored]) -> Runs | None:
    stored = values.get(TRANSCRIPT)
    return Runs(tuple(stored[1])) if stored and stored[0] == "m" else None
