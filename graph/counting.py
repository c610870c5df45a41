"""What threads used, counted from their rows when somebody looks: `Counting`; a turn does nothing for it.

A thread is counted once: what was is remembered in a small table, with how far. So looking again costs the
new rows. Several may count at once; each thread is locked while it is, and a turn in it waits for nobody.
Nothing is known of what was never stored: a request that failed, an answer that was taken back.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from graph.asking import FALLBACK
from graph.bookmark import Bookmark
from graph.checkpointers import PostgresCheckpointer
from graph.checkpointers.pool import Patient
from graph.checkpointers.rows import MessageRow
from graph.errors import ForgedRow
from graph.tokens import count_text

TOGETHER, MESSAGES = 200, 5_000
"""Threads that are counted together, and about how many messages of theirs."""

_ESTIMATE = "longthread_estimate"

_OF_OWNER = b"""
SELECT t.number, t.messages FROM (
    SELECT number, messages, updated FROM longthread_thread
    WHERE owner = %(owner)s AND NOT archived AND trashed IS NULL
    UNION ALL
    SELECT number, messages, updated FROM longthread_thread
    WHERE owner = %(owner)s AND (archived OR trashed IS NOT NULL)
) t WHERE NOT EXISTS (SELECT FROM longthread_counted c WHERE c.thread = t.number AND c.seen = t.updated)
ORDER BY t.number
"""
_OF_KEY = b"""
SELECT t.number, t.messages FROM longthread_thread t
LEFT JOIN longthread_counted c ON c.thread = t.number
WHERE t.owner = %(owner)s AND t.key = %(key)s AND c.seen IS DISTINCT FROM t.updated
"""
_BEGIN = b"""
INSERT INTO longthread_counted (thread)
SELECT number FROM longthread_thread WHERE number = ANY (%(threads)s) ORDER BY number FOR KEY SHARE
ON CONFLICT DO NOTHING
"""
_LOCK = b"SELECT FROM longthread_counted WHERE thread = ANY (%(threads)s) ORDER BY thread FOR UPDATE"
# Read before the rows: what comes between is new to whoever looks next.
_SEEN = b"SELECT number, owner, updated FROM longthread_thread WHERE number = ANY (%(threads)s)"
# A changed message has a further row under its id: it was said once.
_ROWS = b"""
SELECT m.thread, m.number, m.created, pg_column_size(m) AS bytes, m.type, m.id,
    CASE WHEN told THEN m.text END AS text, CASE WHEN told THEN m.body END AS body, told
FROM longthread_counted c CROSS JOIN LATERAL (
    SELECT * FROM longthread_message h WHERE h.thread = c.thread AND h.number > c.high
    UNION ALL
    SELECT * FROM longthread_message l WHERE l.thread = c.thread AND l.number < c.low AND l.number < 0
) m CROSS JOIN LATERAL (SELECT m.type = CASE WHEN m.number < 0 THEN 'system' ELSE 'ai' END
    AND NOT EXISTS (
        SELECT FROM longthread_message e
        WHERE e.thread = m.thread AND hashtext(e.id) = hashtext(m.id) AND e.id = m.id
            AND e.number <> m.number AND (e.number < 0) = (m.number < 0) AND abs(e.number) < abs(m.number)
    ) AS told) o
WHERE c.thread = ANY (%(threads)s) ORDER BY m.thread, m.number
"""
_ADD = b"""
INSERT INTO longthread_usage AS u (thread, owner, quarter, asked, turns, sent, said, guessed, bytes)
SELECT thread, owner, date_bin('15 minutes', created, '2000-01-01 00:00+00'), asked,
    sum(turns), sum(sent), sum(said), sum(guessed), sum(bytes)
FROM unnest(%(thread)s::bigint[], %(owner)s::text[], %(created)s::timestamptz[], %(asked)s::text[],
    %(turns)s::integer[], %(sent)s::bigint[], %(said)s::bigint[], %(guessed)s::bigint[], %(bytes)s::bigint[])
    AS n (thread, owner, created, asked, turns, sent, said, guessed, bytes)
GROUP BY 1, 2, 3, 4
ON CONFLICT (thread, owner, quarter, asked) DO UPDATE SET turns = u.turns + excluded.turns,
    sent = u.sent + excluded.sent, said = u.said + excluded.said, guessed = u.guessed + excluded.guessed,
    bytes = u.bytes + excluded.bytes
"""
_DONE = b"""
UPDATE longthread_counted c
SET high = greatest(c.high, n.high), low = least(c.low, n.low), seen = n.seen
FROM unnest(%(threads)s::bigint[], %(high)s::integer[], %(low)s::integer[], %(seen)s::timestamptz[])
    AS n (thread, high, low, seen)
