"""What is dropped from threads, and copied whole: `Pruning`, and `kept_of`, which chooses what stays.

No message of a conversation goes with its checkpoint: what was said is in the transcript, whatever happens to
the checkpoints. Notes beside it, such as old summaries, go with the last checkpoint that holds them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from graph.bookmark import Bookmark
from graph.checkpointers.memory import Memory
from graph.checkpointers.pool import Lends
from graph.checkpointers.records import Record
from graph.checkpointers.references import numbers_in, read
from graph.checkpointers.runs import Runs
from graph.checkpointers.statements import DIGEST
from graph.errors import InvalidInput

STRATEGIES = ("keep_latest", "keep_forks", "delete")
TABLES = (
    "longthread_message",
    "longthread_checkpoint",
    "longthread_write",
    "longthread_value",
    "longthread_title",
    "longthread_tag",
    "longthread_draft",
    "longthread_request",
    "longthread_usage",
    "longthread_counted",
    "longthread_branch",
)
STOCK = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")

_LOCKED = b"SELECT number, head, branches, asked, asked_on FROM longthread_thread WHERE key = %s FOR UPDATE"
_CHECKPOINTS = b"""
SELECT id, parent, ns, body, metadata FROM longthread_checkpoint WHERE thread = %s ORDER BY ns, id
"""
_WRITES = b"SELECT checkpoint, ns, body FROM longthread_write WHERE thread = %s"
_OF_RUNS = b"""
SELECT DISTINCT t.key FROM longthread_checkpoint c JOIN longthread_thread t ON t.number = c.thread
WHERE c.metadata ? 'run_id' AND c.metadata ->> 'run_id' = ANY (%s)
"""
_DROP = (
    b"""
DELETE FROM longthread_checkpoint c USING unnest(%(ids)s::uuid[], %(spaces)s::text[]) d (id, ns)
WHERE c.thread = %(thread)s AND c.id = d.id AND c.ns = d.ns
""",
    b"""
DELETE FROM longthread_write c USING unnest(%(ids)s::uuid[], %(spaces)s::text[]) d (id, ns)
WHERE c.thread = %(thread)s AND c.checkpoint = d.id AND c.ns = d.ns
""",
    b"DELETE FROM longthread_value WHERE thread = %(thread)s AND NOT digest = ANY (%(digests)s::uuid[])",
    b"""
DELETE FROM longthread_message WHERE thread = %(thread)s AND number < 0 AND NOT number = ANY (%(notes)s)
""",
    b"""
UPDATE longthread_checkpoint c SET parent = u.parent
FROM unnest(%(moved)s::uuid[], %(moved_ns)s::text[], %(parents)s::uuid[]) u (id, ns, parent)
WHERE c.thread = %(thread)s AND c.id = u.id AND c.ns = u.ns
""",
    b"""
UPDATE longthread_thread SET head = %(head)s, branches = %(branches)s::uuid[] WHERE number = %(thread)s
""",
)
_DELETED = f"""
INSERT INTO longthread_deleted (digest) SELECT {DIGEST.format("key")} FROM unnest(%s::text[]) key
ON CONFLICT DO NOTHING
""".encode()
_FORGOTTEN = b"""
INSERT INTO longthread_usage AS u (thread, owner, quarter, asked, turns, sent, said, guessed, bytes)
SELECT 0, owner, quarter, asked, sum(turns), sum(sent), sum(said), sum(guessed), 0
FROM longthread_usage WHERE thread = ANY (%s) GROUP BY owner, quarter, asked
ON CONFLICT (thread, owner, quarter, asked) DO UPDATE SET turns = u.turns + excluded.turns,
    sent = u.sent + excluded.sent, said = u.said + excluded.said, guessed = u.guessed + excluded.guessed
"""
"""What deleted threads used stays in their owner's days, and no word of which threads they were."""

