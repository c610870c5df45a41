"""The users file, and the command that writes it."""

import os
import stat
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest

from graph import InvalidInput
from scripts.user import main
from tests.ui.signing import ROOT, WORD
from ui.sign_in.people import People


def test_the_users_file_keeps_hashes_for_its_owner_only(tmp_path: Path) -> None:
    people = People(tmp_path / "users.json")
    people.add("ada", WORD)
    text = people.file.read_text()
    assert WORD not in text and "$argon2id$" in text
    assert stat.S_IMODE(people.file.stat().st_mode) == 0o600
    assert people.check("ada", WORD) and not people.check("ada", "wrong") and not people.check("bob", WORD)
    with pytest.raises(InvalidInput):
        people.add("ada", WORD)
    for name, word in [("", WORD), ("a\nb", WORD), ("a\0b", WORD), ("x" * 300, WORD), ("bob", "short")]:
        with pytest.raises(InvalidInput):
            people.add(name, word)
    assert people.names() == ["ada"]


def test_the_command_adds_changes_lists_and_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LONGTHREAD_USERS_FILE", str(tmp_path / "people.json"))

    def user(*words: str, said: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", StringIO(said))
        code = main(list(words))
        told = capsys.readouterr()
        return code, told.out + told.err

    people = People(tmp_path / "people.json")
    assert user("add", "ada", "--stdin", said=f"{WORD}\n") == (0, "") and people.check("ada", WORD)
    assert user("passwd", "ada", "--stdin", said="another word\n") == (0, "")
    assert people.check("ada", "another word") and not people.check("ada", WORD)
    assert user("list") == (0, "ada\n")
    assert user("add", "ada", "--stdin", said=f"{WORD}\n")[0] == 2
    assert user("remove", "ada") == (0, "") and people.names() == []
    assert user("remove", "ada")[0] == 2


def test_the_command_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "people.json").write_text("{}")
    names = {
        "LONGTHREAD_USERS_FILE": str(tmp_path / "people.json"),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, str(ROOT / "scripts" / "user.py"), "add", "ada", "--stdin"]
    done = subprocess.run(
        command, input=WORD, env=os.environ | names, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert People(tmp_path / "people.json").check("ada", WORD)


def test_a_broken_users_file_knows_nobody(tmp_path: Path) -> None:
    people = People(tmp_path / "users.json")
    people.add("ada", WORD)
    people.file.write_text("[]")
    assert people.hash_of("ada") is None


def test_unknown_names_take_as_long(tmp_path: Path) -> None:
    people = People(tmp_path / "users.json")
    people.add("ada", WORD)

    def took(name: str) -> float:
        began = time.perf_counter()
        people.check(name, "not the word")
        return time.perf_counter() - began

    known, unknown = (min(took(name) for _ in range(5)) for name in ("ada", "nobody"))
    assert 0.5 < known / unknown < 2
