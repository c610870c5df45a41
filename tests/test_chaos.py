"""`scripts/chaos`: every row of its quick set, with its control; and what the command says."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.chaosing.history import DOUBLED, LOST, ORDER, SECOND, judge
from scripts.chaosing.rows import ROWS
from scripts.chaosing.stage import Stage, open_stage
from scripts.chaosing.verdict import Tally, Verdict

ROOT = Path(__file__).parent.parent
SEED = 4


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """The loop of all rows."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def stage(runner: asyncio.Runner) -> Iterator[Stage]:
    """One Postgres, one model and one nursery for all rows."""
    opened = open_stage(SEED)
    stage = runner.run(opened.__aenter__())
    yield stage
    runner.run(opened.__aexit__(None, None, None))


def _row(name: str) -> object:
    needs = {"pooler": pytest.mark.pooler, "tabs": pytest.mark.browser}
    return pytest.param(name, marks=needs.get(name, ()))


@pytest.mark.long
@pytest.mark.parametrize("name", [_row(name) for name in ROWS])
def test_a_row_holds_and_its_control_sees_the_fault(runner: asyncio.Runner, stage: Stage, name: str) -> None:
    """With the protection on nothing is found, and with it off the same eyes see it."""
    verdict = runner.run(ROWS[name].run(stage, ROWS[name].quick))
    assert verdict.seen, f"without the protection: {verdict.control.words}"
    assert verdict.holds, f"{verdict.tally.words}\n" + "\n".join(verdict.tally.examples)


def test_the_judge_sees_each_fault() -> None:
    """A thread that is well has none; each that is not, its own."""
    q, a = ["question", "q", "One."], ["answer", "a", "You wrote: “One.” and so on"]
    well = {"said": [q, a], "rows": 2, "branches": 0}
    ill: dict[str, dict[str, object]] = {
        LOST: {"said": []},
        DOUBLED: {"said": [q, a, q, a]},
        SECOND: {"said": [q, a, a]},
        ORDER: {"said": [q, ["answer", "a", "You wrote: “Another.” and so on"]]},
        "fork": {"branches": 1},
    }
    tally = Tally()
    judge(tally, well, ["One."], {"One.": "a"})
    assert not tally.faults
    for fault, change in ill.items():
        tally = Tally()
        judge(tally, well | change, ["One."], {"One.": "a"})
        assert tally.faults[fault], fault


def test_a_row_without_trials_or_control_does_not_hold() -> None:
    """Nothing tried is nothing shown."""
    empty = Verdict("row", "must", Tally(), Tally(trials=1), ("fault",))
    assert not empty.holds and not empty.seen


def chaos(*words: str) -> "subprocess.CompletedProcess[str]":
    """The command, as a person starts it."""
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "chaos.py", *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_the_command_explains_itself_and_prints_its_table() -> None:
    """`--help` names the rows, a row that there is not is refused by name, one that holds exits with 0."""
    told = chaos("--help")
    assert told.returncode == 0 and all(name in told.stdout for name in ROWS)
    refused = chaos("--only", "kill,nonsense")
    assert refused.returncode == 2 and "no nonsense; there is kill" in refused.stderr
    assert "Traceback" not in refused.stderr
    done = chaos("--quick", "--only", "twice", "--seed", "7")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 7" in done.stdout and done.stdout.rstrip().splitlines()[-1].endswith("yes")
