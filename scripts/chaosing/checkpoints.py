"""Ids of checkpoints that are unknown, another thread's, another user's, or no ids at all."""

from random import Random
from typing import Any
from uuid import UUID, uuid4

from scripts.chaosing.hands import Child
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict

MUST = "all CheckpointNotFound or InvalidInput, head unchanged"
FULL, QUICK = 10_000, 500
REFUSALS = ("CheckpointNotFound", "InvalidInput")
TAKEN = "taken"
MOVED = "head moved"
ENTRIES = ("ainvoke", "astream", "aget_state", "aget_state_history", "aupdate_state")
EVERY = 50
"""Trials after which the thread is looked at; and at the end."""


async def run(stage: Stage, trials: int) -> Verdict:
    """The ids; then some by a process that takes any."""
    tally, control = Tally(), Tally()
    await _Ids(stage, tally, await stage.child()).run("checkpoints", trials)
    credulous = await stage.child({"no_looking": {}}, turn_wait=1)
    await _Ids(stage, control, credulous).run("checkpoints, control", 20)
    return Verdict("checkpoints", MUST, tally, control, (TAKEN, MOVED))


class _Ids:
    """Trials by a process on a thread, with the ids of others at hand."""

    def __init__(self, stage: Stage, tally: Tally, child: Child) -> None:
        self.stage, self.tally, self.child = stage, tally, child
        self.thread, self.other = stage.thread("checkpoints"), stage.thread("checkpoints")
        self.foreign: list[str] = []
        self.before: dict[str, Any] = {}

    async def run(self, row: str, trials: int) -> None:
        """All trials, four at once."""
        for thread in (self.thread, self.other):
            for turn in range(2):
                await self.child.turn(thread, f"Before {turn}.")
        self.foreign = [(await self.stage.look(self.other))["head"]]
        self.before = await self.stage.look(self.thread)
        await self.stage.each(row, trials, self._trial, 4)
        await self._same()
        await self.child.kill()

    async def _trial(self, n: int) -> None:
        self.tally.trials += 1
        dice = self.stage.random("checkpoints", n)
        id, entry = self._id(dice), dice.choice(ENTRIES)
        values: Any = {"messages": [{"role": "user", "content": "From nowhere."}]}
        if entry == "aupdate_state":
            values = {"messages": [{"role": "assistant", "content": "From nowhere."}]}
        where = {"configurable": {"thread_id": self.thread, "checkpoint_id": id}}
        reply = await self.child.ask("call", entry=entry, values=values, config=where)
        refused = reply.get("error") in REFUSALS and reply["ours"]
        self.tally.must(refused, TAKEN, [entry, id[:60], reply])
        if n % EVERY == EVERY - 1:
            await self._same()

    async def _same(self) -> None:
        now = await self.stage.look(self.thread)
        self.tally.must(now["head"] == self.before["head"], MOVED, [now["head"], self.before["head"]])
        self.tally.must(now == self.before, "thread changed", now)

    def _id(self, dice: Random) -> str:
        match dice.randrange(6):
            case 0:
                return str(uuid4())
            case 1:
                return dice.choice(self.foreign)
            case 2:
                head = self.before["head"]
                return str(UUID(int=UUID(head).int + dice.choice((-1, 1)) * dice.randint(1, 9)))
            case 3:  # in the far future, where it would be the newest
                return f"ffffffff-ffff-6fff-bfff-{dice.randrange(1 << 48):012x}"
            case 4:
                return "".join(dice.choices("0123456789abcdef-", k=dice.randint(1, 40)))
            case _:
                letters = "aZ0 '\"\\%;-_{}\0\n\u20ac\U0001f600\ud800"
                return "".join(dice.choices(letters, k=dice.choice((1, 8, 36, 300))))
