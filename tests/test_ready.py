"""`/readyz` and `/healthz`: what is told while the database or the model is away."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from graph import Bookmark, ModelUnavailable, Settings, open_graph
from graph.circuit import FAILURES
from graph.health import Condition, Health
from tests.checkpointers.wire import Wire
from tests.graph.test_asking import TwoModels
from tests.openai_server import Fault
from ui.app import create_app

pytestmark = pytest.mark.anyio

SECRET = "the walrus sleeps at noon"


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The page's server, opened and closed as when it is served."""
    app: FastAPI = create_app(settings)
    door = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=door, base_url="http://here") as client,
    ):
        yield client


async def ready(client: httpx.AsyncClient) -> tuple[int, dict[str, Any]]:
    """The status and what is told."""
    answer = await client.get("/readyz")
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


async def until_ready(client: httpx.AsyncClient) -> float:
    """Seconds until the database is said to answer."""
    began = time.monotonic()
    while (await ready(client))[0] != 200:
        assert time.monotonic() - began < 15
        await asyncio.sleep(0.1)
    return time.monotonic() - began


async def test_a_server_that_is_well_says_so(settings: Settings) -> None:
    """And that it is the demo model that answers."""
    async with served(settings) as client:
        assert await ready(client) == (200, {"status": "ok", "database": "ok", "model": "demo"})
        assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_a_silent_database_is_told_in_two_seconds(settings: Settings) -> None:
    """However many ask; the process lives; and both are well again once it answers."""
    assert settings.database_url
    wire = Wire(settings.database_url.get_secret_value())
    async with wire, served(settings.model_copy(update={"database_url": SecretStr(wire.url)})) as client:
        assert (await ready(client))[0] == 200
        wire.cut()
        for _ in range(3):
            began = time.monotonic()
            told = await asyncio.gather(*(ready(client) for _ in range(30)))
            assert time.monotonic() - began < 2.5
            assert len(wire._pumps) <= 2 * 3, "one question for all: the pool is for those who talk"
            for status, said in told:
                assert status == 503 and len(said["reasons"]) == 1 and "Postgres" in said["reasons"][0]
                assert (said["status"], said["database"], said["model"]) == (*["unavailable"] * 2, "demo")
                assert not re.search("://|@", json.dumps(said)), "no address, no password"
        assert (await client.get("/healthz")).status_code == 200
        wire.mend()
        assert await until_ready(client) < 5


async def test_a_database_that_is_gone_is_told_at_once_and_found_when_it_is_back(settings: Settings) -> None:
    """Connections refused, as of a server that was stopped."""
    assert settings.database_url
    wire = Wire(settings.database_url.get_secret_value())
    async with wire, served(settings.model_copy(update={"database_url": SecretStr(wire.url)})) as client:
        assert (await ready(client))[0] == 200
        await wire.stop()
        began = time.monotonic()
        status, said = await ready(client)
        assert status == 503 and said["reasons"] and time.monotonic() - began < 2.5
        while time.monotonic() - began < 8:  # by itself the pool would try at 1, 3 and 7 s, and then at 15
            assert (await ready(client))[0] == 503
            await asyncio.sleep(0.5)
        await wire.start()
        assert await until_ready(client) < 2


async def test_a_model_is_away_once_nobody_would_answer(settings: Settings) -> None:
    """Its circuit is open, and the fallback's; to look asks no model, and quotes nothing."""
    with TwoModels() as model:
        update = {
            "openai_base_url": model.url,
            "model": "first",
            "fallback_model": "second",
            "model_retries": 0,
        }
        async with open_graph(settings.model_copy(update=update)) as graph:

            async def ask() -> Condition:
                for _ in range(FAILURES):
                    with suppress(ModelUnavailable):
                        await graph.ainvoke({"messages": [("user", SECRET)]}, Bookmark(uuid4().hex).config)
                asked = len(model.requests)
                condition = await graph.health.look()
                assert len(model.requests) == asked and SECRET not in str(condition)
                return condition

            assert await ask() == Condition("ok", "ok", [])
            model.away = Fault("status", 503)
            assert await ask() == Condition("ok", "ok", []), "the fallback answers"
            model.fault = Fault("status", 503)
            condition = await ask()
            assert (condition.database, condition.model) == ("ok", "unavailable")
            assert "first failed" in condition.reasons[0]


async def test_without_a_model_threads_can_be_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, and no reason to send nobody here any more."""

    async def look(_: Health) -> Condition:
        return Condition("ok", "unavailable", ["first failed"])

    monkeypatch.setattr(Health, "look", look)
    async with served(settings) as client:
        assert await ready(client) == (200, {"status": "ok", "database": "ok", "model": "unavailable"})
