"""The catalogue of threads and what a person can do with one: `Threads`.

Every call names the owner. A thread that does not exist and one of somebody else's: both `ThreadNotFound`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from langchain_core.messages import BaseMessage

from graph.bookmark import Bookmark, storable
from graph.checkpointers import PostgresCheckpointer
from graph.errors import CheckpointNotFound, InvalidInput, ThreadNotFound

MAX_TITLE = 200

_THREAD = (
    "SELECT thread_id, title, created, updated, messages, head FROM longthread_thread WHERE owner = %(owner)s"
)
_LIST = _THREAD + " ORDER BY updated DESC, key DESC LIMIT %(limit)s"
_LIST_AFTER = (
    _THREAD + " AND (updated, key) < (%(updated)s, %(key)s) ORDER BY updated DESC, key DESC LIMIT %(limit)s"
)
_GET = _THREAD + " AND key = %(key)s"
_COUNT = """
SELECT count(*) AS n FROM longthread_moment JOIN longthread_thread USING (key)
WHERE owner = %(owner)s AND key = %(key)s AND kind = %(kind)s
"""
_RENAME = "UPDATE longthread_thread SET title = %(title)s WHERE owner = %(owner)s AND key = %(key)s"
_SWITCH = """
UPDATE longthread_thread SET head = moment.checkpoint_id,
    messages = coalesce(
        (SELECT seq + 1 FROM longthread_message m WHERE m.key = moment.key AND m.id = moment.message), 0)
FROM longthread_moment moment
WHERE owner = %(owner)s AND longthread_thread.key = %(key)s
  AND moment.key = longthread_thread.key AND moment.checkpoint_id = %(checkpoint_id)s
"""
# The walk stops as soon as LIMIT is satisfied: a page costs the same at any length of the thread.
_TRANSCRIPT = """
WITH RECURSIVE walk AS (
    SELECT m.* FROM longthread_message m WHERE m.key = %(key)s AND m.id = (
        SELECT coalesce(
            (SELECT parent FROM longthread_message WHERE key = %(key)s AND id = %(before)s),
            (SELECT message FROM longthread_moment WHERE key = %(key)s AND checkpoint_id = %(checkpoint_id)s
                AND %(before)s::text IS NULL)))
    UNION ALL
    SELECT m.* FROM walk JOIN longthread_message m ON m.key = %(key)s AND m.id = walk.parent
)
SELECT id, parent, seq, type, body FROM walk LIMIT %(limit)s
"""
_MOMENTS = """
WITH page AS (
    SELECT c.checkpoint_id COLLATE "C" AS checkpoint_id, c.parent_checkpoint_id COLLATE "C" AS parent,
        coalesce(m.step, (c.metadata ->> 'step')::int, -1) AS step,
        coalesce(m.kind, c.metadata ->> 'source', 'loop') AS kind,
        coalesce(m.created, (c.checkpoint ->> 'ts')::timestamptz) AS created,
        coalesce(m.preview, '') AS preview
    FROM checkpoints c
    LEFT JOIN longthread_moment m ON m.key = c.thread_id AND m.checkpoint_id = c.checkpoint_id COLLATE "C"
    WHERE c.thread_id = %(key)s AND c.checkpoint_ns = ''
      AND (%(before)s::text IS NULL OR c.checkpoint_id < %(before)s)
    ORDER BY c.checkpoint_id DESC LIMIT %(limit)s
), lowest AS (SELECT min(checkpoint_id) AS id FROM page
), line AS (
    SELECT head AS id FROM longthread_thread WHERE key = %(key)s
), active AS (
    SELECT * FROM (
        WITH RECURSIVE walk AS (
            SELECT id FROM line
            UNION ALL
            SELECT c.parent_checkpoint_id COLLATE "C" FROM walk JOIN checkpoints c
                ON c.thread_id = %(key)s AND c.checkpoint_ns = '' AND c.checkpoint_id = walk.id
            WHERE walk.id > (SELECT id FROM lowest)
        ) SELECT id FROM walk) w
)
SELECT page.*, page.checkpoint_id IN (SELECT id FROM active) AS active,
    NOT EXISTS (SELECT 1 FROM longthread_moment child
                WHERE child.key = %(key)s AND child.parent = page.checkpoint_id) AS tip
