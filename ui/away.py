# pyright: basic
# (Gradio makes its events at run time.)
"""The line above the chat while the database or the model is away: `away`.

The browser asks `/readyz` (see `page.js`), for a server that is in trouble has nobody to send a word to.
"""

import gradio as gr
from gradio.events import Dependency

from ui.tab import DIRECT, Tab


def away(tab: Tab) -> Dependency:
    """Make the line; the result is over when what was away is back."""
    line = gr.HTML(
        '<div role="status"></div>',
        js_on_load='lt.away(element, trigger, ["back"])',
        elem_id="away",
        apply_default_css=False,
    )
    return line.back(tab.views.forgive, None, None, **DIRECT)
