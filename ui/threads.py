# pyright: basic
# (Gradio makes its events at run time.)
"""The left of the page: the list of threads, and what can be done with each."""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from graph import Bookmark, CheckpointNotFound, ThreadNotFound
from graph.threads import Shelf
from ui.render import threads as render
from ui.tab import DIRECT, LOOK, WINDOW, Graph, Tab, bookmark, now, user_of, zone_of
from ui.words import words_of

ROWS = 50
"""Threads in the list at first, and by how many "Show more" grows it."""

FOUND = 240
"""Messages in the chat of a thread that was opened at a hit of a search, at most."""

EVENTS = (
    "open",
    "rename",
    "remove",
    "more",
    "view",
    "look",
    "pin",
    "archive",
    "trash",
    "restore",
    "tags",
    "temporary",
)


@dataclass(frozen=True)
class ThreadList:
    """What others may listen to (a thread was opened; renamed or deleted; moved in the list, and nothing else
    is), and how to list them."""

    opened: Dependency
    changed: list[Dependency]
    moved: list[Dependency]
    listing: "Listing"
    tools: gr.HTML


def thread_list(graph: Graph, tab: Tab) -> ThreadList:
    """Make the panel."""
    tools = gr.HTML("", elem_id="thread-tools", apply_default_css=False)
    names = gr.HTML(
        "",
        js_on_load=f"lt.threads(element, trigger, {json.dumps(EVENTS)})",
        elem_id="threads",
        apply_default_css=False,
    )
    rows = gr.Number(ROWS, precision=0, visible=False)
    view = gr.Textbox("kept", visible=False)
    listing = Listing(graph, tab, names, rows, view, gr.Textbox("", visible=False))
    listing.after(names.more(_longer, [rows], [rows], **DIRECT))
    listing.after(names.view(_view, None, [view, rows], **DIRECT))
    names.look(tab.views.draws(listing.look), [tab.zone, rows], listing.outputs, **DIRECT)
    moved = _moves(graph, tab, names)
    for event in moved:
        listing.after(event)
    return ThreadList(_opens(graph, tab, names), _changes(graph, tab, names), moved, listing, tools)


def _longer(rows: float) -> int:
    return int(rows) + ROWS


def _view(event: gr.EventData):
    return _named(event), ROWS


def _named(event: gr.EventData) -> str:
    """A shelf, or a tag with its #."""
    return f"#{event.tag}" if event.tag else str(event.shelf)


def _opens(graph: Graph, tab: Tab, names: gr.HTML) -> Dependency:
    @tab.views.told
    async def open(thread: str, request: gr.Request, event: gr.EventData):
        await _leave(graph, thread, str(event.id), request)
        said = str(getattr(event, "said", "") or "")
        if not said:
            return now(str(event.id))
        place = bookmark(str(event.id), request)
        try:
            return await _at(graph, place, said)
        except CheckpointNotFound as error:  # the moment is not kept
            tab.views.leave(request, error)
            return now(place.thread_id)

    return names.open(open, [tab.thread], tab.place, **DIRECT)


async def _at(graph: Graph, place: Bookmark, said: str) -> tuple[str, str, str, int]:
    """Where a message that was found is seen: now; or where it is far above or on another branch, the moment
    that first had it. Raises `ThreadNotFound`, `CheckpointNotFound`."""
    threads = graph().threads
    if any(entry.id == said for entry in (await threads.transcript(place, limit=FOUND)).entries):
        return (*now(place.thread_id)[:3], FOUND)
    for tip in ("", *(bough.tip for bough in await threads.branches(place))):
        with suppress(CheckpointNotFound):
            moment = await threads.first(place.at(tip or None), said)
            return place.thread_id, moment.checkpoint_id or "", LOOK, WINDOW
    raise CheckpointNotFound


async def _leave(graph: Graph, thread: str, opened: str, request: gr.Request) -> None:
    """A temporary thread goes when another is opened."""
    if not thread or thread == opened:
        return
    place = bookmark(thread, request)
    try:
        if (await graph().threads.get(place)).temporary:
            await _silence(graph, place)
            await graph().threads.delete(place)
    except ThreadNotFound:
        return


