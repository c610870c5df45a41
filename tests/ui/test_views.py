"""Of two drawings of one tab the newer waits until all of the older is on its way, or takes its place."""

import asyncio
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from ui.views import Views


@pytest.mark.anyio
async def test_a_drawing_begins_when_the_one_before_has_ended() -> None:
    """Else the last frame of the older came after the first of the newer, in another thread, and stayed."""
    views, tab, other = Views(), *(SimpleNamespace(session_hash=name) for name in ("tab", "other"))
    asked: Any = tab
    first = views.begin(asked)
    await first.alone()
    second = views.begin(asked)
    assert second.newest and not first.newest
    elsewhere: Any = other
    await views.begin(elsewhere).alone()
    waiting = asyncio.create_task(second.alone())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await asyncio.wait_for(first.pause(60), 1)  # it need not wait for its next tick
    first.end()
    await asyncio.wait_for(waiting, 1)


@pytest.mark.anyio
async def test_a_panel_is_drawn_by_the_call_that_was_asked_last() -> None:
    """Else the one that took longer came after it, of the thread before, and stayed."""
    views, slow = Views(), asyncio.Event()

    def request(tab: str) -> gr.Request:
        return gr.Request(session_hash=tab)

    async def show(thread: str, asked: gr.Request) -> str:
        if thread == "slow":
            await slow.wait()
        return thread

    draw = views.draws(show)
    late = asyncio.create_task(draw("slow", request("tab")))
    await asyncio.sleep(0)
    assert await draw("other tab", request("another")) == "other tab"
    assert await draw("quick", request("tab")) == "quick"
    slow.set()
    assert await late == gr.skip()
    assert await draw("slow", request("tab")) == "slow"
