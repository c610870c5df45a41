"""Who may write to a thread, for a few seconds at a time: `Lease`; and `Leases`, which renews them.

A lease is taken by the statement that admits a turn, is named by every write of the turn, and ends with the
last of them. While the model works it is renewed; when the process dies it ends by itself. The database's
clock alone says when: the clocks of processes differ, and a process that was stopped does not know it.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from graph.admission import Wish
from graph.bookmark import Bookmark
from graph.checkpointers.pool import Lends
from graph.checkpointers.runs import Runs
from graph.checkpointers.statements import SPAN
from graph.errors import StoreUnavailable

log = logging.getLogger("longthread")

EVERY = 1.0
"""Seconds between renewals, and so the most until a wish is heard by another process."""

_RENEW = b"""
WITH held AS (
    SELECT * FROM unnest(%(threads)s::bigint[], %(tokens)s::uuid[], %(words)s::text[])
        AS held (number, lease, words)
), renewed AS (
    UPDATE longthread_thread t SET until = now() + make_interval(secs => %(span)s)
    FROM held WHERE t.number = held.number AND t.lease = held.lease RETURNING t.number, t.lease, t.wish
), said AS (
    INSERT INTO longthread_draft (thread, lease, text)
    SELECT number, lease, words FROM held JOIN renewed USING (number, lease) WHERE words <> ''
    ON CONFLICT (thread) DO UPDATE SET lease = excluded.lease, text = excluded.text
) SELECT lease::text AS lease, wish FROM renewed
"""
_FORGET = b"DELETE FROM longthread_draft WHERE lease = ANY (%s::uuid[])"
_UNDER_WAY = b"""
SELECT coalesce(d.text, '') AS text FROM longthread_thread t
LEFT JOIN longthread_draft d ON d.thread = t.number AND d.lease = t.lease
WHERE t.key = %s AND t.until > now()
"""
# No index: one would be written to by every turn. What a process that died has left is looked for seldom.
_ABANDONED = b"SELECT key FROM longthread_thread WHERE until < now() ORDER BY until LIMIT %s"
# A thread that was made for a turn, of which nothing was stored, goes with it.
_END = b"""
WITH gone AS (
    DELETE FROM longthread_thread t
    WHERE t.number = %(thread)s AND t.lease = %(lease)s::uuid AND t.head IS NULL AND t.asked IS NULL
        AND NOT EXISTS (SELECT FROM longthread_write w WHERE w.thread = t.number) RETURNING t.number
), untitled AS (
    DELETE FROM longthread_title n USING gone WHERE n.thread = gone.number
)
UPDATE longthread_thread t SET lease = NULL, until = NULL, wish = NULL
WHERE t.number = %(thread)s AND t.lease = %(lease)s::uuid AND NOT EXISTS (SELECT FROM gone)
"""
_WISH = b"""
UPDATE longthread_thread SET wish = %(wish)s WHERE key = %(key)s AND until > now()
RETURNING lease::text AS lease
"""


@dataclass(eq=False)
class Lease:
    """The right to write to a thread (see `Leased`); `token` is what its writes name."""

    token: str = field(default_factory=lambda: str(uuid4()))
    thread: int | None = None
    resumes: bool = False
    last: bool = False
    over: bool = False
    drafted: bool = False
    undone: bool = False
    heard: Callable[[], None] | None = None
    words: Callable[[], str] | None = None

    def hear(self, wish: Wish | None) -> None:
        """What others wish; None: that somebody else has the thread, as the next write will be told."""
        self.undone = self.undone or wish == "rollback"
        if self.heard and not self.over:
            self.heard()


class Leases:
    """The leases held in this process; `readable`: what turns say may stand in the database as it is."""

    def __init__(self, lender: Lends, *, readable: bool) -> None:
        self._lender = lender
        self._readable = readable
        self._held: dict[str, Lease] = {}
        self._drafted: set[str] = set()
        self._renewal: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def hold(self, lease: Lease, thread: int) -> None:
        """Renew it from now on."""
        lease.thread = thread
        self._held[lease.token] = lease
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())

    def drop(self, lease: Lease) -> None:
        """It ended with the last write of its turn, or belongs to somebody else."""
        lease.over = True
        self._held.pop(lease.token, None)
        if lease.drafted:
            self._drafted.add(lease.token)

    async def end(self, lease: Lease) -> None:
        """Give it back, if it has not ended yet. Where Postgres is away it ends by itself."""
        if lease.over:
            return
        self.drop(lease)
        ending = asyncio.create_task(self._end(lease))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        await asyncio.wait((ending,), timeout=EVERY)

    async def _end(self, lease: Lease) -> None:
        with suppress(StoreUnavailable):
            async with self._lender.connection() as conn:
                await conn.execute(_END, {"thread": lease.thread, "lease": lease.token})

    async def wish(self, place: Bookmark, wish: Wish) -> bool:
        """Ask something of the turn under way, wherever it runs; False when there is none."""
        async with self._lender.connection() as conn:
            row = await (await conn.execute(_WISH, {"wish": wish, "key": place.key})).fetchone()
        if row and (here := self._held.get(row["lease"])):
            here.hear(wish)
        return row is not None

    async def under_way(self, place: Bookmark) -> str | None:
        """What a turn has said so far, wherever it runs; None when there is none."""
        async with self._lender.connection() as conn:
            row = await (await conn.execute(_UNDER_WAY, (place.key,))).fetchone()
        return None if row is None else str(row["text"])

    async def abandoned(self, limit: int = 100) -> list[Bookmark]:
        """Threads whose turn was cut off: nobody has renewed its lease, nor given it back."""
        async with self._lender.connection() as conn:
            rows = await (await conn.execute(_ABANDONED, (limit,))).fetchall()
        return [Bookmark.at_key(row["key"]) for row in rows]

    def close(self) -> None:
        """Renew nothing more."""
        if self._renewal:
            self._renewal.cancel()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            if not self._held and not self._drafted:
                self._renewal = None
                return
            held = dict(self._held)
            try:
                async with self._lender.connection() as conn:
                    rows = await (await conn.execute(_RENEW, self._values(held))).fetchall() if held else []
                    over, self._drafted = self._drafted, set()
                    if over:
                        await conn.execute(_FORGET, (list(over),))
            except StoreUnavailable as e:
                log.warning("could not renew the leases of %d turns: %s", len(held), e)
                continue
            self._tell(held, {row["lease"]: row["wish"] for row in rows})

    def _tell(self, held: dict[str, Lease], wishes: dict[str, Wish | None]) -> None:
        for token, lease in held.items():
            if token not in wishes and not lease.over:
                lease.hear(None)
            elif wish := wishes.get(token):
                lease.hear(wish)

    def _values(self, held: dict[str, Lease]) -> dict[str, Any]:
        words = [lease.words() if lease.words and self._readable else "" for lease in held.values()]
        for lease, said in zip(held.values(), words, strict=True):
            lease.drafted = lease.drafted or bool(said)
        return {
            "span": SPAN,
            "threads": Runs.literal_of(lease.thread or 0 for lease in held.values()),
            "tokens": Runs.literal_of(held),
            "words": words,
        }