FROM page ORDER BY checkpoint_id DESC
"""


@dataclass(frozen=True)
class Thread:
    """A row of the catalogue. `messages` counts those of the active branch, folded ones included."""

    thread_id: str
    title: str
    created: datetime
    updated: datetime
    messages: int
    head: str


@dataclass(frozen=True)
class Entry:
    """A message in its branch: `seq` counts from 0 at the root."""

    id: str
    parent: str | None
    seq: int
    message: BaseMessage


@dataclass(frozen=True)
class Page:
    """A stretch of a transcript, oldest first, and how many messages come before it."""

    entries: list[Entry]
    earlier: int


@dataclass(frozen=True)
class Moment:
    """A checkpoint on the timeline, without its state.

    `kind` is input, question, answer, fold, update or fork; `active`: it is on the active branch; `tip`:
    nothing was built on it.
    """

    checkpoint_id: str
    parent: str | None
    step: int
    kind: str
    created: datetime
    preview: str
    active: bool
    tip: bool


class Threads:
    """The threads kept by a saver. Methods may be awaited on any event loop."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self._saver = saver

    async def list(self, user_id: str, *, limit: int = 50, after: Thread | None = None) -> Sequence[Thread]:
        """A user's threads, newest first; `after` is the last of the page before."""
        values: dict[str, Any] = {"owner": user_id, "limit": limit}
        if after:
            values |= {"updated": after.updated, "key": Bookmark(after.thread_id, user_id).key}
        rows = await self._rows(_LIST_AFTER if after else _LIST, values)
        return [Thread(**row) for row in rows]

    async def get(self, place: Bookmark) -> Thread:
        """The thread's row. Raises `ThreadNotFound`."""
        rows = await self._rows(_GET, _owned(place))
        if not rows:
            raise ThreadNotFound
        return Thread(**rows[0])

    async def rename(self, place: Bookmark, title: str) -> None:
        """Give the thread a title of 1 to 200 characters. Raises `ThreadNotFound`, `InvalidInput`."""
        title = " ".join(title.split())
        if not title or len(title) > MAX_TITLE or not storable(title):
            raise InvalidInput(f"A title has 1 to {MAX_TITLE} characters; this one has {len(title):,}.")
        await self._change(_RENAME, _owned(place) | {"title": title}, ThreadNotFound)

    async def delete(self, place: Bookmark) -> None:
        """Delete the thread and all of its messages and checkpoints. Raises `ThreadNotFound`."""
        await self.get(place)
        await self._saver.adelete(place)

    async def switch(self, place: Bookmark) -> None:
        """Make the bookmark's checkpoint the tip of the active branch. Raises `CheckpointNotFound`."""
        await self.get(place)
        await self._change(
            _SWITCH, _owned(place) | {"checkpoint_id": place.checkpoint_id}, CheckpointNotFound
        )

    async def transcript(self, place: Bookmark, *, limit: int = 60, before: str | None = None) -> Page:
        """The last `limit` messages of the branch, or those before message `before`; folded ones included.

        The branch is the bookmark's checkpoint's, else the active one. Raises `ThreadNotFound`.
        """
        moment = place.checkpoint_id or (await self.get(place)).head
        if place.checkpoint_id:
            await self.get(place)
        values = {"key": place.key, "before": before, "checkpoint_id": moment, "limit": limit}
        rows = await self._rows(_TRANSCRIPT, values)
        load = self._saver.serde.loads_typed
        entries = [
            Entry(r["id"], r["parent"], r["seq"], load((r["type"], bytes(r["body"])))) for r in reversed(rows)
        ]
        return Page(entries, entries[0].seq if entries else 0)

    async def moments(
        self, place: Bookmark, *, limit: int = 80, before: str | None = None
    ) -> Sequence[Moment]:
        """The thread's checkpoints on every branch, newest first; `before`: the last id of the page before.

        Reads no state. Raises `ThreadNotFound`.
        """
        await self.get(place)
        rows = await self._rows(_MOMENTS, {"key": place.key, "before": before, "limit": limit})
        return [Moment(**row) for row in rows]

    async def count(self, place: Bookmark, kind: str) -> int:
        """How many moments of one kind the thread has, on all branches."""
        rows = await self._rows(_COUNT, _owned(place) | {"kind": kind})
        return int(rows[0]["n"])

    async def _rows(self, statement: str, values: dict[str, Any]) -> Sequence[dict[str, Any]]:
        async def read() -> Sequence[dict[str, Any]]:
            async with self._saver.connection() as conn:
                cursor = await conn.execute(statement.encode(), values)
                return await cursor.fetchall()

        return await self._saver.bridge.cross(read)

    async def _change(self, statement: str, values: dict[str, Any], absent: Callable[[], Exception]) -> None:
        async def write() -> int:
            async with self._saver.connection() as conn:
                return (await conn.execute(statement.encode(), values)).rowcount

        if not await self._saver.bridge.cross(write):
            raise absent()


def _owned(place: Bookmark) -> dict[str, Any]:
    return {"owner": place.user_id, "key": place.key}
