"""Who may answer in a thread, and what: `Admitting` takes the thread for a turn, or tells why it cannot.

A turn holds its thread by a lease. A plain one also makes its questions durable, in the same round trip. The
id of its last question is the request's: what was answered already is not asked again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.base.id import uuid6

from graph.admission import Answered, Request
from graph.bookmark import Bookmark
from graph.checkpointers.answers import Answers
from graph.checkpointers.asked import Asked
from graph.checkpointers.attempts import CROWDED, TRIES, Attempts
from graph.checkpointers.ids import short
from graph.checkpointers.leases import Lease, Leases
from graph.checkpointers.memory import Known, Memory
from graph.checkpointers.reader import NOTHING, Found, Reader
from graph.checkpointers.rows import Codec
from graph.checkpointers.statements import DIGEST, LEAVING, asking, taking
from graph.errors import IdempotencyConflict, StoreUnavailable, ThreadBusy, ThreadDeleted
from graph.titles import TITLE, shorten

_NAMED = f"""
SELECT message, asked::text AS asked FROM longthread_request
WHERE thread = %s AND request = {DIGEST.format("%s")}
""".encode()


@dataclass(frozen=True)
class Admission:
    """A plain turn's: its `lease`, what it goes on from, and earlier questions without an answer."""

    lease: Lease
    base: CheckpointTuple | None
    waiting: list[BaseMessage]


