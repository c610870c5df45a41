"""Turns through PgBouncer in transaction mode, with two connections to Postgres for everybody."""

from scripts.chaosing.hands import Child
from scripts.chaosing.history import judge
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict
from tests.checkpointers.pgbouncer import MISSING, PROGRAM, PgBouncer

MUST = "through PgBouncer in transaction mode: every turn"
FULL, QUICK = 1_000, 50
FAILED = "turn failed"
TURNS = 5
"""Of a thread."""


async def run(stage: Stage, trials: int) -> Verdict:
    """The turns, in two processes; then some of a process that takes the pooler for the server."""
    tally, control = Tally(), Tally()
    if not PROGRAM:
        tally.must(False, FAILED, MISSING)
        return Verdict("pooler", MUST, tally, control, (FAILED,))
    with PgBouncer(stage.folder / "pooler", stage.url) as pooler:
        children = [await stage.child(url=pooler.url) for _ in range(2)]

        async def talk(n: int) -> None:
            await _talk(stage, tally, children, n)

        await stage.each("pooler", trials // TURNS, talk)
        for child in children:
            await child.kill()
        await _control(stage, control, pooler.url)
    return Verdict("pooler", MUST, tally, control, (FAILED,))


async def _control(stage: Stage, tally: Tally, url: str) -> None:
    """The same of a process that prepares statements, for it takes the pooler for the server."""
    try:
        blind = await stage.child({"blind_to_poolers": {}}, url=url)
    except ConnectionError as e:
        tally.trials += 1
        tally.must(False, FAILED, f"it cannot even begin: {e}")
        return

    async def talk(n: int) -> None:
        await _talk(stage, tally, [blind], n)

    await stage.each("pooler, control", 8, talk)
    await blind.kill()


async def _talk(stage: Stage, tally: Tally, children: list[Child], n: int) -> None:
    """A thread of some turns, in now one process and now another."""
    thread, dice = stage.thread("pooler"), stage.random("pooler", n)
    acked: dict[str, str] = {}
    asked = [f"Turn {n}.{turn} of {thread}." for turn in range(TURNS)]
    for text in asked:
        tally.trials += 1
        reply = await dice.choice(children).turn(thread, text)
        if tally.must("answer" in reply, FAILED, reply):
            acked[text] = reply["answer"]
    if len(acked) == TURNS:
        judge(tally, await stage.look(thread), asked, acked)
