"""How tests visit an embedded Postgres, and look at its rows, its port and its process."""

import asyncio
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from graph.checkpointers.embedded import embedded_postgres


def _copy(made: Path, data: Path) -> Path:
    shutil.copytree(made, data)
    owner = (made / "postgres").stat()
    for path in (data / "postgres", *(data / "postgres").rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    return data


async def _visit(data: Path) -> str:
    async with embedded_postgres(data) as url:
        await asyncio.to_thread(_rows, url)
        return url


def _rows(url: str, *, add: int | None = None) -> int:
    """How many rows there are, after adding one if asked."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        if add is not None:
            connection.execute("INSERT INTO kept VALUES (%s)", [add])
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert row
        return int(row[0])


def _listens(url: str, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, urlsplit(url).port)) == 0


def _postmaster(data: Path) -> int:
    return int((data / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def _soon(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not true() and time.monotonic() < deadline:
        time.sleep(0.002)
    return true()
