"""One turn, however it is called: `ThreadGraph` admits what comes in, then runs it, alone in its thread.

The checks live in the graph object because everything passes it: the page, Studio's server and a stranger's
`graph.invoke` alike. There is one implementation, async; the sync calls run it on the graph's own loop.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, Self, cast

import anyio.from_thread
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, StateSnapshot, StateUpdate

from graph.admission import LEASE
from graph.approvals import Approval
from graph.bookmark import Bookmark, configurable, with_places
from graph.bridge import Bridge
from graph.budget import Budget, Prompt, choose_fold, compose, fits
from graph.context import Context
from graph.errors import CheckpointNotFound
from graph.inputs import check, check_kept, messages_in, said
from graph.model import Models
from graph.sending import Part, parts
from graph.settings import Settings
from graph.state import State
from graph.summarize import Summariser
from graph.taking import LENT, TurnTaking
from graph.tokens import count

LARGE = 4
"""A message above this part of a prompt is counted again with the thread's own correction."""


@dataclass(frozen=True)
class ContextView:
    """What the next turn would send, before the next question, within this budget.

    The question itself needs room: a long one leaves out more of the oldest messages.
    """

    prompt: Prompt
    summary: SystemMessage | None
    budget: Budget
    window: Sequence[BaseMessage] = ()
    pinned: Sequence[BaseMessage] = ()
    approvals: Sequence[Approval] = ()
    """What the graph asks of a person before it goes on; nothing for most."""

    @property
    def limit(self) -> int:
        """Tokens that a prompt may hold."""
        return self.budget.prompt

    @property
    def due(self) -> bool:
        """Whether a fold follows the next answer already: counts the window anew, so only for who looks."""
        system = cast("SystemMessage", self.prompt.messages[0])
        return choose_fold(system, self.summary, self.window, self.budget, pinned=self.pinned) is not None

    @property
    def parts(self) -> list[Part]:
        """What is sent and what is left out, a message each; counts them anew, so only for who looks."""
        return parts(self.prompt, self.summary, self.window, self.pinned)


