"""A thread is deleted while a turn runs in it; the turn ends, and is sent again."""

import asyncio

from graph import Bookmark
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict

MUST = "nothing comes back"
FULL, QUICK = 200, 20
BACK = "came back"
TOLD = ("ThreadNotFound", "ThreadDeleted", "StaleWriter")
"""What a turn under way may hear; the last, where it hears by the renewal of its lease."""


async def run(stage: Stage, trials: int) -> Verdict:
    """The trials; then some in which it is not deleted for good."""
    tally, control = Tally(), Tally()

    async def buried(n: int) -> None:
        await _trial(stage, tally, n, for_good=True)

    async def gone(n: int) -> None:
        await _trial(stage, control, n, for_good=False)

    await stage.each("deleted", trials, buried, 4)
    tally.must((await _left(stage, "none"))["orphans"] == 0, "rows without a thread")
    await stage.each("deleted, control", 4, gone)
    return Verdict("deleted", MUST, tally, control, (BACK,))


async def _left(stage: Stage, thread: str) -> dict[str, int]:
    return await (await stage.bystander("reader")).ask("left", key=Bookmark(thread).key)


async def _trial(stage: Stage, tally: Tally, n: int, *, for_good: bool) -> None:
    tally.trials += 1
    dice = stage.random("deleted", n)
    thread, text = stage.thread("deleted"), f"Deleted {n} {stage.thread('deleted')}."
    writer, other = await stage.bystander("writer"), await stage.bystander("deleter")
    for turn in range(dice.randrange(3)):
        await writer.turn(thread, f"Before {turn}.")
    options = {"durability": "sync"} if dice.random() < 0.3 else {}
    running = asyncio.create_task(writer.turn(thread, text, f"{thread}-0", **options))
    await stage.asked(text)
    await asyncio.sleep(dice.uniform(0, 0.03))
    gone = await other.ask("delete", thread=thread, for_good=for_good)
    tally.must("error" not in gone, "not deleted", gone)
    told = await running
    tally.note(told.get("error", "deleted just after"))
    tally.must("answer" in told or told["error"] in TOLD, "told otherwise", told)
    for again in (writer, other):
        told = await again.turn(thread, text, f"{thread}-0", **options)
        tally.must(told.get("error") == "ThreadDeleted", "told otherwise", told)
    tally.must((await _left(stage, thread))["threads"] == 0, BACK, thread)
