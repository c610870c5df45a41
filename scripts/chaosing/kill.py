"""A process is killed while it runs a turn, at any moment, and so are half of those that try again."""

import asyncio
import time
from random import Random

from scripts.chaosing.hands import Child, Gone
from scripts.chaosing.history import DOUBLED, LOST, STUCK, judge
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict

MUST = "0 acknowledged lost, doubled, answered twice, stuck"
FULL, QUICK = 1_000, 60
TRIES = 12
AT_ONCE = 16
"""Trials: most of their time they wait for the lease of the dead to end."""

BEYOND = 1.1
"""Of a turn's usual time, within which a process is killed: some live to acknowledge it."""


async def run(stage: Stage, trials: int) -> Verdict:
    """The trials; then the same without a request's id, and with acknowledgements before their time."""
    tally, control = Tally(), Tally()
    row = _Kills(stage, tally)
    await stage.each("kill", trials, row.trial, AT_ONCE)
    doubled, hasty = _Kills(stage, control, named=False), _Kills(stage, control, hasty=True)
    await stage.each("kill, control", max(12, trials // 20), doubled.trial, AT_ONCE)
    await stage.each("kill, control", 4, hasty.trial)
    return Verdict("kill", MUST, tally, control, (DOUBLED, LOST))


class _Kills:
    """Trials of a kind: `named`, the request has an id; `hasty`, it is acknowledged before it is stored."""

    def __init__(self, stage: Stage, tally: Tally, *, named: bool = True, hasty: bool = False) -> None:
        self.stage, self.tally, self.named = stage, tally, named
        self.hasty = hasty
        self.usual = 0.1
        """Seconds of a turn that nobody disturbs, of late."""

    async def trial(self, n: int) -> None:
        """One thread: turns before it, a turn that is killed, and one after it."""
        self.tally.trials += 1
        dice = self.stage.random("kill", self.named, n)
        thread = self.stage.thread("kill")
        before = [f"Case {n} before {i}." for i in range(dice.randrange(3))]
        acked: dict[str, str] = {}
        child = await self.stage.child()
        for text in before:
            begin = time.perf_counter()
            acked[text] = (await child.turn(thread, text))["answer"]
            self.usual += (time.perf_counter() - begin - self.usual) / 5
        text = f"Case {n}."
        if self.hasty:
            await child.kill()
            child = await self.stage.child({"hurry": {}})
            acked[text] = (await child.turn(thread, text))["answer"]
            await child.kill()
        else:
            acked |= await self._insist(thread, text, child, dice)
        await self._after(thread, [*before, text], acked)

    async def _insist(self, thread: str, text: str, child: Child, dice: Random) -> dict[str, str]:
        """Ask until an answer is acknowledged; who is asked is killed the first time, then half the times."""
        heard: list[str] = []
        for tried in range(TRIES):
            doomed = tried == 0 or (dice.random() < 0.5 and tried < TRIES - 1)
            answer = await self._ask(child, thread, text, dice.uniform(0, BEYOND) if doomed else None)
            heard += [answer] if answer else []
            if answer and (tried or not doomed):
                break
            child = await self.stage.child()
        await child.kill()
        self.tally.must(heard, STUCK, thread)
        self.tally.must(len(set(heard)) <= 1, "two answers acknowledged", heard)
        return {text: heard[0]} if heard else {}

    async def _ask(self, child: Child, thread: str, text: str, doom: float | None) -> str | None:
        """The answer's id, if it was acknowledged; `doom`: when to kill, in usual times."""
        turn = asyncio.create_task(child.turn(thread, text, f"{thread}-0" if self.named else None))
        if doom is not None:
            await asyncio.sleep(doom * self.usual)
            await child.kill()
        try:
            reply = await turn
        except Gone:
            self.tally.note("killed")
            return None
        if doom is not None:
            self.tally.note("killed just after")
        self.tally.must("error" not in reply or reply["ours"], "foreign error", reply)
        if "error" in reply:
            self.tally.note(reply["error"])
        return reply.get("answer")

    async def _after(self, thread: str, asked: list[str], acked: dict[str, str]) -> None:
        """The thread goes on, in a process that has seen none of it; look at all of it in another."""
        text = "After all."
        reply = await (await self.stage.bystander("writer")).turn(thread, text)
        if self.tally.must("answer" in reply, STUCK, reply):
            acked[text] = reply["answer"]
        judge(self.tally, await self.stage.look(thread), [*asked, text], acked)
