"""Two branches beside each other, as HTML for a `dialog`. Pure; what people wrote is escaped here."""

from collections.abc import Sequence
from html import escape

from graph.boughs import Bough
from graph.comparing import Continuation, SideBySide
from graph.transcript import Entry
from ui.render.branches import called
from ui.render.text import text_of
from ui.words import Words

CUT = 6_000
"""Characters of a message that are shown."""

ROLES = ("human", "ai", "tool")


def beside(found: SideBySide, tips: tuple[str, str], pair: Sequence[Bough | None], words: Words) -> str:
    """What they share, and how each goes on. Of the pair one is None that has grown meanwhile."""
    heads = "".join(_head(side, bough, words) for side, bough in zip(SIDES, pair, strict=True))
    key = "branches.shared" if found.shared else "branches.apart"
    shared = f"<p>{escape(words(key, count=found.shared))}</p>{_list(found.last, words)}"
    use, current = escape(words("branches.use")), pair[1] is not None and pair[1].active
    button = (
        "" if current else f'<button type="button" class="use" data-id="{escape(tips[1])}">{use}</button>'
    )
    return (
        f'<header><h2 id="beside-title">{escape(words("branches.beside_title"))}</h2>{button}{_close(words)}'
        f'</header><div class="pages">{heads}<section class="shared">{shared}</section>'
        f"{further(found, words)}</div>"
    )


def further(found: SideBySide, words: Words) -> str:
    """A stretch of how each goes on, and the button for the next one."""
    parts = zip(SIDES, (found.one, found.other), strict=True)
    columns = "".join(f'<div class="{side}">{_part(part, found, words)}</div>' for side, part in parts)
    left = max(found.one.later, found.other.later)
    more = f'<button type="button" class="more">{escape(words("branches.more", count=left))}</button>'
    return columns + (more if left else "")


def refused(why: str, words: Words) -> str:
    """Why there is nothing to be seen."""
    return (
        f'<header><h2 id="beside-title">{escape(words("branches.beside_title"))}</h2>{_close(words)}</header>'
        f'<p role="status">{escape(why)}</p>'
    )


SIDES = ("one", "other")


def _head(side: str, bough: Bough | None, words: Words) -> str:
    """The name of a branch; where there is no room for two it chooses which is seen."""
    name = escape(called(bough, words) if bough else words("branches.grown"))
    current = f"<em>{escape(words('branches.current'))}</em>" if bough and bough.active else ""
    checked = " checked" if side == "one" else ""
    return (
        f'<input type="radio" name="beside" id="beside-{side}"{checked}>'
        f'<label for="beside-{side}" class="{side}"><b>{name}</b>{current}</label>'
    )


def _close(words: Words) -> str:
    return f'<button type="button" class="close" autofocus>{escape(words("branches.close"))}</button>'


def _part(part: Continuation, found: SideBySide, words: Words) -> str:
    said = "branches.ends" if part.entries else "branches.nothing"
    whole = "" if part.later else f'<p class="end">{escape(words(said))}</p>'
    return _list(part.entries, words) + whole


def _list(entries: Sequence[Entry], words: Words) -> str:
    return f"<ol>{''.join(_message(entry, words) for entry in entries)}</ol>" if entries else ""


def _message(entry: Entry, words: Words) -> str:
    kind = entry.message.type if entry.message.type in ROLES else "note"
    text = text_of(entry.message)
    shown = text if len(text) <= CUT else text[:CUT].rstrip() + "…"
    who = escape(words(f"export.{kind}"))
    return f'<li class="{kind}" value="{entry.seq + 1}"><b>{who}</b><div>{escape(shown)}</div></li>'
