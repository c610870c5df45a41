"""`scripts/bench`, at toy size: that every figure comes out, not how large it is."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.benchmark.words import ANSWER, QUESTION, Words

ROOT = Path(__file__).parent.parent
OURS_AND_FLOOR = "floor-async,null-async,ours-async,stock-async"


def bench(*words: str, path: str = "") -> "subprocess.CompletedProcess[str]":
    """The command, as a person starts it."""
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "bench.py", *words],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (path, str(ROOT))))},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.long
def test_every_part_measures_and_every_file_is_written(server: str, tmp_path: Path) -> None:
    """Tables on standard output; JSON, Markdown and a chart where asked."""
    files = {name: tmp_path / f"bench.{name}" for name in ("json", "markdown", "svg")}
    words = [word for name, file in files.items() for word in (f"--{name}", str(file))]
    done = bench("--quick", "--url", server, "--variants", OURS_AND_FLOOR, *words)
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = json.loads(files["json"].read_text())
    musts = {must["figure"]: must["measured"] for must in data["musts"]}
    assert len(musts) >= 10
    assert all(measured is not None and measured == measured for measured in musts.values())
    turns = data["samples"]["turn"]
    assert all(seconds > 0 for by_length in turns.values() for of in by_length.values() for seconds in of)
    counted = next(table for table in data["tables"] if "says to the database" in table["title"])
    rows = {row[0]: row[1:3] for row in counted["rows"]}
    assert rows["hand-written psycopg, async"] == ["2", "2"]
    assert rows["MessagesState + AsyncPostgresSaver"] == ["6", "10"]
    for table in data["tables"]:
        assert table["title"] in done.stdout
        assert f"### {table['title']}" in files["markdown"].read_text()
    chart = files["svg"].read_text()
    assert chart.startswith("<svg") and "prefers-color-scheme: dark" in chart
    assert chart.count('class="line"') == 4


@pytest.mark.long
def test_what_people_use_today_is_measured_beside_it(server: str) -> None:
    """LangChain's agent and OpenAI's session give figures too."""
    done = bench("--quick", "--url", server, "--only", "network", "--variants", "agent,session")
    assert done.returncode == 0, done.stderr
    assert "create_agent" in done.stdout and "OpenAI Agents SDK" in done.stdout


def test_a_missing_package_is_one_line_that_says_what_brings_it(tmp_path: Path) -> None:
    """Exit code 2, no traceback, no server started."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'agents' else found(name, *a)\n"
    )
    done = bench("--quick", path=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("bench: no agents")
    assert "scripts/setup --bench" in done.stderr and "Traceback" not in done.stderr


def test_every_text_is_another_and_has_its_size() -> None:
    """The same seed says the same; nothing is said twice."""
    talk = Words().talk(400)
    assert talk == Words().talk(400)
    assert len(set(talk)) == 400
    assert {len(text) for text in talk} == {QUESTION, ANSWER}