# Asked and done in one: what is restored, or used, meanwhile is not swept.
_EXPIRED = b"""
WITH thrown AS (
    SELECT number FROM longthread_thread
    WHERE trashed < now() - make_interval(days => %(days)s::integer) AND (until IS NULL OR until < now())
    LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), unkept AS (
    SELECT number FROM longthread_thread
    WHERE temporary AND hour < now() - interval '1 day' AND (until IS NULL OR until < now())
    LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
DELETE FROM longthread_thread
WHERE number = ANY (ARRAY(SELECT number FROM thrown UNION ALL SELECT number FROM unkept))
RETURNING number, key
"""
_COPY_THREAD = b"""
INSERT INTO longthread_thread
    (key, owner, thread_id, messages, head, branches, line, asked, asked_id, asked_on)
SELECT %(key)s, %(owner)s, %(thread_id)s, messages, head, branches, line, asked, asked_id, asked_on
FROM longthread_thread WHERE number = %(from)s RETURNING number
"""
_COPY = (
    b"""
INSERT INTO longthread_title (thread, owner, title, by_hand)
SELECT %(to)s, hashtext(%(owner)s), title, by_hand FROM longthread_title WHERE thread = %(from)s
""",
    b"""
INSERT INTO longthread_tag (thread, owner, tag)
SELECT %(to)s, hashtext(%(owner)s), tag FROM longthread_tag WHERE thread = %(from)s
""",
    b"""
INSERT INTO longthread_message (thread, created, number, owner, type, id, text, body)
SELECT %(to)s, created, number, hashtext(%(owner)s), type, id, text, body
FROM longthread_message WHERE thread = %(from)s
""",
    b"""
INSERT INTO longthread_checkpoint (thread, id, parent, ns, holds, body, metadata)
SELECT %(to)s, id, parent, ns, holds, body, metadata FROM longthread_checkpoint WHERE thread = %(from)s
""",
    b"""
INSERT INTO longthread_write (thread, checkpoint, ns, task, path, idx, channel, holds, body)
SELECT %(to)s, checkpoint, ns, task, path, idx, channel, holds, body
FROM longthread_write WHERE thread = %(from)s
""",
    # A copy asked no model: it begins as counted.
    b"""
INSERT INTO longthread_counted (thread, high, low)
SELECT %(to)s, coalesce(max(number), -1), least(min(number), 0)
FROM longthread_message WHERE thread = %(from)s
""",
    b"""
INSERT INTO longthread_value (thread, digest, body)
SELECT %(to)s, digest, body FROM longthread_value WHERE thread = %(from)s
""",
    b"""
INSERT INTO longthread_branch (thread, number, name)
SELECT %(to)s, number, name FROM longthread_branch WHERE thread = %(from)s
""",
)
_STOCK_COLUMNS = {
    "checkpoints": "checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata",
    "checkpoint_blobs": "checkpoint_ns, channel, version, type, blob",
    "checkpoint_writes": "checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path",
}


@dataclass(frozen=True)
class Tree:
    """A thread's checkpoints by (namespace, id), and the tips of its branches, the active one first."""

    records: Mapping[tuple[str, str], Record]
    tips: Sequence[str]


def kept_of(tree: Tree, strategy: str, turns: int) -> set[tuple[str, str]]:
    """What stays of a thread's checkpoints.

    A subgraph's call goes with the root checkpoint that it started from; one whose state outlives its calls
    keeps its newest.
    """
    newest: dict[str, str] = {}
    for ns, id in tree.records:
        newest[ns] = max(id, newest.get(ns, id))
    if tree.tips:
        newest[""] = tree.tips[0]
    roots = {newest[""]} if "" in newest else set[str]()
    if strategy == "keep_forks":
        for tip in tree.tips:
            roots |= _turns_of(tree, tip, turns)
    kept = {("", id) for id in roots if ("", id) in tree.records}
    for ns, id in newest.items():
        if ns and (":" not in ns or _root_of(tree.records[(ns, id)]) in {*roots, None} or not roots):
            kept.add((ns, id))
    return kept


def _turns_of(tree: Tree, tip: str, turns: int) -> set[str]:
    """The tip, and the last checkpoint of each of the turns before it."""
    kept: set[str] = set()
    at: str | None = tip
    ends = True
    while at and (record := tree.records.get(("", at))) and (len(kept) < turns or not ends):
        if ends:
            kept.add(at)
        at = record.parent
        ends = _begins_turn(record, tree.records.get(("", at or "")))
    return kept


