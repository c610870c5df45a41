# pyright: basic
# (Gradio makes its events at run time.)
"""What the next prompt holds: the meter, the summary's text, and "Trim now"."""

from dataclasses import dataclass

import gradio as gr
from gradio.events import Dependency

from graph import InvalidInput
from ui.render.budget import meter as drawn
from ui.tab import DIRECT, NOW, Graph, Tab, bookmark
from ui.words import label, words_of


@dataclass(frozen=True)
class Budget:
    """What others may listen to: a fold was asked for; and how to draw."""

    trimmed: Dependency
    gauge: "Gauge"


def budget(graph: Graph, tab: Tab) -> Budget:
    """Make the panel."""
    gr.HTML(f"<h2>{label('budget.context')}</h2>", apply_default_css=False)
    meter = gr.HTML("", elem_id="meter", apply_default_css=False)
    trim = gr.Button(label("budget.trim"), size="sm", elem_id="trim", interactive=False)

    @tab.views.told
    async def fold(thread: str, request: gr.Request):
        tab.views.leave(request, await graph().turns.trim(bookmark(thread, request)))

    trimmed = trim.click(fold, [tab.thread], None, **DIRECT)
    return Budget(trimmed, Gauge(graph, tab, meter, trim))


@dataclass(frozen=True)
class Gauge:
    """Draws the meter of a tab."""

    graph: Graph
    tab: Tab
    meter: gr.HTML
    trim: gr.Button

    def after(self, event: Dependency) -> None:
        """Draw when `event` is over."""
        inputs = [self.tab.thread, self.tab.at, self.tab.mode]
        event.then(self.tab.views.told(self.show), inputs, [self.meter, self.trim], **DIRECT)

    async def show(self, thread: str, at: str, mode: str, request: gr.Request):
        """What the next turn would send, and whether there is something to fold."""
        words = words_of(request)
        if not thread:
            return drawn(None, words), gr.Button(interactive=False)
        try:
            context = await self.graph().acontext(bookmark(thread, request, at))
        except InvalidInput as error:  # the newest message alone is too long
            return drawn(None, words, str(error)), gr.Button(interactive=mode == NOW)
        exchanges = sum(m.type == "human" for m in context.prompt.messages)
        foldable = exchanges > 1 or context.prompt.left_out > 0
        return drawn(context, words), gr.Button(interactive=foldable and mode == NOW)
