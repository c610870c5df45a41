"""Where the embedded Postgres lodges: what it may pass, what it runs from, and what it is not told."""

import asyncio
import os
import stat
import subprocess
from pathlib import Path

import pytest

from graph.checkpointers import lodging
from graph.checkpointers.embedded import embedded_postgres
from graph.errors import StoreUnavailable
from tests.checkpointers.visiting import _copy, _postmaster, _visit

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to lend the server to somebody")


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
