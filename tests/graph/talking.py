"""How tests talk in threads, and look at what came of it."""

import asyncio
from typing import Any

import psycopg

from graph import Bookmark, OpenGraph, Settings
from graph.bookmark import with_places
from tests.openai_server import ModelServer

WORDS = "amber birch cedar dune ember fjord grove heath inlet jetty knoll ledge marsh north orchard pier"


def say(text: str) -> dict[str, Any]:
    """One user message."""
    return {"messages": [{"role": "user", "content": text}]}


async def texts(graph: OpenGraph, place: Bookmark) -> list[str]:
    """Every message of the thread, folded ones included."""
    return [e.message.text for e in (await graph.threads.transcript(place, limit=1000)).entries]


async def talk(graph: OpenGraph, place: Bookmark, turns: int) -> None:
    """A conversation long enough to fold."""
    for n in range(turns):
        await graph.ainvoke(say(f"Note {n}: {WORDS} {n}"), place.config)


def config(place: Bookmark, **places: Any) -> Any:
    """The place's, and more."""
    return with_places(place.config, **places)


async def until(model: ModelServer, requests: int) -> None:
    """Wait until the model was asked so often."""
    while len(model.answers) < requests:
        await asyncio.sleep(0.01)


async def raw(settings: Settings, statement: str, *values: Any) -> list[Any]:
    """What the database says."""
    assert settings.database_url
    url = settings.database_url.get_secret_value()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        cursor = await conn.execute(statement.encode(), values)
        return await cursor.fetchall() if cursor.description else []
