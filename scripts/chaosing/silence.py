"""What errors and logs say while everything fails: no word of a conversation."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from graph.checkpointers.cluster import Cluster
from scripts.benchmark.stage import with_database
from scripts.chaosing.hands import Child
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict
from tests.openai_server import Fault, ModelServer

MUST = "no word of a conversation in an error, in our log or in the database's"
FULL, QUICK = 60, 6

TOLD = "words in an error"
LOGGED = "words in our log"
KEPT = "words in the database's log"
MISSED = "nothing failed"

DEFAULTS = ("log_min_error_statement = 'error'", "log_error_verbosity = 'default'")
"""Settings of a Postgres that nobody has set up for this; the embedded one says less."""

LOUD = "log_parameter_max_length_on_error = -1"

FULL_DISK = (
    (
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$"
    ),
    "CREATE TRIGGER full_disk BEFORE INSERT ON longthread_message EXECUTE FUNCTION full_disk()",
)

Failing = Callable[["_Place"], AbstractAsyncContextManager[None]]


async def run(stage: Stage, trials: int) -> Verdict:
    """On a database that says what Postgres says by default; then on one that tells values, by a program that
    tells what a model's server said."""
    tally, control = Tally(), Tally()
    await _row(stage, tally, trials, DEFAULTS, {})
    await _row(stage, control, len(FAILING), (*DEFAULTS, LOUD), {"quote_models": {}})
    return Verdict("silence", MUST, tally, control, (KEPT, TOLD, LOGGED))


async def _row(
    stage: Stage, tally: Tally, trials: int, settings: tuple[str, ...], switches: dict[str, Any]
) -> None:
    with ModelServer(words=8, delay=0.005) as model:
        place = await _Place.made(stage, model, settings, switches)

        async def trial(n: int) -> None:
            await _trial(place, tally, FAILING[n % len(FAILING)])

        await stage.each("silence", trials, trial, 1)
        await place.child.kill()
        place.judge(tally)


class _Place:
    """A database, a process that uses it, and what both have logged; `secrets` were said there."""

    def __init__(self, url: str, model: ModelServer, database_log: Path, our_log: Path) -> None:
        self.url, self.model = url, model
        self.secrets: list[str] = []
        self.child: Child
        self._logs = {KEPT: (database_log, database_log.stat().st_size), LOGGED: (our_log, 0)}

    @classmethod
    async def made(
        cls, stage: Stage, model: ModelServer, settings: tuple[str, ...], switches: dict[str, Any]
    ) -> "_Place":
        """A new database with these settings, and a process on it."""
        name = f"chaos_{uuid4().hex}"
        url = with_database(stage.url, name)
        changes = (f"ALTER DATABASE {name} SET {setting}" for setting in settings)
        await execute(stage.url, f"CREATE DATABASE {name}", *changes)
        place = cls(url, model, Cluster(stage.folder / "data").log, stage.folder / f"{name}.log")
        switches = switches | {"log_to": {"path": str(stage.folder / f"{name}.log")}}
        model_settings = {"openai_base_url": model.url, "model_timeout": 1, "model_retries": 1}
        place.child = await stage.child(switches, url=url, **model_settings)
        return place

    def judge(self, tally: Tally) -> None:
        """What is in the logs."""
        for fault, (log, start) in self._logs.items():
            lines = log.read_bytes()[start:].decode(errors="replace").splitlines()
            tally.note(f"lines in {'the database' if fault == KEPT else 'our'} log", len(lines))
            for line in lines:
                tally.must(not any(secret in line for secret in self.secrets), fault, line)


async def _trial(place: _Place, tally: Tally, failing: Failing) -> None:
    tally.trials += 1
    thread, secret = f"silence-{uuid4().hex}", f"sesame{uuid4().hex}"
    place.secrets.append(secret)
    await place.child.turn(thread, f"Before, {secret}.")
    async with failing(place):
        reply = await place.child.turn(thread, f"Say nothing of {secret}.")
    # Where the driver's connection was lost, another may have done.
    tally.must("error" in reply or failing is _ended, MISSED, reply)
    tally.must(secret not in reply.get("why", ""), TOLD, reply)
    tally.must(reply.get("ours", True), "foreign error", reply)
    tally.note(reply.get("error", "answered all the same"))


@asynccontextmanager
async def _away(place: _Place) -> AsyncIterator[None]:
    """A table is not there: each statement that holds what is said is refused."""
    await execute(place.url, "ALTER TABLE longthread_message RENAME TO away")
    yield
    await execute(place.url, "ALTER TABLE away RENAME TO longthread_message")


@asynccontextmanager
async def _full(place: _Place) -> AsyncIterator[None]:
    """No message can be written, as on a full disk."""
    await execute(place.url, *FULL_DISK)
    yield
    await execute(place.url, "DROP FUNCTION full_disk CASCADE")


@asynccontextmanager
async def _ended(place: _Place) -> AsyncIterator[None]:
    """Connections end, again and again."""
    ending = asyncio.create_task(_end(place.url))
    yield
    ending.cancel()


async def _end(url: str) -> None:
    while True:
        await execute(
            url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )


@asynccontextmanager
async def _refused(place: _Place) -> AsyncIterator[None]:
    """The model quotes the question in its refusal, as real ones do."""
    place.model.fault = Fault("status", status=400, times=2)
    yield


@asynccontextmanager
async def _failed(place: _Place) -> AsyncIterator[None]:
    """The model fails in the middle of its answer."""
    place.model.fault = Fault("garbage_midway", times=2)
    yield


@asynccontextmanager
async def _silent(place: _Place) -> AsyncIterator[None]:
    """The model says no more."""
    place.model.fault = Fault("hang_midway", times=2)
    yield


FAILING: tuple[Failing, ...] = (_away, _full, _ended, _refused, _failed, _silent)


async def execute(url: str, *statements: Any) -> None:
    """Run these statements."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        for statement in statements:
            await conn.execute(statement)
