"""A thread carried to a file and back: `Archives` streams one as a document, and makes a new one of it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import anyio
from langchain_core.messages import BaseMessage, SystemMessage

from graph.bookmark import Bookmark
from graph.boughs import Boughs, named
from graph.branches import Growth
from graph.carrying import encoded, noted, written
from graph.checkpointers import PostgresCheckpointer
from graph.checkpointers.records import Record
from graph.checkpointers.references import TRANSCRIPT, numbers_in
from graph.checkpointers.runs import Runs
from graph.document import FORMAT, VERSION, Document, read
from graph.errors import InvalidInput, LongthreadError
from graph.planting import Planting
from graph.threads import Thread, Threads
from graph.tokens import count_text
from graph.transcript import Transcripts
from graph.turns import ThreadGraph

PAGE = 200
"""Messages that are read at once."""

SUMMARY, PINNED = "summary", "pinned"


class Archives:
    """The threads of a graph as files."""

    def __init__(self, graph: ThreadGraph, threads: Threads, saver: PostgresCheckpointer) -> None:
        self._graph, self._threads, self._saver = graph, threads, saver
        self._boughs, self._transcripts = Boughs(saver), Transcripts(saver)

    # Out

    async def export(self, place: Bookmark) -> AsyncIterator[bytes]:
        """The thread as JSON in parts, with all its branches; see `document`. Calls no model.

        Holds a page of messages at a time, and the ids of all; runs a statement for each page, and a few.
        Raises `ThreadNotFound` before the first part.
        """
        thread = await self._threads.get(place)
        rows, tree = await self._boughs.tree(place)
        asked = (await self._transcripts.line(place))[3]
        sheet = _Sheet(tree)
        yield _head(thread)
        async for part in self._messages(thread.number, sheet):
            yield part
        waiting = [self._saver.codec.message(row) for row in asked]
        active = next((row["id"] for row in rows if row["active"]), None)
        after = sheet.last(active)
        for part in sheet.told([(message, None) for message in waiting], after):
            yield part
        yield b'\n],"branches":['
        async for part in self._branches(place, rows, sheet, len(waiting)):
            yield part
        yield b"\n]}\n"

    async def _messages(self, thread: int, sheet: "_Sheet") -> AsyncIterator[bytes]:
        """Those of each branch that no branch before it has, after each other."""
        for growth in sheet.tree:
            above = sheet.begin(growth)
            for start in range(0, growth.own.length, PAGE):
                page = await self._transcripts.dated(thread, growth.own.cut(start, start + PAGE))
                said = [(self._saver.codec.message(row), created) for row, created in page]
                for part in sheet.told(said, above):
                    yield part
                above = sheet.keys[-1] if said else above

    async def _branches(
        self, place: Bookmark, rows: Sequence[Mapping[str, Any]], sheet: "_Sheet", waiting: int
    ) -> AsyncIterator[bytes]:
        last = sheet.keys[len(sheet.keys) - waiting :]
        of = {row["id"]: row for row in rows}
        first = True
        for growth in sheet.tree:
            active = bool(of[growth.tip]["active"])
            if not growth.line.length and not (active and last):
                continue
            window, pins, summary = await self._state(place, of[growth.tip], growth)
            branch = {
                "tip": last[-1] if active and last else sheet.last(growth.tip),
                "name": named(growth.own, rows[0]),
                "active": active,
                "window": [*sheet.at(growth, window), *(last if active else ())],
                "summary": noted(summary, sheet.taken) if summary else None,
                "pinned": sheet.at(growth, pins),
            }
            yield (b"\n" if first else b",\n") + encoded(branch)
            first = False
        if not sheet.tree and last:  # a question that nobody has answered yet
            yield b"\n" + encoded({"tip": last[-1], "name": "", "active": True, "window": last})

    async def _state(
        self, place: Bookmark, row: Mapping[str, Any], growth: Growth
    ) -> tuple[Sequence[int], Sequence[int], BaseMessage | None]:
        """The numbers of a tip's window, those of what is pinned, and its summary."""
        if row["body"] is None:
            return await self._stock_state(place, growth)
        record = Record.read(id=row["id"], parent=None, ns="", body=row["body"], metadata=None)
        window = list(numbers_in(record.values.get(TRANSCRIPT, [])))
        pins = list(numbers_in(record.values.get(PINNED, [])))
        summary = Runs.of(numbers_in(record.values.get(SUMMARY, [])))
        if not summary.length:
            return window, pins, None
        said = await self._transcripts.said(row["number"], summary.cut(0, 1))
        messages = [self._saver.codec.message(kept) for kept in said.values()]
        return window, pins, next((m for m in messages if isinstance(m, SystemMessage)), None)

    async def _stock_state(
        self, place: Bookmark, growth: Growth
    ) -> tuple[Sequence[int], Sequence[int], BaseMessage | None]:
        """The same of a tip that the stock saver wrote, which knows of no pins."""
        values = (await self._graph.aget_state(place.at(growth.tip).config)).values
        length, held = growth.line.length, len(values.get(TRANSCRIPT) or ())
        summary = values.get(SUMMARY)
        window = list(growth.line.cut(max(0, length - held), length))
        return window, [], summary if isinstance(summary, SystemMessage) else None

    # In

    async def load(self, user_id: str, data: bytes) -> Bookmark:
        """Make a new thread of a document: its branches with their names, windows and summaries, its title
        and tags. It is neither pinned nor archived, and what it used is not counted again.

        It is in no list before it is whole, and nothing of it stays where that fails. Raises `InvalidInput`,
        before anything is stored, for what is no such document or cannot be kept.
        """
        document, messages = await anyio.to_thread.run_sync(read, data)
        self._check_summaries(document)
        planting = Planting(self._graph, self._threads, self._saver)
        place = await planting.begin(user_id)
        try:
            await planting.grow(place, document, messages)
            if document.title.strip():
                await self._threads.rename(place, document.title)
            await self._threads.tag(place, document.tags)
            await planting.publish(place)
        except BaseException:
            with anyio.CancelScope(shield=True), suppress(LongthreadError):
                await self._threads.delete(place)  # else it is swept: it is a temporary one
            raise
        return place

    def _check_summaries(self, document: Document) -> None:
        most = self._graph.settings.budget.summary
        for branch in document.branches:
            if branch.summary and (needs := count_text(branch.summary.text)) > most:
                raise InvalidInput(
                    f"A summary in this file needs about {needs:,} tokens and may have {most:,} here. Raise "
                    "LONGTHREAD_TOKEN_BUDGET, or shorten it where it was exported."
                )


