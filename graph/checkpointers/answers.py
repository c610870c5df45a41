"""What was answered already: `Answers` finds the answer to a question that is stored."""

from collections.abc import Iterable
from itertools import dropwhile, takewhile
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage

from graph.admission import Answered
from graph.bookmark import Bookmark
from graph.checkpointers.memory import Known
from graph.checkpointers.reader import Reader
from graph.checkpointers.records import Record
from graph.checkpointers.rows import Codec
from graph.checkpointers.runs import Runs
from graph.errors import IdempotencyConflict

FAR = 200
"""Messages after a question among which its answer is looked for; tools may have spoken before."""

_LINES = b"""
SELECT c.id::text AS id, c.body FROM longthread_thread t
JOIN longthread_checkpoint c ON c.thread = t.number AND c.ns = '' AND c.id = ANY (t.branches || t.head)
WHERE t.number = %(thread)s ORDER BY c.id = t.head DESC, c.id DESC
"""
_ON = b"""
SELECT id::text AS id, body FROM longthread_checkpoint
WHERE thread = %(thread)s AND ns = '' AND parent = %(parent)s::uuid
    AND (%(since)s::uuid IS NULL OR id > %(since)s::uuid)
ORDER BY id
"""
# The first that ends a run with the last of the answer.
_AT = b"""
SELECT id::text AS id FROM longthread_checkpoint
WHERE thread = %(thread)s AND ns = '' AND holds ~ %(ending)s ORDER BY id LIMIT 1
"""


class Answers:
    """Looks answers up."""

    def __init__(self, codec: Codec, reader: Reader) -> None:
        self._codec = codec
        self._reader = reader

    async def knows(self, place: Bookmark, known: Known, question: BaseMessage) -> bool:
        """Whether this question is stored. Raises `IdempotencyConflict` where another is, under its id."""
        stored = await self._reader.learn(known, [question.id] if question.id else [])
        if stored and not self._numbers(stored, question):
            raise IdempotencyConflict
        return bool(stored)

    async def to(
        self, place: Bookmark, known: Known, question: BaseMessage, since: str | None = None
    ) -> Answered | None:
        """The answer to a question that is stored; None when there is none yet.

        At a moment of the thread: the first answer there that was made `since` that checkpoint; None also
        where the question was asked elsewhere only, for that was another request.
        """
        if known.thread is None or question.id is None:
            return None
        numbers = self._numbers(await self._reader.learn(known, [question.id]), question)
        values = {"thread": known.thread, "parent": place.checkpoint_id, "since": since}
        for row in await self._reader.rows(_ON if place.checkpoint_id else _LINES, values):
            line = Record.read(id=row["id"], parent=None, ns="", body=row["body"], metadata=None).line
            for at in (at for number in numbers if (at := line.position(number)) is not None):
                if answer := await self._after(place, known.thread, line.cut(at + 1, at + 1 + FAR)):
                    return await self._answered(known.thread, answer)
        return None

    def _numbers(self, stored: dict[int, BaseMessage], question: BaseMessage) -> list[int]:
        row = self._codec.row(question)
        return [number for number, message in stored.items() if self._codec.row(message) == row]

    async def _after(self, place: Bookmark, thread: int, line: Runs) -> dict[int, BaseMessage]:
        """What was said next by nobody human."""
        said = await self._reader.messages(place, thread, [["m", list(line.flat)]])

        def human(number: int) -> bool:
            return isinstance(said[number], HumanMessage)

        numbers: Iterable[int] = dropwhile(human, line)
        return {number: said[number] for number in takewhile(lambda n: not human(n), numbers)}

    async def _answered(self, thread: int, answer: dict[int, BaseMessage]) -> Answered:
        values: dict[str, Any] = {"thread": thread, "ending": f"(^|[ :]){max(answer)}( |$)"}
        rows = await self._reader.rows(_AT, values)
        return Answered(list(answer.values()), rows[0]["id"] if rows else None)
