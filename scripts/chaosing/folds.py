"""A process is killed at each step of a summarization; what is folded, and what is not, is held together."""

from dataclasses import dataclass
from random import Random
from typing import Any

from scripts.chaosing.hands import Gone
from scripts.chaosing.history import LOST, STUCK, judge
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict

MUST = "every message in the transcript, and in the window or under the fold"
FULL, QUICK = 200, 10
SMALL: dict[str, Any] = {"token_budget": 300, "answer_tokens": 60, "turn_wait": 20}
"""Settings with which a few turns fill the window."""

STEPS = 9
"""Calls of the saver and statements of a turn that folds, some of which are the answer's."""

FORGOTTEN = "neither in the window nor under the fold"
LONG = "amber birch cedar dune ember fjord grove heath inlet jetty knoll ledge marsh north orchard pier"


async def run(stage: Stage, trials: int) -> Verdict:
    """The trials; then some whose folds keep no note of what they drop."""
    tally, control = Tally(), Tally()

    async def kept(n: int) -> None:
        await _Fold(stage, tally, n, {}).run()

    async def dropped(n: int) -> None:
        await _Fold(stage, control, n, {"forgetful_folds": {}}).run()

    await stage.each("folds", trials, kept)
    await stage.each("folds, control", 3, dropped)
    return Verdict("folds", MUST, tally, control, (FORGOTTEN,))


@dataclass
class _Fold:
    """One thread, whose turns are killed when they fold."""

    stage: Stage
    tally: Tally
    n: int
    switches: dict[str, Any]

    async def run(self) -> None:
        """Turns until something was folded in peace, the first that would fold being killed."""
        self.tally.trials += 1
        dice = self.stage.random("folds", self.n)
        thread = self.stage.thread("folds")
        asked, acked = list[str](), dict[str, str]()
        for turn in range(7):
            text = f"Note {self.n}.{turn}: {LONG}"
            asked.append(text)
            await self._turn(thread, text, acked, self._death(turn, dice))
        seen = await self.stage.look(thread)
        judge(self.tally, seen, asked, acked)
        self.tally.note("folded", seen["folded"] > 0)
        ids = [id for _, id, _ in seen["said"]]
        self.tally.must(seen["window"] == ids[seen["folded"] :], FORGOTTEN, [seen["folded"], seen["window"]])

    def _death(self, turn: int, dice: Random) -> dict[str, Any]:
        """Where to die, in the turns that fold: each step in turn, by the number of the trial."""
        if turn < 2 or self.switches:
            return {}
        at, when = dice.choice(("saver", "sql")), dice.choice(("before", "after"))
        return {"die": {"at": at, "n": (self.n + turn) % STEPS + 1, "when": when}}

    async def _turn(self, thread: str, text: str, acked: dict[str, str], death: dict[str, Any]) -> None:
        for switches in (death | self.switches, self.switches):
            child = await self.stage.child(switches, **SMALL)
            try:
                reply = await child.turn(thread, text, f"{thread}-{len(acked)}")
            except Gone:
                self.tally.note("killed")
                continue
            await child.kill()
            if self.tally.must("answer" in reply, STUCK, reply):
                acked[text] = reply["answer"]
            return
        self.tally.must(False, LOST, [text, "never answered"])
