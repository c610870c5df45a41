"""The line to Postgres is cut at a part of its replies; each turn is sent again under its id until it is
answered.

A reply that is cut says nothing of what was stored: an error is no proof of failure.
"""

from contextlib import AsyncExitStack
from typing import Any

from scripts.chaosing.hands import Child
from scripts.chaosing.history import DOUBLED, STUCK, judge
from scripts.chaosing.proxy import Proxy, open_proxy
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict

MUST = "2 % and 8 % of replies cut: one question, one answer each"
FULL, QUICK = 1_000, 120
PARTS = (0.02, 0.08)
TURNS = 5
"""Of a thread."""
TRIES = 40
LOGIN = 6
"""Replies of a new connection: to cut many of those only makes a pool wait longer before it tries again."""


async def run(stage: Stage, trials: int) -> Verdict:
    """Half of the turns with each part cut; then some that are sent again without an id, by a writer that
    does not look what became of a write."""
    tally, control = Tally(), Tally()
    for cuts in PARTS:
        await _cut(stage, tally, cuts, trials // len(PARTS), named=True)
    await _cut(stage, control, 0.25, 40, named=False, spared=LOGIN)
    return Verdict("cuts", MUST, tally, control, (DOUBLED,))


async def _cut(stage: Stage, tally: Tally, cuts: float, turns: int, *, named: bool, spared: int = 0) -> None:
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(open_proxy(stage.url, stage.random("cuts", cuts, named)))
        switches: dict[str, Any] = {} if named else {"no_second_look": {}}
        child = await stage.child(switches, url=proxy.url, turn_wait=5)
        proxy.cuts, proxy.spared = cuts, spared

        async def talk(n: int) -> None:
            await _talk(stage, tally, child, n, named=named)

        await stage.each(f"cuts {cuts:.0%}", turns // TURNS, talk, 4)
        tally.note("replies cut", proxy.cut)
        await _close(child, proxy)


async def _close(child: Child, proxy: Proxy) -> None:
    proxy.cuts = 0.0
    await child.kill()


async def _talk(stage: Stage, tally: Tally, child: Child, n: int, *, named: bool) -> None:
    """A thread of some turns, each sent until it is answered."""
    thread = stage.thread("cuts")
    acked: dict[str, str] = {}
    asked = [f"Turn {n}.{turn} of {thread}." for turn in range(TURNS)]
    for text in asked:
        tally.trials += 1
        for _ in range(TRIES):
            reply = await child.turn(thread, text, f"{thread}-{text}"[:200] if named else None)
            if "answer" in reply:
                acked[text] = reply["answer"]
                break
            tally.note(reply["error"])
            if not tally.must(reply["ours"], "foreign error", reply):
                break
        tally.must(text in acked, STUCK, text)
    judge(tally, await stage.look(thread), asked, acked)
