"""The list of threads as HTML. Pure; what people wrote is escaped here."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from html import escape
from urllib.parse import quote

from graph.threads import Thread
from ui.words import Words


def period(day: date, today: date, words: Words) -> str:
    """The group of the thread list that a day belongs to."""
    age = (today - day).days
    if age < 2:
        return words("threads.today" if age < 1 else "threads.yesterday")
    if age <= 7:
        return words("threads.week")
    return words("threads.month") if age <= 30 else words.month(day)


def thread_list(
    threads: Sequence[Thread],
    current: str,
    running: Iterable[str],
    now: datetime,
    words: Words,
    *,
    more: bool,
) -> str:
    """The list of threads, newest first, in groups; `now` carries the person's time zone."""
    new = escape(words("page.new"))
    parts, group, busy = [f'<a class="new" href="./" data-do="open" data-id="">{new}</a>'], "", set(running)
    for thread in threads:
        heading = period(thread.updated.astimezone(now.tzinfo).date(), now.date(), words)
        if heading != group:
            parts.append(f"{'</ul>' if group else ''}<h3>{escape(heading)}</h3><ul>")
            group = heading
        parts.append(
            _row(thread, words, current=thread.thread_id == current, running=thread.thread_id in busy)
        )
    if not threads:
        parts.append(f'<p class="empty">{escape(words("threads.empty"))}</p>')
    parts.append("</ul>" if group else "")
    show = f'<button type="button" class="more" data-do="more">{escape(words("threads.more"))}</button>'
    parts.append(show if more else "")
    return "".join(parts)


def _row(thread: Thread, words: Words, *, current: bool, running: bool) -> str:
    name, title = escape(thread.thread_id), escape(thread.title or words("threads.untitled"))
    answering, options = escape(words("threads.answering")), escape(words("threads.options_for", title="§"))
    dot = f'<i class="running" role="img" aria-label="{answering}"></i>' if running else ""
    mark = ' aria-current="page"' if current else ""
    return (
        f'<li data-id="{name}"><a href="?thread={quote(thread.thread_id, safe="")}" title="{title}" '
        f'data-do="open" data-id="{name}"{mark}>{dot}<span>{title}</span></a>'
        f'<button type="button" class="dots" data-menu aria-haspopup="menu" '
        f'aria-label="{options.replace("§", title)}">⋯</button></li>'
    )
