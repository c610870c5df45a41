"""The places where threads can be kept: `open_checkpointer()` and one file a place.

The rooms, from the ground up (imports go down only):

    serializer          what may be read back, and what is refused
    packing             structures as bytes
    runs                numbers of messages as runs; the line of a checkpoint
    ids                 ids of messages, shortened
    rows                a message as the row that keeps it
    references          a value with its messages taken out, and put back
    records             a checkpoint as the row that keeps it
    asked               questions that are durable and have no stored answer yet
    watching, memory    whether a message is still what it was / what this process remembers of threads
    drafts, statements  what a write adds / the statements that write
    leases              who may write to a thread, for a few seconds at a time
    pool, migrations    the connections / the tables brought up to date
    stock               threads in the form of LangGraph's own saver
    saves, attempts     what LangGraph hands to be saved / a write, tried until it is stored
    reading             the statement that reads
    reader, writer      from rows to what LangGraph reads, and back
    answers, admitting  what was answered already / who may answer in a thread, and what
    listing, pruning, moving   many checkpoints: listed / dropped and copied / brought from the stock's form
    postgres            the saver
    lodging, cluster, embedded   the embedded Postgres
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from langgraph.checkpoint.serde.base import SerializerProtocol

from graph.checkpointers.embedded import embedded_postgres
from graph.checkpointers.postgres import PostgresCheckpointer, open_postgres
from graph.opening import Opening
from graph.settings import Settings


def open_checkpointer(
    url: str | None = None, *, serde: SerializerProtocol | None = None, settings: Settings | None = None
) -> Opening[PostgresCheckpointer]:
    """A saver for the Postgres at `url`, else at DATABASE_URL, else for the embedded one, which it starts.

        with open_checkpointer() as saver:
            graph = builder.compile(checkpointer=saver)

    or `async with`; sync and async graphs work in both. Any LangGraph graph will do. Raises, when entered,
    `StoreUnavailable`. Studio's server opens this by its path in `langgraph.json`.
    """
    return Opening(lambda: _opened(url, serde, settings or Settings.read()))


@asynccontextmanager
async def _opened(
    url: str | None, serde: SerializerProtocol | None, settings: Settings
) -> AsyncIterator[PostgresCheckpointer]:
    async with AsyncExitStack() as stack:
        if url is None and settings.database_url:
            url = settings.database_url.get_secret_value()
        if url is None:
            url = await stack.enter_async_context(embedded_postgres(settings.data))
        yield await stack.enter_async_context(open_postgres(url, serde))


__all__ = ["PostgresCheckpointer", "open_checkpointer"]
