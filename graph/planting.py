"""A document written into a new thread, branch by branch, through LangGraph's own updates: `Planting`.

The thread is a temporary one until it is whole. Where branches part, and before each of its last questions,
there is a checkpoint that holds what came before and no more, so that something else can be said there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from langchain_core.messages import BaseMessage, RemoveMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import StateUpdate

from graph.bookmark import Bookmark, with_places
from graph.checkpointers import PostgresCheckpointer
from graph.document import Branch, Document, Key, Message
from graph.errors import InvalidInput
from graph.inputs import can_be_pinned
from graph.tables import Tables, owned
from graph.threads import Threads
from graph.turns import ThreadGraph

CHUNK = 200
"""Messages that one update writes, and that the window has while the thread is written."""

QUESTIONS = 50
"""Of a branch's own: its last, before each of which there is a checkpoint."""

_ALL = RemoveMessage(REMOVE_ALL_MESSAGES)
"""What is in the window leaves it. Every such message would be a row of its own, this one is one for all."""

# All of it counts as counted: what its answers cost was paid elsewhere.
_BEGIN = """
WITH begun AS (
    INSERT INTO longthread_thread (key, owner, thread_id, temporary)
    VALUES (%(key)s, %(owner)s, %(thread_id)s, true) RETURNING number
)
INSERT INTO longthread_counted (thread, high, low) SELECT number, 2147483647, -2147483648 FROM begun
"""
_PUBLISH = """
WITH published AS (
    UPDATE longthread_thread SET temporary = false WHERE owner = %(owner)s AND key = %(key)s
    RETURNING number, updated
)
UPDATE longthread_counted c SET seen = p.updated,
    high = (SELECT max(m.number) FROM longthread_message m WHERE m.thread = p.number),
    low = (SELECT least(min(m.number), 0) FROM longthread_message m WHERE m.thread = p.number)
FROM published p WHERE c.thread = p.number
"""


@dataclass
class _Grown:
    """What of a document is in the thread that is `held`: of the `messages` that there will be, the
    checkpoints where branches part, by the last in them, with their windows; and the tips. The state is set
    in the name of a `node`."""

    held: RunnableConfig
    node: str
    messages: Mapping[Key, BaseMessage]
    root: str | None = None
    ends: dict[Key, str] = field(default_factory=dict[Key, str])
    tips: list[str] = field(default_factory=list[str])
    windows: dict[str, list[BaseMessage]] = field(default_factory=dict[str, list[BaseMessage]])


