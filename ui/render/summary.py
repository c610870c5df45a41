"""The summary that the next prompt holds, as HTML: what it stands for, its words, what can be done. Pure."""

from html import escape

from graph.turns import ContextView
from ui.render.chat import folds
from ui.render.text import summary_of
from ui.words import Words

ACTS = ("undo", "again", "edit")


def summary(context: ContextView | None, thread: str, words: Words, *, now: bool) -> str:
    """Folded up; nothing without a summary. `now`: it can be changed, with a form that is hidden at first."""
    if context is None or context.summary is None:
        return ""
    name = escape(words("budget.summary"))
    return (
        f'<details data-id="{escape(context.summary.id or "")}" data-thread="{escape(thread)}">'
        f"<summary>{_heading(context, name, words)}</summary>"
        f'<div class="text" tabindex="0" role="group" aria-label="{name}">'
        f"{escape(summary_of(context.summary))}</div>"
        f"{_acts(words) + _form(context, name, words) if now else ''}</details>"
    )


def _heading(context: ContextView, name: str, words: Words) -> str:
    told = folds(context.summary)
    hand = f"<em>{escape(words('budget.by_hand'))}</em>" if told.get("by_hand") else ""
    numbers = {of: int(told.get(of, 0)) for of in ("count", "before", "after")}
    line = f"<span>{escape(words('budget.stands_for', **numbers))}</span>" if numbers["count"] else ""
    return f'<i class="summary"></i><b>{name}</b>{hand}{line}'


def _acts(words: Words) -> str:
    buttons = "".join(
        f'<button type="button" data-do="{act}" title="{escape(words(f"budget.{act}_said"))}">'
        f"{escape(words(f'budget.{act}'))}</button>"
        for act in ACTS
    )
    return f'<div class="acts">{buttons}</div>'


def _form(context: ContextView, name: str, words: Words) -> str:
    room = escape(words("budget.room", count=context.budget.summary))
    return (
        f'<form hidden><textarea rows="8" aria-label="{name}" aria-describedby="summary-room"></textarea>'
        f'<p id="summary-room">{room}</p><div class="buttons">'
        f'<button type="button" data-do="cancel">{escape(words("chat.cancel"))}</button>'
        f'<button type="submit">{escape(words("budget.save"))}</button></div></form>'
    )
