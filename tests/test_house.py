"""What a stranger is promised about the repository itself."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def tracked() -> list[Path]:
    """The files that a clone has."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def test_the_lock_pins_every_package_with_hashes_and_holds_no_address() -> None:
    """One file for every platform; no index, no URL, and nothing that records one."""
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "index" not in re.sub(r"^[a-z0-9-]+==.*$", "", lock, flags=re.MULTILINE)
    pins = re.findall(r"^[a-z0-9._-]+==\S+.*?(?=^[a-z]|\Z)", lock, flags=re.MULTILINE | re.DOTALL)
    assert len(pins) > 100
    assert all("--hash=sha256:" in pin for pin in pins)
    names = {p.name for p in tracked()}
    assert not names & {"uv.lock", "package-lock.json", "poetry.lock"}


@pytest.mark.parametrize("floor", ["graph", "graph/checkpointers", "ui"])
def test_the_map_of_a_floor_has_every_room(floor: str) -> None:
    """Each file is named at the left of a line of the docstring, alone or among others."""
    plan = ast.get_docstring(ast.parse((ROOT / floor / "__init__.py").read_text())) or ""
    rooms = {path.stem for path in (ROOT / floor).glob("*.py") if path.stem != "__init__"}
    named = {room for room in rooms if re.search(rf"^ *([\w.]+, )*{room}(\.py)?(,| |$)", plan, re.MULTILINE)}
    assert rooms == named


def test_the_example_of_the_readme_prints_an_answer_and_remembers(database: str, tmp_path: Path) -> None:
    """Run twice in new processes: the second knows what was said in the first."""
    readme = (ROOT / "README.md").read_text()
    example = re.search(r"## From a program\n\n```python\n(.*?)```", readme, re.DOTALL)
    assert example
    code = example[1].replace('"holiday"', repr(tmp_path.name + "-holiday"))
    first, second = (_run(code, database, tmp_path) for _ in range(2))
    assert "Ada" in first.splitlines()[-1]
    only_asks = code.replace('("user", "My name is Ada.")', '("user", "Hello again.")')
    assert "Ada" in _run(only_asks, database, tmp_path).splitlines()[-1]
    assert second


def _run(code: str, database: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"DATABASE_URL": database, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_strict_msgpack_is_on_before_langgraph_is_imported() -> None:
    """Whoever imports graph first gets a serializer that calls nothing from a row."""
    code = (
        "import graph, langgraph.checkpoint.serde._msgpack as m;"
        "from graph.checkpointers import postgres; print(m.STRICT_MSGPACK_ENABLED)"
    )
    env = {k: v for k, v in os.environ.items() if k != "LANGGRAPH_STRICT_MSGPACK"} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
