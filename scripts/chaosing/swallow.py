"""Nothing that Postgres says arrives any more, and nobody hangs up: what is under way, and what begins."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from scripts.chaosing.hands import Child, Reply
from scripts.chaosing.proxy import open_proxy
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict

MUST = "a typed error in at most 10 s, never a hang"
FULL, QUICK = 10, 5
LIMIT = 10.0
GRACE = 1.0
"""Seconds more for our own part of it."""

LATE = "nothing after 10 s"
MIDWAY = "an answer under way"

Act = Callable[[Child, str, str], Coroutine[Any, Any, Reply]]


async def run(stage: Stage, trials: int) -> Verdict:
    """What there is to do, all of it at once; then some of it with no limit to a statement's time."""
    tally, control = Tally(), Tally()
    acts = [*ACTS.items()]

    async def limited(n: int) -> None:
        name, act = acts[n % len(acts)]
        await _trial(stage, tally, name, act, {})

    async def endless(n: int) -> None:
        name, act = acts[n]
        await _trial(stage, control, name, act, {"no_timeout": {}})

    async with asyncio.TaskGroup() as group:  # all of it is waiting
        group.create_task(stage.each("swallow", trials, limited, trials))
        group.create_task(stage.each("swallow, control", 2, endless, 2))
    return Verdict("swallow", MUST, tally, control, (LATE,))


async def _trial(stage: Stage, tally: Tally, name: str, act: Act, switches: dict[str, object]) -> None:
    tally.trials += 1
    async with open_proxy(stage.url, stage.random("swallow")) as proxy:
        child = await stage.child({**switches}, url=proxy.url)
        thread, text = stage.thread("swallow"), f"Swallowed: {stage.thread('swallow')}."
        await child.turn(thread, "Before.")
        proxy.swallows = name != MIDWAY
        late = asyncio.create_task(act(child, thread, text))
        if name == MIDWAY:
            await stage.asked(text)
            proxy.swallows = True
        done, _ = await asyncio.wait([late], timeout=LIMIT + GRACE)
        if tally.must(done, LATE, name):
            reply = await late
            tally.must("error" in reply, "no error", [name, reply])
            tally.must(reply.get("ours", True), "foreign error", [name, reply])
        late.cancel()
        await child.kill()


async def _ask(child: Child, thread: str, text: str) -> Reply:
    return await child.turn(thread, text)


async def _step(child: Child, thread: str, text: str) -> Reply:
    return await child.turn(thread, text, durability="sync")


async def _look(child: Child, thread: str, text: str) -> Reply:
    return await child.look(thread)


async def _delete(child: Child, thread: str, text: str) -> Reply:
    return await child.ask("delete", thread=thread, for_good=True)


ACTS: dict[str, Act] = {
    "a question": _ask,
    MIDWAY: _ask,
    "reading": _look,
    "deleting": _delete,
    "a turn in steps": _step,
}
