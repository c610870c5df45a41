"""What this process remembers of threads: `Memory`, one `Known` a thread. Bounded; losing it costs a read.

Rows never change, so what is remembered is never wrong, only old: each read asks the database which
checkpoint is the newest, and is sent nothing when that is remembered. Message objects are shared with whoever
read them, so each is watched, and one that somebody changed is read again, not handed out.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from langchain_core.messages import BaseMessage

from graph.checkpointers.asked import Asked
from graph.checkpointers.pool import NoConnection
from graph.checkpointers.records import Record
from graph.checkpointers.runs import Runs
from graph.checkpointers.watching import Watched, fingerprint

MESSAGES = 50_000
"""Messages remembered over all threads; one of 500 characters takes about 1.6 kB."""

THREADS = 2_000

RECORDS = 16
"""Checkpoints remembered of a thread; a turn needs the one it goes on from, and those of its subgraphs."""


@dataclass
class Known:
    """What is remembered of a thread; `saved` is set when the next checkpoint is."""

    read: bool = False
    thread: int | None = None
    titled: bool = False
    head: str | None = None
    asked: Asked | None = None
    lease: str | None = None
    busy: bool = False
    deleted: bool = False
    stock: bool = False
    line: Runs | None = None
    next: int = 0
    below: int = -1
    tips: dict[str, str] = field(default_factory=dict[str, str])
    records: "OrderedDict[tuple[str, str], Record]" = field(
        default_factory=OrderedDict[tuple[str, str], Record]
    )
    ids: set[str] = field(default_factory=set[str])
    saved: asyncio.Event = field(default_factory=asyncio.Event)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _failures: int = 0
    _messages: dict[int, Watched] = field(default_factory=dict[int, Watched])
    _objects: dict[int, int] = field(default_factory=dict[int, int])
    _numbers: dict[tuple[str | None, int], int] = field(default_factory=dict[tuple[str | None, int], int])

    def __len__(self) -> int:
        return len(self._messages)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Held by whoever gives out numbers, until they are stored. Who queued behind one that got no
        connection has waited as long, and fails with it: `NoConnection`."""
        failures = self._failures
        async with self._lock:
            if self._failures != failures:
                raise NoConnection("as for the one before")
            try:
                yield
            except NoConnection:
                self._failures += 1
                raise

    def learn(self, messages: Mapping[int, BaseMessage], prints: Mapping[int, int] | None = None) -> None:
        """These messages, as they are read, have these numbers; when written they had these `prints`."""
        for number, message in messages.items():
            mark = fingerprint(message)
            self._messages[number] = Watched(message, mark)
            self._objects[id(message)] = number
            self._numbers[(message.id, mark)] = number
            if prints:
                self._numbers[(message.id, prints[number])] = number
            if message.id is not None:
                self.ids.add(message.id)
            self.next = max(self.next, number + 1)
            self.below = min(self.below, number - 1)

    def number_of(self, message: BaseMessage) -> int | None:
        """The number that this very message is remembered under, if nobody changed it since."""
        number = self._objects.get(id(message))
        held = None if number is None else self._messages.get(number)
        # An id lives as long as its object: it may be another's by now.
        return number if held and held.message is message and held.unchanged else None

    def number_like(self, message: BaseMessage, mark: int) -> int | None:
        """The number that a message with this fingerprint is stored under."""
        return self._numbers.get((message.id, mark))

    def holds(self, ns: str, id: str) -> bool:
        """Whether this checkpoint is stored, as far as is remembered."""
        return (ns, id) in self.records or (self.asked is not None and self.asked.id == id)

    def message(self, number: int) -> BaseMessage | None:
        """The message of this number, if it is remembered; perhaps changed since."""
        held = self._messages.get(number)
        return held.message if held else None

    def holding(self, numbers: Iterable[int]) -> dict[int, BaseMessage] | None:
        """These messages as they are stored; None when one is not remembered or was changed since."""
        found: dict[int, BaseMessage] = {}
        for number in numbers:
            held = self._messages.get(number)
            if held is None or not held.unchanged:
                return None
            found[number] = held.message
        return found

    def keep(self, record: Record) -> None:
        """Remember a checkpoint, and of the messages only what the remembered ones hold."""
        self.records[(record.ns, record.id)] = record
        self.saved.set()
        self.saved = asyncio.Event()
        self.records.move_to_end((record.ns, record.id))
        while len(self.records) > RECORDS:
            self.records.popitem(last=False)
        if len(self._messages) > 64 and len(self._messages) > 4 * record.holds.length:
            self._trim()

    def _trim(self) -> None:
        held = {n for record in self.records.values() for n in record.holds}
        self._messages = {n: m for n, m in self._messages.items() if n in held}
        self._objects = {id(of.message): n for n, of in self._messages.items()}
        self._numbers = {key: n for key, n in self._numbers.items() if n in held}
        self.ids = {of.message.id for of in self._messages.values() if of.message.id is not None}


class Memory:
    """The threads remembered, by key, the least used first to go."""

    def __init__(self, messages: int = MESSAGES, threads: int = THREADS) -> None:
        self._messages, self._limit = messages, threads
        self._threads: OrderedDict[str, Known] = OrderedDict()

    def of(self, key: str) -> Known:
        """What is known of a thread, perhaps nothing yet."""
        known = self._threads.get(key)
        if known is None:
            self._make_room()
            known = self._threads[key] = Known()
        self._threads.move_to_end(key)
        return known

    def forget(self, key: str) -> None:
        """Forget a thread."""
        self._threads.pop(key, None)

    def _make_room(self) -> None:
        held = sum(map(len, self._threads.values()))
        while self._threads and (held > self._messages or len(self._threads) >= self._limit):
            _, known = self._threads.popitem(last=False)
            held -= len(known)
