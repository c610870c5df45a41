"""What a write adds to a thread: `Draft`, which gives numbers to messages that have none. Pure."""

import hashlib
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.serde.base import SerializerProtocol

from graph.checkpointers.ids import short
from graph.checkpointers.memory import Known
from graph.checkpointers.packing import pack
from graph.checkpointers.references import Stored, numbers_in, take
from graph.checkpointers.rows import Codec, MessageRow
from graph.checkpointers.runs import Runs
from graph.checkpointers.statements import FEW
from graph.checkpointers.watching import fingerprint

LARGE = 1024
"""Bytes above which a value is a row of its own, stored once however many checkpoints hold it."""


class Draft:
    """The rows that one write adds. `known.learn` them once they are stored, and not before."""

    def __init__(self, known: Known, codec: Codec) -> None:
        self._known = known
        self._codec = codec
        self._next, self._below = known.next, known.below
        self._mine: dict[tuple[str | None, int], int] = {}
        self.messages: dict[int, BaseMessage] = {}
        self.prints: dict[int, int] = {}
        self.large: dict[bytes, Stored] = {}

    @property
    def serde(self) -> SerializerProtocol:
        """What values are written with."""
        return self._codec.serde

    def number(self, message: BaseMessage, spoken: bool) -> int:
        """The number of a message, a new one if it is not stored yet."""
        if (stored := self._known.number_of(message)) is not None:
            return stored
        mark = fingerprint(message)
        stored = self._known.number_like(message, mark)
        if stored is None:
            stored = self._mine.get((message.id, mark))
        if stored is not None:
            return stored
        number = self._next if spoken else self._below
        if spoken:
            self._next += 1
        else:
            self._below -= 1
        self._mine[(message.id, mark)] = number
        self.messages[number], self.prints[number] = message, mark
        return number

    def id_of(self, number: int) -> str | None:
        """LangChain's id of a message that is remembered or drafted."""
        message = self.messages.get(number) or self._known.message(number)
        return message.id if message else None

    def heard(self, numbers: Iterable[int]) -> dict[str, int]:
        """Of these numbers, by id, those whose id was known before the draft."""
        ids = ((self.id_of(number), number) for number in numbers)
        return {id: number for id, number in ids if id is not None and id in self._known.ids}

    def value(self, channel: str, value: Any) -> Stored:
        """A value as it is stored."""
        stored = take(channel, value, self.number, self.serde)
        if stored[0] in ("v", "h") and len(stored[2]) > LARGE:
            packed = pack(stored)
            digest = hashlib.blake2b(packed, digest_size=16).digest()
            self.large[digest] = stored
            return ["d", digest, list(Runs.of(sorted(set(numbers_in(stored)))).flat)]
        return stored

    @cached_property
    def unheard(self) -> list[str]:
        """The ids of new messages under which nothing is known to be stored."""
        return [m.id for m in self.messages.values() if m.id is not None and m.id not in self._known.ids]

    @cached_property
    def rows(self) -> list[MessageRow]:
        """The rows of the new messages."""
        return [self._codec.row(message) for message in self.messages.values()]

    @property
    def stored(self) -> dict[int, BaseMessage]:
        """The new messages as they will be read, whoever goes on holding what was written."""
        pairs = zip(self.messages.items(), self.rows, strict=True)
        return {number: self._codec.copy(message, row) for (number, message), row in pairs}

    def parameters(self) -> dict[str, Any]:
        """Of the rows of messages and of large values, as the statements name them."""
        values: dict[str, Any] = {}
        if self.large:
            values["digests"] = Runs.literal_of(digest.hex() for digest in self.large)
            values["larges"] = [pack(stored) for stored in self.large.values()]
        if len(self.messages) > FEW:
            values |= {
                "numbers": Runs.literal_of(self.messages),
                "types": [row.type for row in self.rows],
                "ids": [row.key for row in self.rows],
                "texts": [row.text for row in self.rows],
                "bodies": [row.body or b"" for row in self.rows],
            }
        else:
            for n, (number, row) in enumerate(zip(self.messages, self.rows, strict=True)):
                values |= {f"number_{n}": str(number), f"type_{n}": row.type, f"id_{n}": row.key}
                values |= {f"text_{n}": row.text, f"body_{n}": row.body or b""}
        unheard = [short(id) for id in self.unheard]
        return values | {"unheard": unheard} | {f"unheard_{n}": id for n, id in enumerate(unheard[:FEW])}
