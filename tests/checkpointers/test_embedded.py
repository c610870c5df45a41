"""The embedded Postgres: one server for all who use it, gone with the last, and nothing lost on the way."""

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from graph.checkpointers import lodging
from graph.checkpointers.embedded import default_data, embedded_postgres
from graph.errors import StoreUnavailable

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
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to lend the server to somebody")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a cluster, to copy instead of running initdb for each test."""
    data = tmp_path_factory.mktemp("made")
    asyncio.run(_visit(data))
    return data


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    """A stopped cluster of this test's own."""
    return _copy(made, tmp_path / "data")


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


@pytest.mark.parametrize("kind", ["gone", "zombie", "stranger"])
def test_a_stale_pid_file_does_not_stop_a_start(data: Path, tmp_path: Path, kind: str) -> None:
    """A postmaster.pid whose process is gone, a zombie or another folder's Postgres is not a server."""
    program = tmp_path / "postgres"
    program.symlink_to(shutil.which("sleep") or "")
    with subprocess.Popen([program, "60" if kind == "stranger" else "0"]) as process:
        if kind == "gone":
            process.wait()
        assert kind != "zombie" or _soon(lambda: _state(process.pid) == "Z")
        lines = [process.pid, data / "postgres", int(time.time()), 0, "", "127.0.0.1", "1 1", "ready"]
        (data / "postgres" / "postmaster.pid").write_text("\n".join(map(str, lines)) + "\n")
        try:
            asyncio.run(asyncio.wait_for(_visit(data), 20))
        finally:
            process.kill()


def _state(pid: int) -> str:
    words = ["ps", "-o", "state=", "-p", str(pid)]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()[:1]


def test_only_the_password_lets_in(data: Path) -> None:
    """Any local user may reach the port; only who reads the password file gets in."""

    async def strangers() -> None:
        async with embedded_postgres(data) as url:
            password = (data / "password").read_text()
            assert password in url
            for wrong in (url.replace(password, "wrong"), url.replace(f":{password}", "")):
                with pytest.raises(psycopg.OperationalError):
                    psycopg.connect(wrong, passfile=os.devnull)

    asyncio.run(strangers())


def test_it_listens_on_the_loopback_only(data: Path) -> None:
    """One TCP address, 127.0.0.1, and no socket file."""

    async def look() -> None:
        async with embedded_postgres(data) as url, await psycopg.AsyncConnection.connect(url) as connection:
            cursor = await connection.execute("SHOW listen_addresses")
            assert await cursor.fetchone() == ("127.0.0.1",)
            cursor = await connection.execute("SHOW unix_socket_directories")
            assert await cursor.fetchone() == ("",)
            assert not _listens(url, "127.0.0.2")

    asyncio.run(look())


def test_folders_are_private(tmp_path: Path) -> None:
    """Nobody else reads the cluster, the password or the log, whatever the umask."""
    before = os.umask(0)
    try:
        asyncio.run(_visit(tmp_path / "data"))
    finally:
        os.umask(before)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "data").iterdir()}
    assert modes.pop("postgres") == 0o700
    modes.pop("pgsql", None)  # binaries for the server's user, where it cannot reach the originals
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) & 0o066 == 0


def test_no_statement_and_no_value_is_logged(data: Path) -> None:
    """A failing statement leaves neither its words nor its values in the server's log."""

    async def fail() -> None:
        async with embedded_postgres(data) as url:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE TABLE once (t text PRIMARY KEY)")
                for _ in range(2):
                    connection.execute("INSERT INTO once VALUES ('quokka')")

    with pytest.raises(psycopg.errors.UniqueViolation):
        asyncio.run(fail())
    log = (data / "postgres.log").read_text()
    assert "once_pkey" in log
    assert "quokka" not in log


def test_long_paths_and_spaces(made: Path, tmp_path: Path) -> None:
    """A data folder may have spaces, quotes and more characters than a socket path can hold."""
    asyncio.run(_visit(_copy(made, tmp_path / "it's a folder" / ("very long " * 12) / "data")))


def test_the_server_is_not_told_our_keys(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server runs as somebody else and outlives us: it gets none of our environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "quokka")

    async def look() -> None:
        async with embedded_postgres(data):
            environ = Path(f"/proc/{_postmaster(data)}/environ")
            assert not environ.exists() or b"quokka" not in environ.read_bytes()

    asyncio.run(look())


@as_root
def test_a_private_parent_is_passed_but_not_opened(made: Path, tmp_path: Path) -> None:
    """Root's own folders get o+x where the server's user must pass, and never o+r."""
    parent = tmp_path / "private"
    parent.mkdir(mode=0o700)
    asyncio.run(_visit(_copy(made, parent / "data")))
    assert stat.S_IMODE(parent.stat().st_mode) == 0o701


@as_root
def test_a_strangers_private_parent_is_left_alone(made: Path, tmp_path: Path) -> None:
    """A folder of somebody else is not opened: the refusal names it."""
    parent = tmp_path / "private"
    parent.mkdir(mode=0o700)
    data = _copy(made, parent / "data")
    os.chown(parent, 12345, 12345)
    with pytest.raises(StoreUnavailable, match="private"):
        asyncio.run(_visit(data))
    assert stat.S_IMODE(parent.stat().st_mode) == 0o700


@as_root
def test_unreachable_binaries_are_copied_once_and_run_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout where the server's user cannot go is left as it is; the copy needs nothing of it."""
    monkeypatch.setattr(lodging, "_may_reach", lambda *_: False)
    asyncio.run(_visit(tmp_path))  # cold: initdb, too, runs from the copy
    (copy,) = (tmp_path / "pgsql").iterdir()
    made = copy.stat().st_ino
    asyncio.run(_visit(tmp_path))
    assert copy.stat().st_ino == made
    needs = subprocess.run(
        ["ldd", next(copy.glob("*/*/bin/initdb"))], capture_output=True, text=True, check=True
    )
    libpq = next(line for line in needs.stdout.splitlines() if "libpq" in line)
    assert str(copy) in os.path.realpath(libpq.split("=>")[1].split()[0])


def test_every_refusal_is_one_line_that_says_what_to_do(data: Path, tmp_path: Path) -> None:
    """A lost password, another major version and a folder that is a file are refused in words."""
    (data / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(StoreUnavailable, match="Postgres 17") as refused:
        asyncio.run(_visit(data))
    assert "\n" not in str(refused.value)
    (data / "password").unlink()
    with pytest.raises(StoreUnavailable, match="password is missing"):
        asyncio.run(_visit(data))
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="LONGTHREAD_DATA"):
        asyncio.run(_visit(tmp_path / "file"))


def test_a_server_that_cannot_start_names_its_log(data: Path) -> None:
    """A broken configuration is refused by naming the file that explains it."""
    with (data / "postgres" / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")
    with pytest.raises(StoreUnavailable, match=r"postgres\.log"):
        asyncio.run(_visit(data))


def test_a_bare_environment_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No locale, and Postgres variables meant for another server, change nothing."""
    for name in [n for n in os.environ if n.startswith(("LC_", "LANG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PGDATA", "/nonexistent")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGSSLMODE", "require")
    asyncio.run(_visit(tmp_path / "data"))


def test_the_default_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a setting, threads live where this user's data lives."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if sys.platform != "darwin":
        assert default_data() == tmp_path / "longthread"
