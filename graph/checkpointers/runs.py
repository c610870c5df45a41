"""Numbers of messages as runs: `Runs`; and `carried_on`, the line of a checkpoint from that of its parent.

A line is the conversation of one branch, oldest first, as numbers. Nobody speaks out of turn for long, so a
line of ten thousand messages is a few runs, and it costs a checkpoint a few bytes at any length. It stands in
for parent pointers: branches are lines that part, a page of a transcript is the end of one, and an edited
message is one number in the place of another. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Runs:
    """A sequence of integers; `flat` is first, last, first, last, … of its runs, each ascending."""

    flat: tuple[int, ...] = ()

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "Runs":
        """The runs of a sequence, in its order."""
        flat: list[int] = []
        for number in numbers:
            if flat and flat[-1] + 1 == number:
                flat[-1] = number
            else:
                flat += (number, number)
        return cls(tuple(flat))

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """(first, last) of each run."""
        return tuple(zip(self.flat[::2], self.flat[1::2], strict=True))

    @property
    def length(self) -> int:
        """How many numbers there are."""
        return sum(last - first + 1 for first, last in self.spans)

    @property
    def last(self) -> int | None:
        """The number at the end."""
        return self.flat[-1] if self.flat else None

    def __iter__(self) -> Iterator[int]:
        for first, last in self.spans:
            yield from range(first, last + 1)

    def __contains__(self, number: int) -> bool:
        return self.position(number) is not None

    def position(self, number: int) -> int | None:
        """How many numbers come before `number`; None if it is not here."""
        before = 0
        for first, last in self.spans:
            if first <= number <= last:
                return before + number - first
            before += last - first + 1
        return None

    def cut(self, start: int, stop: int) -> "Runs":
        """The numbers from position `start` up to `stop`."""
        flat: list[int] = []
        at = 0
        for first, last in self.spans:
            low, high = max(first, first + start - at), min(last, first + stop - at - 1)
            if low <= high:
                flat += (low, high)
            at += last - first + 1
        return Runs(tuple(flat))

    def without(self, other: "Runs") -> list[int]:
        """The numbers here that are not there."""
        left = list(self.spans)
        for low, high in other.spans:
            left = [
                part
                for first, last in left
                for part in ((first, min(last, low - 1)), (max(first, high + 1), last))
                if part[0] <= part[1]
            ]
        return [number for first, last in left for number in range(first, last + 1)]

    def then(self, numbers: Iterable[int]) -> "Runs":
        """These numbers and then those."""
        flat = list(self.flat)
        for number in numbers:
            if flat and flat[-1] + 1 == number:
                flat[-1] = number
            else:
                flat += (number, number)
        return Runs(tuple(flat))

    def literal(self) -> str:
        """`flat` as Postgres reads an array."""
        return self.literal_of(self.flat)

    def written(self) -> str:
        """first:last of each run, as a column keeps them: a third of the bytes of an array."""
        return " ".join(f"{first}:{last}" if first != last else str(first) for first, last in self.spans)

    @staticmethod
    def literal_of(numbers: Iterable[int | str]) -> str:
        """Numbers, or what needs no quotes, as Postgres reads an array."""
        return "{" + ",".join(map(str, numbers)) + "}"


def carried_on(line: Runs, window: Runs, edited: Mapping[int, int]) -> Runs:
    """The line of a checkpoint whose window is `window`, after one whose line was `line`.

    What leaves the front or the middle of the window was trimmed and stays in the line; what leaves its end
    was taken back, and the line goes on from before it, as another branch. `edited` maps a new version to the
    number that it replaces.
    """
    for new, old in edited.items():
        at = line.position(old)
        if at is not None and line.position(new) is None:
            line = line.cut(0, at).then([new]).then(line.cut(at + 1, line.length))
    added = window.without(line)
    before, meets = 0, -1
    for first, last in line.spans:
        for low, high in window.spans:
            if max(first, low) <= min(last, high):
                meets = max(meets, before + min(last, high) - first)
        before += last - first + 1
    return (line if meets < 0 else line.cut(0, meets + 1)).then(added)