@dataclass
class _Sheet:
    """Where each message of a tree stands in the document: `keys` are their ids there, in its order."""

    tree: Sequence[Growth]
    keys: list[str | int] = field(default_factory=list[str | int])
    taken: set[str | int] = field(default_factory=set[str | int])
    begins: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        self._of = {growth.tip: growth for growth in self.tree}

    def begin(self, growth: Growth) -> str | int | None:
        """The messages of a branch's own come next; the key of the one that they go on from."""
        self.begins[growth.tip] = len(self.keys)
        return self._key(self._of[growth.parent or ""], growth.at - 1) if growth.at else None

    def told(
        self, said: Sequence[tuple[BaseMessage, datetime | None]], parent: str | int | None
    ) -> list[bytes]:
        """Messages, each after the other, as parts of the document."""
        parts = list[bytes]()
        for message, created in said:
            own = message.id is not None and message.id not in self.taken
            key = cast("str", message.id) if own else len(self.keys)
            about = {"id": key, "parent": parent, **written(message)}
            about |= {"created": created.isoformat()} if created else {}
            parts.append((b",\n" if self.keys else b"\n") + encoded(about))
            self.keys.append(key)
            self.taken.add(key)
            parent = key
        return parts

    def last(self, tip: str | None) -> str | int | None:
        """The key of the message at a tip."""
        growth = self._of.get(tip or "")
        return self._key(growth, growth.line.length - 1) if growth and growth.line.length else None

    def at(self, growth: Growth, numbers: Sequence[int]) -> list[str | int]:
        """The keys of these messages of a branch."""
        places = (growth.line.position(number) for number in numbers)
        return [self._key(growth, place) for place in places if place is not None]

    def _key(self, growth: Growth, place: int) -> str | int:
        """Of what stands at a place of a branch: its own, or that of one that it grew from."""
        while place < growth.at:
            growth = self._of[growth.parent or ""]
        return self.keys[self.begins[growth.tip] + place - growth.at]


def _head(thread: Thread) -> bytes:
    about = {"format": FORMAT, "version": VERSION, "title": thread.title, "tags": list(thread.tags)}
    about["created"] = thread.created.isoformat()
    return encoded(about).removesuffix(b"}") + b',"messages":['