WHERE c.thread = n.thread
"""


@dataclass(frozen=True)
class Counted:
    """What one message tells: tokens `sent` for it and `said` in it, `guessed` of both; 1 turn, or none."""

    asked: str = "answer"
    turns: int = 0
    sent: int = 0
    said: int = 0
    guessed: int = 0
    bytes: int = 0


def told(message: BaseMessage) -> Sequence[Counted]:
    """What a stored message tells of tokens; nothing, for one that no model of ours was asked for."""
    if isinstance(message, AIMessage):
        return _answer(message)
    notes: Any = message.additional_kwargs.get("longthread")
    if not isinstance(notes, dict) or "folds" not in notes:
        return ()
    known = cast("dict[str, Any]", notes)
    used = known.get("used")
    if isinstance(used, dict):
        return [
            Counted(str(asked), 0, *map(int, numbers))
            for asked, numbers in cast("dict[str, list[int]]", used).items()
        ]
    # A summary of before these notes were taken: of its requests the largest is known, not which it had.
    sent, said = int(known.get("largest", 0)), int(known.get("after", 0))
    return [Counted("summary", 0, sent, said, sent + said)]


def _answer(message: AIMessage) -> Sequence[Counted]:
    usage = cast("Mapping[str, Any]", message.usage_metadata or {})
    metadata: Mapping[str, Any] = message.response_metadata
    if not usage and _ESTIMATE not in metadata:
        return ()  # written by somebody else: brought along, or said in the model's stead
    asked = "fallback" if FALLBACK in metadata else "answer"
    turns = 0 if message.tool_calls else 1
    if usage:
        return [Counted(asked, turns, int(usage["input_tokens"]), int(usage["output_tokens"]))]
    sent, said = int(metadata[_ESTIMATE] or 0), count_text(message.text)
    return [Counted(asked, turns, sent, said, sent + said)]


class Counting:
    """Counts the threads of a saver. Methods may be awaited on any event loop."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self._saver = saver
        self._lender = Patient(saver.pool)

    async def thread(self, place: Bookmark) -> None:
        """Count what is new in one thread; nothing where there is none."""
        async for _ in self._counting(_OF_KEY, {"owner": place.user_id, "key": place.key}):
            pass

    async def owner(self, user_id: str) -> AsyncIterator[tuple[int, int]]:
        """Count what is new in all threads of a user; tells how many of how many are done."""
        async for each in self._counting(_OF_OWNER, {"owner": user_id}):
            yield each

    async def _counting(self, which: bytes, values: Mapping[str, Any]) -> AsyncIterator[tuple[int, int]]:
        async def progress() -> AsyncIterator[tuple[int, int]]:
            async with self._lender.connection() as conn:
                rows = await (await conn.execute(which, values)).fetchall()
            done = 0
            for threads in _together(rows):
                async with self._lender.connection() as conn, conn.transaction():
                    await self._count(conn, {"threads": threads})
                done += len(threads)
                yield done, len(rows)

        async for each in self._saver.bridge.cross_each(progress()):
            yield each

    async def _count(self, conn: AsyncConnection[DictRow], threads: Mapping[str, Any]) -> None:
        """One transaction: who counts the same threads meanwhile waits for it, as does who deletes them."""
        await conn.execute(_BEGIN, threads)
        await conn.execute(_LOCK, threads)
        seen = await (await conn.execute(_SEEN, threads)).fetchall()
        rows = await (await conn.execute(_ROWS, threads)).fetchall()
        owners = {row["number"]: row["owner"] for row in seen}
        ends = {number: [-1, 0] for number in owners}
        columns: dict[str, list[Any]] = defaultdict(list)
        for row in rows:
            thread = row["thread"]
            if thread not in owners:
                continue
            ends[thread] = [max(ends[thread][0], row["number"]), min(ends[thread][1], row["number"])]
            for part in self._parts(row):
                _append(columns, thread, owners[thread], row["created"], part)
        if columns:
            await conn.execute(_ADD, columns)
        done = {"threads": list(owners), "seen": [row["updated"] for row in seen]}
        done |= {"high": [high for high, _ in ends.values()], "low": [low for _, low in ends.values()]}
        await conn.execute(_DONE, done)

    def _parts(self, row: DictRow) -> Sequence[Counted]:
        if not row["told"]:
            return [Counted(bytes=row["bytes"])]
        try:
            message = self._saver.codec.message(
                MessageRow.kept(row["type"], row["id"], row["text"], row["body"])
            )
        except ForgedRow:  # whoever reads the thread is told of it; of its tokens nobody knows
            return [Counted(bytes=row["bytes"])]
        first, *others = told(message) or [Counted()]
        return [replace(first, bytes=row["bytes"]), *others]


def _append(columns: dict[str, list[Any]], thread: int, owner: str, created: datetime, part: Counted) -> None:
    values = {"thread": thread, "owner": owner, "created": created, **vars(part)}
    for name, value in values.items():
        columns[name].append(value)


def _together(rows: Iterable[DictRow]) -> Iterable[list[int]]:
    """The threads' numbers, few at a time."""
    some, messages = list[int](), 0
    for row in rows:
        if some and (len(some) == TOGETHER or messages + row["messages"] > MESSAGES):
            yield some
            some, messages = [], 0
        some.append(row["number"])
        messages += row["messages"]
    if some:
        yield some
