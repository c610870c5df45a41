"""Moments of a thread, and what one changed, as HTML. Pure."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from html import escape

from langchain_core.messages import BaseMessage

from graph.history import Difference
from graph.timeline import Moment
from ui.render.text import text_of
from ui.words import Words

KINDS = frozenset({"input", "question", "answer", "fold", "update", "fork"})
"""Those that have a name; what another saver wrote goes by its own word."""


def timeline(moments: Sequence[Moment], at: str, zone: tzinfo, words: Words, *, more: bool) -> str:
    """Every checkpoint, newest first."""
    if not moments:
        return f'<p class="empty">{escape(words("timeline.empty"))}</p>'
    rows = "".join(
        _moment(m, m.created.astimezone(zone), words, current=m.checkpoint_id == at) for m in moments
    )
    older = f'<button type="button" class="more" data-do="older">{escape(words("timeline.older"))}</button>'
    return f"<ol>{rows}</ol>{older if more else ''}"


def _moment(moment: Moment, at: datetime, words: Words, *, current: bool) -> str:
    step = moment.step + 2  # LangGraph counts from -1
    branch = "" if moment.active else " other"
    tag = f"<em>{escape(words('timeline.other'))}</em>" if moment.tip and not moment.active else ""
    mark = ' aria-current="step"' if current else ""
    kind = words(f"timeline.{moment.kind}") if moment.kind in KINDS else moment.kind.capitalize()
    return (
        f'<li class="{escape(moment.kind)}{branch}"><button type="button" data-do="look" '
        f'data-id="{escape(moment.checkpoint_id)}" data-step="{step}" '
        f'data-branch="{"tip" if tag else ""}"{mark}><span class="step">{step}</span>'
        f'<span class="kind">{escape(kind)}</span>'
        f'<time datetime="{at.isoformat()}" title="{escape(words.day(at))}, {at:%H:%M:%S}">{at:%H:%M}</time>'
        f'<span class="preview">{escape(moment.preview)}</span>{tag}</button></li>'
    )


def difference(step: str, change: Difference, words: Words) -> str:
    """What one step changed."""
    rows = [_changed("added", m, words) for m in change.added]
    rows += [_changed("removed", m, words) for m in change.removed]
    for old, new in change.changed:
        rows += [_changed("removed", old, words), _changed("added", new, words)]
    before, after = change.summary_before, change.summary_after
    if (before.text if before else "") != (after.text if after else ""):
        name = words("timeline.summary")
        rows += [_changed("removed", before, words, name)] if before else []
        rows += [_changed("added", after, words, name)] if after else []
    nothing = f'<p class="empty">{escape(words("timeline.unchanged"))}</p>'
    body = f"<ul>{''.join(rows)}</ul>" if rows else nothing
    return f"<h3>{escape(words('timeline.changed', step=step))}</h3>{body}"


def _changed(kind: str, message: BaseMessage, words: Words, name: str = "") -> str:
    known = {"human": "timeline.you", "ai": "timeline.answer", "tool": "timeline.tool"}.get(message.type)
    who, text = name or (words(known) if known else message.type), text_of(message)
    short = text if len(text) <= 240 else text[:240].rstrip() + "…"
    return (
        f'<li class="{kind}"><b><span aria-hidden="true">{"+" if kind == "added" else "−"}</span> '
        f'{escape(who)}</b><span class="sr"> {escape(words(f"timeline.{kind}"))}: </span>'
        f"<span>{escape(short)}</span></li>"
    )
