"""The page behind a door, and how a test signs in: `served`, `sign_in`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from graph import Settings
from ui.app import create_app
from ui.sign_in.people import People

ROOT = Path(__file__).parents[2]
WORD = "correct horse"
HERE = "http://127.0.0.1"
SERIOUS = ("serious", "critical")


@asynccontextmanager
async def served(settings: Settings, *, peer: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    door = httpx.ASGITransport(app, client=(peer, 5000), raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=door, base_url=HERE) as client,
    ):
        yield client


def with_users(database: str, folder: Path, *names: str) -> Settings:
    people = People(folder / "users.json")
    for name in names:
        people.add(name, WORD)
    return Settings.read(
        database_url=database, data=folder, sign_in="users", users_file=folder / "users.json"
    )


async def sign_in(client: httpx.AsyncClient, name: str, word: str = WORD, there: str = "/") -> httpx.Response:
    return await client.post("/sign-in", data={"name": name, "password": word, "next": there})
