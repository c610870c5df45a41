"""One turn, however it is called: `ThreadGraph` admits what comes in, then runs it.

The checks live in the graph object because everything passes it: the page, Studio's server and a stranger's
`graph.invoke` alike. There is one implementation, async; the sync calls run it on the graph's own loop.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, Self, cast
from uuid import uuid4

import anyio.from_thread
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage, convert_to_messages
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StateSnapshot, StateUpdate

from graph.admission import Admitted
from graph.bookmark import Bookmark, configurable, storable
from graph.bridge import Bridge
from graph.budget import Prompt, compose, fits
from graph.context import Context
from graph.errors import CheckpointNotFound, InvalidInput
from graph.model import Models
from graph.settings import Settings
from graph.state import Question, State
from graph.summarize import fold
from graph.tokens import count

MAX_CHARACTERS = 1_000_000
"""Of one message. A prompt is far smaller; this only keeps the counting itself cheap."""

LENT = "__pregel_checkpointer"
"""Where LangGraph looks for the saver of one run."""

INTERRUPT = "__interrupt__"

LARGE = 4
"""A message above this part of a prompt is counted again with the thread's own correction."""


@dataclass(frozen=True)
class ContextView:
    """What the next turn would send, before the next question; `limit`: tokens a prompt may hold."""

    prompt: Prompt
    summary: SystemMessage | None
    limit: int


class ThreadGraph(CompiledStateGraph[State, Context, Question, State]):
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

    async def admit(self, values: Any, config: Mapping[str, Any] | None) -> None:
        """Refuse what this graph cannot take; nothing is stored yet."""
        if self._saves(config):
            await self._find(config)
        if isinstance(values, Mapping):
            await self._check(_said(cast("Mapping[str, Any]", values).get("messages")), config)

    def _saves(self, config: Mapping[str, Any] | None) -> bool:
        return isinstance(self.checkpointer, BaseCheckpointSaver) or LENT in configurable(config)

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

    async def _check(self, said: Sequence[BaseMessage], config: Mapping[str, Any] | None) -> None:
        system, budget = SystemMessage(self.settings.system_prompt), self.settings.budget
        for message in said:
            check_text(message)
            if not isinstance(message, HumanMessage):
                continue
            weigh = self._saves(config) and count(message) > budget.prompt // LARGE
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
            await self.admit(input, config)
            turn = await self._admitted(input, config, options)
            if turn is None and self._saves(config) and options.get("durability") is None:
                options["durability"] = "sync"
            parts = self._turn(turn, config, options) if turn else self._steps(input, config, options)
            async with aclosing(parts):
                async for part in parts:
                    yield part

        async with aclosing(run()) as parts:
            async for part in self.bridge.cross_each(parts) if self.bridge else parts:
                yield part

    async def _steps(self, input: Any, config: Any, options: Mapping[str, Any]) -> AsyncGenerator[Any]:
        stream: Any = super().astream(input, config, **options)
        async with aclosing(stream):
            async for part in stream:
                yield part

    async def _admitted(
        self, input: Any, config: RunnableConfig | None, options: Mapping[str, Any]
    ) -> Admitted | None:
        """A plain turn, its question durable and its thread read; None where each step has to be stored."""
        saver = cast("Any", self).checkpointer
        wakes = self._woken()
        places = {**configurable(self.config), **configurable(config)}
        plain = isinstance(input, Mapping) and set(cast("Mapping[str, Any]", input)) == {"messages"}
        plain = plain and not any(
            options.get(k) for k in ("durability", "interrupt_before", "interrupt_after")
        )
        if not plain or not wakes or not hasattr(saver, "admit") or places.get("checkpoint_ns"):
            return None
        if LENT in places:
            return None
        questions = _said(cast("Mapping[str, Any]", input)["messages"])
        if not all(isinstance(question, HumanMessage) for question in questions):
            return None
        for question in questions:
            question.id = question.id or str(uuid4())
        return await saver.admit(Bookmark.of({"configurable": places}), questions, wakes)

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
        first: Any = {**(config or {}), "configurable": {**places, LENT: turn}}
        later = list(self.afterwards or ())
        asked = {"messages": turn.questions}
        stream: Any = self._steps(asked, first, {**options, "durability": "exit", "interrupt_before": later})
        async with aclosing(stream):
            async for part in stream:
                if not _pauses(part):
                    yield part
        if not turn.wakes(later):
            return
        places.pop("checkpoint_id", None)
        then: Any = {**(config or {}), "configurable": places}
        async with aclosing(self._steps(None, then, {**options, "durability": "exit"})) as rest:
            async for part in rest:
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
            await self._check(_messages(update.values), config)
        return await super().abulk_update_state(config, supersteps)

    async def acontext(self, place: Bookmark) -> ContextView:
        """What the next turn of a thread would send. Calls no model."""
        values = (await self.aget_state(place.config)).values
        summary = values.get("summary")
        system = SystemMessage(self.settings.system_prompt)
        prompt = compose(system, summary, values.get("messages") or [], self.settings.budget)
        return ContextView(prompt, summary, self.settings.budget.prompt)

    async def atrim(self, place: Bookmark) -> bool:
        """Fold all but the last exchange now. False if there was nothing to fold. Raises `ModelError`."""
        state = cast("State", {"messages": [], **(await self.aget_state(place.config)).values})
        update = await fold(state, self.models, self.settings, force=True)
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


def _pauses(part: Any) -> bool:
    """Whether a part of the stream says no more than that something comes afterwards."""
    said: Any = cast("tuple[Any, ...]", part)[-1] if isinstance(part, tuple) else part
    if isinstance(said, dict) and "data" in said:
        said = cast("dict[str, Any]", said)["data"]
    return isinstance(said, dict) and cast("dict[str, Any]", said).get(INTERRUPT) == ()


def check_text(message: BaseMessage) -> None:
    """Raise `InvalidInput` for a text that is blank, cannot be stored unchanged, or is beyond any prompt."""
    text = message.text
    if isinstance(message, HumanMessage) and not text.strip() and not _shows_something(message):
        raise InvalidInput("The message is empty.")
    if len(text) > MAX_CHARACTERS:
        raise InvalidInput(
            f"A message has at most {MAX_CHARACTERS:,} characters; this one has {len(text):,}."
        )
    if not storable(text):
        raise InvalidInput(
            "The message holds a NUL or half of a surrogate pair, which cannot be kept unchanged."
        )


def _shows_something(message: BaseMessage) -> bool:
    """Whether there is a part that is no text: a picture alone is a question too."""
    parts = message.content if isinstance(message.content, list) else []
    return any(isinstance(part, dict) and part.get("type") != "text" for part in parts)


def _said(messages: Any) -> list[BaseMessage]:
    """A caller's messages in any form that LangChain knows. Raises `InvalidInput`."""
    if messages is None:
        raise InvalidInput('Say something: {"messages": [{"role": "user", "content": "…"}]}.')
    many = cast("list[Any]", messages) if isinstance(messages, list) else [messages]
    try:
        said = convert_to_messages(many)
    except (ValueError, TypeError, KeyError, NotImplementedError):  # a value, a call, a key, a form it lacks
        # LangChain's error quotes the message, so it must not be in the traceback of ours.
        raise InvalidInput("These messages are not messages: give each a role and a content.") from None
    if not said:
        raise InvalidInput("There is no message in this list.")
    return said


def _messages(values: Any) -> list[BaseMessage]:
    given: Any = cast("Mapping[str, Any]", values).get("messages") if isinstance(values, Mapping) else None
    return _said(given) if given else []
