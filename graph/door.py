"""The front door: `open_graph()`, for `with` and for `async with`, and the `OpenGraph` it gives."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, cast

from langgraph.graph.state import CompiledStateGraph

from graph.archive import Archives
from graph.bridge import Bridge
from graph.build import assemble
from graph.checkpointers import PostgresCheckpointer, open_checkpointer
from graph.errors import InvalidSettings
from graph.health import Health
from graph.live import Turns
from graph.model import Models, open_models
from graph.opening import Opening
from graph.pins import Pins
from graph.settings import Settings
from graph.summaries import Summaries
from graph.threads import Threads
from graph.titling import Titling
from graph.transcript import Transcripts
from graph.turns import ThreadGraph
from graph.usage import Usage
from graph.vitals import Vitals

Assembles = Callable[[Settings, Models, PostgresCheckpointer], CompiledStateGraph[Any, Any, Any, Any]]
"""What makes a graph on a saver."""


class OpenGraph(ThreadGraph):
    """The graph with its threads at hand: `threads` is the catalogue, `turns` what is under way, `summaries`
    and `pins` what a person does to one, `archives` a thread as a file.

    `health` says whether the database and the model answer, `vitals` how the database is, `usage` what was
    used.
    """

    threads: Threads
    turns: Turns
    summaries: Summaries
    pins: Pins
    archives: Archives
    health: Health
    usage: Usage
    vitals: Vitals

    def copy(self, update: dict[str, Any] | None = None) -> "OpenGraph":
        """As LangGraph's; the copy shares the threads and the turns."""
        ours = ("threads", "turns", "summaries", "pins", "archives", "health", "usage", "vitals")
        attributes = {
            k: v for k, v in vars(self).items() if k not in (*ours, "__orig_class__", "_serde_allowlist")
        }
        twin = type(self)(**{**attributes, **(update or {})})
        twin.threads, twin.turns, twin.health = self.threads, self.turns, self.health
        twin.usage, twin.vitals, twin.summaries = self.usage, self.vitals, self.summaries
        twin.pins, twin.archives = self.pins, self.archives
        return twin


def open_graph(settings: Settings | None = None, *, models: Models | None = None) -> Opening[OpenGraph]:
    """Open the graph on its threads.

        with open_graph() as graph:
            graph.invoke({"messages": [("user", "Hello")]}, {"configurable": {"thread_id": "a"}})

    or the same with `async with` and `ainvoke`. Sync and async calls work in both, from any thread and loop;
    `graph.threads`, `turns`, `summaries`, `pins` and `archives` are async. Settings come from the environment
    unless given. Raises `InvalidSettings` and, when entered, `StoreUnavailable`.
    """
    chosen = settings or Settings.read()
    return Opening(lambda: _opened(chosen, models))


def _own(name: str) -> Assembles:
    """The function that `LONGTHREAD_GRAPH` names. Raises `InvalidSettings`."""
    module, _, function = name.partition(":")
    try:
        return cast("Assembles", getattr(import_module(module), function))
    except (ImportError, AttributeError) as e:
        raise InvalidSettings(f"LONGTHREAD_GRAPH: there is no {name} to import ({type(e).__name__}).") from e


@asynccontextmanager
async def _opened(settings: Settings, models: Models | None) -> AsyncIterator[OpenGraph]:
    async with open_checkpointer(settings=settings) as saver:
        graph = await _furnished(saver, settings, models or open_models(settings))
        try:
            yield graph
        finally:
            await graph.turns.close()


async def _furnished(saver: PostgresCheckpointer, settings: Settings, models: Models) -> OpenGraph:
    bare = (_own(settings.graph) if settings.graph else assemble)(settings, models, saver)
    afterwards = bare.afterwards if isinstance(bare, ThreadGraph) else None
    graph = OpenGraph.around(bare, settings, models, afterwards)
    graph.bridge = await Bridge.here_now()
    graph.threads = Threads(saver)
    titling = Titling(graph.threads, models, settings)
    graph.summaries, graph.pins = Summaries(graph, Transcripts(saver)), Pins(graph, Transcripts(saver))
    graph.archives = Archives(graph, graph.threads, saver)
    graph.turns = Turns(
        graph,
        anew=graph.summaries.again,
        settled=titling.after,
        sweep=lambda: graph.threads.sweep(settings.trash_days),
    )
    graph.health = Health(saver, models)
    graph.usage, graph.vitals = Usage(saver, settings.prices), Vitals(saver)
    return graph
