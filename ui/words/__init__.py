"""Every text of the page, in each language: `Words`, whose they are (`words_of`), and `label`.

A table of texts a language, `en.toml`, `de.toml`, with a part a panel. What Gradio itself shows, as the text
of a button, is translated in the browser (`label`); what we render is translated here.
What goes wrong is raised in English, and told in each language by `refusals`.
"""

import json
import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, cast

from graph import LongthreadError
from ui.words.refusals import Refusals

FIRST = "en"
"""The language that has every text."""

Text = str | dict[str, str] | list[str]
"""A text; or its forms, `one` and `other`, by the value `count`; or a list, as the months are."""


class Words:
    """The texts of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = {**_texts(FIRST), **_texts(language)}
        self._refusals = Refusals.of(language, self("number.group"))

    def __call__(self, key: str, **values: Any) -> str:
        """The text `key` with these values in it, not escaped; whole numbers grouped. Raises `KeyError`."""
        text = self._texts[key]
        if isinstance(text, dict):
            text = text["one" if values["count"] == 1 else "other"]
        shown = {name: self.number(of) if isinstance(of, int) else of for name, of in values.items()}
        return cast("str", text).format_map(shown)

    def refusal(self, error: LongthreadError) -> str:
        """What went wrong and what to do, not escaped; in English where this language does not say it."""
        return self._refusals(str(error))

    def number(self, number: int) -> str:
        """ "1,200", as this language has it."""
        return f"{number:,}".replace(",", self("number.group"))

    def month(self, day: date) -> str:
        """ "May 2026"."""
        return f"{self._texts['date.months'][day.month - 1]} {day.year}"  # type: ignore[index]

    def day(self, day: date) -> str:
        """ "9 May 2026"."""
        return self("date.day", number=str(day.day), month=self.month(day))

    def part(self, name: str) -> str:
        """The texts of one panel as JSON, for its script."""
        prefix = f"{name}."
        return json.dumps(
            {key.removeprefix(prefix): of for key, of in self._texts.items() if key.startswith(prefix)}
        )


def words_of(request: Any) -> Words:
    """Of a request, Gradio's or Starlette's: in the language that the browser asks for first, of ours."""
    asked = str(request.headers.get("accept-language") or "")
    ranked = sorted((_rank(part) for part in asked.split(",")), key=lambda pair: -pair[0])
    wanted = (name.strip().lower().partition("-")[0] for weight, name in ranked if weight > 0)
    return _words(next((name for name in wanted if name in languages()), FIRST))


def _rank(part: str) -> tuple[float, str]:
    name, _, weight = part.partition(";q=")
    try:
        return float(weight or 1), name
    except ValueError:
        return 0, name


@cache
def languages() -> tuple[str, ...]:
    """Those that we have."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.toml")))


@cache
def _words(language: str) -> Words:
    return Words(language)


@cache
def _texts(language: str) -> dict[str, Text]:
    tables = tomllib.loads((Path(__file__).parent / f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{part}.{key}": text for part, texts in tables.items() for key, text in texts.items()}


def label(key: str) -> Any:
    """A text for Gradio, which translates it in the browser. Raises `KeyError`."""
    translations = translated()
    assert key in translations.translations[FIRST], key  # noqa: S101 a fault of ours, at the start
    return translations(key)


@cache
def translated() -> Any:
    """What Gradio is given, `gr.I18n`."""
    import gradio as gr

    return gr.I18n(
        **{
            language: {key: text for key, text in _texts(language).items() if isinstance(text, str)}
            for language in languages()
        }
    )
