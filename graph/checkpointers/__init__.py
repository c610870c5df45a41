"""The places where threads can be kept: `open_checkpointer()` and one file a place."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from graph.checkpointers.embedded import embedded_postgres
from graph.checkpointers.postgres import PostgresCheckpointer, open_postgres
from graph.settings import Settings


@asynccontextmanager
async def open_checkpointer(
    url: str | None = None, *, settings: Settings | None = None
) -> AsyncIterator[PostgresCheckpointer]:
    """A saver for the Postgres at `url`, else at DATABASE_URL, else for the embedded one, which it starts.

    Raises `StoreUnavailable`. Studio's server opens this by its path in `langgraph.json`.
    """
    settings = settings or Settings.read()
    async with AsyncExitStack() as stack:
        if url is None and settings.database_url:
            url = settings.database_url.get_secret_value()
        if url is None:
            url = await stack.enter_async_context(embedded_postgres(settings.data))
        yield await stack.enter_async_context(open_postgres(url))


__all__ = ["PostgresCheckpointer", "open_checkpointer"]