def _changes(graph: Graph, tab: Tab, names: gr.HTML) -> list[Dependency]:
    @tab.views.told
    async def rename(request: gr.Request, event: gr.EventData):
        await graph().threads.rename(bookmark(str(event.id), request), str(event.title))

    async def take(thread: str, place: Bookmark, away: Callable[[Bookmark], Awaitable[None]]):
        """Out of the list, and off the page where it is shown."""
        await _silence(graph, place)
        await away(place)
        return now("") if thread == place.thread_id else gr.skip()

    @tab.views.told
    async def remove(thread: str, request: gr.Request, event: gr.EventData):
        return await take(thread, bookmark(str(event.id), request), graph().threads.delete)

    @tab.views.told
    async def trash(thread: str, request: gr.Request, event: gr.EventData):
        return await take(thread, bookmark(str(event.id), request), graph().threads.trash)

    @tab.views.told
    async def temporary(thread: str, request: gr.Request):
        await _leave(graph, thread, "", request)
        return now((await graph().threads.temporary(user_of(request))).thread_id)

    return [
        names.rename(rename, None, None, **DIRECT),
        names.remove(remove, [tab.thread], tab.place, **DIRECT),
        names.trash(trash, [tab.thread], tab.place, **DIRECT),
        names.temporary(temporary, [tab.thread], tab.place, **DIRECT),
    ]


def _moves(graph: Graph, tab: Tab, names: gr.HTML) -> list[Dependency]:
    """What changes the list and nothing else on the page."""

    @tab.views.told
    async def pin(request: gr.Request, event: gr.EventData):
        await graph().threads.pin(bookmark(str(event.id), request), bool(event.on))

    @tab.views.told
    async def archive(request: gr.Request, event: gr.EventData):
        await graph().threads.archive(bookmark(str(event.id), request))

    @tab.views.told
    async def restore(request: gr.Request, event: gr.EventData):
        place = bookmark(str(event.id), request)
        if (await graph().threads.get(place)).trashed:
            await graph().threads.trash(place, on=False)
        else:
            await graph().threads.archive(place, on=False)

    @tab.views.told
    async def tags(request: gr.Request, event: gr.EventData):
        given = [tag for tag in str(event.tags).split(",") if tag.strip()]
        await graph().threads.tag(bookmark(str(event.id), request), given)

    handlers = {"pin": pin, "archive": archive, "restore": restore, "tags": tags}
    return [getattr(names, name)(handler, None, None, **DIRECT) for name, handler in handlers.items()]


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
    view: gr.Textbox
    seen: gr.Textbox
    """The digest of the list that the browser has: opening a thread sends it no other."""

    @property
    def inputs(self) -> list[Component]:
        """What `show` reads."""
        return [self.tab.zone, self.rows, self.view, self.seen]

    @property
    def outputs(self) -> list[Component]:
        """What `show` draws."""
        return [self.names, self.seen]

    def after(self, event: Dependency) -> None:
        """Draw when `event` is over."""
        event.then(self.tab.views.draws(self.show), self.inputs, self.outputs, **DIRECT)

    async def show(self, zone: str, rows: int, view: str, seen: str, request: gr.Request):
        """The list, where it is another than was `seen`; `view` is a shelf, or a tag with its #."""
        user, limit, threads = user_of(request), int(rows), self.graph().threads
        named, tag = ("kept", view[1:]) if view.startswith("#") else (view, "")
        shelf = cast("Shelf", named)  # the list refuses others
        found = await threads.list(user, limit=limit + 1, shelf=shelf, tag=tag or None)
        running = [t.thread_id for t in found if self.graph().turns.running(Bookmark(t.thread_id, user))]
        shown = render.View(shelf, tag, running, len(found) > limit)
        today, words = datetime.now(zone_of(zone)), words_of(request)
        digest, listed = render.thread_list(found[:limit], shown, await threads.tags(user), today, words)
        return (gr.skip(), gr.skip()) if digest == seen else (listed, digest)

    async def look(self, zone: str, rows: int, event: gr.EventData, request: gr.Request):
        """The list, where it is another than the browser has."""
        return await self.show(zone, rows, _named(event), str(event.seen), request)
