"""What the next prompt holds, as HTML: the meter and the summary's text. Pure."""

from html import escape

from graph.turns import ContextView
from ui.render.chat import folds
from ui.render.text import text_of
from ui.words import Words


def meter(context: ContextView | None, words: Words, trouble: str = "") -> str:
    """How full the next prompt is, of what, and the summary's text; without one, what the trouble is."""
    if context is None:
        return f'<p class="empty">{escape(trouble or words("budget.nothing"))}</p>'
    prompt, limit = context.prompt, context.limit
    share = round(100 * prompt.tokens / limit)
    parts = {"system": prompt.system, "summary": prompt.summary, "window": prompt.window}
    bars = "".join(f'<i class="{k}" style="width:{100 * v / limit:.2f}%"></i>' for k, v in parts.items())
    keys = "".join(
        f'<li><i class="{k}"></i>{escape(words(f"budget.{k}"))} <b>{words.number(v)}</b></li>'
        for k, v in parts.items()
    )
    told = escape(words("budget.told", tokens=prompt.tokens, limit=limit, share=share))
    return (
        f'<p class="figures"><b>{words.number(prompt.tokens)}</b> '
        f"{escape(words('budget.of_tokens', limit=limit))}<span>{share} %</span></p>"
        f'<div class="meter" role="meter" aria-label="{escape(words("budget.size"))}" aria-valuemin="0" '
        f'aria-valuemax="{limit}" aria-valuenow="{prompt.tokens}" aria-valuetext="{told}">{bars}</div>'
        f'<ul class="legend">{keys}</ul>{_sent(context, words)}'
    )


def _sent(context: ContextView, words: Words) -> str:
    prompt, count = context.prompt, int(folds(context.summary).get("count", 0))
    line = words("budget.sent", sent=prompt.sent, count=prompt.sent + prompt.left_out + count)
    if count:
        line += words("budget.folded", number=count)
    if prompt.left_out:
        line += words("budget.left_out", number=prompt.left_out)
    text = f"<p>{escape(line)}.</p>"
    if context.summary:
        said = escape(text_of(context.summary))
        heading = escape(words("budget.summary"))
        text += f'<details><summary>{heading}</summary><div class="text">{said}</div></details>'
    return text
