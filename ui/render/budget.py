"""What the next prompt holds, as HTML: the meter, and each message. Pure."""

import json
from collections.abc import Sequence
from html import escape

from langchain_core.messages import AIMessage

from graph.sending import Part
from graph.turns import ContextView
from ui.render.chat import folds
from ui.render.text import summary_of, text_of
from ui.words import Words


def meter(context: ContextView | None, words: Words, trouble: str = "", *, now: bool = True) -> str:
    """How full the next prompt is, of what, and where it is folded; without one, what the trouble is.

    `now`: an answer may come next, and a fold after it.
    """
    if context is None:
        return f'<p class="empty">{escape(trouble or words("budget.nothing"))}</p>'
    prompt, limit = context.prompt, context.limit
    share = round(100 * prompt.tokens / limit)
    pinned = {"pinned": prompt.pinned} if prompt.pins else {}
    parts = {"system": prompt.system, "summary": prompt.summary} | pinned | {"window": prompt.window}
    bars = "".join(f'<i class="{k}" style="width:{100 * v / limit:.2f}%"></i>' for k, v in parts.items())
    keys = "".join(
        f'<li><i class="{k}"></i>{escape(words(f"budget.{k}"))} <b>{words.number(v)}</b></li>'
        for k, v in parts.items()
    )
    mark = context.budget.mark
    keys += f'<li><i class="mark"></i>{escape(words("budget.mark"))} <b>{words.number(mark)}</b></li>'
    told = escape(words("budget.told", tokens=prompt.tokens, limit=limit, share=share))
    return (
        f'<p class="figures"><b>{words.number(prompt.tokens)}</b> '
        f"{escape(words('budget.of_tokens', limit=limit))}<span>{share} %</span></p>"
        f'<div class="gauge" title="{escape(words("budget.mark_said", mark=mark))}">'
        f'<div class="meter" role="meter" tabindex="-1" aria-label="{escape(words("budget.size"))}" '
        f'aria-valuemin="0" aria-valuemax="{limit}" aria-valuenow="{prompt.tokens}" aria-valuetext="{told}">'
        f'{bars}</div><i class="mark" style="left:{100 * mark / limit:.2f}%"></i></div>'
        f'<ul class="legend">{keys}</ul>{_due(context, words) if now else ""}<p>{_sent(context, words)}</p>'
    )


def _due(context: ContextView, words: Words) -> str:
    """That a fold follows the next answer, where one does."""
    if not context.due:
        return ""
    share = round(100 * context.budget.mark / context.limit)
    return f'<p class="due">{escape(words("budget.due", share=share))}</p>'


def _sent(context: ContextView, words: Words) -> str:
    prompt, count = context.prompt, int(folds(context.summary).get("count", 0))
    line = words("budget.sent", sent=prompt.sent, count=prompt.sent + prompt.left_out + count)
    if count:
        line += words("budget.folded", number=count)
    if prompt.pins:
        line += words("budget.pins", number=prompt.pins)
    if prompt.left_out:
        line += words("budget.left_out", number=prompt.left_out)
    return escape(f"{line}.")


FIRST = 80
"""Characters of a message that its line shows."""


def listing(parts: Sequence[Part], words: Words) -> str:
    """A line for each message that is sent or left out, which unfolds to its exact text."""
    if not parts:
        return f'<p class="empty">{escape(words("budget.nothing"))}</p>'
    return f'<ol class="sent">{"".join(_line(part, words) for part in parts)}</ol>'


def _line(part: Part, words: Words) -> str:
    text = _exact(part)
    short = summary_of(part.message) if part.kind == "summary" else text
    role = words(f"budget.role_{_role(part)}")
    why = f'<span class="why">{escape(words(f"budget.why_{part.why}"))}</span>' if part.why else ""
    first = " ".join(short[: 4 * FIRST].split())[:FIRST]
    name = escape(part.message.id or "", quote=True)
    return (
        f'<li class="{"out" if part.why else "in"}" data-id="{name}" data-tokens="{part.tokens}">'
        f'<details><summary><b>{escape(role)}</b> <span class="first">{escape(first)}</span>'
        f'<span class="tokens">{escape(words("budget.tokens", count=part.tokens))}</span>{why}</summary>'
        f'<div class="text" tabindex="0" role="group" aria-label="{escape(role)}">{escape(text)}</div>'
        "</details></li>"
    )


def _role(part: Part) -> str:
    if part.kind != "message":
        return part.kind
    return part.message.type if part.message.type in ("human", "ai", "tool") else "other"


def _exact(part: Part) -> str:
    """What the model reads: the text, and the calls of tools, which are no text."""
    message, calls = part.message, list[str]()
    if isinstance(message, AIMessage):
        calls = [f"{c['name']}({json.dumps(c['args'], ensure_ascii=False)})" for c in message.tool_calls]
    return "\n".join(filter(None, [text_of(message), *calls]))
