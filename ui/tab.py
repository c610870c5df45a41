# pyright: basic
# (Gradio makes its events at run time.)
"""What one browser tab is looking at: a few hidden boxes, and whose they are.

The boxes live in the browser, so a person can put anything in them: every handler turns them into a
`Bookmark` of the person who asks, and the graph checks that the thread is theirs.
"""

import asyncio
import html
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import gradio as gr
from gradio.components import Component
from starlette.requests import Request

from graph import Bookmark, LongthreadError, OpenGraph
from graph.live import Turn
from ui.sign_in.door import PERSON
from ui.words import Words

P = ParamSpec("P")
T = TypeVar("T")

WINDOW = 60
"""Messages in the chat at first, and by how many "Load earlier" grows it."""

PATIENCE = 2.0
"""Seconds that a drawing waits for the one before it."""

NOW, LOOK, FORK, EDIT = "now", "look", "fork", "edit"

Graph = Callable[[], OpenGraph]
"""The panels are made before the graph is opened, so they are given a way to it."""

PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of an answer that is its person's alone."""

EVENT: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_limit": None,
    "trigger_mode": "multiple",
}
"""How every event is wired: never in the public API, and nobody waits for somebody else's."""
DIRECT: dict[str, Any] = EVENT | {"queue": False}
"""The same, answered at once: everything but a drawing of the chat, see `Views`."""
ONCE: dict[str, Any] = DIRECT | {"trigger_mode": "once"}
"""The same, deaf while it is under way."""


@dataclass(frozen=True)
class Tab:
    """The hidden boxes: a thread ("" before its first message), a checkpoint of it ("" for now), why that
    checkpoint is shown (`NOW`, `LOOK`, `FORK`, `EDIT`), how many messages are shown, and the person's time
    zone."""

    thread: gr.Textbox
    at: gr.Textbox
    mode: gr.Textbox
    shown: gr.Number
    zone: gr.Textbox
    views: "Views"

    @classmethod
    def make(cls) -> "Tab":
        """Boxes of a new tab, inside the current `gr.Blocks`."""
        return cls(
            gr.Textbox("", visible=False),
            gr.Textbox("", visible=False),
            gr.Textbox(NOW, visible=False),
            gr.Number(WINDOW, precision=0, visible=False),
            gr.Textbox("UTC", visible=False),
            Views(),
        )

    @property
    def place(self) -> list[Component]:
        """The boxes that name a moment of a thread, and what they are set to by `now`."""
        return [self.thread, self.at, self.mode, self.shown]


def now(thread: str) -> tuple[str, str, str, int]:
    """`Tab.place` for the newest messages of a thread."""
    return thread, "", NOW, WINDOW


def user_of(request: gr.Request | Request) -> str:
    """Who asks: whom the door let in. Raises `KeyError` where no door was passed."""
    asked: Any = request if isinstance(request, Request) else request.request
    return asked.scope[PERSON].user


def bookmark(thread: str, request: gr.Request, at: str = "") -> Bookmark:
    """The place that a tab shows. Raises `InvalidInput`."""
    return Bookmark(thread, user_of(request), at or None)


def zone_of(name: str) -> ZoneInfo:
    """The time zone that the browser names, or UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def tell(error: LongthreadError, words: Words) -> None:
    """Show an error of ours as a toast. Toasts render HTML."""
    gr.Warning(html.escape(str(error)), title=html.escape(words("page.failed")))


class View:
    """One drawing of a tab's chat, and the one before it."""

    def __init__(self, before: "View | None") -> None:
        self._before = before if before and not before.over.is_set() else None
        self.left, self.over = asyncio.Event(), asyncio.Event()
        if before:
            before.leave()

    @property
    def newest(self) -> bool:
        """Whether it is still wanted."""
        return not self.left.is_set()

    async def alone(self) -> None:
        """Until what the one before has drawn is on its way: its last frame would come after our first else,
        and stay."""
        if self._before:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._before.over.wait(), PATIENCE)
            self._before = None

    async def pause(self, seconds: float) -> None:
        """So long, or until another begins."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.left.wait()

    def leave(self) -> None:
        """Draw no more of it: another begins, or the tab is gone."""
        self.left.set()

    def end(self) -> None:
        """All of it is drawn."""
        self.over.set()


class Views:
    """What the server keeps of each open tab, and may lose: which drawing of its chat is the newest, and what
    the next drawing should tell, and whether one has followed an answer.

    Only drawings go through Gradio's queue, and only queued events can show a toast. Its client may lose an
    event that is queued in the moment in which the one before it ends, so no queued event follows another.
    """

    def __init__(self) -> None:
        self._latest: dict[str | None, View] = {}
        self._left: dict[str | None, Turn | LongthreadError] = {}
        self._followed: set[str | None] = set()

    def begin(self, request: gr.Request) -> View:
        """Start a drawing: it ends the one before."""
        before = self._latest.get(request.session_hash)
        mine = self._latest[request.session_hash] = View(before)
        return mine

    def leave(self, request: gr.Request, what: Turn | LongthreadError) -> None:
        """Something for the tab's next drawing: an error to tell, or a turn that may be over before it."""
        self._left[request.session_hash] = what

    def take(self, request: gr.Request) -> Turn | LongthreadError | None:
        """What was left for this drawing."""
        return self._left.pop(request.session_hash, None)

    def followed(self, request: gr.Request) -> None:
        """A drawing has followed an answer."""
        self._followed.add(request.session_hash)

    def news(self, request: gr.Request) -> int:
        """1 where one has, since this was asked last; else 0."""
        if request.session_hash not in self._followed:
            return 0
        self._followed.discard(request.session_hash)
        return 1

    def forgive(self, request: gr.Request) -> None:
        """What went wrong while nobody could be told is over."""
        if isinstance(self._left.get(request.session_hash), LongthreadError):
            del self._left[request.session_hash]

    def forget(self, request: gr.Request) -> None:
        """The tab was closed."""
        if view := self._latest.pop(request.session_hash, None):
            view.leave()
        self._left.pop(request.session_hash, None)
        self._followed.discard(request.session_hash)

    def told(self, handler: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T | dict[str, Any]]]:
        """The handler, with our own errors left for the next drawing and the page left as it is."""

        @wraps(handler)
        async def careful(*args: P.args, **kwargs: P.kwargs) -> T | dict[str, Any]:
            try:
                return await handler(*args, **kwargs)
            except LongthreadError as error:
                for request in (a for a in args if isinstance(a, gr.Request)):
                    self.leave(request, error)
                return gr.skip()

        return careful
