"""Two, four and eight processes write to the same threads, as fast as they can."""

import asyncio
import time
from dataclasses import dataclass
from random import Random

from scripts.chaosing.hands import Child
from scripts.chaosing.history import DOUBLED, FORK, LOST, ORDER, SECOND, follow
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict

MUST = "total order, 0 lost, 0 forks, answers follow their questions"
FULL, QUICK = 2_000, 120
CROWDS = (2, 4, 8)
THREADS = 3
"""Shared by all processes."""


@dataclass(frozen=True)
class _Acked:
    """A turn that was acknowledged, and when it began and ended."""

    thread: str
    text: str
    answer: str
    begin: float
    end: float


async def run(stage: Stage, trials: int) -> Verdict:
    """A third of the turns for each crowd; then a few without leases."""
    tally, control = Tally(), Tally()
    stage.model.delay, delay = 0.0, stage.model.delay
    try:
        with stage.bar("writers", trials) as bar:
            for crowd in CROWDS:
                await _Crowd(stage, tally, crowd, bar.update).write(trials // len(CROWDS))
        await _Crowd(stage, control, 4, lambda: None, {"no_leases": {}}).write(40)
    finally:
        stage.model.delay = delay
    return Verdict("writers", MUST, tally, control, (LOST,))


class _Crowd:
    """So many processes on the same threads."""

    def __init__(
        self, stage: Stage, tally: Tally, size: int, done: object, switches: dict[str, object] | None = None
    ) -> None:
        self.stage, self.tally, self.size, self.done = stage, tally, size, done
        self.switches = switches or {}
        self.acked: list[_Acked] = []

    async def write(self, turns: int) -> None:
        """All turns, then look at all threads."""
        self.tally.trials += turns
        threads = [self.stage.thread("writers") for _ in range(THREADS)]
        children = [await self.stage.child({**self.switches}) for _ in range(self.size)]
        async with asyncio.TaskGroup() as group:
            for n, child in enumerate(children):
                dice = self.stage.random("writers", self.size, n)
                group.create_task(self._one(n, child, threads, turns // self.size, dice))
        for child in children:
            await child.kill()
        for thread in threads:
            await self._judge(thread)

    async def _one(self, n: int, child: Child, threads: list[str], turns: int, dice: Random) -> None:
        for turn in range(turns):
            thread, text, begin = dice.choice(threads), f"Writer {n} turn {turn}.", time.monotonic()
            reply = await child.turn(thread, text)
            if "answer" in reply:
                self.acked.append(_Acked(thread, text, reply["answer"], begin, time.monotonic()))
            else:
                self.tally.must(reply["ours"], "foreign error", reply)
                self.tally.note(reply["error"])
            if callable(self.done):
                self.done()

    async def _judge(self, thread: str) -> None:
        seen = await self.stage.look(thread)
        said: list[list[str]] = seen["said"]
        at = {id: n for n, (_, id, _) in enumerate(said)}
        acked = [each for each in self.acked if each.thread == thread]
        for each in acked:
            self.tally.must(each.answer in at, LOST, each)
        questions = [text for kind, _, text in said if kind == "question"]
        self.tally.must(len(set(questions)) == len(questions), DOUBLED, questions)
        follow(self.tally, said)
        self.tally.must(seen["branches"] == 0, FORK, seen["branches"])
        self.tally.must(seen["rows"] == len(said), SECOND, [seen["rows"], len(said)])
        there = [each for each in acked if each.answer in at]
        for one in there:
            late = [other for other in there if one.end < other.begin and at[one.answer] > at[other.answer]]
            self.tally.must(not late, ORDER, [one, late])
