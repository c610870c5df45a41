"""A process is killed at its first call of the saver, then at its second …, until a turn passes unharmed.

The same at each statement, before it is made and after, in four kinds of turn: the first of a thread, a later
one, one whose steps are stored as they come, and one that finishes what another was killed at.
"""

from dataclasses import dataclass
from typing import Any

from scripts.chaosing.hands import Gone
from scripts.chaosing.history import ORDER, STUCK, judge
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict

MUST = "the same, killed at each call and each statement"
FULL, QUICK = 4, 2
"""Kinds of turn."""

KINDS = ("a later turn", "a turn in steps", "a first turn", "a turn that resumes")
MANY = 60
"""Calls that no turn makes: a sweep that comes here does not end."""


@dataclass(frozen=True)
class _Way:
    """A sweep: deaths of this kind."""

    kind: str
    at: str
    when: str


async def run(stage: Stage, trials: int) -> Verdict:
    """All sweeps of so many kinds; then one without a request's id."""
    tally, control = Tally(), Tally()
    ways = [
        _Way(kind, at, when)
        for kind in KINDS[:trials]
        for at in ("saver", "sql")
        for when in ("before", "after")
    ]

    async def sweep(n: int) -> None:
        await _Sweep(stage, tally, ways[n]).run()

    async def unnamed(n: int) -> None:
        await _Sweep(stage, control, ways[n], named=False).run()

    await stage.each("sweep", len(ways), sweep, 16)
    await stage.each("sweep, control", 4, unnamed)
    return Verdict("sweep", MUST, tally, control, (ORDER,))


class _Sweep:
    """Trials of a kind: `named`, the request has an id."""

    def __init__(self, stage: Stage, tally: Tally, way: _Way, *, named: bool = True) -> None:
        self.stage, self.tally, self.way, self.named = stage, tally, way, named

    async def run(self) -> None:
        """n = 1, 2, 3 …"""
        for n in range(1, MANY):
            if not await self._killed(n):
                self.tally.must(n > 1, "never killed", self.way)
                return
        self.tally.must(False, "no end", self.way)

    async def _killed(self, n: int) -> bool:
        """One trial; whether there was an `n`th call to die at."""
        self.tally.trials += 1
        way, text = self.way, f"Step {n}."
        thread = self.stage.thread("sweep")
        request = f"{thread}-0" if self.named else None
        asked, acked = [text], dict[str, str]()
        if way.kind != "a first turn":
            asked = ["Before.", text]
            await self._undisturbed("Before.", thread, acked)
        if way.kind == "a turn that resumes":
            death = {"at": "sql", "n": 1, "when": "after"}
            self.tally.must(not await self._ask(text, acked, thread, request, death), "lives")
        death = {"at": way.at, "n": n, "when": way.when}
        lived = await self._ask(text, acked, thread, request, death)
        if not lived:
            self.tally.note("killed")
            again = await self._ask(text, acked, thread, request, {})
            self.tally.must(again, STUCK, [way, n])
        await self._undisturbed("After.", thread, acked)
        before = self.tally.faults.total()
        judge(self.tally, await self.stage.look(thread), [*asked, "After."], acked)
        if self.tally.faults.total() > before:
            self.tally.examples.append(f"that was {way}, at {n}")
        return not lived

    async def _undisturbed(self, text: str, thread: str, acked: dict[str, str]) -> None:
        reply = await (await self.stage.bystander("writer")).turn(thread, text)
        if self.tally.must("answer" in reply, STUCK, [self.way, reply]):
            acked[text] = reply["answer"]

    async def _ask(
        self, text: str, acked: dict[str, str], thread: str, request: str | None, death: dict[str, Any]
    ) -> bool:
        """Whether there is an answer, asked for in a process of its own."""
        child = await self.stage.child({"die": death} if death else {})
        options: dict[str, Any] = {"durability": "sync"} if self.way.kind == "a turn in steps" else {}
        try:
            reply = await child.turn(thread, text, request, **options)
        except Gone:
            return False
        await child.kill()
        if self.tally.must("answer" in reply, STUCK, [self.way, reply]):
            acked[text] = reply["answer"]
        return "answer" in reply
