"""Messages that are pinned, so that they are always sent whole, whatever is folded: `Pins`.

A pin is a checkpoint of its own, in which the channel `pinned` points at the message; it is stored once.
"""

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from graph.bookmark import Bookmark
from graph.budget import scaled
from graph.checkpointers.records import ACT
from graph.errors import InvalidInput, ThreadBusy
from graph.inputs import can_be_pinned
from graph.summaries import NODE
from graph.tokens import correction, count
from graph.transcript import Transcripts
from graph.turns import ThreadGraph

CHANNEL = "pinned"


class Pins:
    """The pinned messages of a graph's threads."""

    def __init__(self, graph: ThreadGraph, transcripts: Transcripts) -> None:
        self._graph, self._transcripts = graph, transcripts

    @property
    def possible(self) -> bool:
        """Whether the graph has a place for them: one of your own may not."""
        return CHANNEL in self._graph.channels

    async def pin(self, place: Bookmark, message_id: str) -> None:
        """Always send this message of the branch whole.

        Raises `ThreadNotFound`, `CheckpointNotFound` where it is not on the branch; `ThreadBusy` while a turn
        has the thread or a question waits; `InvalidInput` for what cannot be sent by itself, and where the
        pinned messages would have more than their share of the budget together.
        """
        message = (await self._transcripts.entry(place, message_id)).message
        if not self.possible or not can_be_pinned(message):
            raise InvalidInput("Only what a person says, and answers that call no tool, can be pinned.")
        await self._change(place, message_id, message)

    async def unpin(self, place: Bookmark, message_id: str) -> None:
        """Send the message no longer than others. Raises `ThreadNotFound`, `ThreadBusy`."""
        await self._change(place, message_id, None)

    async def _change(self, place: Bookmark, id: str, message: BaseMessage | None) -> None:
        async with self._graph.holding(place.config) as held:
            now = await self._graph.aget_state(held)
            if now.tasks:
                raise ThreadBusy
            before: list[BaseMessage] = now.values.get(CHANNEL) or []
            pinned = [each for each in before if each.id != id]
            if message is not None:
                pinned = await self._ordered(place, [*pinned, message])
                self._fits(pinned, now.values.get("messages") or [])
            if [each.id for each in pinned] != [each.id for each in before]:
                told = {**held.get("metadata", {}), ACT: "unpin" if message is None else "pin"}
                config: RunnableConfig = {**held, "metadata": told}
                await self._graph.aupdate_state(config, {CHANNEL: pinned}, as_node=NODE)

    async def _ordered(self, place: Bookmark, pinned: list[BaseMessage]) -> list[BaseMessage]:
        """As they stand in the conversation."""
        thread, line, _, _ = await self._transcripts.line(place)
        places = await self._transcripts.positions(thread, line, [str(each.id) for each in pinned])
        return sorted(pinned, key=lambda each: places.get(str(each.id), -1))

    def _fits(self, pinned: list[BaseMessage], window: list[BaseMessage]) -> None:
        budget = self._graph.settings.budget
        needs = scaled(sum(map(count, pinned)), correction(window))
        if needs > budget.pinned:
            raise InvalidInput(
                f"Pinned messages may have {budget.pinned:,} tokens together; with this one they would have "
                f"{needs:,}. Unpin another first, or ask for what matters in it in fewer words and pin that."
            )
