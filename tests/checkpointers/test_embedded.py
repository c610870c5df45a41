"""The embedded Postgres: one server for all who use it, gone with the last, and nothing lost on the way."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from graph.checkpointers.embedded import default_data, embedded_postgres
from tests.checkpointers.visiting import _listens, _postmaster, _rows, _soon, _visit

CHECKOUT = Path(__file__).absolute().parents[2]
# Whoever runs the tests in the background has Ctrl+C ignored, and would hand that down.
FOREGROUND = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
HOLDER = """
import asyncio, sys
from pathlib import Path
from graph.checkpointers.embedded import embedded_postgres

async def main():
    async with embedded_postgres(Path(sys.argv[1])) as url:
        print(url, flush=True)
        await asyncio.sleep(300)

asyncio.run(main())
"""
BLOCKING = """
import sys, time
from pathlib import Path
from anyio.from_thread import start_blocking_portal
from graph.checkpointers.embedded import embedded_postgres
from graph.opening import unwind_on_sigterm

with unwind_on_sigterm(), start_blocking_portal() as portal:
    with portal.wrap_async_context_manager(embedded_postgres(Path(sys.argv[1]))) as url:
        print(url, flush=True)
        time.sleep(300)
"""


@contextmanager
def _holder(data: Path, program: str = HOLDER) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that holds the server in `data`, and the URL that it got."""
    with subprocess.Popen(
        [sys.executable, "-c", FOREGROUND + program, str(data)],
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_rows_outlive_the_server(tmp_path: Path) -> None:
    """A cold start makes the cluster, a warm one finds its rows, and nothing runs in between."""

    async def twice() -> None:
        for n in range(2):
            async with embedded_postgres(tmp_path / "data") as url:
                assert _rows(url, add=n) == n + 1
            assert not _listens(url)
            assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()

    asyncio.run(twice())


def test_the_last_one_out_stops_it(data: Path) -> None:
    """Uses in one process and in another share one server, which ends with the last of them."""

    async def shared() -> None:
        with _holder(data) as (other, theirs):
            async with embedded_postgres(data) as first, embedded_postgres(data) as second:
                assert first == second == theirs
                other.send_signal(signal.SIGINT)
                assert await asyncio.to_thread(other.wait, 10) != 0
                assert _listens(first)
            assert not _listens(first)

    asyncio.run(shared())


def test_one_who_leaves_does_not_stop_it(data: Path) -> None:
    """A use that attached and leaves does not take the server from whoever started it."""
    with _holder(data) as (other, url):
        asyncio.run(_visit(data))
        assert _listens(url)
        assert _rows(url, add=1) == 1
        other.terminate()
        other.wait(10)
    assert not _listens(url)


def test_eight_at_once_start_one_server(tmp_path: Path) -> None:
    """Uses that race on an empty folder end up on one server."""

    async def race() -> None:
        async def use() -> str:
            async with embedded_postgres(tmp_path / "data") as url:
                await all_in.wait()
                return url

        all_in = asyncio.Barrier(8)
        assert len(set(await asyncio.gather(*(use() for _ in range(8))))) == 1

    asyncio.run(race())
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()


def test_a_killed_owner_leaves_nothing_stale(data: Path) -> None:
    """After kill -9 of its only user the server runs on; the next attaches, and stops it when done."""
    with _holder(data) as (owner, url):
        _rows(url, add=1)
        owner.kill()
        owner.wait(10)
    assert _listens(url)

    async def next_one() -> None:
        async with embedded_postgres(data) as again:
            assert again == url
            assert _rows(again, add=2) == 2

    asyncio.run(next_one())
    assert not _listens(url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("program", [HOLDER, BLOCKING], ids=["async", "blocking"])
def test_a_signal_leaves_no_server(data: Path, program: str, number: signal.Signals) -> None:
    """SIGTERM and Ctrl+C end a program and its server, whether it runs a loop or blocks."""
    with _holder(data, program) as (owner, url):
        assert _listens(url)
        owner.send_signal(number)
        assert owner.wait(10) != 0
        assert not _listens(url)


def test_a_cancelled_start_leaves_no_server(data: Path) -> None:
    """A use that is cancelled while the server starts still gives it back."""

    async def cancelled() -> None:
        task = asyncio.create_task(_visit(data))
        await asyncio.to_thread(_soon, (data / "postgres" / "postmaster.pid").exists)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert not (data / "postgres" / "postmaster.pid").exists()


def test_a_killed_server_comes_back_with_its_rows(data: Path) -> None:
    """After kill -9 of the server, zombie or not, the next use finds every row at the same address."""

    async def killed() -> None:
        async with embedded_postgres(data) as url:
            _rows(url, add=1)
            os.kill(_postmaster(data), signal.SIGKILL)
            assert _soon(lambda: not _listens(url))
            async with embedded_postgres(data) as again:
                assert again == url
                assert _rows(again, add=2) == 2

    asyncio.run(killed())


def test_the_default_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a setting, threads live where this user's data lives."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if sys.platform != "darwin":
        assert default_data() == tmp_path / "longthread"
