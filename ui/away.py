# pyright: basic
# (Gradio makes its events at run time.)
"""The line above the chat while the database or the model is away: `away`.

The browser asks `/readyz` (see `page.js`), for a server that is in trouble has nobody to send a word to.
"""

from html import escape

import gradio as gr
from gradio.events import Dependency

from ui.tab import DIRECT, Tab
from ui.words import Words

AWAY = ("server", "database", "model")


def away(tab: Tab) -> tuple[gr.HTML, Dependency]:
    """Make the line; the event is over when what was away is back."""
    line = gr.HTML(
        "",
        js_on_load='lt.away(element, trigger, ["back"])',
        elem_id="away",
        apply_default_css=False,
    )
    return line, line.back(tab.views.forgive, None, None, **DIRECT)


def line(words: Words) -> str:
    """The line while nothing is away, and what it will say."""
    said = "".join(f' data-{what}="{escape(words(f"away.{what}"))}"' for what in AWAY)
    return f'<div role="status"{said}></div>'
