"""Messages, threads and moments as what Gradio shows. Pure.

Everything a person or a model wrote is escaped here: what is returned is put on the page as it is.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from html import escape
from typing import Any
from urllib.parse import quote

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from graph.asking import FALLBACK
from graph.history import Difference
from graph.threads import Thread
from graph.timeline import Moment
from graph.transcript import Entry
from graph.turns import ContextView

Bubble = dict[str, Any]
"""A message in the shape that Gradio's front end takes."""

AGAIN = "again"
"""The value of the "Try again" option."""

KINDS = {
    "input": "Turn begins",
    "question": "Question",
    "answer": "Answer",
    "fold": "Summarised",
    "update": "Edited",
    "fork": "Fork",
}

_CODE = re.compile(
    r"(^ {0,3}(```+|~~~+)[^\n]*\n.*?(?:^ {0,3}\2|\Z)|(?<!`)(`+)(?!`)[^\n]+?(?<!`)\3(?!`))",
    re.MULTILINE | re.DOTALL,
)
_TAG = re.compile(r"<(?=[A-Za-z/!?])(?!https?://|mailto:)")


def markdown(text: str) -> str:
    """Markdown in which raw HTML is shown and not run; in code Markdown shows it anyway."""
    parts, end = list[str](), 0
    for code in _CODE.finditer(text):
        parts += [_TAG.sub("&lt;", text[end : code.start()]), code.group()]
        end = code.end()
    return "".join(parts) + _TAG.sub("&lt;", text[end:])


def bubble(role: str, text: str, **extra: Any) -> Bubble:
    """One row of the chat."""
    row: Bubble = {"role": role, "content": [{"type": "text", "text": text}], "metadata": {}, "options": []}
    return row | extra


def note(text: str, kind: str = "aside", **extra: Any) -> Bubble:
    """A row in which the page itself speaks, between the messages."""
    return bubble("assistant", f'<div class="lt-note lt-{kind}">{escape(text)}</div>', **extra)


def message(message: BaseMessage) -> list[Bubble]:
    """A stored message: its row, and a note when its answer was stopped."""
    if isinstance(message, HumanMessage):
        return [bubble("user", markdown(_text(message)))]
    if isinstance(message, ToolMessage):
        title = {"title": f"Result of {message.name or 'a tool'}", "status": "done"}
        return [bubble("assistant", markdown(_text(message)), metadata=title)]
    rows = [bubble("assistant", markdown(_text(message)))] if _text(message) else []
    if isinstance(message, AIMessage):
        rows += [note(f"Uses {call['name']}") for call in message.tool_calls]
        notes = message.response_metadata
        rows += [note("Stopped here")] if notes.get("stopped") else []
        if stood_in := notes.get(FALLBACK):
            rows.append(note(f"Answered by {stood_in}: the model was unavailable"))
    return rows


def conversation(entries: Sequence[Entry], context: ContextView | None = None) -> list[Bubble]:
    """A stretch of a thread, with a divider where the fold is and another above what is sent."""
    rows: list[Bubble] = []
    folded = _folded(context.summary if context else None)
    left_out = context.prompt.left_out if context else 0
    sent_from = len(entries) - context.prompt.sent if context and left_out else 0
    for place, entry in enumerate(entries):
        if left_out and place == sent_from:
            rows.append(
                note(f"{counted(left_out, 'message')} above left out: no room in the prompt", "divider")
            )
        rows += message(entry.message)
        if folded and entry.id == folded.get("through"):
            rows.append(note(fold_line(folded), "divider"))
    return rows


def left_out_line(number: int) -> str:
    """What is above this line and not sent."""
    return f"{counted(number, 'message')} above left out: no room in the prompt"


def fold_line(folded: Mapping[str, Any]) -> str:
    """What a fold did, in a line."""
    before, after = folded.get("before", 0), folded.get("after", 0)
    return f"{counted(folded.get('count', 0), 'message')} summarised, {before:,} → {after:,} tokens"


def unanswered(entries: Sequence[Entry]) -> list[Bubble]:
    """A notice with a button below a question that has no answer."""
    if not entries or not isinstance(entries[-1].message, HumanMessage):
        return []
    again = [{"label": "Try again", "value": AGAIN}]
    return [note("This message has no answer yet.", "notice", options=again)]


def counted(number: int, noun: str) -> str:
    """ "1 message", "1,200 messages"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def period(day: date, today: date) -> str:
    """The group of the thread list that a day belongs to."""
    age = (today - day).days
    if age < 2:
        return "Today" if age < 1 else "Yesterday"
    if age <= 7:
        return "Previous 7 days"
    return "Previous 30 days" if age <= 30 else f"{day:%B %Y}"


def thread_list(
    threads: Sequence[Thread], current: str, running: Iterable[str], now: datetime, more: bool
) -> str:
    """The list of threads, newest first, in groups; `now` carries the person's time zone."""
    parts, group, busy = ['<a class="new" href="./" data-do="open" data-id="">New chat</a>'], "", set(running)
    for thread in threads:
        heading = period(thread.updated.astimezone(now.tzinfo).date(), now.date())
        if heading != group:
            parts.append(f"{'</ul>' if group else ''}<h3>{escape(heading)}</h3><ul>")
            group = heading
        parts.append(_thread_row(thread, thread.thread_id == current, thread.thread_id in busy))
    if not threads:
        parts.append('<p class="empty">No conversations yet. Write a message to begin one.</p>')
    parts.append("</ul>" if group else "")
    parts.append('<button type="button" class="more" data-do="more">Show more</button>' if more else "")
    return "".join(parts)