class Planting:
    """Writes documents into threads of a graph."""

    def __init__(self, graph: ThreadGraph, threads: Threads, saver: PostgresCheckpointer) -> None:
        self._graph, self._threads, self._tables = graph, threads, Tables(saver)

    async def begin(self, user_id: str) -> Bookmark:
        """A new thread of a person's, which is in no list and swept when nobody publishes it."""
        place = Bookmark(str(uuid4()), user_id)
        await self._tables.change(_BEGIN, owned(place) | {"thread_id": place.thread_id})
        return place

    async def publish(self, place: Bookmark) -> None:
        """The thread is whole: it is among its owner's."""
        await self._tables.change(_PUBLISH, owned(place))

    async def grow(self, place: Bookmark, document: Document, messages: Mapping[Key, BaseMessage]) -> None:
        """Write all of it, and make the branch that was active so again. Raises `InvalidInput` for a graph
        whose state cannot be set without that something runs."""
        node = self._quiet()
        async with self._graph.holding(place.config) as held:
            grown = _Grown(held, node, messages)
            for branch, own, base, parted in _plan(document):
                at = grown.ends[base] if base is not None else await self._root(place, own[0], grown)
                at = await self._write(grown, own, at, parted)
                grown.tips.append(await self._finish(grown, branch, at))
        active = next(at for at, branch in enumerate(document.branches) if branch.active)
        await self._threads.switch(place.at(grown.tips[active]))
        await self._name(place, document, grown)

    async def _root(self, place: Bookmark, first: Message, grown: _Grown) -> str | None:
        """Where a conversation begins: nowhere, for the first branch of the thread, which begins with
        `first`; for another the moment before that."""
        if grown.root is None:
            grown.root = grown.messages[first.id].id
            return None
        before = await self._threads.before(place.at(grown.tips[0]), grown.root or "")
        return before.checkpoint_id

    async def _write(
        self, grown: _Grown, own: Sequence[Message], at: str | None, parted: "set[Key]"
    ) -> str | None:
        """The messages of a branch's own after the checkpoint `at`; the checkpoint that holds them all."""
        window = grown.windows.get(at or "", [])
        for chunk in _chunks(own, parted):
            said = [grown.messages[message.id] for message in chunk]
            over, window = len(window) + len(said) > CHUNK, [*window, *said][-CHUNK:]
            at = await self._update(grown, at, {"messages": [_ALL, *window] if over else said})
            if chunk[-1].id in parted:
                grown.ends[chunk[-1].id], grown.windows[at] = at, window
        return at

    async def _finish(self, grown: _Grown, branch: Branch, at: str | None) -> str:
        """The branch's own tip: its window and its summary."""
        window = [grown.messages[key] for key in branch.window]
        update: dict[str, Any] = {"messages": [_ALL, *window]}
        pinned = [pin for key in branch.pinned if can_be_pinned(pin := grown.messages[key])]
        if pinned and "pinned" in self._graph.channels:
            update["pinned"] = pinned
        if branch.summary and "summary" in self._graph.channels:
            through = branch.summary.through
            last = grown.messages[through].id if through is not None else None
            update["summary"] = branch.summary.message(str(uuid4()), last)
        return await self._update(grown, at, update)

    async def _update(self, grown: _Grown, at: str | None, update: Mapping[str, Any]) -> str:
        """LangGraph's own, without our check of what a prompt may hold: nothing of this is asked."""
        config = with_places(grown.held, checkpoint_id=at) if at else grown.held
        step = [StateUpdate(dict(update), grown.node)]
        there = await super(ThreadGraph, self._graph).abulk_update_state(config, [step])
        return Bookmark.of(there).checkpoint_id or ""

    async def _name(self, place: Bookmark, document: Document, grown: _Grown) -> None:
        firsts = {bough.tip: bough.first for bough in await self._threads.branches(place)}
        for tip, branch in zip(grown.tips, document.branches, strict=True):
            first = firsts.get(tip)
            if branch.name and first is not None:
                await self._threads.name_branch(place, first, branch.name)

    def _quiet(self) -> str:
        """A node after which nothing comes, in whose name the state is set."""
        ends = {start for start, end in self._graph.builder.edges if end == END}
        goes_on = {start for start, end in self._graph.builder.edges if end != END}
        quiet = sorted(ends - goes_on - set(self._graph.builder.branches))
        if not quiet or "messages" not in self._graph.channels:
            raise InvalidInput("This graph has no last node, so that no thread can be made of a file for it.")
        return quiet[-1]


Planned = tuple[Branch, Sequence[Message], Key | None, "set[Key]"]
"""A branch, its messages that no branch before has, the one that they go on from, and where others do."""


def _plan(document: Document) -> Iterator[Planned]:
    """The branches in their order: of the versions at a place the first that is written is the first."""
    messages = {message.id: message for message in document.messages}
    done, ways = set[Key](), list[tuple[Branch, Sequence[Message], Key | None]]()
    for branch in document.branches:
        own = list[Message]()
        key: Key | None = branch.tip
        while key is not None and key not in done:
            own.append(messages[key])
            key = messages[key].parent
        done |= {message.id for message in own}
        ways.append((branch, own[::-1], key))
    parted = {base for _, _, base in ways if base is not None}
    return ((branch, own, base, parted) for branch, own, base in ways)


def _chunks(own: Sequence[Message], parted: "set[Key]") -> Iterator[Sequence[Message]]:
    """The messages as they are written: up to each place where something else can be said."""
    asked = [at for at, message in enumerate(own) if message.type == "human"][-QUESTIONS:]
    ends = {*asked, *(at + 1 for at, message in enumerate(own) if message.id in parted), len(own)}
    start = 0
    for end in sorted(ends - {0}):
        for low in range(start, end, CHUNK):
            yield own[low : min(low + CHUNK, end)]
        start = end
