"""Of two drawings of one tab the newer waits until all of the older is on its way."""

import asyncio
from types import SimpleNamespace
from typing import Any

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
