# pyright: basic
# (Gradio makes its events at run time.)
"""The drawings of each open tab: which is the newest, `View`, and what the next should tell, `Views`."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from graph import LongthreadError
from graph.live import Turn

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 2.0
"""Seconds that a drawing waits for the one before it."""


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
        self._asked: defaultdict[str | None, Counter[str]] = defaultdict(Counter)

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

    def trouble(self, request: gr.Request) -> int:
        """1 where something went wrong of which the next drawing would tell; else 0."""
        return int(isinstance(self._left.get(request.session_hash), LongthreadError))

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
        self._asked.pop(request.session_hash, None)

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

    def draws(self, handler: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T | dict[str, Any]]]:
        """The same for what draws a panel: of its calls in one tab only the last one asked draws. An older
        one that takes longer would come after it, and stay."""

        @wraps(handler)
        async def last(*args: P.args, **kwargs: P.kwargs) -> T | dict[str, Any]:
            (request,) = (a for a in args if isinstance(a, gr.Request))
            asked, panel = self._asked[request.session_hash], handler.__qualname__
            asked[panel] = mine = asked[panel] + 1
            drawn = await handler(*args, **kwargs)
            return drawn if asked[panel] == mine else gr.skip()

        return self.told(last)
