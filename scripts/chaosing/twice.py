"""One request is sent two to eight times, in a row or at once, by two processes; some at an older moment."""

import asyncio

from scripts.chaosing.hands import Child, Reply
from scripts.chaosing.history import judge
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict

MUST = "one call of the model each, identical answers"
FULL, QUICK = 1_000, 60
PAID = "paid more than once"
DIFFERS = "answers differ"


async def run(stage: Stage, trials: int) -> Verdict:
    """The requests; then some whose senders forgot the id."""
    tally, control = Tally(), Tally()
    children = [await stage.child() for _ in range(2)]

    async def named(n: int) -> None:
        await _trial(stage, tally, children, n, named=True)

    async def unnamed(n: int) -> None:
        await _trial(stage, control, children, n, named=False)

    await stage.each("twice", trials, named, 4)
    await stage.each("twice, control", 6, unnamed, 4)
    for child in children:
        await child.kill()
    return Verdict("twice", MUST, tally, control, (PAID, DIFFERS))


async def _trial(stage: Stage, tally: Tally, children: list[Child], n: int, *, named: bool) -> None:
    tally.trials += 1
    dice = stage.random("twice", named, n)
    thread, times, at_once = stage.thread("twice"), dice.randint(2, 8), dice.random() < 0.5
    text = f"Request {n} in {thread}."
    acked: dict[str, str] = {}
    at: str | None = None
    if dice.random() < 0.5:
        acked["Before."] = (await children[0].turn(thread, "Before."))["answer"]
        if dice.random() < 0.5:
            at = (await stage.look(thread))["head"]
            await children[1].turn(thread, "Meanwhile.")
            tally.note("forks")

    def send() -> "asyncio.Task[Reply]":
        request = f"{thread}-0" if named else None
        return asyncio.create_task(dice.choice(children).turn(thread, text, request, at=at))

    if at_once:
        replies = await asyncio.gather(*[send() for _ in range(times)])
    else:
        replies = [await send() for _ in range(times)]
    tally.note("sent", times)
    tally.must(stage.calls(text) == 1, PAID, [stage.calls(text), times])
    tally.must(all(reply == replies[0] and "answer" in reply for reply in replies), DIFFERS, replies)
    if "answer" in replies[0]:
        there = await stage.look(thread)
        tally.must(there["branches"] == (at is not None), "another number of branches", there["branches"])
        there |= {"branches": 0, "rows": there["rows"] - 2 * there["branches"]}
        judge(tally, there, [*acked, text], acked | {text: replies[0]["answer"]})
