"""The rows of the table, in order: `ROWS`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from scripts.chaosing import (
    checkpoints,
    cuts,
    deleted,
    folds,
    hostile,
    kill,
    pooler,
    postgres,
    silence,
    swallow,
    sweep,
    tabs,
    twice,
    writers,
    zombies,
)
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Verdict


@dataclass(frozen=True)
class Row:
    """How to run it, and how many trials it makes: in full, and when there is little time."""

    run: Callable[[Stage, int], Awaitable[Verdict]]
    full: int
    quick: int


ROWS = {
    "kill": Row(kill.run, kill.FULL, kill.QUICK),
    "sweep": Row(sweep.run, sweep.FULL, sweep.QUICK),
    "writers": Row(writers.run, writers.FULL, writers.QUICK),
    "zombies": Row(zombies.run, zombies.FULL, zombies.QUICK),
    "twice": Row(twice.run, twice.FULL, twice.QUICK),
    "cuts": Row(cuts.run, cuts.FULL, cuts.QUICK),
    "swallow": Row(swallow.run, swallow.FULL, swallow.QUICK),
    "postgres": Row(postgres.run, postgres.FULL, postgres.QUICK),
    "deleted": Row(deleted.run, deleted.FULL, deleted.QUICK),
    "checkpoints": Row(checkpoints.run, checkpoints.FULL, checkpoints.QUICK),
    "folds": Row(folds.run, folds.FULL, folds.QUICK),
    "silence": Row(silence.run, silence.FULL, silence.QUICK),
    "hostile": Row(hostile.run, hostile.FULL, hostile.QUICK),
    "pooler": Row(pooler.run, pooler.FULL, pooler.QUICK),
    "tabs": Row(tabs.run, tabs.FULL, tabs.QUICK),
}
