"""What a person does to a thread's summary: take its last fold back, write it anew, edit it: `Summaries`.

Each is a checkpoint of its own after those that there are; nothing that is stored is changed.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.messages import BaseMessage, RemoveMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import StateSnapshot

from graph.bookmark import Bookmark
from graph.checkpointers.records import ACT
from graph.errors import CheckpointNotFound, InvalidInput, ThreadBusy
from graph.summarize import Summariser, edited, notes
from graph.tokens import correction
from graph.transcript import Transcripts
from graph.turns import ThreadGraph

PAGE = 200
"""Messages of a transcript that are read at once."""

NODE = "summarize"
"""In whose name the state is changed, so that nothing comes after it."""


class Summaries:
    """The summaries of a graph's threads.

    The thread is held from the first look to the last write, so that whoever else changes it comes before or
    after. Raises, and changes nothing then: `ThreadNotFound`; `ThreadBusy` while a turn has the thread or a
    question waits for its answer; `InvalidInput` where there is no summary.
    """

    def __init__(self, graph: ThreadGraph, transcripts: Transcripts) -> None:
        self._graph, self._transcripts = graph, transcripts

    async def undo(self, place: Bookmark) -> None:
        """Take the last fold back: its messages are in the window again, before what was said since, and the
        summary is the one before it. Again: the fold before. Calls no model.

        The next answer may be followed by a fold again, if the window is over its mark then. Raises
        `CheckpointNotFound` where the moment before the fold was pruned.
        """
        async with self._held(place) as (held, now):
            before, folded = await self._last_fold(place, now)
            window: list[BaseMessage] = now.values["messages"]
            kept = {message.id for message in window}
            back = [message for message in folded if message.id not in kept]
            update = {"summary": before, "messages": [RemoveMessage(REMOVE_ALL_MESSAGES), *back, *window]}
            await self._write(held, "undo", update)

    async def again(self, place: Bookmark, stop: asyncio.Event | None = None) -> None:
        """Have the summary written anew, from the messages that it stands for and not from itself. It stays
        as it is where `stop` is set before that is done.

        Raises `ModelError`, and `InvalidInput` where those messages cannot be told any more.
        """
        async with self._held(place) as (held, now):
            old: SystemMessage = now.values["summary"]
            messages = await self._covered(place, old)
            scale = correction(now.values["messages"])
            summariser = Summariser(self._graph.models, self._graph.settings, stop or asyncio.Event())
            if made := await summariser.anew(old, messages, scale):
                await self._write(held, "again", {"summary": made})

    async def edit(self, place: Bookmark, text: str, *, of: str | None = None) -> None:
        """Put these words in the summary's place; later folds go on from them.

        `of` is the id of the summary that they are meant for, where somebody has thought about them for a
        while. Raises `InvalidInput` where it is another by now, and for a text that is blank, cannot be
        stored, or has more tokens than a summary may have.
        """
        async with self._held(place) as (held, now):
            old: SystemMessage = now.values["summary"]
            if of is not None and of != old.id:
                raise InvalidInput(
                    "The summary has changed since you began to edit it, so yours was not put in its place. "
                    "Look at the new one, and edit that."
                )
            made = edited(old, text, correction(now.values["messages"]), self._graph.settings.budget)
            await self._write(held, "edit", {"summary": made})

    @asynccontextmanager
    async def _held(self, place: Bookmark) -> AsyncIterator[tuple[RunnableConfig, StateSnapshot]]:
        """The config of a change of this thread, and its state, which has a summary."""
        async with self._graph.holding(place.config) as held:
            yield held, _summarised(await self._graph.aget_state(held))

    async def _write(self, held: RunnableConfig, act: str, update: dict[str, Any]) -> None:
        """A checkpoint whose metadata say what was done."""
        told = {**held.get("metadata", {}), ACT: act}
        await self._graph.aupdate_state({**held, "metadata": told}, update, as_node=NODE)

    async def _last_fold(
        self, place: Bookmark, now: StateSnapshot
    ) -> tuple[SystemMessage | None, Sequence[BaseMessage]]:
        """The summary before the last fold on the way to `now`, and the messages that it folded."""
        folds = _noted(now.values, "folds")
        while folds:
            if now.parent_config is None:
                break
            earlier = await self._graph.aget_state(place.at(_id(now.parent_config)).config)
            if _noted(earlier.values, "folds") < folds <= _noted(now.values, "folds"):
                folded = _gone(earlier.values, now.values)
                if len(folded) != _noted(now.values, "count") - _noted(earlier.values, "count"):
                    break  # moments between the two were pruned, with some of what was folded
                return earlier.values.get("summary"), folded
            now = earlier
        raise CheckpointNotFound("This fold cannot be taken back: the moment before it is not kept any more.")

    async def _covered(self, place: Bookmark, summary: SystemMessage) -> list[BaseMessage]:
        """The messages that a summary stands for, oldest first."""
        through, found, before = notes(summary).get("through"), list[BaseMessage](), None
        while before != 0:
            page = await self._transcripts.page(place, PAGE, before)
            found = [entry.message for entry in page.entries] + found
            before = page.earlier
        ends = [at for at, message in enumerate(found, 1) if message.id == through]
        if not ends or ends[-1] != notes(summary).get("count"):
            raise InvalidInput(
                "This thread was changed from elsewhere, so that the messages of its summary cannot be told."
            )
        return found[: ends[-1]]


def _summarised(state: StateSnapshot) -> StateSnapshot:
    if state.tasks:
        raise ThreadBusy
    if state.values.get("summary") is None:
        raise InvalidInput("Nothing of this thread is folded: it has no summary.")
    return state


def _id(config: Mapping[str, Any]) -> str | None:
    return Bookmark.of(config).checkpoint_id


def _noted(values: Mapping[str, Any], name: str) -> int:
    return int(notes(values.get("summary")).get(name, 0))


def _gone(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> list[BaseMessage]:
    """The messages of the one window that are not in the other."""
    left = {message.id for message in later.get("messages") or ()}
    return [message for message in earlier.get("messages") or () if message.id not in left]
