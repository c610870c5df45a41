"""The front door: `open_graph()`, for `with` and for `async with`, and the `OpenGraph` it gives."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from types import TracebackType
from typing import Any

import anyio.from_thread

from graph.bridge import Bridge
from graph.build import assemble
from graph.checkpointers import PostgresCheckpointer, open_checkpointer
from graph.checkpointers.embedded import unwind_on_sigterm
from graph.live import Turns
from graph.model import Models, open_models
from graph.settings import Settings
from graph.threads import Threads
from graph.turns import ThreadGraph


class OpenGraph(ThreadGraph):
    """The graph with its threads at hand: `threads` is the catalogue, `turns` what is under way."""

    threads: Threads
    turns: Turns

    def copy(self, update: dict[str, Any] | None = None) -> "OpenGraph":
        """As LangGraph's; the copy shares the threads and the turns."""
        ours = ("threads", "turns")
        attributes = {
            k: v for k, v in vars(self).items() if k not in (*ours, "__orig_class__", "_serde_allowlist")
        }
        twin = type(self)(**{**attributes, **(update or {})})
        twin.threads, twin.turns = self.threads, self.turns
        return twin


class open_graph:  # noqa: N801 a function to its callers
    """Open the graph on its threads.

        with open_graph() as graph:
            graph.invoke({"messages": [("user", "Hello")]}, {"configurable": {"thread_id": "a"}})

    or the same with `async with` and `ainvoke`. Sync and async calls work in both, from any thread and loop;
    `graph.threads` and `graph.turns` are async. Settings come from the environment unless given.
    Raises `InvalidSettings` and `StoreUnavailable`.
    """

    def __init__(self, settings: Settings | None = None, *, models: Models | None = None) -> None:
        self._settings = settings or Settings.read()
        self._models = models
        self._async: AbstractAsyncContextManager[OpenGraph] | None = None
        self._sync = ExitStack()

    async def __aenter__(self) -> OpenGraph:
        self._async = _opened(self._settings, self._models)
        return await self._async.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._async:
            await self._async.__aexit__(kind, error, trace)

    def __enter__(self) -> OpenGraph:
        with ExitStack() as stack:
            stack.enter_context(unwind_on_sigterm())  # the loop's own thread may set no handler
            portal = stack.enter_context(anyio.from_thread.start_blocking_portal())
            graph = stack.enter_context(
                portal.wrap_async_context_manager(_opened(self._settings, self._models))
            )
            self._sync = stack.pop_all()
        return graph

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sync.__exit__(kind, error, trace)


@asynccontextmanager
async def _opened(settings: Settings, models: Models | None) -> AsyncIterator[OpenGraph]:
    async with open_checkpointer(settings=settings) as saver:
        graph = await _furnished(saver, settings, models or open_models(settings))
        try:
            yield graph
        finally:
            await graph.turns.close()


async def _furnished(saver: PostgresCheckpointer, settings: Settings, models: Models) -> OpenGraph:
    graph = OpenGraph.around(assemble(settings, models, saver), settings, models)
    graph.bridge = await Bridge.here_now()
    graph.threads = Threads(saver)
    graph.turns = Turns(graph)
    return graph