class Admitting:
    """Admits turns to threads."""

    def __init__(
        self, memory: Memory, codec: Codec, reader: Reader, attempts: Attempts, leases: Leases
    ) -> None:
        self._memory = memory
        self._codec = codec
        self._reader = reader
        self._attempts = attempts
        self._leases = leases
        self._answers = Answers(codec, reader)

    async def admit(self, place: Bookmark, request: Request) -> Admission | Answered | None:
        """Take the thread and make questions durable, in the round trip that makes sure that what is
        remembered is the newest, or after one that reads it. None where only a checkpoint can keep them.

        Raises `ThreadBusy`, `ThreadDeleted` and `IdempotencyConflict`.
        """
        lease, name, since, again = Lease(), request.name, None, False
        async with self._memory.of(place.key).alone():
            base = self._remembered(place)
            for tried in range(TRIES):
                noted = base is None
                if base is None:
                    base = await self._reader.find(place, "", place.checkpoint_id)
                    self._free(place, lease)
                known = self._memory.of(place.key)
                waiting = known.asked
                if waiting and known.lease == lease.token:  # asked, and the reply was lost
                    return await self._admitted(place, lease, base, waiting.but(request.questions))
                elsewhere = waiting is not None and place.checkpoint_id not in (None, waiting.parent)
                if known.stock or elsewhere or (place.checkpoint_id and base is None):
                    return None
                if tried and name:
                    name, since = await self._recalled(known, name, request.question)
                if tried and await self._answers.knows(place, known, request.question):
                    answered = await self._answers.to(place, known, request.question, since)
                    if answered or not place.checkpoint_id:
                        return answered
                    again = True
                if await self._ask(place, known, lease, request, name=name, noted=noted, again=again):
                    return await self._admitted(place, lease, base, waiting)
                base = None
        raise StoreUnavailable(CROWDED)

    async def take(self, place: Bookmark, request: Request | None) -> Lease | Answered:
        """Take the thread for a turn whose steps are stored as they come; raises as `admit`.

        The lease `resumes` where the question is stored and has no answer.
        """
        lease, resumes, name = Lease(), False, request.name if request else None
        question = request.question if request else None
        async with self._memory.of(place.key).alone():
            if not self._memory.of(place.key).read:
                await self._reader.find(place.at(None), "", None)
            for tried in range(TRIES):
                known = self._memory.of(place.key)
                if tried:
                    self._free(place, lease)
                if tried and name and question:
                    name, _ = await self._recalled(known, name, question)
                if tried and question and known.thread and await self._answers.knows(place, known, question):
                    if answered := await self._answers.to(place.at(None), known, question):
                        return answered
                    resumes = True
                mine = tried and known.lease == lease.token
                if mine or await self._take(place, known, lease, None if resumes else question, name):
                    self._leases.hold(lease, known.thread or 0)
                    lease.resumes = resumes
                    return lease
        raise StoreUnavailable(CROWDED)

    async def undo(self, place: Bookmark, lease: Lease, questions: Sequence[BaseMessage]) -> None:
        """Take questions of a turn back. Nothing, where another has the thread already."""
        async with self._memory.of(place.key).alone():
            known = self._memory.of(place.key)
            await self._leave(place, lease, known.asked.but(questions) if known.asked else None)

    async def withdraw(self, place: Bookmark) -> list[BaseMessage]:
        """Take back every question that waits for an answer; what they were. Raises `ThreadBusy`."""
        lease = cast("Lease", await self.take(place, None))
        try:
            async with self._memory.of(place.key).alone():
                await self._reader.find(place.at(None), "", None)
                waiting = self._memory.of(place.key).asked
                await self._leave(place, lease, None)
        finally:
            await self._leases.end(lease)
        return [self._codec.message(row) for row in waiting.rows] if waiting else []

    async def refuse(self, place: Bookmark, lease: Lease, questions: Sequence[BaseMessage]) -> None:
        """Note that a model would not answer these. Nothing, where another has the thread already."""
        async with self._memory.of(place.key).alone():
            if asked := self._memory.of(place.key).asked:
                ids = {question.id for question in questions if question.id}
                await self._leave(place, lease, replace(asked, refused=asked.refused | ids))

    async def _leave(self, place: Bookmark, lease: Lease, left: Asked | None) -> None:
        """Let these questions wait, and no others."""
        known = self._memory.of(place.key)
        values = {
            "lease": lease.token,
            "asked": left.pack() if left else None,
            "asked_id": left.id if left else None,
            "on": left.parent if left else None,
        }
        if await self._attempts.made(place, LEAVING, known, None, values):
            known.asked = left

    async def _recalled(
        self, known: Known, name: str, question: BaseMessage
    ) -> tuple[str | None, str | None]:
        """The request's name, if it is new; else None and since when it was asked, and the question has the
        id that it had the first time."""
        rows = await self._reader.rows(_NAMED, (known.thread, name))
        if not rows:
            return name, None
        question.id = rows[0]["message"]
        return None, rows[0]["asked"]

    def _free(self, place: Bookmark, lease: Lease) -> None:
        """Raise where the thread, as it was just read, is somebody else's, or no more."""
        known = self._memory.of(place.key)
        if known.deleted:
            raise ThreadDeleted
        if known.busy and known.lease != lease.token:
            raise ThreadBusy

    def _remembered(self, place: Bookmark) -> Found | None:
        """The tip of the active branch, if it is remembered and nothing waits there."""
        known = self._memory.of(place.key)
        if place.checkpoint_id or known.asked or not known.thread:
            return None
        seen, held = self._reader.remembered(known, "", None)
        return Found(known.records[("", seen)], (), held, known.thread) if seen else None

    async def _ask(
        self,
        place: Bookmark,
        known: Known,
        lease: Lease,
        request: Request,
        *,
        name: str | None,
        noted: bool,
        again: bool,
    ) -> bool:
        asked, question = self._asked(place, known, request), request.question
        first = str(request.questions[0].text)
        title = "" if known.titled or not self._codec.readable else shorten(first, TITLE)
        statement = asking(
            known=known.thread is not None,
            fork=place.checkpoint_id is not None,
            noted=noted,
            titles=bool(title),
            again=again,
            names=name is not None,
        )
        values = {
            "lease": lease.token,
            "request": name,
            "message": question.id,
            "seen": known.head,
            "asked": asked.pack(),
            "asked_id": asked.id,
            "on": asked.parent,
            "title": title,
            "unheard_0": short(question.id or ""),
        }
        if not await self._attempts.made(place, statement, known, None, values):
            return False
        known.asked, known.titled = asked, known.titled or bool(title)
        return True

    def _asked(self, place: Bookmark, known: Known, request: Request) -> Asked:
        """What waits, and these. Raises `IdempotencyConflict`."""
        waiting = known.asked
        rows = dict.fromkeys((*(waiting.rows if waiting else ()), *map(self._codec.row, request.questions)))
        if len({row.id for row in rows}) < len(rows):
            raise IdempotencyConflict
        parent = waiting.parent if waiting else place.checkpoint_id or known.head
        mine = {question.id for question in request.questions}
        refused = waiting.refused - mine if waiting else frozenset[str]()
        return Asked(tuple(rows), str(uuid6(clock_seq=-2)), parent, tuple(request.wakes), refused)

    async def _take(
        self,
        place: Bookmark,
        known: Known,
        lease: Lease,
        question: BaseMessage | None,
        name: str | None,
    ) -> bool:
        values: dict[str, Any] = {"lease": lease.token, "request": name, "asked_id": None}
        if question:
            values |= {"unheard_0": short(question.id or ""), "message": question.id}
        names = name is not None and question is not None
        statement = taking(known=known.thread is not None, asks=question is not None, names=names)
        return await self._attempts.made(place, statement, known, None, values)

    async def _admitted(
        self, place: Bookmark, lease: Lease, base: Found | None, waiting: Asked | None
    ) -> Admission:
        self._leases.hold(lease, self._memory.of(place.key).thread or 0)
        real = replace(base, asked=None) if base and base.record is not NOTHING else None
        return Admission(
            lease,
            await self._reader.base_tuple(place, real) if real else None,
            [self._codec.message(row) for row in waiting.hopeful] if waiting else [],
        )
