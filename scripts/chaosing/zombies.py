"""A writer stands still past its lease while the model answers, another writes, then the first goes on."""

import asyncio

from scripts.chaosing.hands import Child
from scripts.chaosing.history import LOST
from scripts.chaosing.stage import Stage
from scripts.chaosing.switches import SHORT
from scripts.chaosing.verdict import Tally, Verdict

MUST = "StaleWriter for each, the newer work kept"
FULL, QUICK = 200, 8
TOLD = "not told StaleWriter"
DAMAGED = "newer work changed"


async def run(stage: Stage, trials: int) -> Verdict:
    """The trials; then some without leases."""
    tally, control = Tally(), Tally()

    async def fenced(n: int) -> None:
        await _trial(stage, tally, n, {})

    async def free(n: int) -> None:
        await _trial(stage, control, n, {"no_leases": {}})

    await stage.each("zombies", trials, fenced)
    await stage.each("zombies, control", 4, free)
    return Verdict("zombies", MUST, tally, control, (TOLD, DAMAGED))


async def _trial(stage: Stage, tally: Tally, n: int, switches: dict[str, object]) -> None:
    tally.trials += 1
    thread = stage.thread("zombies")
    slow, quick = f"Zombie {n} of {thread}.", f"Newer {n} of {thread}."
    first, second = [await stage.child({**switches}) for _ in range(2)]
    begun = await first.turn(thread, "Before.")
    late = asyncio.create_task(first.turn(thread, slow))
    await stage.asked(slow)
    first.stop()
    await asyncio.sleep(SHORT * 1.1)
    newer = [await second.turn(thread, quick), await second.turn(thread, "And again.")]
    kept = await stage.look(thread)
    first.go_on()
    told = await late
    tally.must(told.get("error") == "StaleWriter", TOLD, told)
    after = await stage.look(thread)
    tally.must(after["said"] == kept["said"], DAMAGED, [kept["said"], after["said"]])
    tally.must(after["rows"] == len(after["said"]), DAMAGED, after)
    ids = {id for _, id, _ in after["said"]}
    for answer in [begun, *newer]:
        tally.must(answer.get("answer") in ids, LOST, answer)
    await _usable(tally, thread, first)
    for child in (first, second):
        await child.kill()


async def _usable(tally: Tally, thread: str, child: Child) -> None:
    """Who was told goes on in the thread as anybody does."""
    reply = await child.turn(thread, "Awake.")
    tally.must("answer" in reply, "cannot go on", reply)
