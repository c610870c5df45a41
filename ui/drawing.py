# pyright: basic
# (Gradio makes its events at run time.)
"""The chat drawn: `Drawing` paints what is stored and follows the answer under way, until it ends.

An answer is written by a task of the process; closing the tab, or drawing something else in it, ends only the
drawing.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.events import Dependency
from langchain_core.messages import HumanMessage

from graph import Bookmark, LongthreadError, ThreadNotFound
from graph.live import Turn
from graph.transcript import Entry, Page
from ui.render import chat as render
from ui.render.text import markdown
from ui.tab import DIRECT, EDIT, EVENT, FORK, LOOK, Graph, Tab, bookmark, tell, titled
from ui.views import View
from ui.words import Words, words_of

TICK = 0.06
"""Seconds between two updates of a growing answer: each costs about 300 bytes whatever it says."""

NAMED = ("send", "stop", "you", "answer", *(f"do_{act}" for act in render.ACTS))
"""Texts that the page's script puts where Gradio has none."""


@dataclass(frozen=True)
class Drawing:
    """Paints the chat of a tab: the messages as a stream, and around them what depends on the thread.

    Only the messages are streamed. Gradio sends a stream as differences, and its client may mix those of two
    updates of a component's settings (a button shown, a placeholder) when they come in one breath.
    """

    graph: Graph
    tab: Tab
    heading: gr.HTML
    earlier: gr.Button
    log: gr.Chatbot
    editing: gr.Row
    composer: gr.Textbox

    def after(self, event: Dependency, *, stay: bool = False) -> Dependency:
        """Draw when `event` is over, at the newest message or, to `stay`, where the reader is; the result is
        over when the answer under way has ended.
        """
        scroll = "lt.hold()" if stay else "lt.follow()"
        event.then(None, [self.tab.thread], js=f"(thread) => {{ lt.url(thread); {scroll} }}", **DIRECT)
        self.around(event)
        return event.then(self.show, self.tab.place, [self.log], postprocess=False, **EVENT)

    def around(self, event: Dependency) -> None:
        """Draw what depends on the thread, when `event` is over."""
        around = [self.heading, self.earlier, self.editing, self.composer, self.tab.thread]
        framed = event.then(self.tab.views.told(self.frame), self.tab.place, around, **DIRECT)
        framed.then(None, [self.tab.thread], js="(thread) => lt.url(thread)", **DIRECT)

    async def frame(self, thread: str, at: str, mode: str, shown: int, request: gr.Request):
        """The heading, how much came earlier, what the composer can do, and no thread where it is not there.

        Else the thread's box is left alone: by the time that a slow answer arrives the tab may have another.
        """
        same, words, hidden = gr.skip(), words_of(request), gr.update(visible=False)
        if not thread:
            return _heading("", words), hidden, hidden, _composer(words, mode), same
        place = bookmark(thread, request, at)
        running = not at and await self.graph().turns.under_way(place) is not None
        if running:  # told to the drawing, too: it may begin when the answer has just ended
            self.tab.views.followed(request)
        try:
            row = await self.graph().threads.get(place)
            title = words("threads.temporary_title") if row.temporary else row.title
            newest = (await self.graph().threads.transcript(place, limit=1)).entries
        except ThreadNotFound:
            gone = same if running else ""
            return _heading("", words), hidden, hidden, _composer(words, mode, running), gone
        above = max(0, newest[0].seq + 1 - int(shown)) if newest else 0
        more = gr.update(value=words("chat.earlier", count=above), visible=above > 0)
        edits = gr.update(visible=mode == EDIT)
        return _heading(title, words), more, edits, _composer(words, mode, running), same

    async def show(
        self, thread: str, at: str, mode: str, shown: int, request: gr.Request
    ) -> AsyncIterator[Any]:
        """What is stored, then the answer as it grows, then what is stored again."""
        view = self.tab.views.begin(request)
        try:
            await view.alone()
            async for rows in self._told(thread, at, int(shown), view, request):
                if not view.newest:
                    break
                yield rows
            # The last frame is sent again in full, and might land in a thread opened meanwhile.
            yield gr.skip()
        finally:
            view.end()

    async def _told(
        self, thread: str, at: str, shown: int, view: View, request: gr.Request
    ) -> AsyncIterator[list[render.Bubble]]:
        """The rows, and in words what went wrong."""
        if not view.newest:
            return
        left, turn, words = self.tab.views.take(request), None, words_of(request)
        if isinstance(left, LongthreadError):
            tell(left, words)
        try:
            place = bookmark(thread, request, at) if thread else None
            turn = await self._turn(place, left) if place else None
            async for rows in self._rows(place, turn, shown, view, words):
                yield rows
        except ThreadNotFound:
            gr.Info(titled(words("chat.not_found"), words("chat.gone")))
            yield []
        except LongthreadError as error:
            if type(error) is not type(left):  # the same trouble twice is told once
                tell(error, words)
        if turn and view.newest:  # else a newer drawing follows it to its end
            self.tab.views.followed(request)

    async def _rows(
        self, place: Bookmark | None, turn: Turn | None, shown: int, view: View, words: Words
    ) -> AsyncIterator[list[render.Bubble]]:
        if place is None:
            yield []
            return
        page = await self._page(place, shown, turn)
        rows, waits = await self._stored(place, page, words)
        if turn:
            async for draft in _growing(page.entries, turn, view, words):
                yield rows + draft
            if turn.error and view.newest:
                tell(turn.error, words)
            page = await self._page(place, shown, None)
            rows, waits = await self._stored(place, page, words)
        yield rows + waits

    async def _turn(self, place: Bookmark, left: Turn | LongthreadError | None) -> Turn | None:
        """The turn under way, or the one of this tab that is over already."""
        if place.checkpoint_id:
            return None
        mine = left if isinstance(left, Turn) and left.bookmark.key == place.key else None
        return await self.graph().turns.under_way(place) or mine

    async def _page(self, place: Bookmark, shown: int, turn: Turn | None) -> Page:
        try:
            return await self.graph().threads.transcript(place, limit=shown)
        except ThreadNotFound:
            if turn is None:
                raise
            return Page([], 0)  # its first message is on its way in

    async def _stored(
        self, place: Bookmark, page: Page, words: Words
    ) -> tuple[list[render.Bubble], list[render.Bubble]]:
        """The messages; and what a person is asked for: to have a question answered after all, or to say
        whether a graph may go on."""
        graph, now = self.graph(), not place.checkpoint_id
        try:
            context = await graph.acontext(place)
        except LongthreadError:
            context = None  # too long for any prompt: the composer will say so
        rows = render.conversation(page.entries, context, words, now=now, pins=graph.pins.possible)
        asked = context.approvals if context else await graph.turns.approvals(place)
        if asked and now:
            return rows, [render.approval(asked[0], words)]
        return rows, render.unanswered(page.entries, words) if now else []


