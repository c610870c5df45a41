"""Longthread in both its uses: its own graph, and its saver under a stranger's. And both with no saver."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio.from_thread

from graph import OpenGraph, Settings, open_graph
from graph.bridge import Bridge
from graph.build import assemble
from graph.checkpointers import open_checkpointer
from graph.model import Models
from scripts.benchmark.chat import Chat, async_graph_chat, graph_chat, whole_history
from scripts.benchmark.model import InstantModel
from scripts.benchmark.null import NullSaver
from scripts.benchmark.words import Words

BUDGET = 4_500
"""Tokens; with these texts the window has from 14 to 40 messages, 26 on average."""

RECENT = 200
"""Messages after which a window is as it is in any longer thread, folds and all."""


@contextmanager
def product(url: str, words: Words) -> Iterator[Chat]:
    """Longthread's graph through its sync calls."""
    with open_graph(_settings(url), models=_models(words)) as graph:
        yield _by_turns(graph_chat(graph))


@asynccontextmanager
async def async_product(url: str, words: Words) -> AsyncIterator[Chat]:
    """Longthread's graph through its async calls."""
    async with open_graph(_settings(url), models=_models(words)) as graph:
        yield _by_async_turns(async_graph_chat(graph))


@contextmanager
def null_product(url: str, words: Words) -> Iterator[Chat]:
    """Longthread's graph, sync calls, keeping nothing: LangGraph at its cheapest."""
    with anyio.from_thread.start_blocking_portal() as portal:
        graph = _unsaved(url, words)
        graph.bridge = portal.call(Bridge.here_now)
        yield _by_turns(graph_chat(graph, durability="exit"), RECENT)


@asynccontextmanager
async def async_null_product(url: str, words: Words) -> AsyncIterator[Chat]:
    """The same with async calls."""
    graph = _unsaved(url, words)
    graph.bridge = await Bridge.here_now()
    yield _by_async_turns(async_graph_chat(graph, durability="exit"), RECENT)


@contextmanager
def saver(url: str, words: Words) -> Iterator[Chat]:
    """Longthread's saver under a graph that holds its whole history, sync calls."""
    with open_checkpointer(url) as ours:
        yield graph_chat(whole_history(ours, words, sync=True))


@asynccontextmanager
async def async_saver(url: str, words: Words) -> AsyncIterator[Chat]:
    """The same with async calls."""
    async with open_checkpointer(url) as ours:
        yield async_graph_chat(whole_history(ours, words, sync=False))


@contextmanager
def null_saver(url: str, words: Words) -> Iterator[Chat]:
    """A graph that holds its whole history and keeps nothing, sync calls."""
    yield graph_chat(whole_history(NullSaver(), words, sync=True), durability="exit")


@asynccontextmanager
async def async_null_saver(url: str, words: Words) -> AsyncIterator[Chat]:
    """The same with async calls."""
    yield async_graph_chat(whole_history(NullSaver(), words, sync=False), durability="exit")


def _settings(url: str) -> Settings:
    return Settings.read(database_url=url, token_budget=BUDGET)


def _models(words: Words) -> Models:
    model = InstantModel(say=words.answer)
    return Models(answer=model, summary=model, name="instant", demo=False)


def _unsaved(url: str, words: Words) -> OpenGraph:
    settings, models, null = _settings(url), _models(words), NullSaver()
    return OpenGraph.around(assemble(settings, models, null), settings, models)


def _by_turns(chat: Chat, recent: int = 0) -> Chat:
    """The chat, whose threads get longer by turns only; `recent`: by the last of them only."""

    def fill(thread: str, talk: list[str]) -> None:
        for question in talk[-recent:][::2]:
            chat.say(thread, question)

    return Chat(chat.say, fill, chunk=chat.chunk if recent else 40, inside=chat.inside)


def _by_async_turns(chat: Chat, recent: int = 0) -> Chat:
    """The same for async calls."""

    async def fill(thread: str, talk: list[str]) -> None:
        for question in talk[-recent:][::2]:
            await chat.say(thread, question)

    return Chat(chat.say, fill, chunk=chat.chunk if recent else 40, inside=chat.inside)
