# pyright: basic
# (Gradio makes its events at run time.)
"""What the shown thread used, in a line of the Context panel: `spent`."""

from dataclasses import dataclass

import gradio as gr
from gradio.events import Dependency

from graph import ThreadNotFound
from ui.render.usage import line
from ui.tab import DIRECT, Graph, Tab, bookmark
from ui.words import words_of


@dataclass(frozen=True)
class Spent:
    """Draws the line of a tab."""

    graph: Graph
    tab: Tab
    line: gr.HTML

    def after(self, event: Dependency) -> None:
        """Draw when `event` is over."""
        event.then(self.tab.views.draws(self.show), [self.tab.thread], [self.line], **DIRECT)

    async def show(self, thread: str, request: gr.Request) -> str:
        """Turns, tokens and money, all branches and summaries of the thread together."""
        if not thread:
            return ""
        usage = self.graph().usage
        try:
            used = await usage.thread(bookmark(thread, request))
        except ThreadNotFound:  # the chat says so
            return ""
        return line(used, usage.prices.currency, words_of(request))


def spent(graph: Graph, tab: Tab) -> Spent:
    """Make the line."""
    return Spent(graph, tab, gr.HTML("", elem_id="spent", apply_default_css=False))
