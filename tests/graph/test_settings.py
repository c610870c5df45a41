"""Settings: one clear line for what is wrong."""

from pathlib import Path

import pytest

from graph.errors import InvalidSettings
from graph.settings import Settings

ROOT = Path(__file__).parents[2]

BAD = {
    "unknown name": ("LONGTHREAD_TOKEN_BUGDET", "4000", "LONGTHREAD_TOKEN_BUGDET: no such setting"),
    "no number": ("LONGTHREAD_TOKEN_BUDGET", "many", "LONGTHREAD_TOKEN_BUDGET: "),
    "too small": ("LONGTHREAD_TOKEN_BUDGET", "10", "LONGTHREAD_TOKEN_BUDGET: "),
    "database": ("DATABASE_URL", "mysql://x/y", "DATABASE_URL: must begin with postgresql://"),
    "model URL": ("OPENAI_BASE_URL", "localhost:8000", "OPENAI_BASE_URL: must be an http"),
    "timeout": ("LONGTHREAD_MODEL_TIMEOUT", "-1", "LONGTHREAD_MODEL_TIMEOUT: "),
    "retries": ("LONGTHREAD_MODEL_RETRIES", "1.5", "LONGTHREAD_MODEL_RETRIES: "),
    "answer room": ("LONGTHREAD_ANSWER_TOKENS", "7990", "LONGTHREAD_TOKEN_BUDGET: "),
    "system prompt": (
        "LONGTHREAD_SYSTEM_PROMPT",
        "be kind " * 5000,
        "LONGTHREAD_TOKEN_BUDGET: .*system prompt",
    ),
}


@pytest.mark.parametrize(("name", "value", "says"), BAD.values(), ids=list(BAD))
def test_a_bad_setting_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    """InvalidSettings names the variable and the fault, in one line, without the value of a secret."""
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings, match=says) as e:
        Settings.read()
    assert "\n" not in str(e.value)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither key nor database URL is in what a log would print."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:very-secret@h/d")
    assert "very-secret" not in repr(Settings.read())


def test_blank_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line left empty in .env means the default."""
    for name in (
        "DATABASE_URL",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "LONGTHREAD_SUMMARY_MODEL",
        "LONGTHREAD_DATA",
    ):
        monkeypatch.setenv(name, "")
    assert Settings.read().demo
    assert Settings.read().data is None


def test_an_unknown_name_in_the_env_file_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt line of .env is as wrong as a misspelt variable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    (tmp_path / ".env").write_text("LONGTHREAD_MODLE=x\n")
    with pytest.raises(InvalidSettings, match="LONGTHREAD_MODLE"):
        Settings.read()
    (tmp_path / ".env").write_text("LONGTHREAD_MODEL=x\nOTHER=1\n")
    assert Settings.read().model == "x"


def test_every_setting_is_in_the_readme_and_in_the_example() -> None:
    """A stranger finds each name, and no name that does not exist."""
    names = {str(f.validation_alias.choices[-1]) for f in Settings.model_fields.values()}  # type: ignore[union-attr]
    readme, example = (ROOT / "README.md").read_text(), (ROOT / ".env.example").read_text()
    for name in names:
        assert f"| `{name}` |" in readme
        assert f"{name}=" in example
