"""Moments of a thread, and what one changed, as HTML. Pure."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from html import escape
from itertools import groupby

from langchain_core.messages import BaseMessage

from graph.history import Difference, worded
from graph.timeline import Moment
from ui.render.text import summary_of, text_of
from ui.words import Words

KINDS = frozenset({"input", "question", "answer", "fold", "update", "fork"})
"""Those that have a name; what another saver wrote goes by its own word."""

ACTS = frozenset({"undo", "again", "edit", "pin", "unpin"})
"""What a person does to a summary and with messages, of which each has a name."""

AROUND = 60
"""Characters that are shown on each side of what changed in a text."""


def timeline(moments: Sequence[Moment], at: str, zone: tzinfo, words: Words, *, more: bool) -> str:
    """Every checkpoint, newest first, under the days of this zone."""
    if not moments:
        return f'<p class="empty">{escape(words("timeline.empty"))}</p>'
    local = [(moment, moment.created.astimezone(zone)) for moment in moments]
    days = "".join(
        f"<h3>{escape(words.day(day))}</h3>"
        f"<ol>{''.join(_moment(m, when, words, current=m.checkpoint_id == at) for m, when in of_day)}</ol>"
        for day, of_day in groupby(local, lambda each: each[1].date())
    )
    older = f'<button type="button" class="more" data-do="older">{escape(words("timeline.older"))}</button>'
    return days + (older if more else "")


def _moment(moment: Moment, at: datetime, words: Words, *, current: bool) -> str:
    branch = "" if moment.active else " other"
    tag = f"<em>{escape(words('timeline.other'))}</em>" if moment.tip and not moment.active else ""
    mark = ' aria-current="step"' if current else ""
    return (
        f'<li class="{escape(moment.kind)}{branch}"><button type="button" data-do="look" '
        f'data-id="{escape(moment.checkpoint_id)}" data-branch="{"tip" if tag else ""}"{mark}><i></i>'
        f'<span class="kind"{_wrote(moment)}>{escape(_kind(moment, words))}</span>'
        f'<time datetime="{at.isoformat()}" title="{escape(words.day(at))}, {at:%H:%M:%S}">{at:%H:%M}</time>'
        f'<span class="preview">{escape(_preview(moment, words))}</span>'
        f"{_tokens(moment, words)}{tag}</button></li>"
    )


def _kind(moment: Moment, words: Words) -> str:
    if moment.act in ACTS:
        return words(f"timeline.act_{moment.act}")
    return words(f"timeline.{moment.kind}") if moment.kind in KINDS else moment.kind.capitalize()


def _preview(moment: Moment, words: Words) -> str:
    if moment.kind != "fold":
        return "" if moment.act in ACTS else moment.preview
    return words("timeline.folded", count=moment.folded) if moment.folded else words("timeline.folded_none")


def _wrote(moment: Moment) -> str:
    return f' title="{escape(", ".join(moment.nodes))}"' if moment.nodes else ""


def _tokens(moment: Moment, words: Words) -> str:
    if moment.tokens is None:
        return ""
    prompt, answer = moment.tokens
    said = words("timeline.tokens_said", prompt=prompt, answer=answer)
    short = words("timeline.tokens", prompt=prompt, answer=answer)
    return f'<span class="tokens" title="{escape(said)}">{escape(short)}</span>'


def difference(step: str, change: Difference, words: Words, *, since: str = "") -> str:
    """What one step changed; or, where `since` names another, what changed from that to this."""
    rows = [_changed("added", m, words) for m in change.added]
    rows += [_changed("removed", m, words) for m in change.removed]
    rows += [_edited(_who(new, words), text_of(old), text_of(new), words) for old, new in change.changed]
    rows += _summaries(change, words)
    rows += [_changed("pinned", m, words) for m in change.pinned]
    rows += [_changed("unpinned", m, words) for m in change.unpinned]
    nothing = f'<p class="empty">{escape(words("timeline.unchanged"))}</p>'
    body = f"<ul>{''.join(rows)}</ul>" if rows else nothing
    pair = words("timeline.pair", first=since, second=step) if since else ""
    return f"<h3>{escape(pair or words('timeline.changed', step=step))}</h3>{body}"


def _summaries(change: Difference, words: Words) -> list[str]:
    before, after = change.summary_before, change.summary_after
    name = words("timeline.summary")
    if before and after:
        same = before.text == after.text
        return [] if same else [_edited(name, summary_of(before), summary_of(after), words)]
    rows = [_changed("removed", before, words, name)] if before else []
    return rows + ([_changed("added", after, words, name)] if after else [])


def _edited(who: str, before: str, after: str, words: Words) -> str:
    """One text as it became another, word by word."""
    name = f"{escape(who)}</b><span class='sr'> {escape(words('timeline.edited'))}: </span>"
    parts = worded(before, after)
    shown = "".join(_part(kind, text, words, at, len(parts) - 1) for at, (kind, text) in enumerate(parts))
    return f'<li class="edited"><b><span aria-hidden="true">±</span> {name}<span>{shown}</span></li>'


def _part(kind: str, text: str, words: Words, at: int, last: int) -> str:
    if kind == "same":
        return escape(_ends(text, start=at > 0, end=at < last))
    tag, said = ("del", "gone") if kind == "removed" else ("ins", "came")
    return f'<{tag}><span class="sr">[{escape(words(f"timeline.{said}"))}] </span>{escape(text)}</{tag}>'


def _ends(text: str, *, start: bool, end: bool) -> str:
    """Of a stretch that stayed what stands next to what changed."""
    if len(text) <= 2 * AROUND:
        return text
    return f"{text[:AROUND] if start else ''} … {text[-AROUND:] if end else ''}"


def _who(message: BaseMessage, words: Words) -> str:
    known = {"human": "timeline.you", "ai": "timeline.answer", "tool": "timeline.tool"}.get(message.type)
    return words(known) if known else message.type


def _changed(kind: str, message: BaseMessage, words: Words, name: str = "") -> str:
    who, text = name or _who(message, words), summary_of(message) if name else text_of(message)
    short = text if len(text) <= 240 else text[:240].rstrip() + "…"
    sign = "+" if kind in ("added", "pinned") else "−"
    does = escape(words(f"timeline.{kind}"))
    # A message that is pinned or no longer neither came nor went: that is said to everybody.
    told = f" · {does}" if "pin" in kind else f'<span class="sr"> {does}: </span>'
    return (
        f'<li class="{kind}"><b><span aria-hidden="true">{sign}</span> {escape(who)}{told}</b>'
        f"<span>{escape(short)}</span></li>"
    )
