# pyright: basic
# (Gradio makes its events at run time.)
"""Earlier moments of a thread: look at one, see what it changed, fork from it, make another branch current.

Looking reads what is stored and calls no model. A fork is only written by the message sent next.
"""

from contextlib import suppress
from dataclasses import dataclass
from html import escape

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from graph import Bookmark, CheckpointNotFound, ThreadNotFound
from graph.history import difference
from ui.render.timeline import difference as changes
from ui.render.timeline import timeline as listed
from ui.tab import DIRECT, FORK, LOOK, WINDOW, Graph, Tab, bookmark, now, zone_of
from ui.words import label, words_of

STEPS = 40
"""Checkpoints on the timeline at first, and by how many "Load older steps" grows it."""


@dataclass(frozen=True)
class Banner:
    """The line above the chat while it shows another moment than now."""

    row: gr.Row
    text: gr.HTML
    back: gr.Button
    fork: gr.Button
    switch: gr.Button
    compare: gr.Button
    before: gr.Button


@dataclass(frozen=True)
class Timeline:
    """What others may listen to: the tab looks at another moment; and how to draw."""

    moved: list[Dependency]
    moments: "Moments"


def banner() -> Banner:
    """Make the line above the chat."""
    with gr.Row(elem_id="banner", visible=False) as row:
        text = gr.HTML("", elem_id="banner-text", apply_default_css=False)
        compare = gr.Button(label("timeline.compare"), size="sm", elem_id="compare")
        before = gr.Button(label("timeline.before"), size="sm", elem_id="compare-before")
        switch = gr.Button(label("timeline.switch"), size="sm", elem_id="switch")
        fork = gr.Button(label("timeline.fork_here"), size="sm", elem_id="fork")
        back = gr.Button(label("timeline.back"), size="sm", elem_id="back")
    return Banner(row, text, back, fork, switch, compare, before)


def timeline(graph: Graph, tab: Tab, above: Banner) -> Timeline:
    """Make the panel, and wire the banner's buttons."""
    change = gr.HTML("", elem_id="difference", elem_classes="lt-part", apply_default_css=False, visible=False)
    gr.HTML(f"<h2>{label('timeline.timeline')}</h2>", elem_classes="lt-part", apply_default_css=False)
    steps = gr.HTML(
        "",
        js_on_load='lt.wire(element, trigger, ["look", "older"]); lt.list(element, "li > button")',
        elem_id="timeline",
        apply_default_css=False,
    )
    count = gr.Number(STEPS, precision=0, visible=False)
    looked = Looked(*(gr.Textbox("", visible=False) for _ in range(3)))
    moments = Moments(graph, tab, above, steps, change, count, looked)
    moments.after(steps.older(_longer, [count], [count], **DIRECT))
    seen = steps.look(
        tab.views.told(moments.look),
        {tab.thread, tab.at, tab.mode, looked.picking},
        [tab.at, tab.mode, tab.shown, *looked.boxes],
        **DIRECT,
    )
    return Timeline([seen, *_buttons(graph, tab, above), *_comparing(tab, above, looked)], moments)


def _longer(count: float) -> int:
    return int(count) + STEPS


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


def _comparing(tab: Tab, above: Banner, looked: "Looked") -> list[Dependency]:
    return [
        above.compare.click(lambda at: at, [tab.at], [looked.picking], **DIRECT),
        above.before.click(lambda: ("", ""), None, [looked.picking, looked.against], **DIRECT),
    ]


@dataclass(frozen=True)
class Looked:
    """Hidden boxes about the step that is looked at: "tip" of another branch's last; its checkpoint while
    another is wanted to compare with, and "its checkpoint, the other's, the other's number" while they are
    compared. The last two hold for that checkpoint only: who leaves is done."""

    branch: gr.Textbox
    picking: gr.Textbox
    against: gr.Textbox

    @property
    def boxes(self) -> list[gr.Textbox]:
        """All, in this order."""
        return [self.branch, self.picking, self.against]