def _begins_turn(record: Record, before: Record | None) -> bool:
    """Whether a turn began here: with an input, or with steps that were not stored."""
    steps = [cast("int", each.metadata.get("step", -1)) for each in (before, record) if each]
    return record.kind == "input" or steps[-1] - steps[0] > 1


def _root_of(record: Record) -> str | None:
    parents = cast("dict[str, str]", record.metadata.get("parents") or {})
    return parents.get("")


async def _empty(
    conn: AsyncConnection[DictRow], numbers: Sequence[int], keys: Sequence[str], *, for_good: bool
) -> None:
    """Delete what threads that are gone have left in the other tables."""
    await conn.execute(_FORGOTTEN, (numbers,))
    for table in TABLES:
        await conn.execute(f"DELETE FROM {table} WHERE thread = ANY (%s)".encode(), (numbers,))
    for table in STOCK:
        await conn.execute(f"DELETE FROM {table} WHERE thread_id = ANY (%s)".encode(), (keys,))
    if for_good:
        await conn.execute(_DELETED, (keys,))


class Pruning:
    """Drops and copies threads; each call is one transaction a thread."""

    def __init__(self, lender: Lends, memory: Memory) -> None:
        self._lender = lender
        self._memory = memory

    async def prune(
        self, places: Sequence[Bookmark], strategy: str = "keep_latest", turns: int = 100
    ) -> None:
        """See `PostgresCheckpointer.aprune`."""
        if strategy not in STRATEGIES:
            raise ValueError(f"Unknown prune strategy: {strategy!r}. There are {', '.join(STRATEGIES)}.")
        if strategy == "delete":
            await self.delete(places)
            return
        for place in places:
            await self._thin(place, lambda tree: kept_of(tree, strategy, turns))

    async def delete(self, places: Sequence[Bookmark], *, for_good: bool = False) -> None:
        """Delete threads whole, in one transaction; `for_good`: nothing can be written under their ids."""
        keys = [place.key for place in places]
        async with self._lender.connection() as conn, conn.transaction():
            rows = await conn.execute(
                "DELETE FROM longthread_thread WHERE key = ANY (%s) RETURNING number", (keys,)
            )
            await _empty(conn, [row["number"] for row in await rows.fetchall()], keys, for_good=for_good)
        for key in keys:
            self._memory.forget(key)

    async def sweep(self, days: int, limit: int = 100) -> int:
        """Delete for good threads that are in the trash for so many days, and temporary ones that nobody
        used for one; at most `limit` of each. How many there were."""
        async with self._lender.connection() as conn, conn.transaction():
            rows = await (await conn.execute(_EXPIRED, {"days": days, "limit": limit})).fetchall()
            keys = [row["key"] for row in rows]
            if rows:
                await _empty(conn, [row["number"] for row in rows], keys, for_good=True)
        for key in keys:
            self._memory.forget(key)
        return len(rows)

    async def delete_runs(self, runs: Sequence[str]) -> None:
        """Delete the checkpoints of these runs, in every thread."""
        async with self._lender.connection() as conn:
            rows = await (await conn.execute(_OF_RUNS, (list(runs),))).fetchall()
        unwanted = set(runs)

        def others(tree: Tree) -> set[tuple[str, str]]:
            return {
                at for at, record in tree.records.items() if record.metadata.get("run_id") not in unwanted
            }

        for row in rows:
            await self._thin(Bookmark.at_key(row["key"]), others)

    async def copy(self, source: Bookmark, target: Bookmark) -> None:
        """Copy a thread whole, if there is one. Raises `InvalidInput` where another has the id already."""
        async with self._lender.connection() as conn, conn.transaction():
            found = await (await conn.execute(_LOCKED, (source.key,))).fetchone()
            taken = await (await conn.execute(_LOCKED, (target.key,))).fetchone()
            if taken:
                raise InvalidInput("There is a thread of that id already. Copy to another.")
            names = {"key": target.key, "owner": target.user_id, "thread_id": target.thread_id}
            if found:
                names["from"] = found["number"]
                made = await (await conn.execute(_COPY_THREAD, names)).fetchone()
                for statement in _COPY:
                    await conn.execute(statement, {**names, "to": made["number"] if made else None})
            for table in STOCK:
                await _copy_stock(conn, table, source.key, target.key)
        self._memory.forget(target.key)

    async def _thin(self, place: Bookmark, choose: Callable[[Tree], set[tuple[str, str]]]) -> None:
        async with self._lender.connection() as conn, conn.transaction():
            thread = await (await conn.execute(_LOCKED, (place.key,))).fetchone()
            if thread is None:
                return
            rows = await (await conn.execute(_CHECKPOINTS, (thread["number"],))).fetchall()
            writes = await (await conn.execute(_WRITES, (thread["number"],))).fetchall()
            tree = _tree(thread, rows)
            kept = choose(tree)
            if not kept < tree.records.keys():
                return
            values = _dropping(thread, tree, kept, writes)
            for statement in _DROP:
                await conn.execute(statement, values)
        self._memory.forget(place.key)


