"""Messages as rows of the chat: a `Bubble` each, and the notes in which the page itself speaks. Pure.

A message ends with a mark, by which the page's script knows what its buttons are about, and with the signs
of what can be done with it: the script makes the buttons, so that they cost no bytes a message. Gradio lets
no other attribute through than `class` and `title`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage

from graph.approvals import Approval
from graph.asking import FALLBACK
from graph.inputs import can_be_pinned
from graph.transcript import Entry
from graph.turns import ContextView
from ui.render.text import closed, markdown, text_of
from ui.words import Words

Bubble = dict[str, Any]
"""A message in the shape that Gradio's front end takes."""

AGAIN = "again"
"""The value of the "Try again" option."""

ARGUMENTS = 2_000
"""Characters of a tool's arguments that are shown."""

RESULT = 8_000
"""Characters of a tool's result that are shown."""


ACTS = {"copy": "c", "edit": "e", "again": "a", "undo": "u", "pin": "p", "unpin": "q"}
"""What can be done with a message, and its sign."""


def bubble(role: str, text: str, **extra: Any) -> Bubble:
    """One row of the chat."""
    row: Bubble = {"role": role, "content": [{"type": "text", "text": text}], "metadata": {}, "options": []}
    return row | extra


def note(text: str, kind: str = "aside", **extra: Any) -> Bubble:
    """A row in which the page itself speaks, between the messages."""
    return bubble("assistant", f'<div class="lt-note lt-{kind}">{escape(text)}</div>', **extra)


def mark(entry: Entry) -> str:
    """What tells this message from the others of its branch, in ten signs."""
    return mark_of(entry.id) if entry.id is not None else _short(f"{entry.seq}")


def mark_of(message_id: str) -> str:
    """The same, of a message with an id."""
    return _short(f"id {message_id}")


def _short(name: str) -> str:
    return hashlib.blake2s(name.encode(), digest_size=5).hexdigest()


def conversation(
    entries: Sequence[Entry],
    context: ContextView | None,
    words: Words,
    *,
    now: bool = False,
    pins: bool = False,
) -> list[Bubble]:
    """A stretch of a thread, with a divider where the fold is and another above what is sent.

    `now`: it is the active branch, in which something else can be said; `pins`: and messages can be pinned.
    """
    pinned = {message.id for message in context.pinned} if context else set[str | None]()
    rows: list[Bubble] = []
    folded = folds(context.summary if context else None)
    left_out = context.prompt.left_out if context else 0
    sent_from = len(entries) - context.prompt.sent if context and left_out else 0
    results: dict[str | None, Entry] = {
        e.message.tool_call_id: e for e in entries if isinstance(e.message, ToolMessage)
    }
    called = {call["id"] for e in entries for call in _calls(e.message)}
    asked = [entry.seq for entry in entries if isinstance(entry.message, HumanMessage)]
    for place, entry in enumerate(entries):
        if left_out and place == sent_from:
            rows.append(note(words("chat.left_out", count=left_out), "divider"))
        if not (isinstance(entry.message, ToolMessage) and entry.message.tool_call_id in called):
            acts = _acts(
                entry,
                words,
                now=now,
                last=bool(asked) and entry.seq == asked[-1],
                pinned=(entry.id in pinned) if pins else None,
            )
            rows += message(entry.message, words, acts)
            rows += [
                _call(call, entry.created, results.get(call["id"]), words) for call in _calls(entry.message)
            ]
        if folded and entry.id == folded.get("through"):
            rows.append(note(fold_line(folded, words), "divider"))
    return rows


def message(message: BaseMessage, words: Words, acts: str = "") -> list[Bubble]:
    """A stored message: its row, and a note when its answer was stopped."""
    text = text_of(message)
    if isinstance(message, HumanMessage):
        return [bubble("user", closed(markdown(text)) + acts)]
    if isinstance(message, ToolMessage):
        name = message.name or words("chat.a_tool")
        title = {"title": words("chat.result", name=name), "status": "done"}
        return [bubble("assistant", markdown(_cut(text, RESULT)), metadata=title)]
    rows = [bubble("assistant", (closed(markdown(text)) if acts else markdown(text)) + acts)] if text else []
    if isinstance(message, AIMessage):
        notes = message.response_metadata
        rows += [note(words("chat.stopped"))] if notes.get("stopped") else []
        if stood_in := notes.get(FALLBACK):
            rows.append(note(words("chat.stood_in", name=stood_in)))
    return rows


def _acts(entry: Entry, words: Words, *, now: bool, last: bool, pinned: bool | None) -> str:
    """A message's mark, what can be done with it, and its versions. `pinned`: None where none can be."""
    human, kinds = isinstance(entry.message, HumanMessage), ["copy"]
    if now:
        kinds += ["edit", *["undo"] * last] if human else ["again"]
    # Also of a question that waits for its answer, though it cannot be pinned yet: who watches the answer is
    # not sent the question again for this button.
    if now and pinned is not None and can_be_pinned(entry.message):
        kinds.append("unpin" if pinned else "pin")
    can = "".join(ACTS[kind] for kind in kinds)
    versions = _versions(entry, words) if now else ""
    return f'\n\n<div class="lt-m lt-m-{mark(entry)} lt-can-{can}">{versions}</div>'


def _versions(entry: Entry, words: Words) -> str:
    """The arrows between what was said at this place."""
    if len(entry.branches) < 2:
        return ""
    count = len(entry.branches)
    nth = next((n for n, branch in enumerate(entry.branches, 1) if branch.current), 1)
    arrows = {"prev": nth - 1, "next": nth + 1}
    prev, following = (
        f'<button class="lt-do lt-do-{kind}{"" if 1 <= to <= count else " lt-end"}" '
        f'title="{escape(words("chat.version", nth=min(max(to, 1), count), count=count))}"></button>'
        for kind, to in arrows.items()
    )
    return f'{prev}<span class="lt-nth" title="{nth}/{count}"></span>{following}'


def _calls(message: BaseMessage) -> Sequence[ToolCall]:
    return message.tool_calls if isinstance(message, AIMessage) else ()


def _call(call: ToolCall, asked: datetime | None, result: Entry | None, words: Words) -> Bubble:
    """A tool that was used: its name and how long it took, and folded below what it was given and gave."""
    title: dict[str, Any] = {"title": call["name"]}
    given = _cut(json.dumps(call["args"], ensure_ascii=False, indent=1), ARGUMENTS)
    text = f"{words('chat.given')}\n{_fenced(given)}"
    if result:
        title["status"] = "done"
        text += f"\n\n{words('chat.gave')}\n{_fenced(_cut(text_of(result.message), RESULT))}"
        if asked and result.created:
            title["duration"] = round((result.created - asked).total_seconds(), 1)
    return bubble("assistant", text, metadata=title)


def _fenced(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


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


def approval(asked: Approval, words: Words) -> Bubble:
    """What a graph that waits asks of a person, with a button for each way to go on."""
    named = {choice: words(f"chat.choice_{choice}") for choice in ("approve", "reject", "ignore")}
    options = [
        {"label": named.get(choice.name, choice.name), "value": choice.key} for choice in asked.choices
    ]
    text = markdown(asked.text) or words("chat.approve")
    if asked.details:
        text += f"\n\n{_fenced(_cut(asked.details, ARGUMENTS))}"
    return bubble("assistant", f'<div class="lt-asks"></div>\n\n{text}', options=options)
