"""The texts of the page: complete in each language, and chosen by what the browser asks for."""

import re
import string
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from ui.words import FIRST, Words, _texts, languages, words_of


@pytest.mark.parametrize("language", [name for name in languages() if name != FIRST])
def test_a_language_has_every_text_with_the_same_values_in_it(language: str) -> None:
    first, other = _texts(FIRST), _texts(language)
    assert first.keys() == other.keys()
    assert {key: _values(text) for key, text in other.items()} == {k: _values(t) for k, t in first.items()}


def _values(text: object) -> set[str]:
    """The names of the values that a text takes."""
    forms = text.values() if isinstance(text, dict) else text if isinstance(text, list) else [text]
    return {name for form in forms for _, name, _, _ in string.Formatter().parse(str(form)) if name}


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr, de;q=0.3, en;q=0.7", "en"),
        ("en;q=0.1, de", "de"),
        ("de;q=0, fr", "en"),
        ("", "en"),
        ("*;q=what,,;q=", "en"),
    ],
)
def test_a_person_reads_the_language_that_the_browser_asks_for(asked: str, language: str) -> None:
    assert words_of(SimpleNamespace(headers={"accept-language": asked})).language == language


def test_numbers_and_dates_are_as_the_language_has_them() -> None:
    english, german = Words("en"), Words("de")
    assert english("chat.earlier", count=1200) == "Load earlier (1,200)"
    assert german("chat.earlier", count=1200) == "Frühere laden (1.200)"
    assert english("chat.earlier", count=1) == "Load 1 earlier message"
    assert german.day(date(2026, 3, 9)) == "9. März 2026"
    with pytest.raises(KeyError):
        english("chat.nonsense")


def test_every_text_that_the_page_names_is_there() -> None:
    named = re.compile(r"(?:words|label)\(\s*\"([a-z_]+\.[a-z_]+)\"")
    used = {
        key
        for path in (Path(__file__).parents[2] / "ui").rglob("*.py")
        for key in named.findall(path.read_text())
    }
    assert len(used) > 30 and used <= _texts(FIRST).keys()
