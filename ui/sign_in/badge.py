# pyright: basic
# (Gradio makes its events at run time.)
"""Who is signed in, and the way out, at the foot of the left side: `badge`."""

from html import escape

import gradio as gr

from ui.sign_in.door import PERSON
from ui.tab import DIRECT
from ui.words import words_of


def badge(blocks: gr.Blocks) -> None:
    """Make it; empty where nobody signs in."""
    name = gr.HTML("", elem_id="badge", apply_default_css=False)
    blocks.load(_badge, None, [name], **DIRECT)


def _badge(request: gr.Request) -> str:
    person = request.request.scope.get(PERSON) if request.request else None
    if person is None or not person.shown:  # the one local person has no name, and no way out
        return ""
    words = words_of(request)
    shown = escape(person.shown).replace("{", "&#123;").replace("$", "&#36;")
    ended = escape(words("sign_in.ended_here"))
    return (
        f'<p data-ended="{ended}"><span class="sr">{escape(words("sign_in.signed_in_as"))} </span>'
        f'<b title="{shown}">{shown}</b></p>'
        f'<form method="post" action="/sign-out"><button>{escape(words("sign_in.sign_out"))}</button></form>'
    )
