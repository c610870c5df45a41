"""Messages as rows of the chat: a `Bubble` each, and the notes in which the page itself speaks. Pure."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from graph.asking import FALLBACK
from graph.transcript import Entry
from graph.turns import ContextView
from ui.render.text import markdown, text_of
from ui.words import Words

Bubble = dict[str, Any]
"""A message in the shape that Gradio's front end takes."""

AGAIN = "again"
"""The value of the "Try again" option."""


def bubble(role: str, text: str, **extra: Any) -> Bubble:
    """One row of the chat."""
    row: Bubble = {"role": role, "content": [{"type": "text", "text": text}], "metadata": {}, "options": []}
    return row | extra


def note(text: str, kind: str = "aside", **extra: Any) -> Bubble:
    """A row in which the page itself speaks, between the messages."""
    return bubble("assistant", f'<div class="lt-note lt-{kind}">{escape(text)}</div>', **extra)


def message(message: BaseMessage, words: Words) -> list[Bubble]:
    """A stored message: its row, and a note when its answer was stopped."""
    if isinstance(message, HumanMessage):
        return [bubble("user", markdown(text_of(message)))]
    if isinstance(message, ToolMessage):
        name = message.name or words("chat.a_tool")
        title = {"title": words("chat.result", name=name), "status": "done"}
        return [bubble("assistant", markdown(text_of(message)), metadata=title)]
    rows = [bubble("assistant", markdown(text_of(message)))] if text_of(message) else []
    if isinstance(message, AIMessage):
        rows += [note(words("chat.uses", name=call["name"])) for call in message.tool_calls]
        notes = message.response_metadata
        rows += [note(words("chat.stopped"))] if notes.get("stopped") else []
        if stood_in := notes.get(FALLBACK):
            rows.append(note(words("chat.stood_in", name=stood_in)))
    return rows


def conversation(entries: Sequence[Entry], context: ContextView | None, words: Words) -> list[Bubble]:
    """A stretch of a thread, with a divider where the fold is and another above what is sent."""
    rows: list[Bubble] = []
    folded = folds(context.summary if context else None)
    left_out = context.prompt.left_out if context else 0
    sent_from = len(entries) - context.prompt.sent if context and left_out else 0
    for place, entry in enumerate(entries):
        if left_out and place == sent_from:
            rows.append(note(words("chat.left_out", count=left_out), "divider"))
        rows += message(entry.message, words)
        if folded and entry.id == folded.get("through"):
            rows.append(note(fold_line(folded, words), "divider"))
    return rows


def folds(summary: BaseMessage | None) -> dict[str, Any]:
    """What a summary notes of the folds that made it."""
    return dict(summary.additional_kwargs.get("longthread") or {}) if summary else {}


def fold_line(folded: Mapping[str, Any], words: Words) -> str:
    """What a fold did, in a line."""
    numbers = {name: int(folded.get(name, 0)) for name in ("count", "before", "after")}
    return words("chat.folded", **numbers)


def unanswered(entries: Sequence[Entry], words: Words) -> list[Bubble]:
    """A notice with a button below a question that has no answer."""
    if not entries or not isinstance(entries[-1].message, HumanMessage):
        return []
    again = [{"label": words("chat.again"), "value": AGAIN}]
    return [note(words("chat.unanswered"), "notice", options=again)]
