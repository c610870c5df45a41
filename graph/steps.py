"""Where each checkpoint of a thread stands on its branch, and of how many: `Steps`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

ID = 16
"""Bytes of an id; a checkpoint is packed as its own and its parent's, all zeros where it has none."""
ROOT = b"\x80" + bytes(7)
"""How the id of the empty checkpoint ends that `forking` makes: it is no step. Others end in random bytes."""


@dataclass(frozen=True)
class Steps:
    """`number` counts from 1 along the parents; `tips` says for each checkpoint which newest tip was built on
    it; `active` are those on the way to the active branch's tip. Ids are bytes."""

    number: Mapping[bytes, int]
    tips: Mapping[bytes, bytes]
    active: frozenset[bytes]
    tip: bytes | None

    @classmethod
    def of(cls, packed: bytes, tip: bytes | None) -> "Steps":
        """The checkpoints of a thread, packed in the order of their ids; `tip` is the active branch's."""
        parents = {
            packed[at : at + ID]: packed[at + ID : at + 2 * ID]
            for at in range(0, len(packed), 2 * ID)
            if not (packed[at : at + ID].endswith(ROOT) and packed[at + ID : at + 2 * ID] == bytes(ID))
        }
        active = frozenset(_walk(parents, tip)) if tip else frozenset[bytes]()
        return cls(_numbers(parents), _tips(parents), active, tip if tip in parents else None)

    def place(self, id: bytes) -> tuple[int, int]:
        """Which step it is of how many of its branch: the active one, or the newest that was built on it.

        (0, 0) of one that was not packed.
        """
        if id not in self.number or id not in self.tips:
            return self.number.get(id, 0), self.number.get(id, 0)
        return self.number[id], self.number[self.tip if self.tip and id in self.active else self.tips[id]]


def _walk(parents: Mapping[bytes, bytes], id: bytes) -> list[bytes]:
    """A checkpoint and those before it, newest first."""
    way: dict[bytes, None] = {}
    while id in parents and id not in way:
        way[id] = None
        id = parents[id]
    return list(way)


def _numbers(parents: Mapping[bytes, bytes]) -> Mapping[bytes, int]:
    number: dict[bytes, int] = {}
    for id, parent in parents.items():
        if parent in number or parent not in parents:
            number[id] = number.get(parent, 0) + 1
        elif id not in number:
            # Ids follow clocks, and clocks differ: its parent comes later.
            number |= _counted(parents, number, id)
    return number


def _counted(parents: Mapping[bytes, bytes], number: Mapping[bytes, int], id: bytes) -> dict[bytes, int]:
    way: dict[bytes, None] = {}
    while id in parents and id not in number and id not in way:
        way[id] = None
        id = parents[id]
    return {each: at for at, each in enumerate(reversed(way), number.get(id, 0) + 1)}


def _tips(parents: Mapping[bytes, bytes]) -> Mapping[bytes, bytes]:
    inner = set(parents.values())
    tips: dict[bytes, bytes] = {}
    for tip in sorted((id for id in parents if id not in inner), reverse=True):
        id = tip
        while id in parents and id not in tips:
            tips[id] = tip
            id = parents[id]
    return tips
