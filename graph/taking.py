"""A turn in its thread: `TurnTaking`, a compiled graph that takes a thread before it runs.

A turn holds its thread by a lease, so that in all processes together a thread answers one question at a time,
and a question that was answered is not asked again: its answer is given again.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START
from langgraph.graph.state import CompiledStateGraph

from graph.admission import LEASE, Admits, Admitted, Answered, Leased, Request
from graph.answered import parts as given_again
from graph.bookmark import Bookmark, configurable, with_places
from graph.context import Context
from graph.errors import ModelRefused, StoreUnavailable
from graph.queueing import in_line, strategy_of
from graph.settings import Settings
from graph.state import Question, State

LENT = "__pregel_checkpointer"
"""Where LangGraph looks for the saver of one run."""

INTERRUPT = "__interrupt__"

STEPPING = ("durability", "interrupt_before", "interrupt_after")
"""Options of a run whose steps are stored as they come."""


class TurnTaking(CompiledStateGraph[State, Context, Question, State]):
    """A compiled graph whose runs and changes have their thread for themselves.

    Raises, before anything is stored: `ThreadBusy`, `ThreadDeleted`, `IdempotencyConflict`; and `StaleWriter`
    where somebody else has the thread by the time that something is to be stored.
    """

    settings: Settings
    afterwards: Sequence[str] | None

    def saves(self, config: Mapping[str, Any] | None) -> bool:
        """Whether what a run does is stored."""
        return isinstance(self.checkpointer, BaseCheckpointSaver) or LENT in configurable(config)

    async def steps(self, input: Any, config: Any, options: Mapping[str, Any]) -> AsyncGenerator[Any]:
        """A run as LangGraph's, each step stored before the next one starts, unless asked."""
        if self.saves(config) and options.get("durability") is None:
            options = {**options, "durability": "sync"}
        stream: Any = super().astream(input, config, **options)
        async with aclosing(stream):
            async for part in stream:
                yield part

    def gives(self, config: Mapping[str, Any] | None) -> Admits | None:
        """The saver that a thread has to be taken from; none inside a run, which has its thread already."""
        places = {**configurable(self.config), **configurable(config)}
        saver = places.get(LENT) or cast("Any", self).checkpointer
        if LEASE in places or places.get("checkpoint_ns") or not hasattr(saver, "admit"):
            return None
        return cast("Admits", saver)

    async def taken(
        self, saver: Admits, input: Any, config: RunnableConfig | None, options: dict[str, Any]
    ) -> AsyncGenerator[Any]:
        """A turn, once its thread is free; or its answer, where it was answered before."""
        places = {**configurable(self.config), **configurable(config)}
        place, asked = Bookmark.of({"configurable": places}), _Asked.of(input, places)
        context = options["context"] = Context.of(options.get("context"))
        turn = await self._admitted(saver, place, asked, places, options)
        if context.admitted:
            context.admitted()
        if isinstance(turn, Answered):
            values = await self._values_after(turn, place)
            for part in given_again(turn.messages, values, self.stream_mode, options):
                yield part
            return
        plain = cast("Admitted", turn) if hasattr(turn, "questions") else None
        lease = plain.lease if plain else cast("Leased", turn)
        lease.heard, lease.words = context.stop.set, context.words
        parts = (
            self._turn(plain, config, options) if plain else self._leased(lease, asked.input, config, options)
        )
        try:
            async with aclosing(parts):
                async for part in parts:
                    yield part
        except ModelRefused:
            if plain:
                with suppress(StoreUnavailable):
                    await saver.refuse(place, plain)
            raise
        finally:
            if plain and lease.undone:
                await saver.undo(place, plain)
            await saver.end(lease)

    async def _admitted(
        self,
        saver: Admits,
        place: Bookmark,
        asked: "_Asked",
        places: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> Admitted | Leased | Answered:
        wakes = self._woken() if LENT not in places else []
        plain = wakes and asked.plain and not any(options.get(option) for option in STEPPING)
        questions = asked.messages if plain else list(filter(None, [asked.question]))
        request = Request(questions, wakes, asked.request) if questions else None

        async def attempt() -> Admitted | Leased | Answered:
            if plain and request and (turn := await saver.admit(place, request)):
                return turn
            return await saver.take(place, request)

        strategy = strategy_of(places.get("multitask_strategy") or self.settings.multitask_strategy)
        return await in_line(saver, place, attempt, strategy, self.settings.turn_wait)

    async def _values_after(self, answered: Answered, place: Bookmark) -> Mapping[str, Any]:
        if answered.checkpoint_id is None:
            return {"messages": answered.messages}
        return (await super().aget_state(place.at(answered.checkpoint_id).config)).values

    def _woken(self) -> list[str]:
        """The channels that a question starts; none for a graph whose steps are stored as they come."""
        interrupts = self.interrupt_before_nodes or self.interrupt_after_nodes
        if (
            self.afterwards is None
            or interrupts
            or any(cast("Any", node).subgraphs for node in self.nodes.values())
        ):
            return []
        return [f"branch:to:{end}" for start, end in self.builder.edges if start == START]

    async def _turn(
        self, turn: Admitted, config: RunnableConfig | None, options: Mapping[str, Any]
    ) -> AsyncGenerator[Any]:
        """Answer, store it in one statement, and only then do what comes afterwards."""
        places = configurable(config)
        turn.afterwards = list(self.afterwards or ())
        first: Any = {**(config or {}), "configurable": {**places, LENT: turn, LEASE: turn.lease}}
        later = {"durability": "exit", "interrupt_before": turn.afterwards}
        stream: Any = self.steps({"messages": turn.questions}, first, {**options, **later})
        async with aclosing(stream):
            async for part in stream:
                if not _pauses(part):
                    yield part
        if not turn.waits():
            return
        turn.lease.last = True
        places.pop("checkpoint_id", None)
        then: Any = {**(config or {}), "configurable": {**places, LEASE: turn.lease}}
        async with aclosing(self.steps(None, then, {**options, "durability": "exit"})) as rest:
            async for part in rest:
                yield part

    async def _leased(
        self, lease: Leased, input: Any, config: RunnableConfig | None, options: Mapping[str, Any]
    ) -> AsyncGenerator[Any]:
        """A turn whose steps are stored as they come; nothing, where another has finished it meanwhile."""
        held = with_places(config or {}, **{LEASE: lease})
        input = None if lease.resumes else input
        if input is None and not (await super().aget_state(held)).tasks:
            return
        async with aclosing(self.steps(input, held, options)) as parts:
            async for part in parts:
                yield part

    @asynccontextmanager
    async def holding(self, config: RunnableConfig) -> AsyncIterator[RunnableConfig]:
        """The config of a change that nobody else's comes between."""
        saver = self.gives(config)
        if saver is None:
            yield config
            return
        place = Bookmark.of({"configurable": {**configurable(self.config), **configurable(config)}})
        wait = self.settings.turn_wait
        lease = cast("Leased", await in_line(saver, place, lambda: saver.take(place, None), "enqueue", wait))
        try:
            yield with_places(config, **{LEASE: lease})
        finally:
            await saver.end(lease)


@dataclass(frozen=True)
class _Asked:
    """What a turn is asked: its `input`, whose last human message is the `question`. It is `plain` if it is
    messages and nothing else, and all of them human. `request` names it, where the question's id does not."""

    input: Any
    messages: Sequence[BaseMessage]
    question: BaseMessage | None
    plain: bool
    request: str | None = None

    @classmethod
    def of(cls, input: Any, places: Mapping[str, Any]) -> "_Asked":
        """Messages get ids, and a question without one the request's. Raises `InvalidInput`."""
        if not isinstance(input, Mapping):
            return cls(input, (), None, False)
        values = cast("Mapping[str, Any]", input)
        messages: list[BaseMessage] = values["messages"]
        human = [message for message in messages if isinstance(message, HumanMessage)]
        request = places.get("request_id")
        if request is not None:
            request = Bookmark(str(request)).thread_id  # as every id: not blank, storable, not too long
        if human:
            human[-1].id = human[-1].id or request
        for message in human:
            message.id = message.id or str(uuid4())
        if not human or request == human[-1].id:
            request = None
        plain = len(human) == len(messages) and len(values) == 1
        return cls(values, messages, human[-1] if human else None, plain, request)


def _pauses(part: Any) -> bool:
    """Whether a part of the stream says no more than that something comes afterwards."""
    said: Any = cast("tuple[Any, ...]", part)[-1] if isinstance(part, tuple) else part
    if isinstance(said, dict) and "data" in said:
        said = cast("dict[str, Any]", said)["data"]
    return isinstance(said, dict) and cast("dict[str, Any]", said).get(INTERRUPT) == ()
