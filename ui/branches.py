# pyright: basic
# (Gradio makes its events at run time.)
"""The map of a thread's branches: make another the current one, and name one in its place.

Nothing of it is there while a thread has one branch. Two side by side are `ui.beside`.
"""

from dataclasses import dataclass
from datetime import datetime

import gradio as gr
from gradio.events import Dependency

from graph import ThreadNotFound
from ui.render.branches import branches as drawn
from ui.tab import DIRECT, Graph, Tab, bookmark, now, zone_of
from ui.words import words_of

MOST = 20
"""Branches on the map at first, those that were used last."""


@dataclass(frozen=True)
class Branches:
    """What others may listen to (another branch is current, one has another name), and how to draw."""

    turned: Dependency
    named: Dependency
    map: "Map"


def branches(graph: Graph, tab: Tab) -> Branches:
    """Make the panel."""
    tree = gr.HTML(
        "",
        js_on_load='lt.branches(element, trigger, ["turn", "call", "whole"])',
        elem_id="branches",
        apply_default_css=False,
    )
    most = gr.Number(MOST, precision=0, visible=False)
    drawing = Map(graph, tab, tree, most)
    drawing.after(tree.whole(lambda: 0, None, [most], **DIRECT))

    @tab.views.told
    async def turn(thread: str, request: gr.Request, event: gr.EventData):
        await graph().threads.switch(bookmark(thread, request, str(event.id)))
        return now(thread)

    @tab.views.told
    async def call(thread: str, request: gr.Request, event: gr.EventData):
        first, name = str(getattr(event, "first", "")), str(event.name)
        place = bookmark(thread, request)
        await graph().threads.name_branch(
            place, int(first) if first.isdecimal() and len(first) < 10 else -1, name
        )

    return Branches(
        tree.turn(turn, [tab.thread], tab.place, **DIRECT),
        tree.call(call, [tab.thread], None, **DIRECT),
        drawing,
    )


@dataclass(frozen=True)
class Map:
    """Draws the map of a tab."""

    graph: Graph
    tab: Tab
    tree: gr.HTML
    most: gr.Number

    def after(self, event: Dependency) -> None:
        """Draw when `event` is over."""
        inputs = [self.tab.thread, self.tab.zone, self.most]
        event.then(self.tab.views.draws(self.show), inputs, [self.tree], **DIRECT)

    async def show(self, thread: str, zone: str, most: float, request: gr.Request) -> str:
        """The branches as a tree, where there are two or more."""
        try:
            found = await self.graph().threads.branches(bookmark(thread, request)) if thread else []
        except ThreadNotFound:  # the chat says so
            found = []
        return drawn(found, datetime.now(zone_of(zone)), words_of(request), most=int(most) or len(found))
