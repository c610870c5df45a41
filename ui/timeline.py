# pyright: basic
# (Gradio makes its events at run time.)
"""Earlier moments of a thread: look at one, see what it changed, fork from it, make another branch current.

Looking reads what is stored and calls no model. A fork is only written by the message sent next.
"""

from dataclasses import dataclass
from html import escape

import gradio as gr
from gradio.events import Dependency

from graph import Bookmark, ThreadNotFound
from graph.history import difference
from ui.render.timeline import difference as changes
from ui.render.timeline import timeline as listed
from ui.tab import DIRECT, FORK, LOOK, WINDOW, Graph, Tab, bookmark, now, zone_of
from ui.words import label, words_of

STEPS = 80
"""Checkpoints on the timeline at first, and by how many "Load older steps" grows it."""


@dataclass(frozen=True)
class Banner:
    """The line above the chat while it shows another moment than now."""

    row: gr.Row
    text: gr.HTML
    back: gr.Button
    fork: gr.Button
    switch: gr.Button


@dataclass(frozen=True)
class Timeline:
    """What others may listen to: the tab looks at another moment; and how to draw."""

    moved: list[Dependency]
    moments: "Moments"


def banner() -> Banner:
    """Make the line above the chat."""
    with gr.Row(elem_id="banner", visible=False) as row:
        text = gr.HTML("", elem_id="banner-text", apply_default_css=False)
        switch = gr.Button(label("timeline.switch"), size="sm", elem_id="switch")
        fork = gr.Button(label("timeline.fork_here"), size="sm", elem_id="fork")
        back = gr.Button(label("timeline.back"), size="sm", elem_id="back")
    return Banner(row, text, back, fork, switch)


def timeline(graph: Graph, tab: Tab, above: Banner) -> Timeline:
    """Make the panel, and wire the banner's buttons."""
    change = gr.HTML("", elem_id="difference", elem_classes="lt-part", apply_default_css=False, visible=False)
    gr.HTML(f"<h2>{label('timeline.timeline')}</h2>", elem_classes="lt-part", apply_default_css=False)
    steps = gr.HTML(
        "",
        js_on_load='lt.wire(element, trigger, ["look", "older"])',
        elem_id="timeline",
        apply_default_css=False,
    )
    count = gr.Number(STEPS, precision=0, visible=False)
    step, branch = gr.Textbox("", visible=False), gr.Textbox("", visible=False)
    moments = Moments(graph, tab, above, steps, change, count, step, branch)
    moments.after(steps.older(_longer, [count], [count], **DIRECT))
    looked = steps.look(_look, None, [tab.at, tab.mode, tab.shown, step, branch], **DIRECT)
    return Timeline([looked, *_buttons(graph, tab, above)], moments)


def _longer(count: float) -> int:
    return int(count) + STEPS


def _look(event: gr.EventData):
    return str(event.id), LOOK, WINDOW, str(event.step), str(event.branch)


def _buttons(graph: Graph, tab: Tab, above: Banner) -> list[Dependency]:
    @tab.views.told
    async def switch(thread: str, at: str, request: gr.Request):
        await graph().threads.switch(bookmark(thread, request, at))
        return now(thread)

    return [
        above.back.click(now, [tab.thread], tab.place, **DIRECT),
        above.fork.click(lambda: FORK, None, [tab.mode], **DIRECT),
        above.switch.click(switch, [tab.thread, tab.at], tab.place, **DIRECT),
    ]


@dataclass(frozen=True)
class Moments:
    """Draws the timeline of a tab, the banner and the difference."""

    graph: Graph
    tab: Tab
    above: Banner
    steps: gr.HTML
    change: gr.HTML
    count: gr.Number
    step: gr.Textbox
    branch: gr.Textbox

    def after(self, event: Dependency) -> None:
        """Draw when `event` is over."""
        tab, above = self.tab, self.above
        moment = [tab.thread, tab.at, tab.mode, self.step]
        event.then(
            self.announce,
            [tab.mode, self.step, self.branch],
            [above.row, above.text, above.fork, above.switch],
            **DIRECT,
        )
        event.then(
            tab.views.told(self.list), [tab.thread, tab.at, tab.zone, self.count], [self.steps], **DIRECT
        )
        event.then(tab.views.told(self.compare), moment, [self.change], **DIRECT)

    async def list(self, thread: str, at: str, zone: str, count: int, request: gr.Request):
        """The checkpoints, newest first."""
        try:
            place, limit = bookmark(thread, request) if thread else None, int(count)
            found = await self.graph().threads.moments(place, limit=limit + 1) if place else []
        except ThreadNotFound:
            found, limit = [], 0
        return listed(found[:limit], at, zone_of(zone), words_of(request), more=len(found) > limit)

    async def compare(self, thread: str, at: str, mode: str, step: str, request: gr.Request):
        """What the step that is looked at changed."""
        if mode != LOOK:
            return gr.HTML(visible=False)
        after = await self.graph().aget_state(bookmark(thread, request, at).config)
        parent = Bookmark.of(after.parent_config).checkpoint_id if after.parent_config else None
        place = bookmark(thread, request, parent or "")
        before = await self.graph().aget_state(place.config) if parent else None
        return gr.HTML(changes(step, difference(before, after), words_of(request)), visible=True)

    def announce(self, mode: str, step: str, branch: str, request: gr.Request):
        """The banner."""
        looking, forking = mode == LOOK, mode == FORK
        words = words_of(request)
        said = words("timeline.looking" if looking else "timeline.forking", step=step)
        return (
            gr.Row(visible=looking or forking),
            f'<p role="status">{escape(said) if looking or forking else ""}</p>',
            gr.Button(visible=looking),
            gr.Button(visible=looking and branch == "tip"),
        )
