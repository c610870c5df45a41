"""What was used: turns, tokens, money and bytes by thread and day: `Usage`.

Every call names the owner, and counts first what is new (see `counting`). What deleted threads used stays in
the days of their owner, without a word of which they were; what they stored does not.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from graph.bookmark import Bookmark
from graph.checkpointers import PostgresCheckpointer
from graph.counting import Counting
from graph.errors import InvalidInput, ThreadNotFound
from graph.prices import MILLION, Prices
from graph.tables import BYTES, Tables, owned

By = Literal["tokens", "money", "turns", "bytes"]
"""What makes a thread a big one."""

_SUMS = """sum(u.turns)::bigint AS turns, sum(u.sent)::bigint AS sent, sum(u.said)::bigint AS said,
    sum(u.guessed)::bigint AS guessed, sum(u.bytes)::bigint AS bytes"""
_THREAD = f"""
SELECT u.asked, {_SUMS}
FROM longthread_thread t LEFT JOIN longthread_usage u ON u.thread = t.number AND u.owner = t.owner
WHERE t.owner = %(owner)s AND t.key = %(key)s GROUP BY u.asked
"""
_DAYS = f"""
SELECT (u.quarter AT TIME ZONE %(zone)s)::date AS day, u.asked, {_SUMS}
FROM longthread_usage u
WHERE u.owner = %(owner)s AND u.quarter >= %(since)s::timestamp AT TIME ZONE %(zone)s
GROUP BY day, u.asked ORDER BY day
"""
_PRICED = f"""sum((u.sent * p.sent + u.said * p.said) / {MILLION})"""
_ORDERS: Mapping[str, str] = {
    "tokens": "sum(u.sent + u.said)",
    "money": f"coalesce({_PRICED}, 0)",
    "turns": "sum(u.turns)",
    "bytes": "sum(u.bytes)",
}
_BIGGEST = """
WITH big AS (
    SELECT u.thread, row_number() OVER (ORDER BY {order} DESC, sum(u.sent + u.said) DESC, u.thread) AS rank
    FROM longthread_usage u
    LEFT JOIN unnest(%(asked)s::text[], %(price_sent)s::float[], %(price_said)s::float[])
        AS p (asked, sent, said) ON p.asked = u.asked
    WHERE u.owner = %(owner)s AND u.thread > 0
    GROUP BY u.thread ORDER BY rank LIMIT %(limit)s
)
SELECT t.thread_id, coalesce(n.title, '') AS title, u.asked, {sums}
FROM big JOIN longthread_thread t ON t.number = big.thread AND t.owner = %(owner)s
JOIN longthread_usage u ON u.thread = big.thread AND u.owner = t.owner
LEFT JOIN longthread_title n ON n.thread = t.number
GROUP BY big.rank, t.thread_id, n.title, u.asked ORDER BY big.rank
"""
_STORED = f"""
SELECT t.thread_id, {BYTES} AS bytes
FROM longthread_thread t WHERE t.owner = %(owner)s AND t.key = ANY (%(keys)s)
"""


@dataclass(frozen=True)
class Used:
    """What was used. `money` is None where no price is known; `unpriced` tokens are those without one.

    `guessed` is how many of the tokens a model did not tell, so that they were counted here.
    """

    turns: int = 0
    sent: int = 0
    said: int = 0
    guessed: int = 0
    bytes: int = 0
    money: float | None = None
    unpriced: int = 0

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.sent + self.said

    @property
    def share(self) -> float:
        """How much of it is an estimate, from 0 to 1."""
        return self.guessed / self.tokens if self.tokens else 0.0

    def __add__(self, other: "Used") -> "Used":
        money = None if self.money is None and other.money is None else (self.money or 0) + (other.money or 0)
        return Used(
            self.turns + other.turns,
            self.sent + other.sent,
            self.said + other.said,
            self.guessed + other.guessed,
            self.bytes + other.bytes,
            money,
            self.unpriced + other.unpriced,
        )


@dataclass(frozen=True)
class Day:
    """What a person used on a day of theirs; its `bytes` are of the messages stored on it."""

    day: date
    used: Used


@dataclass(frozen=True)
class Big:
    """What a thread used; its `bytes` are all there is of it, indexes apart."""

    thread_id: str
    title: str
    used: Used


class Usage:
    """What was used in the threads of a saver, at these prices. Methods may be awaited on any event loop."""

    def __init__(self, saver: PostgresCheckpointer, prices: Prices) -> None:
        self.prices = prices
        self._tables, self._counting = Tables(saver), Counting(saver)

    async def thread(self, place: Bookmark) -> Used:
        """What the thread used, all its branches and summaries. Raises `ThreadNotFound`."""
        await self._counting.thread(place)
        rows = await self._tables.rows(_THREAD, owned(place))
        if not rows:
            raise ThreadNotFound
        return self._sum(rows)

    async def count(self, user_id: str) -> AsyncIterator[tuple[int, int]]:
        """Count what is new in a user's threads, as every call here does; tells how many of how many threads
        are done, for whoever would wait long."""
        async for each in self._counting.owner(user_id):
            yield each

    async def days(self, user_id: str, since: date, zone: str = "UTC") -> Sequence[Day]:
        """The days from `since` on which something was used, the oldest first, as the time zone has them.

        Raises `InvalidInput` for a zone that there is not.
        """
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, KeyError) as e:
            raise InvalidInput("There is no such time zone. Name one as Europe/Berlin is.") from e
        await self._counted(user_id)
        values = {"owner": user_id, "since": datetime.combine(since, datetime.min.time()), "zone": zone}
        rows = await self._tables.rows(_DAYS, values)
        days = dict.fromkeys(row["day"] for row in rows)
        return [Day(day, self._sum([row for row in rows if row["day"] == day])) for day in days]

    async def threads(self, user_id: str, limit: int = 20, by: By = "tokens") -> Sequence[Big]:
        """A user's biggest threads, the biggest first. Raises `InvalidInput`."""
        if by not in _ORDERS:
            raise InvalidInput(f"There is no order {by!r}: it is one of {', '.join(_ORDERS)}.")
        await self._counted(user_id)
        known = [
            (asked, price) for asked in ("answer", "summary", "fallback") if (price := self.prices.of(asked))
        ]
        values: dict[str, Any] = {"owner": user_id, "limit": limit, "asked": [asked for asked, _ in known]}
        values["price_sent"] = [price.sent for _, price in known]
        values["price_said"] = [price.said for _, price in known]
        rows = await self._tables.rows(_BIGGEST.format(order=_ORDERS[by], sums=_SUMS), values)
        titles = {row["thread_id"]: row["title"] for row in rows}
        keys = [Bookmark(thread, user_id).key for thread in titles]
        stored = await self._tables.rows(_STORED, {"owner": user_id, "keys": keys}) if keys else ()
        sizes = {row["thread_id"]: int(row["bytes"]) for row in stored}
        return [
            Big(thread, title, self._sum([r for r in rows if r["thread_id"] == thread], sizes.get(thread)))
            for thread, title in titles.items()
        ]

    async def _counted(self, user_id: str) -> None:
        async for _ in self._counting.owner(user_id):
            pass

    def _sum(self, rows: Sequence[Mapping[str, Any]], size: int | None = None) -> Used:
        """The rows of one thing together, one of them for each who was asked."""
        total = Used(money=0.0 if self.prices.known else None)
        for row in rows:
            if row["asked"] is None:
                continue
            money = self.prices.cost(row["asked"], row["sent"], row["said"])
            unpriced = row["sent"] + row["said"] if self.prices.known and money is None else 0
            total += Used(
                row["turns"], row["sent"], row["said"], row["guessed"], row["bytes"], money, unpriced
            )
        return total if size is None else total + Used(bytes=size - total.bytes)