class ThreadGraph(TurnTaking):
    """A compiled graph whose every entry checks the thread, the moment and the messages first.

    Raises, before anything is stored: `InvalidInput`, `MessageOverBudget`, `CheckpointNotFound`; and
    `WrongLoop` when a sync call would block the event loop that has to run it.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        models: Models,
        afterwards: Sequence[str] | None = None,
        bridge: Bridge | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(**attributes)
        self.settings = settings
        self.models = models
        self.afterwards = afterwards
        self.bridge = bridge

    @classmethod
    def around(
        cls,
        graph: CompiledStateGraph[Any, Any, Any, Any],
        settings: Settings,
        models: Models,
        afterwards: Sequence[str] | None = None,
    ) -> Self:
        """The same graph, with this door.

        `afterwards` names the nodes that run once the answer is stored, each in a commit of its own; the
        others make the answer, and lose nothing but time when they are cut off. None: every step is stored as
        it comes, as tools and interrupts need it.
        """
        attributes = {k: v for k, v in vars(graph).items() if k not in ("__orig_class__", "_serde_allowlist")}
        attributes |= {"settings": settings, "models": models, "afterwards": afterwards}
        return cls(**attributes)

    # What comes in

    async def admit(self, input: Any, config: Mapping[str, Any] | None, context: Any = None) -> Any:
        """The input, its messages in LangChain's form. Refuses what this graph cannot take, or not from this
        caller; nothing is stored yet."""
        if self.saves(config):
            await self._find(config)
        operator = isinstance(context, Context) and context.operator
        if isinstance(input, Mapping):
            values = cast("Mapping[str, Any]", input)
            messages = said(values.get("messages"))
            check_kept(*(value for name, value in values.items() if name != "messages"))
            await self._check(messages, config, operator=operator)
            return {**values, "messages": messages}
        if isinstance(input, Command):
            await self._check(messages_in(input.update), config, operator=operator)
        return cast("Any", input)

    async def _find(self, config: Mapping[str, Any] | None) -> Bookmark:
        place = Bookmark.of({"configurable": {**configurable(self.config), **configurable(config)}})
        lent: Any = configurable(config).get(LENT)
        saver = cast("BaseCheckpointSaver[Any] | None", lent or self.checkpointer)
        if place.checkpoint_id and saver:
            namespace = configurable(config).get("checkpoint_ns") or ""
            named = {**configurable(place.config), "checkpoint_ns": namespace}
            if await saver.aget_tuple({"configurable": named}) is None:
                raise CheckpointNotFound
        return place

    async def _check(
        self, messages: Sequence[BaseMessage], config: Mapping[str, Any] | None, *, operator: bool = True
    ) -> None:
        system, budget = SystemMessage(self.settings.system_prompt), self.settings.budget
        for message in messages:
            check(message, operator=operator)
            if not isinstance(message, HumanMessage):
                continue
            weigh = self.saves(config) and count(message) > budget.prompt // LARGE
            fits(system, message, budget, await self._window(config) if weigh else ())

    async def _window(self, config: Mapping[str, Any] | None) -> Sequence[BaseMessage]:
        snapshot = await super().aget_state(cast("RunnableConfig", config or {}))
        return snapshot.values.get("messages") or ()

    # The async calls

    async def astream(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> AsyncIterator[Any]:
        """As LangGraph's, admitted; the question is durable before the model is called, unless asked."""

        async def run() -> AsyncGenerator[Any]:
            given = await self.admit(input, config, options.get("context"))
            saver = self.gives(config)
            parts = self.taken(saver, given, config, options) if saver else self.steps(given, config, options)
            async with aclosing(parts):
                async for part in parts:
                    yield part

        async with aclosing(run()) as parts:
            async for part in self.bridge.cross_each(parts) if self.bridge else parts:
                yield part

    async def ainvoke(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> Any:
        """As LangGraph's; runs through `astream`."""
        return cast("Any", await super().ainvoke(input, config, **options))

    async def aget_state(self, config: RunnableConfig, *, subgraphs: bool = False) -> StateSnapshot:
        """As LangGraph's; raises `CheckpointNotFound` where that would give an empty state."""
        await self._find(config)
        return await super().aget_state(config, subgraphs=subgraphs)

    async def aget_state_history(
        self, config: RunnableConfig, **options: Any
    ) -> AsyncIterator[StateSnapshot]:
        """As LangGraph's."""
        await self._find(config)
        async for snapshot in super().aget_state_history(config, **options):
            yield snapshot

    async def abulk_update_state(
        self, config: RunnableConfig, supersteps: Sequence[Sequence[StateUpdate]]
    ) -> RunnableConfig:
        """As LangGraph's (and what `aupdate_state` calls), admitted."""
        await self._find(config)
        for update in (u for step in supersteps for u in step):
            await self._check(messages_in(update.values), config)
        async with self.holding(config) as held:
            there = await super().abulk_update_state(held, supersteps)
        return with_places(there, **{LEASE: None}) if LEASE in configurable(there) else there

    async def acontext(self, place: Bookmark) -> ContextView:
        """What the next turn of a thread would send. Calls no model."""
        snapshot = await self.aget_state(place.config)
        values, asked = snapshot.values, [Approval.of(interrupt) for interrupt in snapshot.interrupts]
        summary = values.get("summary")
        system = SystemMessage(self.settings.system_prompt)
        window: list[BaseMessage] = values.get("messages") or []
        pinned: list[BaseMessage] = values.get("pinned") or []
        prompt = compose(system, summary, window, self.settings.budget, pinned)
        return ContextView(prompt, summary, self.settings.budget, window, pinned, asked)

    async def atrim(self, place: Bookmark, stop: asyncio.Event | None = None) -> bool:
        """Fold all but the last exchange now. False if there was nothing to fold, or `stop` was set before
        anything was. Raises `ModelError`."""
        state = cast("State", {"messages": [], **(await self.aget_state(place.config)).values})
        summariser = Summariser(self.models, self.settings, stop or asyncio.Event())
        update = await summariser.fold(state, force=True)
        if update:
            await self.aupdate_state(place.config, update, as_node="summarize")
        return bool(update)

    # The sync calls

    def invoke(self, input: Any, config: RunnableConfig | None = None, **options: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As LangGraph's."""
        return self._wait("invoke", lambda: self.ainvoke(input, config, **options))

    def stream(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> Iterator[Any]:
        """As LangGraph's."""
        with self._loop() as bridge:
            yield from bridge.wait_each("stream", lambda: self.astream(input, config, **options))

    def get_state(self, config: RunnableConfig, *, subgraphs: bool = False) -> StateSnapshot:
        """As LangGraph's."""
        return self._wait("get_state", lambda: self.aget_state(config, subgraphs=subgraphs))

    def get_state_history(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, config: RunnableConfig, **options: Any
    ) -> Iterator[StateSnapshot]:
        """As LangGraph's."""
        with self._loop() as bridge:
            yield from bridge.wait_each(
                "get_state_history", lambda: self.aget_state_history(config, **options)
            )

    def bulk_update_state(
        self, config: RunnableConfig, supersteps: Sequence[Sequence[StateUpdate]]
    ) -> RunnableConfig:
        """As LangGraph's (and what `update_state` calls)."""
        return self._wait("update_state", lambda: self.abulk_update_state(config, supersteps))

    def _wait(self, call: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        with self._loop() as bridge:
            return bridge.wait(call, work)

    @contextmanager
    def _loop(self) -> Iterator[Bridge]:
        """The loop that this graph lives on; a bare graph has none and gets one for the call."""
        if self.bridge:
            yield self.bridge
            return
        with anyio.from_thread.start_blocking_portal() as portal:
            yield portal.call(Bridge.here_now)