def _tree(thread: DictRow, rows: Sequence[DictRow]) -> Tree:
    records = {
        (row["ns"], str(row["id"])): Record.read(
            id=str(row["id"]),
            parent=str(row["parent"]) if row["parent"] else None,
            ns=row["ns"],
            body=row["body"],
            metadata=row["metadata"],
        )
        for row in rows
    }
    tips = [str(id) for id in (thread["asked_on"], thread["head"], *thread["branches"]) if id]
    return Tree(records, [id for id in dict.fromkeys(tips) if ("", id) in records])


def _dropping(
    thread: DictRow, tree: Tree, kept: set[tuple[str, str]], writes: Sequence[DictRow]
) -> dict[str, Any]:
    """The parameters of what is dropped and of what is mended."""
    gone = [at for at in tree.records if at not in kept]
    stored = [value for at in kept for value in tree.records[at].values.values()]
    dropped = set(gone)
    stored += [read(w["body"]) for w in writes if (w["ns"], str(w["checkpoint"])) not in dropped]
    moved = {at: _ancestor(tree, at, kept) for at in kept}
    moved = {at: parent for at, parent in moved.items() if parent != tree.records[at].parent}
    heads = [_survivor(tree, tip, kept) for tip in tree.tips]
    live = [id for id in dict.fromkeys(heads) if id] or [max((id for ns, id in kept if not ns), default=None)]
    return {
        "thread": thread["number"],
        "ids": Runs.literal_of(id for _, id in gone),
        "spaces": [ns for ns, _ in gone],
        "digests": Runs.literal_of(value[1].hex() for value in stored if value[0] == "d"),
        "notes": sorted({n for value in stored for n in numbers_in(value) if n < 0}),
        "moved": Runs.literal_of(id for _, id in moved),
        "moved_ns": [ns for ns, _ in moved],
        "parents": list(moved.values()),
        "head": live[0],
        "branches": Runs.literal_of(str(id) for id in live[1:]),
    }


def _ancestor(tree: Tree, at: tuple[str, str], kept: set[tuple[str, str]]) -> str | None:
    """The nearest checkpoint before this one that stays."""
    parent = tree.records[at].parent
    return _survivor(tree, parent, kept, at[0]) if parent else None


def _survivor(tree: Tree, id: str | None, kept: set[tuple[str, str]], ns: str = "") -> str | None:
    """This checkpoint or the nearest one before it that stays."""
    while id and (ns, id) not in kept:
        record = tree.records.get((ns, id))
        id = record.parent if record else None
    return id


async def _copy_stock(conn: AsyncConnection[DictRow], table: str, source: str, target: str) -> None:
    columns = _STOCK_COLUMNS[table]
    statement = (
        f"INSERT INTO {table} (thread_id, {columns}) SELECT %s, {columns} FROM {table} WHERE thread_id = %s"
    )
    await conn.execute(statement.encode(), (target, source))
