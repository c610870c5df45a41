"""The branches of a thread as a tree in HTML. Pure; what people wrote is escaped here."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape

from graph.boughs import MAX_NAME, Bough
from ui.words import Words

DEEPEST = 5
"""Levels that are indented; what is deeper stands below each other there, for want of room."""


def branches(found: Sequence[Bough], now: datetime, words: Words, *, most: int) -> str:
    """A row a branch, below the one that it grew from; nothing where there is one. Of many the `most` that
    were used last. `now` has the person's time zone."""
    if len(found) < 2:
        return ""
    newest = sorted(found, key=lambda bough: bough.used, reverse=True)[:most]
    shown = {bough.tip for bough in found if bough.active} | {bough.tip for bough in newest}
    rows, level = "", -1
    for bough, depth in _walk(found, shown):
        rows += "<ul>" if depth > level else "</li>" + "</ul></li>" * (level - depth)
        rows += f"<li>{_row(bough, bough is found[0], now, words)}"
        level = depth
    rows += "</li></ul>" * (level + 1)
    title, field = escape(words("branches.title")), escape(words("branches.field"))
    whole = escape(words("branches.all", count=len(found)))
    more = f'<button type="button" class="more" data-do="whole">{whole}</button>'
    return (
        f'<nav aria-labelledby="branches-title" data-most="{MAX_NAME}" data-field="{field}">'
        f'<h2 id="branches-title">{title}</h2>{rows}{more if len(shown) < len(found) else ""}</nav>'
    )


def called(bough: Bough, words: Words) -> str:
    """Its name, or else how the first message that only it has begins."""
    return bough.name or bough.words or words("branches.bare")


def _walk(found: Sequence[Bough], shown: set[str]) -> Iterator[tuple[Bough, int]]:
    """Those that are shown, each with its depth below others that are: as the conversation goes, where
    several grew from one."""
    parents = {bough.tip: bough.parent for bough in found}
    below: dict[str | None, list[Bough]] = {}
    for bough in found:
        if bough.tip in shown:
            below.setdefault(_above(bough.parent, parents, shown), []).append(bough)
    left = [(bough, 0) for bough in reversed(below.get(None, []))]
    while left:
        bough, depth = left.pop()
        yield bough, depth
        grown = sorted(below.get(bough.tip, []), key=lambda each: (each.at, each.used), reverse=True)
        left += [(each, min(depth + 1, DEEPEST)) for each in grown]


def _above(tip: str | None, parents: Mapping[str, str | None], shown: set[str]) -> str | None:
    while tip is not None and tip not in shown:
        tip = parents.get(tip)
    return tip


def _row(bough: Bough, trunk: bool, now: datetime, words: Words) -> str:
    name = escape(called(bough, words))
    current = f" <em>{escape(words('branches.current'))}</em>" if bough.active else ""
    told = [] if trunk else [words("branches.from", at=bough.at + 1)]
    told.append(words("branches.length", count=bough.length))
    about = "".join(f"<span>{escape(each)} ·</span> " for each in told)
    kind = "name" if bough.name else "words"
    go = (
        f'<button type="button" class="go" data-do="turn" data-id="{escape(bough.tip)}" '
        f'title="{name}"{" aria-current=true" if bough.active else ""}>'
        f'<span class="{kind}">{name}</span>{current}'
        f"<small>{about}{_used(bough.used, now, words)}</small></button>"
    )
    acts = (
        [_act("name", words("branches.name", name=called(bough, words)))] if bough.first is not None else []
    )
    if not bough.active:
        acts.append(_act("beside", words("branches.beside", name=called(bough, words))))
    first = "" if bough.first is None else bough.first
    return f'<div class="row" data-first="{first}" data-name="{escape(bough.name)}">{go}{"".join(acts)}</div>'


def _act(kind: str, name: str) -> str:
    said = escape(name)
    return f'<button type="button" class="act" data-act="{kind}" title="{said}" aria-label="{said}"></button>'


def _used(used: datetime, now: datetime, words: Words) -> str:
    at = used.astimezone(now.tzinfo)
    shown = f"{at:%H:%M}" if at.date() == now.date() else words.day(at)
    said = f"{words.day(at)}, {at:%H:%M}"
    return f'<time datetime="{at.isoformat()}" title="{escape(said)}">{escape(shown)}</time>'