@dataclass(frozen=True)
class Moments:
    """Draws the timeline of a tab, the banner and the difference."""

    graph: Graph
    tab: Tab
    above: Banner
    steps: gr.HTML
    change: gr.HTML
    count: gr.Number
    looked: Looked

    def after(self, event: Dependency) -> None:
        """Draw when `event` is over."""
        tab, above = self.tab, self.above
        moment = {tab.thread, tab.at, tab.mode, *self.looked.boxes}
        event.then(
            tab.views.draws(self.announce),
            moment,
            [above.row, above.text, above.fork, above.switch, above.compare, above.before],
            **DIRECT,
        )
        event.then(
            tab.views.draws(self.list), [tab.thread, tab.at, tab.zone, self.count], [self.steps], **DIRECT
        )
        event.then(tab.views.draws(self.compare), moment, [self.change], **DIRECT)

    async def look(self, boxes: dict[Component, str], request: gr.Request, event: gr.EventData):
        """Look at the step; or, where another is wanted to compare with, compare and stay."""
        tab, id = self.tab, str(event.id)
        at, picking = boxes[tab.at], boxes[self.looked.picking]
        if boxes[tab.mode] == LOOK and at and picking == at:
            number, _ = await self._step(boxes[tab.thread], id, request)
            return *[gr.skip()] * 4, "", f"{at} {id} {number}"
        return id, LOOK, WINDOW, str(event.branch), "", ""

    async def list(self, thread: str, at: str, zone: str, count: int, request: gr.Request):
        """The checkpoints, newest first."""
        try:
            place, limit = bookmark(thread, request) if thread else None, int(count)
            found = await self.graph().threads.moments(place, limit=limit + 1) if place else []
        except ThreadNotFound:
            found, limit = [], 0
        return listed(found[:limit], at, zone_of(zone), words_of(request), more=len(found) > limit)

    async def compare(self, boxes: dict[Component, str], request: gr.Request):
        """What the step that is looked at changed, or what is different in another."""
        if boxes[self.tab.mode] != LOOK:
            return gr.HTML(visible=False)
        thread, at = boxes[self.tab.thread], boxes[self.tab.at]
        against = boxes[self.looked.against]
        step, _ = await self._step(thread, at, request)
        here = await self._state(bookmark(thread, request, at))
        other, number = _other(at, against)
        words = words_of(request)
        if not other:
            parent = Bookmark.of(here.parent_config).checkpoint_id if here.parent_config else None
            before = await self._state(bookmark(thread, request, parent)) if parent else None
            return gr.HTML(changes(step, difference(before, here), words), visible=True)
        there = await self._state(bookmark(thread, request, other))
        if other > at:  # ids are in the order of time: always from the older to the newer
            found = changes(number, difference(here, there), words, since=step)
        else:
            found = changes(step, difference(there, here), words, since=number)
        return gr.HTML(found, visible=True)

    async def _state(self, place: Bookmark):
        return await self.graph().aget_state(place.config)

    async def _step(self, thread: str, at: str, request: gr.Request) -> tuple[str, str]:
        """Which step that is, and of how many. Counted for who looks: the list does without, and so costs the
        same at any length."""
        number, total = await self.graph().threads.step(bookmark(thread, request, at))
        return str(number), str(total)

    async def announce(self, boxes: dict[Component, str], request: gr.Request):
        """The banner."""
        at, mode = boxes[self.tab.at], boxes[self.tab.mode]
        branch, picking, against = (boxes[box] for box in self.looked.boxes)
        looking, forking = mode == LOOK, mode == FORK
        step = total = "?"
        if looking or forking:
            with suppress(CheckpointNotFound):  # pruned meanwhile: the way back to now stands all the same
                step, total = await self._step(boxes[self.tab.thread], at, request)
        choosing = looking and bool(at) and picking == at
        which = "other_step" if choosing else "looking" if looking else "forking"
        said = words_of(request)(f"timeline.{which}", step=step, total=total)
        compared = looking and bool(_other(at, against)[0])
        return (
            gr.Row(visible=looking or forking),
            f'<p role="status">{escape(said) if looking or forking else ""}</p>',
            gr.Button(visible=looking),
            gr.Button(visible=looking and branch == "tip"),
            gr.Button(visible=looking and not choosing),
            gr.Button(visible=choosing or compared),
        )


def _other(at: str, against: str) -> tuple[str, str]:
    """The checkpoint that this one is compared with, and its number; empty for the step before."""
    mine, other, number = [*against.split(" "), "", ""][:3]
    return (other, number) if at and mine == at else ("", "")
