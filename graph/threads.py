"""The catalogue of threads and what a person can do with one: `Threads`.

Every call names the owner. A thread that does not exist and one of somebody else's: both `ThreadNotFound`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from graph.bookmark import Bookmark, storable
from graph.boughs import Bough, Boughs
from graph.checkpointers import PostgresCheckpointer
from graph.comparing import Comparing, SideBySide
from graph.counting import Counting
from graph.errors import InvalidInput, ThreadNotFound
from graph.forking import Forking
from graph.searching import SEARCH, Hit, wanted
from graph.tables import BYTES, Tables, owned
from graph.tags import Tags, normal
from graph.timeline import Moment, Timelines
from graph.transcript import Page, Transcripts

MAX_TITLE = 200

Shelf = Literal["kept", "archived", "trashed"]
"""Where a thread is: in the list, out of the way, or on its way out."""

_THREAD = """
SELECT t.number, t.thread_id, coalesce(n.title, '') AS title, t.created, t.updated, t.messages,
    coalesce(t.head, t.asked_id)::text AS head, t.pinned, t.archived, t.trashed, t.temporary,
    ARRAY(SELECT g.tag FROM longthread_tag g WHERE g.thread = t.number ORDER BY g.tag) AS tags
FROM longthread_thread t LEFT JOIN longthread_title n ON n.thread = t.number
WHERE t.owner = %(owner)s"""
_GET = _THREAD + " AND t.key = %(key)s"
# The index has the hour, which a turn seldom changes; the few threads of an hour are sorted.
_SHELVES = {
    "kept": " AND NOT t.archived AND t.trashed IS NULL{after} "
    "ORDER BY t.pinned DESC, t.hour DESC, t.updated DESC, t.number DESC",
    "archived": " AND t.archived AND t.trashed IS NULL{after} "
    "ORDER BY t.hour DESC, t.updated DESC, t.number DESC",
    "trashed": " AND t.trashed IS NOT NULL{after} ORDER BY t.hour DESC, t.updated DESC, t.number DESC",
}
_LISTED = " AND NOT t.temporary"
_TAGGED = " AND EXISTS (SELECT FROM longthread_tag g WHERE g.thread = t.number AND g.tag = %(tag)s)"
_HOUR = "date_bin('1 hour', %(updated)s, '2000-01-01 00:00+00')"
_AFTER = {
    "kept": f" AND (t.pinned, t.hour, t.updated, t.number) < (%(pinned)s, {_HOUR}, %(updated)s, %(number)s)",
    "archived": f" AND (t.hour, t.updated, t.number) < ({_HOUR}, %(updated)s, %(number)s)",
    "trashed": f" AND (t.hour, t.updated, t.number) < ({_HOUR}, %(updated)s, %(number)s)",
}
_OWN = "owner = %(owner)s AND key = %(key)s"
_RENAME = f"""
INSERT INTO longthread_title (thread, owner, title, by_hand)
SELECT number, hashtext(owner), %(title)s, true FROM longthread_thread WHERE {_OWN}
ON CONFLICT (thread) DO UPDATE SET title = excluded.title, by_hand = true
"""
_ENTITLE = """
UPDATE longthread_title n SET title = %(title)s FROM longthread_thread t
WHERE t.owner = %(owner)s AND t.key = %(key)s AND n.thread = t.number
    AND NOT n.by_hand AND n.title = %(before)s
RETURNING 1
"""
_TEMPORARY = """
INSERT INTO longthread_thread (key, owner, thread_id, temporary)
VALUES (%(key)s, %(owner)s, %(thread_id)s, true)
"""
_PIN = f"UPDATE longthread_thread SET pinned = %(on)s WHERE {_OWN}"
_ARCHIVE = f"UPDATE longthread_thread SET archived = %(on)s WHERE {_OWN}"
_TRASH = f"""
UPDATE longthread_thread SET trashed = CASE WHEN %(on)s THEN coalesce(trashed, now()) END WHERE {_OWN}
"""
_SIZE = f"SELECT {BYTES} AS bytes FROM longthread_thread t WHERE t.owner = %(owner)s AND t.key = %(key)s"


@dataclass(frozen=True)
class Thread:
    """A row of the catalogue. `messages` counts those of the active branch, folded ones included; `number` is
    the store's own, never given again."""

    number: int
    thread_id: str
    title: str
    created: datetime
    updated: datetime
    messages: int
    head: str | None
    pinned: bool
    archived: bool
    trashed: datetime | None
    temporary: bool = False
    tags: Sequence[str] = ()


