"""Where the lines of a thread part: `forks` for a page of a transcript, `grown` for the map of all. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cmp_to_key

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


@dataclass(frozen=True)
class Growth:
    """A branch from where it parts to its tip: `at` messages of its line are the other's that it grew from,
    `parent`, whose tip that names. `own` are the others; none where all it holds is the other's, too."""

    tip: str
    parent: str | None
    at: int
    line: Runs
    own: Runs


def grown(lines: Mapping[str, Runs]) -> list[Growth]:
    """The lines of these tips as a tree, each after the one that it grew from; oldest first where they part.

    Of those that part at a place the one whose message was said first is the trunk: it goes on, the others
    grow from it. So a branch stays what it is, however long it or another gets.
    """
    found: list[Growth] = []
    above: list[Growth] = []
    before = Runs()
    for tip, line in sorted(lines.items(), key=cmp_to_key(_older)):
        at = parting(before, line) if found else 0
        while above and above[-1].at >= at:
            above.pop()
        parent = above[-1].tip if above else None
        growth = Growth(tip, parent, at, line, line.cut(at, line.length))
        found.append(growth)
        above.append(growth)
        before = line
    return found


def _older(one: tuple[str, Runs], other: tuple[str, Runs]) -> int:
    """Whether one line comes first: what was said first where they part; what ends there comes last."""
    (a, ones), (b, others) = one, other
    at = parting(ones, others)
    mine, theirs = ones.cut(at, at + 1).last, others.cut(at, at + 1).last
    if mine is None or theirs is None:
        shorter = (mine is None) - (theirs is None)
        return shorter or (a < b) - (a > b)
    return -1 if mine < theirs else 1
