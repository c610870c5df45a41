"""An open graph on the shared database, against a real model server."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from graph import Bookmark, OpenGraph, Settings, open_graph
from tests.openai_server import ModelServer


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A server that speaks the model's protocol over real HTTP."""
    with ModelServer() as server:
        yield server


@pytest.fixture
def api(model: ModelServer) -> ModelServer:
    """The same server, where `model` is who asks it."""
    return model


@pytest.fixture
def small(database: str, model: ModelServer) -> Settings:
    """Settings that reach the model server, with a budget that a short talk fills."""
    return Settings.read(
        database_url=database,
        openai_base_url=model.url,
        token_budget=600,
        answer_tokens=100,
        model_timeout=1,
        model_retries=0,
        titles=False,
    )


@pytest.fixture
async def graph(small: Settings) -> AsyncIterator[OpenGraph]:
    """An open graph with that small budget."""
    async with open_graph(small) as graph:
        yield graph


@pytest.fixture
async def other(small: Settings) -> AsyncIterator[OpenGraph]:
    """Another graph on the same threads, as of another process: nothing is shared but the database."""
    async with open_graph(small) as graph:
        yield graph


@pytest.fixture
def place() -> Bookmark:
    """A thread of this test's own."""
    return Bookmark(f"t-{uuid4()}")
