"""The list of threads as HTML, and the tools beside it. Pure; what people wrote is escaped here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from urllib.parse import quote
from zlib import crc32

from graph.threads import Thread
from ui.words import Words

SHELVES = ("kept", "archived", "trashed")


@dataclass(frozen=True)
class View:
    """What the list shows: a shelf, or of the kept those with a tag; who is answering."""

    shelf: str = "kept"
    tag: str = ""
    running: Iterable[str] = ()
    more: bool = False


def period(day: date, today: date, words: Words) -> str:
    """The group of the thread list that a day belongs to."""
    age = (today - day).days
    if age < 2:
        return words("threads.today" if age < 1 else "threads.yesterday")
    if age <= 7:
        return words("threads.week")
    return words("threads.month") if age <= 30 else words.month(day)


def thread_list(
    threads: Sequence[Thread], view: View, tags: Mapping[str, int], now: datetime, words: Words
) -> tuple[str, str]:
    """A digest of the list, and the list: newest first, in groups; `now` carries the person's time zone.

    Which of them the tab shows is marked by the page's script: a list is not sent again for that.
    """
    parts, group, busy = [_chips(view, tags, words)], "", set(view.running)
    for thread in threads:
        day = thread.updated.astimezone(now.tzinfo).date()
        pinned = thread.pinned and view.shelf == "kept"
        heading = words("threads.pinned") if pinned else period(day, now.date(), words)
        if heading != group:
            parts.append(f"{'</ul>' if group else ''}<h3>{escape(heading)}</h3><ul>")
            group = heading
        parts.append(_row(thread, words, running=thread.thread_id in busy))
    if not threads:
        which = "_tag" if view.tag else f"_{view.shelf}" if view.shelf != "kept" else ""
        parts.append(f'<p class="empty">{escape(words(f"threads.empty{which}"))}</p>')
    parts.append("</ul>" if group else "")
    show = f'<button type="button" class="more" data-do="more">{escape(words("threads.more"))}</button>'
    parts.append(show if view.more else "")
    body = "".join(parts)
    digest, tag = f"{crc32(body.encode()):x}", escape(view.tag)
    marks = f'data-digest="{digest}" data-shelf="{view.shelf}" data-tag="{tag}"'
    return digest, f'<nav aria-label="{escape(words("page.conversations"))}" {marks}>{body}</nav>'


def _chips(view: View, tags: Mapping[str, int], words: Words) -> str:
    """The shelves and the tags, the one that is shown pressed."""

    def chip(shelf: str, tag: str, name: str) -> str:
        pressed = "true" if (shelf, tag) == (view.shelf, view.tag) else "false"
        return (
            f'<button type="button" data-do="view" data-shelf="{shelf}" data-tag="{escape(tag)}" '
            f'aria-pressed="{pressed}">{escape(name)}</button>'
        )

    shelves = "".join(chip(shelf, "", words(f"threads.shelf_{shelf}")) for shelf in SHELVES)
    named = "".join(chip("kept", tag, f"#{tag}") for tag in tags)
    label = escape(words("threads.shelves"))
    return f'<div class="chips" role="group" aria-label="{label}">{shelves}{named}</div>'


def _row(thread: Thread, words: Words, *, running: bool) -> str:
    name, title = escape(thread.thread_id), escape(thread.title or words("threads.untitled"))
    answering, options = escape(words("threads.answering")), escape(words("threads.options_for", title="§"))
    dot = f'<i class="running" role="img" aria-label="{answering}"></i>' if running else ""
    pinned = " data-pinned" if thread.pinned else ""
    return (
        f'<li data-id="{name}" data-tags="{escape(", ".join(thread.tags))}"{pinned}>'
        f'<a href="?thread={quote(thread.thread_id, safe="")}" title="{title}" '
        f'data-do="open" data-id="{name}">{dot}<span>{title}</span></a>'
        f'<button type="button" class="dots" data-menu aria-haspopup="menu" '
        f'aria-label="{options.replace("§", title)}">⋯</button></li>'
    )


MENU = (
    ("rename", "kept archived", ""),
    ("pin", "kept", ":not([data-pinned])"),
    ("unpin", "kept", "[data-pinned]"),
    ("tags", "kept archived", ""),
    ("archive", "kept", ""),
    ("restore", "archived trashed", ""),
    ("export", "kept archived trashed", ""),
    ("json", "kept archived trashed", ""),
    ("trash", "kept archived", ""),
    ("remove", "trashed", ""),
)
"""What can be done with a row: on which shelves, and with which of its rows."""


def tools(words: Words) -> str:
    """What stands above the list and before it: new chats, the search, the menu of a row, the question before
    a deletion, and the way back from the trash."""
    say = {key: escape(words(f"threads.{key}")) for key in KEYS}
    items = "".join(
        f'<li role="none"><button type="button" role="menuitem" tabindex="-1" data-row="{act}" '
        f'data-on="{shelves}" data-with="{which}"{" class=danger" * (act == "remove")}>'
        f"{say[act]}</button></li>"
        for act, shelves, which in MENU
    )
    return f"""<a class="new" href="./" data-do="open" data-id="">{escape(words("page.new"))}</a>
<button type="button" class="temporary" data-do="temporary">{say["temporary"]}</button>
<input type="search" id="thread-search" aria-label="{say["search"]}" placeholder="{say["search"]}"
  aria-keyshortcuts="Control+K Meta+K" autocomplete="off" maxlength="200">
<div id="thread-found" data-away="{say["search_away"]}" hidden></div>
<ul popover id="thread-menu" role="menu" aria-label="{say["options"]}" data-title="{say["title"]}"
  data-tags="{say["tags_field"]}">{items}</ul>
<div id="thread-undo" role="status" data-text="{say["trashed"]}" data-undo="{say["undo"]}"></div>
<dialog id="thread-remove" aria-labelledby="thread-remove-title">
  <h2 id="thread-remove-title">{say["remove_title"]}</h2>
  <p><b></b> {say["remove_more"]}</p>
  <form method="dialog">
    <button value="" autofocus>{say["keep"]}</button>
    <button value="remove" class="danger">{say["delete"]}</button>
  </form>
</dialog>"""


KEYS = (
    *(act for act, _, _ in MENU),
    *("temporary", "search", "search_away", "options", "title", "tags_field", "trashed", "undo"),
    *("remove_title", "remove_more", "keep", "delete"),
)
