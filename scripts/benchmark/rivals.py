"""What people use today: LangGraph's own saver, LangChain's agent, OpenAI's session. As documented.

The latter two are imported late, and by name: only `scripts/setup --bench` brings them.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from scripts.benchmark.chat import Chat, async_graph_chat, graph_chat, whole_history
from scripts.benchmark.model import InstantModel
from scripts.benchmark.null import NullSaver
from scripts.benchmark.words import Words

_POOL: dict[str, Any] = {
    "kwargs": {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
    "max_size": 16,
}
"""As the saver's own `from_conn_string` connects, for a server that answers more than one."""


@contextmanager
def _postgres(url: str) -> Iterator[PostgresSaver]:
    with ConnectionPool[Any](url, **_POOL) as pool:
        saver = PostgresSaver(pool)
        saver.setup()
        yield saver


@contextmanager
def stock(url: str, words: Words) -> Iterator[Chat]:
    """`MessagesState` on `PostgresSaver`."""
    with _postgres(url) as saver:
        yield graph_chat(whole_history(saver, words, sync=True))


@asynccontextmanager
async def async_stock(url: str, words: Words) -> AsyncIterator[Chat]:
    """`MessagesState` on `AsyncPostgresSaver`."""
    async with AsyncConnectionPool[Any](url, open=False, **_POOL) as pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        yield async_graph_chat(whole_history(saver, words, sync=False))


@contextmanager
def agent(url: str, words: Words) -> Iterator[Chat]:
    """`create_agent` with `SummarizationMiddleware` on `PostgresSaver`."""
    with _postgres(url) as saver:
        yield graph_chat(_agent(saver, words), node="model")


@contextmanager
def null_agent(url: str, words: Words) -> Iterator[Chat]:
    """`create_agent` with `SummarizationMiddleware`, keeping nothing."""
    yield graph_chat(_agent(NullSaver(), words), node="model", durability="exit")


def _agent(saver: BaseCheckpointSaver[Any], words: Words) -> Any:
    agents: Any = import_module("langchain.agents")
    middleware: Any = import_module("langchain.agents.middleware")
    model = InstantModel(say=words.answer)
    shorten = middleware.SummarizationMiddleware(model, trigger=("messages", 40), keep=("messages", 20))
    return agents.create_agent(model, middleware=[shorten], checkpointer=saver)


@asynccontextmanager
async def session(url: str, words: Words) -> AsyncIterator[Chat]:
    """`SQLAlchemySession`, as the Agents SDK calls it in a turn: all items are read, two are added."""
    make: Any = import_module("agents.extensions.memory").SQLAlchemySession
    connect: Any = import_module("sqlalchemy.ext.asyncio").create_async_engine
    engine = connect(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=16)
    await make("first", engine=engine, create_tables=True).get_items()
    sessions: dict[str, Any] = {}

    def of(thread: str) -> Any:
        if thread not in sessions:
            sessions[thread] = make(thread, engine=engine)
        return sessions[thread]

    async def say(thread: str, question: str) -> None:
        await of(thread).get_items()
        await of(thread).add_items(_items([question, words.answer()]))

    async def fill(thread: str, talk: list[str]) -> None:
        await of(thread).add_items(_items(talk))

    try:
        yield Chat(say, fill)
    finally:
        await engine.dispose()


def _items(talk: list[str]) -> list[Any]:
    return [{"role": "assistant" if i % 2 else "user", "content": text} for i, text in enumerate(talk)]
