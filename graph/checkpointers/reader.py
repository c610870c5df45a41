"""From rows to what LangGraph reads: `Reader` runs the reading statements and remembers what it has seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.base import Checkpoint, CheckpointTuple, PendingWrite

from graph.bookmark import Bookmark, configurable, with_places
from graph.checkpointers.asked import Asked, asked_tuple
from graph.checkpointers.ids import short
from graph.checkpointers.memory import Known, Memory
from graph.checkpointers.pool import ConnectionLost, Lends
from graph.checkpointers.reading import reading
from graph.checkpointers.records import Record
from graph.checkpointers.references import TRANSCRIPT, Stored, give, numbers_in, read
from graph.checkpointers.rows import Codec, MessageRow
from graph.checkpointers.runs import Runs
from graph.checkpointers.stock import StockThreads
from graph.checkpointers.watching import fingerprint

Written = tuple[str, str, Stored]
"""A task, a channel and a stored value."""


_COLUMNS = """SELECT array_agg(m.number) AS numbers, array_agg(m.type) AS types, array_agg(m.id) AS ids,
    array_agg(m.text) AS texts, array_agg(m.body) AS bodies"""
_BY_NUMBER = f"""{_COLUMNS}
FROM (SELECT %s::integer[] AS runs) a CROSS JOIN generate_subscripts(a.runs, 1) i
CROSS JOIN LATERAL (
    SELECT * FROM longthread_message m WHERE m.thread = %s AND m.number BETWEEN a.runs[i] AND a.runs[i + 1]
    ORDER BY m.number LIMIT a.runs[i + 1] - a.runs[i] + 1
) m
WHERE i %% 2 = 1""".encode()
_BY_ID = f"""{_COLUMNS}
FROM unnest(%s::text[]) i
JOIN longthread_message m ON m.thread = %s AND hashtext(m.id) = hashtext(i) AND m.id = i
""".encode()
_BY_DIGEST = b"""
SELECT array_agg(digest) AS digests, array_agg(body) AS bodies
FROM longthread_value WHERE thread = %s AND digest = ANY (%s::uuid[])"""


@dataclass(frozen=True)
class Found:
    """A stored checkpoint with its writes, and the messages that both hold; `asked` waits on top of it."""

    record: Record
    writes: Sequence[Written] = ()
    messages: Mapping[int, BaseMessage] = field(default_factory=dict[int, BaseMessage])
    thread: int | None = None
    stock: CheckpointTuple | None = None
    asked: Asked | None = None


class Reader:
    """Reads threads for a serializer; clones of a saver share the memory and the connections.

    `following` makes the version after another.
    """

    def __init__(self, lender: Lends, memory: Memory, codec: Codec, following: Callable[[Any], Any]) -> None:
        self._lender = lender
        self._memory = memory
        self._codec = codec
        self._following = following
        self.stock = StockThreads(lender, codec.serde)

    async def find(self, place: Bookmark, ns: str, id: str | None) -> Found | None:
        """The checkpoint named, else the tip of the active branch, or of the namespace."""
        if id is not None and _uuid(id) is None:
            return None
        known = self._memory.of(place.key)
        if known.asked and id == known.asked.id and not ns:
            id = None  # what questions make has no row
        which = "named" if id else "newest" if ns else "head"
        seen, held = self.remembered(known, ns, id)
        values = {"key": place.key, "ns": ns, "id": id, "seen": seen, "thread": _text(known.thread)}
        row = await self._row(reading(which), values)
        return await self.found(place, ns, known, row, id=id, held=held)

    def remembered(
        self, known: Known, ns: str, id: str | None
    ) -> tuple[str | None, Mapping[int, BaseMessage]]:
        """The checkpoint that need not be sent, if all of it is still as it was read, and its messages."""
        seen = id or known.tips.get(ns)
        record = known.records.get((ns, seen)) if seen else None
        held = known.holding(record.holds) if record else None
        return (seen, held) if held is not None else (None, {})

    async def found(
        self,
        place: Bookmark,
        ns: str,
        known: Known,
        row: Mapping[str, Any],
        *,
        id: str | None,
        held: Mapping[int, BaseMessage],
    ) -> Found | None:
        """What a row of `reading` says, where `held` was not sent; remembers it."""
        if known.thread != row["thread"]:
            if known.thread is not None:
                self._memory.forget(place.key)  # deleted, and perhaps begun anew
                known = self._memory.of(place.key)
            known.thread = row["thread"]
        known.read = True
        self._note(known, row)
        sent = self._messages(row)
        if sent:
            known.learn(sent)
        asked = None if ns or id else known.asked
        if row["id"] is None:
            if row["stock"]:
                return await self._from_stock(place, ns, known, row, id=id)
            return Found(NOTHING, thread=row["thread"], asked=asked) if asked else None
        record = self._record(known, ns, row)
        if not id:
            known.tips[ns] = record.id
        writes = [
            (task, channel, read(body))
            for task, channel, body in zip(
                row["tasks"] or (), row["channels"] or (), row["written"] or (), strict=True
            )
        ]
        messages = {**held, **sent} if row["warm"] else sent
        return Found(record, writes, messages, row["thread"], asked=asked)

    def _note(self, known: Known, row: Mapping[str, Any]) -> None:
        known.titled = known.titled or bool(row["titled"])
        known.stock = bool(row["stock"])
        known.head = _text(row["head"])
        known.lease, known.busy, known.deleted = _text(row["lease"]), bool(row["busy"]), bool(row["deleted"])
        known.line = Runs(tuple(row["line"])) if row["line"] else None
        known.asked = (
            Asked.unpack(row["asked"], str(row["asked_id"]), _text(row["asked_on"])) if row["asked"] else None
        )
        if row["top"] is not None:
            known.next = max(known.next, row["top"] + 1)
            known.below = min(known.below, row["bottom"] - 1)

    def _messages(self, row: Mapping[str, Any]) -> dict[int, BaseMessage]:
        columns = (row.get(name) or () for name in ("numbers", "types", "ids", "texts", "bodies"))
        return {
            number: self._codec.message(MessageRow.kept(*parts))
            for number, *parts in zip(*columns, strict=True)
        }

    def _record(self, known: Known, ns: str, row: Mapping[str, Any]) -> Record:
        id = str(row["id"])
        if row["warm"]:
            return known.records[(ns, id)]
        record = Record.read(
            id=id, parent=_text(row["parent"]), ns=ns, body=row["body"], metadata=row["metadata"]
        )
        known.keep(record)
        return record

    async def _from_stock(
        self, place: Bookmark, ns: str, known: Known, row: Mapping[str, Any], *, id: str | None
    ) -> Found | None:
        at = id or (None if ns else _text(row["asked_on"] if row["asked"] else row["head"]))
        stock = await self.stock.tuple_at(place.key, ns, at)
        if stock is None:
            return None
        record = Record.of(
            cast("Checkpoint", {**stock.checkpoint}),
            dict(stock.metadata),
            parent=configurable(stock.parent_config).get("checkpoint_id"),
            ns=ns,
            kind=str(stock.metadata.get("source", "loop")),
            values={},
            line=await self.stock_line(known, stock) if not ns else Runs(),
        )
        asked = None if ns or id else known.asked
        return Found(record, thread=row["thread"], stock=stock, asked=asked)

    async def stock_line(self, known: Known, stock: CheckpointTuple) -> Runs:
        """The line up to a checkpoint of the stock's, as far as its messages are rows."""
        said = _said(stock)
        stored = await self.learn(known, [message.id for message in said if message.id])
        here = [known.number_like(message, fingerprint(message)) for message in said] if stored else []
        return (await self.stock_prefix(known, stock)).then(n for n in here if n is not None)

    async def stock_prefix(self, known: Known, stock: CheckpointTuple) -> Runs:
        """What was said before the window of a checkpoint of the stock's, where it is in rows."""
        said = _said(stock)
        if not said or known.line is None:
            return Runs()
        stored = await self.learn(known, [message.id for message in said[:1] if message.id])
        places = (known.line.position(number) for number in stored)
        return known.line.cut(0, next((at for at in places if at is not None), 0))

    async def learn(self, known: Known, ids: Sequence[str]) -> dict[int, BaseMessage]:
        """Remember what is stored under these ids."""
        if not ids or known.thread is None:
            return {}
        stored = self._messages(await self._row(_BY_ID, ([short(id) for id in ids], known.thread)))
        known.learn(stored)
        return stored

    async def messages(
        self, place: Bookmark, thread: int, stored: Sequence[Stored]
    ) -> dict[int, BaseMessage]:
        """The messages that stored values hold, read where they are not remembered."""
        known = self._memory.of(place.key)
        wanted = sorted({n for value in stored for n in numbers_in(value)})
        here = known.holding(wanted) if known.thread == thread else None
        if here is not None:
            return here
        found = self._messages(await self._row(_BY_NUMBER, (Runs.of(wanted).literal(), thread)))
        if known.thread == thread:
            known.learn(found)
        return found

    async def _large(self, thread: int | None, stored: Sequence[Stored]) -> dict[bytes, Stored]:
        """The large values among `stored`, by digest."""
        digests = {value[1].hex() for value in stored if value[0] == "d"}
        if not digests:
            return {}
        row = await self._row(_BY_DIGEST, (thread, Runs.literal_of(digests)))
        pairs = zip(row.get("digests") or (), row.get("bodies") or (), strict=True)
        return {digest.bytes: read(body) for digest, body in pairs}

    async def rows(self, statement: bytes, values: Any) -> Sequence[Mapping[str, Any]]:
        """The rows of a reading statement."""
        async with self._lender.connection() as conn:
            return await (await conn.execute(statement, values)).fetchall()

    async def _row(self, statement: bytes, values: Any) -> Mapping[str, Any]:
        """The row of a reading statement; run again where the connection was lost in the middle."""
        try:
            async with self._lender.connection() as conn:
                return await (await conn.execute(statement, values)).fetchone() or {}
        except ConnectionLost:
            async with self._lender.connection() as conn:
                return await (await conn.execute(statement, values)).fetchone() or {}

    async def as_tuple(self, place: Bookmark, found: Found) -> CheckpointTuple:
        """What LangGraph reads: the checkpoint, or the one that questions make on top of it."""
        base = None if found.record is NOTHING else await self.base_tuple(place, found)
        if not found.asked:
            return cast("CheckpointTuple", base)
        questions = [self._codec.message(row) for row in found.asked.rows]
        asked = asked_tuple(base, found.asked, questions, place, self._following)
        return asked._replace(pending_writes=await self._written(found, found.thread))

    async def base_tuple(self, place: Bookmark, found: Found) -> CheckpointTuple:
        """The checkpoint that is stored."""
        record = found.record
        if found.stock:
            return named(found.stock, place)
        large = await self._large(found.thread, list(record.values.values()))
        values = {
            channel: give(large[of[1]] if of[0] == "d" else of, found.messages, self._codec.serde)
            for channel, of in record.values.items()
        }
        config = {"thread_id": place.thread_id, "user_id": place.user_id, "checkpoint_ns": record.ns}
        return CheckpointTuple(
            {"configurable": {**config, "checkpoint_id": record.id}},
            record.as_checkpoint(values),
            cast("Any", dict(record.metadata)),
            {"configurable": {**config, "checkpoint_id": record.parent}} if record.parent else None,
            [] if found.asked else await self._written(found, found.thread),
        )

    async def _written(self, found: Found, thread: int | None) -> list[PendingWrite]:
        large = await self._large(thread, [value for _, _, value in found.writes])
        return [
            (task, channel, give(large[of[1]] if of[0] == "d" else of, found.messages, self._codec.serde))
            for task, channel, of in found.writes
        ]


NOTHING = Record(id="", parent=None, ns="", kind="input", metadata={}, checkpoint={}, values={})
"""Where a thread has questions and no checkpoint."""


def named(found: CheckpointTuple, place: Bookmark) -> CheckpointTuple:
    """`found`, whose configs name the thread as its owner does and not by its key."""
    names = {"thread_id": place.thread_id, "user_id": place.user_id}
    return found._replace(
        config=with_places(found.config, **names),
        parent_config=with_places(found.parent_config, **names) if found.parent_config else None,
    )


def _said(stock: CheckpointTuple) -> list[BaseMessage]:
    window: Any = stock.checkpoint["channel_values"].get(TRANSCRIPT)
    items = cast("list[Any]", window) if isinstance(window, list) else []
    return [message for message in items if isinstance(message, BaseMessage)]


def _uuid(text: str) -> UUID | None:
    try:
        found = UUID(text)
        return found if str(found) == text.lower() else None  # Python takes more forms than Postgres
    except ValueError:
        return None


def _text(id: Any) -> str | None:
    return None if id is None else str(id)
