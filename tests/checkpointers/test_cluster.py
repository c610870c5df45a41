"""The embedded Postgres itself: whom it lets in, what it leaves behind, and why it does not start."""

import asyncio
import os
import shutil
import stat
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from graph.checkpointers.embedded import embedded_postgres
from graph.errors import StoreUnavailable
from tests.checkpointers.visiting import _copy, _listens, _soon, _visit


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
