# pyright: basic
# (Gradio makes its events at run time.)
"""The left of the page: the list of threads, and what can be done with each."""

from dataclasses import dataclass
from datetime import datetime

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from graph import Bookmark
from ui.render.threads import thread_list as listed
from ui.tab import DIRECT, Graph, Tab, bookmark, now, user_of, zone_of
from ui.words import words_of

ROWS = 50
"""Threads in the list at first, and by how many "Show more" grows it."""

POLL = 2.0
"""Seconds between two looks at the list while an answer is being written in one of its threads."""

TEMPLATE = """<nav aria-label="Conversations">${value}</nav>
<menu popover id="thread-menu" aria-label="Options">
  <li><button type="button" data-row="rename">Rename</button></li>
  <li><button type="button" data-row="remove" class="danger">Delete…</button></li>
</menu>
<dialog id="thread-remove" aria-labelledby="thread-remove-title">
  <h2 id="thread-remove-title">Delete this conversation?</h2>
  <p><b></b> and every branch of it will be gone for good.</p>
  <form method="dialog">
    <button value="">Keep it</button><button value="remove" class="danger">Delete</button>
  </form>
</dialog>"""
"""Filled by Handlebars and then as JavaScript: `${value}` is the only safe place for what people wrote."""


@dataclass(frozen=True)
class ThreadList:
    """What others may listen to (a thread was opened, renamed or deleted), and how to list them."""

    opened: Dependency
    changed: list[Dependency]
    listing: "Listing"


def thread_list(graph: Graph, tab: Tab) -> ThreadList:
    """Make the panel."""
    names = gr.HTML(
        "",
        html_template=TEMPLATE,
        js_on_load='lt.threads(element, trigger, ["open", "rename", "remove", "more"])',
        elem_id="threads",
        apply_default_css=False,
    )
    rows = gr.Number(ROWS, precision=0, visible=False)
    timer = gr.Timer(POLL, active=False)
    listing = Listing(graph, tab, names, rows, timer)
    listing.after(names.more(_longer, [rows], [rows], **DIRECT))
    timer.tick(tab.views.told(listing.show), listing.inputs, listing.outputs, **DIRECT)
    opened = names.open(_open, None, tab.place, **DIRECT)
    return ThreadList(opened, _changes(graph, tab, names), listing)


def _longer(rows: float) -> int:
    return int(rows) + ROWS


def _open(event: gr.EventData):
    return now(str(event.id))


def _changes(graph: Graph, tab: Tab, names: gr.HTML) -> list[Dependency]:
    @tab.views.told
    async def rename(request: gr.Request, event: gr.EventData):
        await graph().threads.rename(bookmark(str(event.id), request), str(event.title))

    @tab.views.told
    async def remove(thread: str, request: gr.Request, event: gr.EventData):
        place = bookmark(str(event.id), request)
        await _silence(graph, place)
        await graph().threads.delete(place)
        return now("") if thread == place.thread_id else gr.skip()

    return [
        names.rename(rename, None, None, **DIRECT),
        names.remove(remove, [tab.thread], tab.place, **DIRECT),
    ]


async def _silence(graph: Graph, place: Bookmark) -> None:
    """Let no answer be written into a thread that is about to go."""
    if turn := graph().turns.running(place):
        await graph().turns.stop(place)
        async for _ in turn.tail():
            pass


@dataclass(frozen=True)
class Listing:
    """Draws the list of a tab."""

    graph: Graph
    tab: Tab
    names: gr.HTML
    rows: gr.Number
    timer: gr.Timer

    @property
    def inputs(self) -> list[Component]:
        """What `show` reads."""
        return [self.tab.thread, self.tab.zone, self.rows]

    @property
    def outputs(self) -> list[Component]:
        """What `show` draws."""
        return [self.names, self.timer]

    def after(self, event: Dependency) -> None:
        """Draw when `event` is over."""
        event.then(self.tab.views.told(self.show), self.inputs, self.outputs, **DIRECT)

    async def show(self, thread: str, zone: str, rows: int, request: gr.Request):
        """The list, and whether to keep an eye on it."""
        user, limit = user_of(request), int(rows)
        found = await self.graph().threads.list(user, limit=limit + 1)
        running = [t.thread_id for t in found if self.graph().turns.running(Bookmark(t.thread_id, user))]
        today = datetime.now(zone_of(zone))
        more, words = len(found) > limit, words_of(request)
        value = listed(found[:limit], thread, running, today, words, more=more)
        return value, gr.Timer(active=bool(running))