def titled(title: str) -> str:
    """A title in one line, of 1 to 200 characters. Raises `InvalidInput`."""
    line = " ".join(title.split())
    if not line or len(line) > MAX_TITLE or not storable(line):
        raise InvalidInput(f"A title has 1 to {MAX_TITLE} characters; this one has {len(line):,}.")
    return line


class Threads:
    """The threads kept by a saver. Methods may be awaited on any event loop."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self._saver, self._tables = saver, Tables(saver)
        self._tags = Tags(saver)
        self._transcripts, self._timelines = Transcripts(saver), Timelines(saver)
        self._forking = Forking(saver)
        self._boughs, self._comparing = Boughs(saver), Comparing(saver)

    # The catalogue

    async def list(
        self,
        user_id: str,
        *,
        limit: int = 50,
        after: Thread | None = None,
        shelf: Shelf = "kept",
        tag: str | None = None,
    ) -> Sequence[Thread]:
        """A user's threads, pinned ones first, then by latest use; `after` is the last of the page before.

        With `tag` only those that have it. Temporary ones are never among them.
        """
        if shelf not in _SHELVES:
            raise InvalidInput(f"There is no shelf {shelf!r}: it is one of {', '.join(_SHELVES)}.")
        values: dict[str, Any] = {"owner": user_id, "limit": limit}
        if after:
            values |= {"pinned": after.pinned, "updated": after.updated, "number": after.number}
        if tag is not None and shelf != "kept":
            raise InvalidInput("Only threads that are kept are listed by tag, not archived or trashed ones.")
        if tag is not None:
            values["tag"] = normal(tag)
        which = _SHELVES[shelf].format(after=_AFTER[shelf] if after else "")
        statement = f"{_THREAD}{_LISTED}{_TAGGED if tag is not None else ''}{which} LIMIT %(limit)s"
        return [Thread(**row) for row in await self._tables.rows(statement, values)]

    async def get(self, place: Bookmark) -> Thread:
        """The thread's row. Raises `ThreadNotFound`."""
        rows = await self._tables.rows(_GET, owned(place))
        if not rows:
            raise ThreadNotFound
        return Thread(**rows[0])

    async def search(
        self, user_id: str, text: str, *, limit: int = 50, after: Hit | None = None
    ) -> Sequence[Hit]:
        """Where a user's titles and messages hold every word of `text`, the newest first.

        A word matches those that begin with it; scripts without spaces between words match anywhere. `after`
        is the last hit of the page before. Nothing is found in threads that a serializer of yours hides, nor
        in trashed ones.
        """
        asked = wanted(text)
        if asked is None:
            return []
        values = {"owner": user_id, "limit": limit, **asked}
        values |= {"created": after.created if after else None, "thread": after.number if after else 0}
        values["place"] = after.place if after else 0
        return [Hit.of(row) for row in await self._tables.rows(SEARCH, values)]

    async def rename(self, place: Bookmark, title: str) -> None:
        """Give the thread a title of 1 to 200 characters. Raises `ThreadNotFound`, `InvalidInput`."""
        await self._tables.change(_RENAME, owned(place) | {"title": titled(title)})

    async def entitle(self, place: Bookmark, title: str, *, instead_of: str) -> bool:
        """Give the thread a title that nobody chose; False where it has another than `instead_of` by now, or
        a person's. Raises `InvalidInput`."""
        values = owned(place) | {"title": titled(title), "before": instead_of}
        return bool(await self._tables.rows(_ENTITLE, values))

    async def tag(self, place: Bookmark, tags: Sequence[str]) -> Sequence[str]:
        """Give the thread these tags and no others, at most 10; as they are kept. Raises `ThreadNotFound`,
        `InvalidInput`."""
        return await self._tags.set(place, tags)

    async def tags(self, user_id: str) -> dict[str, int]:
        """A user's tags, and how many threads of the list have each."""
        return await self._tags.of(user_id)

    async def temporary(self, user_id: str) -> Bookmark:
        """A new thread that is not kept: in no list, found by no search, swept when nobody used it for a day.
        Whoever leaves it deletes it."""
        place = Bookmark(f"temporary-{uuid4()}", user_id)
        await self._tables.change(_TEMPORARY, owned(place) | {"thread_id": place.thread_id})
        return place

    async def sweep(self, trash_days: int) -> int:
        """Delete for good what is in the trash for so many days, and temporary threads of yesterday: of every
        user's at most 100. How many there were."""
        return await self._saver.asweep(trash_days)

    async def pin(self, place: Bookmark, on: bool = True) -> None:
        """Keep the thread at the head of the list, or no longer. Raises `ThreadNotFound`."""
        await self._tables.change(_PIN, owned(place) | {"on": on})

    async def archive(self, place: Bookmark, on: bool = True) -> None:
        """Take the thread out of the list, or put it back. Raises `ThreadNotFound`."""
        await self._tables.change(_ARCHIVE, owned(place) | {"on": on})

    async def trash(self, place: Bookmark, on: bool = True) -> None:
        """Mark the thread for deletion, or restore it; nothing is deleted yet. Raises `ThreadNotFound`."""
        await self._tables.change(_TRASH, owned(place) | {"on": on})

    async def delete(self, place: Bookmark) -> None:
        """Delete the thread and all of its messages and checkpoints, for good: a turn under way stores
        nothing, and no other can begin under this id. Raises `ThreadNotFound`."""
        await self.get(place)
        await Counting(self._saver).thread(place)  # what it used stays in its owner's days
        await self._saver.adelete(place, for_good=True)

    async def size(self, place: Bookmark) -> int:
        """Bytes of the thread's rows, indexes apart. Raises `ThreadNotFound`."""
        rows = await self._tables.rows(_SIZE, owned(place))
        if not rows:
            raise ThreadNotFound
        return int(rows[0]["bytes"])

    # One thread

    async def transcript(self, place: Bookmark, *, limit: int = 60, before: int | None = None) -> Page:
        """The last `limit` messages of the branch, or those before its `before`th; folded ones included.

        The branch is the bookmark's checkpoint's, else the active one. Raises `ThreadNotFound`.
        """
        return await self._transcripts.page(place, limit, before)

    async def before(self, place: Bookmark, message_id: str) -> Bookmark:
        """The moment of the branch before this message: what is asked there is its sibling.

        Raises `ThreadNotFound`, and `CheckpointNotFound` where the message is not on the branch or the moment
        was pruned.
        """
        return await self._forking.before(place, message_id)

    async def first(self, place: Bookmark, message_id: str) -> Bookmark:
        """The first moment of the branch that has this message. Raises as `before`."""
        return await self._forking.first(place, message_id)

    async def switch(self, place: Bookmark) -> None:
        """Make the bookmark's checkpoint the tip of the active branch.

        Raises `ThreadNotFound`, `CheckpointNotFound`, and `ThreadBusy` while a question waits for an answer.
        """
        await self.get(place)
        await self._transcripts.switch(place)

    async def branches(self, place: Bookmark) -> Sequence[Bough]:
        """The map of the thread's branches, each after the one that it grew from. Raises `ThreadNotFound`."""
        return await self._boughs.map(place)

    async def name_branch(self, place: Bookmark, first: int, name: str) -> None:
        """Give the branch whose `Bough.first` that is a name of 1 to 60 characters; it keeps it as it grows.

        Raises `ThreadNotFound`, `InvalidInput`, `CheckpointNotFound`.
        """
        await self._boughs.name(place, first, name)

    async def beside(self, place: Bookmark, other: str, *, limit: int = 20, skip: int = 0) -> SideBySide:
        """Two branches, up to the bookmark's checkpoint and to `other`: what they share, then how both go on,
        `limit` messages of each, after the first `skip`. Raises `ThreadNotFound`, `CheckpointNotFound`."""
        return await self._comparing.beside(place, other, limit, skip)

    async def moments(
        self, place: Bookmark, *, limit: int = 80, before: str | None = None
    ) -> Sequence[Moment]:
        """The thread's checkpoints on every branch, newest first; `before`: the last id of the page before.

        Reads no state. Raises `ThreadNotFound`.
        """
        await self.get(place)
        return await self._timelines.moments(place, limit, before)

    async def step(self, place: Bookmark) -> tuple[int, int]:
        """Which step of its branch the bookmark's checkpoint is, and of how many: (5, 7). Raises
        `ThreadNotFound`, `CheckpointNotFound`."""
        return await self._timelines.step(place)