def _thread_row(thread: Thread, current: bool, running: bool) -> str:
    name, title = escape(thread.thread_id), escape(thread.title or "Untitled")
    dot = '<i class="running" role="img" aria-label="Answering"></i>' if running else ""
    mark = ' aria-current="page"' if current else ""
    return (
        f'<li data-id="{name}"><a href="?thread={quote(thread.thread_id, safe="")}" title="{title}" '
        f'data-do="open" data-id="{name}"{mark}>{dot}<span>{title}</span></a>'
        f'<button type="button" class="dots" data-menu aria-haspopup="menu" '
        f'aria-label="Options for {title}">⋯</button></li>'
    )


def meter(context: ContextView | None, trouble: str = "Nothing has been sent yet.") -> str:
    """How full the next prompt is, of what, and the summary's text; without one, what the trouble is."""
    if context is None:
        return f'<p class="empty">{escape(trouble)}</p>'
    prompt, limit = context.prompt, context.limit
    share = round(100 * prompt.tokens / limit)
    parts = {"system": prompt.system, "summary": prompt.summary, "window": prompt.window}
    names = {"system": "System", "summary": "Summary", "window": "Messages"}
    bars = "".join(f'<i class="{k}" style="width:{100 * v / limit:.2f}%"></i>' for k, v in parts.items())
    keys = "".join(f'<li><i class="{k}"></i>{names[k]} <b>{v:,}</b></li>' for k, v in parts.items())
    told = f"{prompt.tokens:,} of {limit:,} tokens, {share} %"
    return (
        f'<p class="figures"><b>{prompt.tokens:,}</b> of {limit:,} tokens<span>{share} %</span></p>'
        f'<div class="meter" role="meter" aria-label="Size of the next prompt" aria-valuemin="0" '
        f'aria-valuemax="{limit}" aria-valuenow="{prompt.tokens}" aria-valuetext="{told}">{bars}</div>'
        f'<ul class="legend">{keys}</ul>{_sent(context)}'
    )


def _sent(context: ContextView) -> str:
    prompt, folded = context.prompt, _folded(context.summary)
    count = int(folded.get("count", 0))
    line = f"{prompt.sent:,} of {counted(prompt.sent + prompt.left_out + count, 'message')} sent"
    if count:
        line += f", {count:,} folded"
    if prompt.left_out:
        line += f", {prompt.left_out:,} left out until the next fold"
    text = f"<p>{line}.</p>"
    if context.summary:
        words = escape(_text(context.summary))
        text += f'<details><summary>Summary</summary><div class="text">{words}</div></details>'
    return text


def timeline(moments: Sequence[Moment], at: str, zone: tzinfo, more: bool) -> str:
    """Every checkpoint, newest first."""
    if not moments:
        return '<p class="empty">Each step of the conversation will be listed here.</p>'
    rows = "".join(_moment(m, m.checkpoint_id == at, zone) for m in moments)
    older = '<button type="button" class="more" data-do="older">Load older steps</button>' if more else ""
    return f"<ol>{rows}</ol>{older}"


def _moment(moment: Moment, current: bool, zone: tzinfo) -> str:
    at, step = moment.created.astimezone(zone), moment.step + 2  # LangGraph counts from -1
    branch = "" if moment.active else " other"
    tag = "<em>other branch</em>" if moment.tip and not moment.active else ""
    mark = ' aria-current="step"' if current else ""
    return (
        f'<li class="{escape(moment.kind)}{branch}"><button type="button" data-do="look" '
        f'data-id="{escape(moment.checkpoint_id)}" data-step="{step}" '
        f'data-branch="{"tip" if tag else ""}"{mark}><span class="step">{step}</span>'
        f'<span class="kind">{escape(KINDS.get(moment.kind, moment.kind.capitalize()))}</span>'
        f'<time datetime="{at.isoformat()}" title="{at:%d %B %Y, %H:%M:%S}">{at:%H:%M}</time>'
        f'<span class="preview">{escape(moment.preview)}</span>{tag}</button></li>'
    )


def difference(step: str, change: Difference) -> str:
    """What one step changed."""
    rows = [_changed("added", "+", m) for m in change.added]
    rows += [_changed("removed", "−", m) for m in change.removed]
    for old, new in change.changed:
        rows += [_changed("removed", "−", old), _changed("added", "+", new)]
    before, after = change.summary_before, change.summary_after
    if (before.text if before else "") != (after.text if after else ""):
        rows += [_changed("removed", "−", before, "Summary")] if before else []
        rows += [_changed("added", "+", after, "Summary")] if after else []
    body = f"<ul>{''.join(rows)}</ul>" if rows else '<p class="empty">Nothing that is stored changed.</p>'
    return f"<h3>What step {escape(step)} changed</h3>{body}"


def _changed(kind: str, sign: str, message: BaseMessage, name: str = "") -> str:
    who = name or {"human": "You", "ai": "Answer", "tool": "Tool"}.get(message.type, message.type)
    text = _text(message)
    short = text if len(text) <= 240 else text[:240].rstrip() + "…"
    label = {"added": "Added", "removed": "Left the window"}[kind]
    return (
        f'<li class="{kind}"><b><span aria-hidden="true">{sign}</span> {escape(who)}</b>'
        f'<span class="sr"> {label}: </span><span>{escape(short)}</span></li>'
    )


def _folded(summary: BaseMessage | None) -> dict[str, Any]:
    return dict(summary.additional_kwargs.get("longthread") or {}) if summary else {}


def _text(message: BaseMessage) -> str:
    """The words of a message; a part that is not text is named in brackets."""
    if isinstance(message.content, str):
        return message.content
    return "\n\n".join(_part(part) for part in message.content)


def _part(part: str | dict[Any, Any]) -> str:
    if isinstance(part, str):
        return part
    return str(part["text"]) if part.get("type") == "text" else f"[{part.get('type', 'part')}]"
