"""Whose turn it is: `in_line` gets a thread for a turn, however its caller wants to meet another's.

The four ways, by the names that Agent Server gave them:

    enqueue    wait until the thread is free
    reject     do not wait
    interrupt  let the turn under way end here, keeping what it has said, and go on after it
    rollback   let the turn under way leave no trace, and go on without it
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from graph.admission import Admits
from graph.bookmark import Bookmark
from graph.errors import InvalidInput, ThreadBusy

T = TypeVar("T")

STRATEGIES = ("enqueue", "reject", "interrupt", "rollback")
SHORTEST, LONGEST = 0.01, 0.25
"""Seconds between two tries: longer from one to the next, for what takes long may take longer."""


def strategy_of(name: object) -> str:
    """The strategy of that name. Raises `InvalidInput`."""
    if name not in STRATEGIES:
        raise InvalidInput(f"There is no multitask_strategy {name!r}: it is one of {', '.join(STRATEGIES)}.")
    return cast("str", name)


async def in_line(
    saver: Admits, place: Bookmark, attempt: Callable[[], Awaitable[T]], strategy: str, patience: float
) -> T:
    """What `attempt` gives once the thread is free. Raises `ThreadBusy` after `patience` seconds."""
    clock = asyncio.get_running_loop().time
    until, pause, wished = clock() + patience, SHORTEST, False
    while True:
        try:
            return await attempt()
        except ThreadBusy:
            if strategy == "reject" or clock() > until:
                raise
        if strategy in ("interrupt", "rollback") and not wished:
            wished = await saver.wish(place, strategy)
        await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - jitter
        pause = min(pause * 1.5, LONGEST)
