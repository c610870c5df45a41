"""What `graph` refuses, in a language that is not its own: `Refusals`, told by whole sentences.

`graph` knows of no languages and raises English texts. A table a language, `de.toml`, has each under the
English sentence as it stands in the source, with {} for every value; a text is told by the sentence it fits.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

GROUPED = re.compile(r"\d{1,3}(,\d{3})+")


class Refusals:
    """Those of one language, by the English; `group` stands between the thousands of a number."""

    def __init__(self, sentences: Mapping[str, str], group: str) -> None:
        ranked = sorted(sentences, key=lambda english: -len(english.replace("{}", "")))
        self._sentences = [(_pattern(english), sentences[english]) for english in ranked]
        self._group = group

    @classmethod
    def of(cls, language: str, group: str) -> "Refusals":
        """What this language has; nothing for English, or for one without a table."""
        return cls(sentences(language), group)

    def __call__(self, text: str) -> str:
        """The text as the sentence with most letters of its own has it, each value told in the same way; as
        it is where it fits none."""
        for pattern, sentence in self._sentences:
            if fits := pattern.fullmatch(text):
                return sentence.format(*map(self, fits.groups()))
        return text.replace(",", self._group) if GROUPED.fullmatch(text) else text


def sentences(language: str) -> dict[str, str]:
    """A language's sentences by the English ones."""
    file = Path(__file__).parent / f"{language}.toml"
    tables = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {english: text for table in tables.values() for english, text in table.items()}


def _pattern(english: str) -> re.Pattern[str]:
    return re.compile("(.*?)".join(map(re.escape, english.split("{}"))), re.DOTALL)
