"""The map of a thread's branches, and the names that people give them: `Boughs`. Calls no model.

A name belongs to the first message that only its branch has. The tip of a branch moves with every turn and
that message stays, so a turn need not know of names.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graph.bookmark import Bookmark, storable
from graph.branches import Growth, grown
from graph.checkpointers import PostgresCheckpointer
from graph.checkpointers.asked import made
from graph.checkpointers.records import Record
from graph.checkpointers.runs import Runs
from graph.errors import CheckpointNotFound, InvalidInput, ThreadNotFound
from graph.tables import Tables, owned
from graph.titles import PREVIEW, shorten

MAX_NAME = 60

_TIPS = """
SELECT t.number, tip.id::text AS id, c.body, tip.id = coalesce(t.asked_on, t.head) AS active,
    CASE WHEN tip.id = t.head THEN t.line END AS line,
    ARRAY(SELECT b.number FROM longthread_branch b WHERE b.thread = t.number ORDER BY b.number) AS numbers,
    ARRAY(SELECT b.name FROM longthread_branch b WHERE b.thread = t.number ORDER BY b.number) AS names
FROM longthread_thread t
LEFT JOIN LATERAL (
    SELECT DISTINCT u.id FROM unnest(t.branches || ARRAY[t.head, t.asked_on]) u (id) WHERE u.id IS NOT NULL
) tip ON true
LEFT JOIN longthread_checkpoint c ON c.thread = t.number AND c.ns = '' AND c.id = tip.id
WHERE t.owner = %(owner)s AND t.key = %(key)s
"""
_WORDS = f"""
SELECT m.number, left(m.text, {4 * PREVIEW}) AS text
FROM unnest(%(numbers)s::integer[]) n (number) CROSS JOIN LATERAL (
    SELECT * FROM longthread_message m WHERE m.thread = %(thread)s AND m.number = n.number LIMIT 1
) m
"""
_NAME = """
INSERT INTO longthread_branch (thread, number, name)
SELECT t.number, %(first)s::integer, %(name)s FROM longthread_thread t
WHERE t.owner = %(owner)s AND t.key = %(key)s
ON CONFLICT (thread, number) DO UPDATE SET name = excluded.name
"""


@dataclass(frozen=True)
class Bough:
    """A branch on the map. It grew from the one whose tip is `parent`, with which it shares `at` messages;
    `length` are all of its own line. `first` is the number of the first message that only it has, which tells
    it from the others however long it gets; None: it has none yet. `words` are that message's."""

    tip: str
    parent: str | None
    at: int
    length: int
    first: int | None
    name: str
    words: str
    used: datetime
    active: bool


class Boughs:
    """The branches of the threads kept by a saver."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self._saver, self._tables = saver, Tables(saver)

    async def map(self, place: Bookmark) -> Sequence[Bough]:
        """Every branch, each after the one that it grew from, in two statements however many there are.
        Raises `ThreadNotFound`."""
        rows, tree = await self.tree(place)
        firsts = {each.tip: next(iter(each.own)) for each in tree if each.own.flat}
        values = {"numbers": Runs.literal_of(firsts.values()), "thread": rows[0]["number"]}
        said = {row["number"]: row["text"] for row in await self._tables.rows(_WORDS, values)}
        active = {row["id"] for row in rows if row["active"]}
        return [
            Bough(
                tip=each.tip,
                parent=each.parent,
                at=each.at,
                length=each.line.length,
                first=firsts.get(each.tip),
                name=named(each.own, rows[0]),
                words=shorten(said.get(firsts.get(each.tip)) or "", PREVIEW),
                used=made(each.tip),
                active=each.tip in active,
            )
            for each in tree
        ]

    async def name(self, place: Bookmark, first: int, name: str) -> None:
        """Name the branch whose `first` that is. Raises `ThreadNotFound`, `InvalidInput` for a name that is
        not 1 to 60 characters, and `CheckpointNotFound` where no branch begins there."""
        name = " ".join(name.split())
        if not name or len(name) > MAX_NAME or not storable(name):
            raise InvalidInput(f"A branch's name has 1 to {MAX_NAME} characters; this one has {len(name):,}.")
        _, tree = await self.tree(place)
        if first not in {next(iter(each.own), None) for each in tree}:
            raise CheckpointNotFound
        await self._tables.change(_NAME, owned(place) | {"first": first, "name": name})

    async def tree(self, place: Bookmark) -> tuple[Sequence[dict[str, Any]], list[Growth]]:
        """A row for each tip, as `_TIPS` has it, and how the lines that lead to them grew from each other.
        Raises `ThreadNotFound`."""
        rows = await self._tables.rows(_TIPS, owned(place))
        if not rows:
            raise ThreadNotFound
        tips = [row for row in rows if row["id"] is not None]
        return rows, grown({row["id"]: await self._line(place, row) for row in tips})

    async def _line(self, place: Bookmark, row: Mapping[str, Any]) -> Runs:
        if row["body"] is not None:
            return Record.read(id=row["id"], parent=None, ns="", body=row["body"], metadata=None).line
        if row["line"]:
            return Runs(tuple(row["line"]))
        found = await self._saver.locate(place.at(row["id"]))  # in the stock saver's form
        return found.record.line if found else Runs()


def named(own: Runs, row: Mapping[str, Any]) -> str:
    """The name that was given to the earliest message of a branch's own: its first may have been edited.
    `row` is one of `tree`."""
    numbers: Sequence[int] = row["numbers"]
    for low, high in own.spans:
        at = bisect_left(numbers, low)
        if at < len(numbers) and numbers[at] <= high:
            return row["names"][at]
    return ""