async def _growing(
    entries: list[Entry], turn: Turn, view: View, words: Words
) -> AsyncIterator[list[render.Bubble]]:
    """What a turn adds to the stored rows, whenever that has changed, until it is done.

    Its words and the note of a fold are updates of their own, so that each is small.
    """
    said, folding = None, False
    while not turn.done and view.newest:
        if said != turn.text:
            said = turn.text
            yield _draft(entries, turn, words, folding=folding)
        if folding != turn.folding:
            folding = turn.folding
            yield _draft(entries, turn, words, folding=folding)
        await view.pause(TICK)
    if view.newest and said is not None and said != turn.text:
        yield _draft(entries, turn, words, folding=folding)


def _draft(entries: list[Entry], turn: Turn, words: Words, *, folding: bool) -> list[render.Bubble]:
    """What a turn under way adds to the stored messages."""
    stored = turn.question is None or turn.question.id in {entry.id for entry in entries}
    rows = [] if stored or not turn.question else render.message(turn.question, words)
    answered = stored and not (entries and isinstance(entries[-1].message, HumanMessage))
    if turn.text and not answered:
        rows.append(render.bubble("assistant", markdown(turn.text)))
    return rows + ([render.note(words("chat.summarising"))] if folding else [])


def _composer(words: Words, mode: str, running: bool = False) -> dict[str, Any]:
    hints = {LOOK: "chat.write_looking", FORK: "chat.write_fork"}
    looking = mode == LOOK
    return gr.update(
        submit_btn=not running and not looking,
        stop_btn=running,
        interactive=not looking,
        placeholder=words(hints.get(mode, "chat.write")),
    )


def _heading(title: str, words: Words) -> str:
    """The title, and for the page's script what its buttons are called and whether the thread is new."""
    new = "" if title else " data-new"
    names = " ".join(f'data-{name}="{escape(words(f"chat.{name}"))}"' for name in NAMED)
    return f"<h1 {names}{new}>{escape(title or words('page.new'))}</h1>"
