# pyright: basic
# (Gradio makes its events at run time.)
"""What can be done with one message: copy it, say it anew, ask again, take it back, pin it, see its versions.

The buttons are part of the messages (`ui.render.chat`); which message one belongs to is said by its mark, and
looked up anew among what is stored.
"""

import json
from dataclasses import dataclass

import gradio as gr
from gradio.events import Dependency
from langchain_core.messages import HumanMessage

from graph import Bookmark, CheckpointNotFound, InvalidInput, OpenGraph, ThreadBusy
from graph.transcript import Entry
from ui.render.chat import ACTS, mark
from ui.tab import DIRECT, EDIT, ONCE, WINDOW, Graph, Tab, bookmark, now

KINDS = (*ACTS, "prev", "next")


@dataclass(frozen=True)
class Acts:
    """What others may listen to: the branch changed (`moved`), a text went into the composer (`taken`), a
    message is pinned or no longer (`pinned`), or one was copied."""

    moved: list[Dependency]
    taken: list[Dependency]
    pinned: list[Dependency]
    copied: Dependency


def acts(graph: Graph, tab: Tab, composer: gr.Textbox) -> Acts:
    """Make the wiring; nothing of it is seen."""
    buttons = gr.HTML(
        "",
        js_on_load=f"lt.acts(element, trigger, {json.dumps(ACTS)}, {json.dumps(KINDS)})",
        elem_id="acts",
        apply_default_css=False,
    )
    clip = gr.Textbox("", visible=False)
    place = [tab.thread, tab.at, tab.shown]
    acting = Acting(graph, tab)
    copied = buttons.copy(tab.views.told(acting.copy), place, [clip], **DIRECT)
    copied.then(None, [clip], js="(text) => lt.copied(text)", **DIRECT)
    there = [composer, *tab.place]
    taken = [
        buttons.edit(tab.views.told(acting.edit), place, there, **ONCE),
        buttons.undo(tab.views.told(acting.undo), place, there, **ONCE),
    ]
    for event in taken:
        event.then(None, None, js="() => lt.write()", **DIRECT)
    moved = [
        buttons.again(tab.views.told(acting.again), place, tab.place, **ONCE),
        buttons.prev(tab.views.told(acting.previous), place, tab.place, **ONCE),
        buttons.next(tab.views.told(acting.following), place, tab.place, **ONCE),
    ]
    pinned = [
        buttons.pin(tab.views.told(acting.pin), place, None, **ONCE),
        buttons.unpin(tab.views.told(acting.unpin), place, None, **ONCE),
    ]
    return Acts(moved, taken, pinned, copied)


@dataclass(frozen=True)
class Acting:
    """Does it."""

    graph: Graph
    tab: Tab

    async def copy(self, thread: str, at: str, shown: float, request: gr.Request, event: gr.EventData):
        """The message as it was written."""
        _, entry = await self._entry(bookmark(thread, request, at), shown, event)
        return entry.message.text

    async def edit(self, thread: str, at: str, shown: float, request: gr.Request, event: gr.EventData):
        """The question in the composer; what is sent next is said in its stead."""
        place, graph = bookmark(thread, request), self.graph()
        _, entry = await self._entry(place, shown, event)
        if entry.created is None:
            return await graph.turns.withdraw(place), *now(thread)
        point = await graph.threads.before(place, entry.id or "")
        return entry.message.text, thread, point.checkpoint_id, EDIT, WINDOW

    async def undo(self, thread: str, at: str, shown: float, request: gr.Request, event: gr.EventData):
        """The question in the composer, and the thread as it was before; that branch is kept."""
        place, graph = bookmark(thread, request), self.graph()
        _, entry = await self._entry(place, shown, event)
        await free(graph, place)
        if entry.created is None:
            return await graph.turns.withdraw(place), *now(thread)
        await graph.threads.switch(await graph.threads.before(place, entry.id or ""))
        return entry.message.text, *now(thread)

    async def again(self, thread: str, at: str, shown: float, request: gr.Request, event: gr.EventData):
        """Another answer to the question before."""
        place, graph = bookmark(thread, request), self.graph()
        entries, entry = await self._entry(place, shown, event)
        said = [e.message for e in entries if e.seq <= entry.seq]
        asked = [message for message in said if isinstance(message, HumanMessage)]
        if not asked:
            raise CheckpointNotFound
        point = await graph.threads.before(place, asked[-1].id or "")
        self.tab.views.leave(request, await graph.turns.again(point, asked[-1]))
        return now(thread)

    async def pin(self, thread: str, at: str, shown: float, request: gr.Request, event: gr.EventData):
        """Always send the message whole."""
        place = bookmark(thread, request)
        _, entry = await self._entry(place, shown, event)
        if entry.created is None:
            raise InvalidInput("This message can be pinned once it is answered.")
        await self.graph().pins.pin(place, entry.id or "")

    async def unpin(self, thread: str, at: str, shown: float, request: gr.Request, event: gr.EventData):
        """Send the message no longer than others."""
        place = bookmark(thread, request)
        _, entry = await self._entry(place, shown, event)
        await self.graph().pins.unpin(place, entry.id or "")

    async def previous(self, thread: str, at: str, shown: float, request: gr.Request, event: gr.EventData):
        """The version before this one."""
        return await self._turn_to(-1, thread, shown, request, event)

    async def following(self, thread: str, at: str, shown: float, request: gr.Request, event: gr.EventData):
        """The version after this one."""
        return await self._turn_to(1, thread, shown, request, event)

    async def _turn_to(self, step: int, thread: str, shown: float, request: gr.Request, event: gr.EventData):
        place, graph = bookmark(thread, request), self.graph()
        _, entry = await self._entry(place, shown, event)
        await free(graph, place)
        nth = next((n for n, branch in enumerate(entry.branches) if branch.current), 0) + step
        if 0 <= nth < len(entry.branches):
            await graph.threads.switch(place.at(entry.branches[nth].checkpoint_id))
        return now(thread)

    async def _entry(self, place: Bookmark, shown: float, event: gr.EventData) -> tuple[list[Entry], Entry]:
        """What the tab shows and a little more, and the message meant. Raises `CheckpointNotFound`."""
        page = await self.graph().threads.transcript(place, limit=int(shown) + WINDOW)
        for entry in page.entries:
            if mark(entry) == event.mark:
                return page.entries, entry
        raise CheckpointNotFound


async def free(graph: OpenGraph, place: Bookmark) -> None:
    """Raises `ThreadBusy` while an answer is being written."""
    if await graph.turns.under_way(place):
        raise ThreadBusy
