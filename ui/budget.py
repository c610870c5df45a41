# pyright: basic
# (Gradio makes its events at run time.)
"""What the next prompt holds: the meter, the summary, each message, and "Trim now"."""

from dataclasses import dataclass

import gradio as gr
from gradio.events import Dependency

from graph import InvalidInput
from ui.render.budget import listing
from ui.render.budget import meter as drawn
from ui.render.summary import summary as summarised
from ui.summary import Summary, summary
from ui.tab import DIRECT, NOW, Graph, Tab, bookmark
from ui.words import label, words_of


@dataclass(frozen=True)
class Budget:
    """What others may listen to: a fold was asked for, and what `Summary` has; and how to draw."""

    trimmed: Dependency
    summary: Summary
    gauge: "Gauge"


def budget(graph: Graph, tab: Tab) -> Budget:
    """Make the panel."""
    gr.HTML(f"<h2>{label('budget.context')}</h2>", apply_default_css=False)
    meter = gr.HTML("", elem_id="meter", apply_default_css=False)
    folded = summary(graph, tab)
    trim = gr.Button(label("budget.trim"), size="sm", elem_id="trim", interactive=False)
    with gr.Accordion(label("budget.list"), open=False, elem_id="sent") as fold_out:
        listed = gr.HTML("", elem_id="sent-list", apply_default_css=False)
    opened = gr.Textbox("", visible=False)
    gauge = Gauge(graph, tab, meter, folded.panel, trim, listed, opened)
    # Drawn for who opens it only: opening a thread stays small. The browser notes it at once: a drawing that
    # is asked for while the list is on its way would take it away again.
    gauge.after(fold_out.expand(None, None, opened, js="() => 'open'", **DIRECT))
    fold_out.collapse(None, None, [listed, opened], js="() => ['', '']", **DIRECT)

    @tab.views.told
    async def fold(thread: str, request: gr.Request):
        tab.views.leave(request, await graph().turns.trim(bookmark(thread, request)))

    trimmed = trim.click(fold, [tab.thread], None, **DIRECT)
    return Budget(trimmed, folded, gauge)


@dataclass(frozen=True)
class Gauge:
    """Draws the meter of a tab, and what goes with it."""

    graph: Graph
    tab: Tab
    meter: gr.HTML
    summary: gr.HTML
    trim: gr.Button
    listed: gr.HTML
    opened: gr.Textbox
    """"" while the list is folded."""

    def after(self, event: Dependency) -> None:
        """Draw when `event` is over."""
        inputs = [self.tab.thread, self.tab.at, self.tab.mode, self.opened]
        outputs = [self.meter, self.summary, self.trim, self.listed]
        event.then(self.tab.views.draws(self.show), inputs, outputs, **DIRECT)

    async def show(self, thread: str, at: str, mode: str, opened: str, request: gr.Request):
        """What the next turn would send, whether there is something to fold, and the list if it is open."""
        words, now = words_of(request), mode == NOW
        if not thread:
            return drawn(None, words), "", gr.Button(interactive=False), listing([], words)
        try:
            context = await self.graph().acontext(bookmark(thread, request, at))
        except InvalidInput as error:  # the newest message alone is too long
            return drawn(None, words, words.refusal(error)), "", gr.Button(interactive=now), ""
        exchanges = sum(m.type == "human" for m in context.prompt.messages)
        foldable = exchanges > 1 or context.prompt.left_out > 0
        listed = listing(context.parts, words) if opened else ""
        above, below = drawn(context, words, now=now), summarised(context, thread, words, now=now)
        return above, below, gr.Button(interactive=foldable and now), listed
