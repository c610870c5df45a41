"""What every test stands on: a clean environment and one real Postgres for the whole run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

for _name in [n for n in os.environ if n.startswith(("LONGTHREAD_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_"))]:
    del os.environ[_name]  # a developer's own settings must not reach a test
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"

import anyio.from_thread
import psycopg
import pytest

from graph import Settings
from graph.checkpointers.embedded import embedded_postgres
from graph.settings import Settings as _Settings

_Settings.model_config["env_file"] = None  # nor must a .env in the checkout


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's files first: they are the longest, and on two cores none should be alone at the end."""
    items.sort(key=lambda item: "ui" not in item.path.parts)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of an embedded Postgres of this run."""
    # Not below pytest's own folder: another run that begins shuts it to others, and root's server is one.
    with (
        TemporaryDirectory(prefix="longthread-test-") as folder,
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(embedded_postgres(Path(folder) / "data")) as url,
    ):
        yield url


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """URL of a database with nothing in it, gone afterwards."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')  # pyright: ignore[reportArgumentType]
    yield _with_name(server, name)
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # pyright: ignore[reportArgumentType]


@pytest.fixture
def fresh_database(server: str) -> Iterator[str]:
    """URL of a database with nothing in it, gone after the test."""
    with new_database(server) as url:
        yield url


@pytest.fixture(scope="session")
def database(server: str) -> str:
    """URL of a database that the tests share; each keeps to threads of its own."""
    name = f"shared_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')  # pyright: ignore[reportArgumentType]
    return _with_name(server, name)


@pytest.fixture
def settings(database: str) -> Settings:
    """Settings on the shared database, with the demo model."""
    return Settings.read(database_url=database)


def _with_name(url: str, name: str) -> str:
    base, _, query = url.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")
