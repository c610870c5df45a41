# pyright: basic
# (Gradio makes its events at run time.)
"""What one browser tab is looking at: a few hidden boxes, and whose they are.

The boxes live in the browser, so a person can put anything in them: every handler turns them into a
`Bookmark` of the person who asks, and the graph checks that the thread is theirs.
"""

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import gradio as gr
from gradio.components import Component
from starlette.requests import Request

from graph import Bookmark, LongthreadError, OpenGraph
from ui.sign_in.door import PERSON
from ui.views import Views
from ui.words import Words

WINDOW = 60
"""Messages in the chat at first, and by how many "Load earlier" grows it."""

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
    views: Views

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
    """Show an error of ours as a toast."""
    gr.Warning(titled(words("page.failed"), words.refusal(error)))


def titled(title: str, text: str) -> str:
    """What a toast says, as HTML: Gradio's own title is the word "Warning" or "Info", in English."""
    return f"<strong>{html.escape(title)}</strong> {html.escape(text)}"
