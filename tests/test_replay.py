"""`scripts/replay`: a long conversation, a real model server, and kill -9 in the middle."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graph import Bookmark, Settings, open_graph
from tests.openai_server import ModelServer

ROOT = Path(__file__).parent.parent
THINGS = ["harbour", "lantern", "violin", "orchard", "compass", "kettle", "meadow", "saddle", "anchor"]


def conversation(turns: int) -> dict[str, object]:
    """A conversation in LoCoMo's form: three sessions, some turns in several lines."""
    sessions: dict[str, object] = {"speaker_a": "Ana", "speaker_b": "Ben"}
    for session in range(3):
        said: list[dict[str, str]] = []
        for n in range(session, turns, 3):
            thing = THINGS[n % len(THINGS)]
            said.append(
                {"speaker": "Ana", "dia_id": f"D{n}:1", "text": f"Today, number {n}, I painted a {thing}."}
            )
            if n % 4 == 0:
                said.append(
                    {"speaker": "Ana", "dia_id": f"D{n}:2", "text": "数えきれないほど描きました。 " * 6}
                )
            said.append({"speaker": "Ben", "dia_id": f"D{n}:3", "text": "Tell me more."})
        sessions[f"session_{session + 1}"] = said
    return {"conversation": sessions, "qa": []}


def replay(url: str, database: str, *words: str) -> "subprocess.Popen[bytes]":
    """The command, as a person starts it."""
    return subprocess.Popen(
        [sys.executable, ROOT / "scripts" / "replay.py", *words],
        env=os.environ | {"OPENAI_BASE_URL": url, "DATABASE_URL": database, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_killed_in_the_middle_it_goes_on_and_every_turn_is_there_once(
    fresh_database: str, tmp_path: Path
) -> None:
    """Three kills at different moments, then a run to the end: each turn once, in order, in the budget."""
    file = tmp_path / "talk.json"
    file.write_text(json.dumps(conversation(45)))
    words = (str(file), "--budget", "800")
    with ModelServer(limit=800, delay=0.002) as model:
        for kill in range(3):
            before = len(model.requests)
            running = replay(model.url, fresh_database, *words)
            while len(model.requests) < before + 8 + kill:
                assert running.poll() is None, running.communicate()
                time.sleep(0.003 * (kill + 1))
            running.send_signal(signal.SIGKILL)
            running.communicate()
        out, err = replay(model.url, fresh_database, *words).communicate(timeout=100)
        assert "45 of 45, each once, in order" in out.decode(), (out, err)
        assert {r.status for r in model.requests} <= {0, 200}
        assert max(r.tokens for r in model.requests) <= 600
        assert model.summaries
        again, _ = replay(model.url, fresh_database, *words).communicate(timeout=60)
        assert again == out, "run once more it asks nothing and shows the same table"
    said = asyncio.run(_questions(fresh_database))
    assert len(said) == 45
    assert [s.split()[2] for s in said] == [f"{n}," for session in range(3) for n in range(session, 45, 3)]


async def _questions(database: str) -> list[str]:
    async with open_graph(Settings.read(database_url=database)) as graph:
        page = await graph.threads.transcript(Bookmark("replay-talk"), limit=1000)
    return [e.message.text for e in page.entries if e.message.type == "human"]


def test_a_plain_list_of_roles_is_played_too(fresh_database: str, tmp_path: Path) -> None:
    """Lists of role and content, system messages left aside."""
    file = tmp_path / "plain.json"
    roles = [("system", "Be kind."), ("user", "One."), ("assistant", "Two."), ("user", "Three.")]
    file.write_text(json.dumps([{"role": role, "content": content} for role, content in roles]))
    with ModelServer() as model:
        out, _ = replay(model.url, fresh_database, str(file), "--thread", "mine").communicate(timeout=60)
    assert "2 of 2, each once, in order" in out.decode()


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", "[1]", '{"conversation": {}}', '[{"role": "assistant", "content": "x"}]'],
    ids=repr,
)
def test_a_file_that_is_no_conversation_is_one_clear_line(tmp_path: Path, content: str) -> None:
    """Exit code 2, the file's name, no traceback."""
    file = tmp_path / "bad.json"
    file.write_text(content)
    running = replay("http://127.0.0.1:1/v1", "postgresql://127.0.0.1:1/none", str(file))
    _, err = running.communicate(timeout=60)
    assert running.returncode == 2
    assert b"bad.json" in err
    assert len(err.splitlines()) == 1
