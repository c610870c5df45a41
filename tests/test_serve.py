"""`scripts/serve`: the one command of a newcomer, started, shared, stopped and refused."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def serve(data: Path, port: int) -> "Iterator[subprocess.Popen[str]]":
    """The command, answering; Ctrl+C at the end unless it was stopped before."""
    running = subprocess.Popen(
        [ROOT / "scripts" / "serve", "--port", str(port)],
        env=os.environ | {"LONGTHREAD_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(600):
            assert running.poll() is None, running.communicate()
            if healthy(port):
                break
            time.sleep(0.1)
        yield running
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGINT)
        running.wait(20)
        for pipe in (running.stdout, running.stderr):
            assert pipe
            pipe.close()


def healthy(port: int) -> bool:
    """Whether the page answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_two_share_one_data_folder_and_the_last_stops_postgres(tmp_path: Path) -> None:
    """Five lines that say what is used; Ctrl+C on one leaves the other answering; after both nothing runs."""
    data, ports = tmp_path / "data", (free_port(), free_port())
    with serve(data, ports[0]) as first:
        with serve(data, ports[1]) as second:
            first.send_signal(signal.SIGINT)
            out, err = first.communicate(timeout=20)
            assert first.returncode == 0
            assert "Traceback" not in err
            lines = out.splitlines()
            assert len(lines) == 5
            for word in ("Postgres", "not a real model", str(data), f"http://127.0.0.1:{ports[0]}"):
                assert any(word in line for line in lines), (word, lines)
            assert healthy(ports[1])
            assert (data / "postgres" / "postmaster.pid").exists()
            second.send_signal(signal.SIGTERM)
            second.wait(20)
        assert not (data / "postgres" / "postmaster.pid").exists()


REFUSED = {
    "unknown setting": {"LONGTHREAD_BUDGET": "4000"},
    "bad number": {"LONGTHREAD_TOKEN_BUDGET": "many"},
    "bad URL": {"OPENAI_BASE_URL": "nonsense"},
    "budget below the system prompt": {"LONGTHREAD_SYSTEM_PROMPT": "be kind " * 9000},
    "no Postgres there": {"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/db"},
}


@pytest.mark.parametrize("settings", REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_served_is_one_line_and_exit_code_2(tmp_path: Path, settings: dict[str, str]) -> None:
    """The name or the host is in it, no traceback, no password."""
    done = _refused(tmp_path, settings, free_port())
    assert "hidden" not in done.stderr
    name = next(iter(settings))
    assert name in done.stderr or "LONGTHREAD_TOKEN_BUDGET" in done.stderr


def test_a_port_in_use_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    """It names the port and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        assert str(port) in _refused(tmp_path, {}, port).stderr


def _refused(data: Path, settings: dict[str, str], port: int) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [ROOT / "scripts" / "serve", "--port", str(port)],
        env=os.environ | {"LONGTHREAD_DATA": str(data)} | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if "demo model" not in line]
    assert len(said) == 1, said
    return done
