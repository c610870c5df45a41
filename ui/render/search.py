"""What a search found, as HTML. Pure; what people wrote is escaped here."""

import re
from collections.abc import Sequence
from datetime import tzinfo
from html import escape
from urllib.parse import quote

from graph.searching import Hit
from ui.render.chat import mark_of
from ui.words import Words


def found_list(hits: Sequence[Hit], query: str, zone: tzinfo, words: Words) -> str:
    """Titles first, then messages, each the newest first, with what was looked for marked."""
    if not query.strip():
        return ""
    if not hits:
        return f'<p class="empty" role="status">{escape(words("threads.found_none"))}</p>'
    ordered = sorted(hits, key=lambda hit: hit.message_id is not None)
    return f"<ul>{''.join(_hit(hit, query, zone, words) for hit in ordered)}</ul>"


def _hit(hit: Hit, query: str, zone: tzinfo, words: Words) -> str:
    title = escape(hit.title or words("threads.untitled"))
    at = hit.created.astimezone(zone)
    role = "title" if hit.message_id is None else "you" if hit.role == "human" else "answer"
    excerpt = "" if role == "title" else f"<q>{marked(hit.excerpt, query)}</q>"
    shown = marked(hit.title, query) if role == "title" else title
    said = (
        f' data-said="{escape(hit.message_id)}" data-mark="{mark_of(hit.message_id)}"'
        if hit.message_id
        else ""
    )
    name, day = escape(words(f"threads.found_{role}")), escape(words.day(at.date()))
    return (
        f'<li><a href="?thread={quote(hit.thread_id, safe="")}" data-do="open" '
        f'data-id="{escape(hit.thread_id)}"{said}><span>{shown}</span>{excerpt}'
        f'<small>{name} · <time datetime="{at.isoformat()}">{day}</time></small></a></li>'
    )


def marked(text: str, query: str) -> str:
    """`text`, escaped, with the words of a query marked where words begin with them."""
    wanted = [re.escape(word) for word in re.findall(r"[^\W_]+", query)]
    if not wanted:
        return escape(text)
    parts = re.split(rf"((?<![^\W_])(?:{'|'.join(wanted)}))", text, flags=re.IGNORECASE)
    return "".join(f"<mark>{escape(p)}</mark>" if n % 2 else escape(p) for n, p in enumerate(parts))
