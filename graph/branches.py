"""Where the lines of a thread part: `forks`. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graph.checkpointers.runs import Runs


@dataclass(frozen=True)
class Branch:
    """One of the messages that were said at the same place, and the newest checkpoint that holds it."""

    number: int
    checkpoint_id: str
    current: bool


def parting(one: Runs, other: Runs) -> int:
    """How many numbers two lines share from their beginning."""
    shared = 0
    ones, others = iter(one.spans), iter(other.spans)
    (a, b), (c, d) = next(ones, (0, -1)), next(others, (0, -1))
    while a <= b and c <= d and a == c:
        step = min(b - a, d - c) + 1
        shared += step
        a, c = a + step, c + step
        if a > b:
            a, b = next(ones, (0, -1))
        if c > d:
            c, d = next(others, (0, -1))
    return shared


def forks(line: Runs, tip: str, others: Mapping[str, Runs], places: Iterable[int]) -> dict[int, list[Branch]]:
    """For those of `places` (positions in `line`) where branches part: what was said there, oldest first.

    `tip` is the checkpoint that `line` leads to; `others` are the lines of the other tips.
    """
    wanted = set(places)
    found: dict[int, dict[int, str]] = {}
    for checkpoint, other in others.items():
        at = parting(line, other)
        if at in wanted and at < line.length and at < other.length:
            (number,) = other.cut(at, at + 1)
            here = found.setdefault(at, {})
            here[number] = max(checkpoint, here.get(number, checkpoint))
    return {at: _sorted(line, at, tip, here) for at, here in found.items()}


def _sorted(line: Runs, at: int, tip: str, others: Mapping[int, str]) -> list[Branch]:
    (mine,) = line.cut(at, at + 1)
    all_of_them = [Branch(mine, tip, True), *(Branch(n, id, False) for n, id in others.items())]
    return sorted(all_of_them, key=lambda branch: branch.number)
