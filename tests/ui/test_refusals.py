"""Every error that a person on the page can meet, in German: a catalogue that follows the source."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import expect
from psycopg.errors import DiskFull

from graph import LongthreadError, MessageOverBudget, ThreadBusy
from graph.checkpointers.pool import ConnectionLost, NoConnection, Refused
from graph.circuit import FAILURES, Circuit
from graph.document import read
from graph.errors import BROKEN, ForgedRow, ModelUnavailable
from graph.refusals import translate
from graph.tags import normal
from graph.threads import titled
from tests.ui.conftest import Visit
from tests.ui.spoken import ROOT, said, spelled, texts, trees
from ui.words import FIRST, Words, languages
from ui.words.refusals import Refusals, sentences

GERMAN = Words("de")

UNSEEN_FILES = {
    "graph/checkpointers/cluster.py": "whoever starts the server",
    "graph/checkpointers/embedded.py": "whoever starts the server",
    "graph/checkpointers/lodging.py": "whoever starts the server",
    "graph/checkpointers/migrations.py": "whoever starts the server",
    "graph/checkpointers/pruning.py": "a program: the page neither prunes nor copies",
    "graph/demo_model.py": "it is what a model says",
    "graph/door.py": "whoever starts the server",
    "graph/exchanges.py": "the model",
    "graph/health.py": "whoever asks /readyz",
    "graph/queueing.py": "a program: the page names no strategy",
    "graph/settings.py": "whoever starts the server, and the model",
    "graph/titles.py": "nobody: signs to cut at",
    "graph/titling.py": "the model",
    "graph/tokens.py": "nobody: a pattern",
    "ui/app.py": "whoever starts the server",
    "ui/sign_in": "whoever starts the server or adds people; the form has texts of its own",
}
"""Files with sentences that are not read on the page, and who reads them."""

UNSEEN = {
    "{}() would block": "calls of a program",
    "No Postgres at {}": "when the server starts",
    "Name a thread": "configs of a program",
    "checkpoint_": "configs of a program",
    "Say something": "a program's input: the page sends one message",
    "These messages are not messages": "the same",
    "There is no message in this list": "the same",
    "A message of type {}": "the same",
    "A summary is a SystemMessage": "a program's change of the state",
    "What is pinned is a list": "the same",
    "There is no shelf": "the page's buttons know them all",
    "Only threads that are kept are listed by tag": "the page's buttons know it",
    "There is no order": "the page asks for the one by tokens",
    "There is no such time zone": "the page asks with one that is known, else UTC",
    "Summarise the conversation below": "the model",
}
"""How other sentences begin that are not read on the page, and who reads them, or why nobody does."""


def _belong(file: str) -> str | None:
    return next((known for known in UNSEEN_FILES if file == known or file.startswith(f"{known}/")), None)


def test_every_language_but_the_first_tells_errors() -> None:
    assert [name for name in languages() if sentences(name)] == [n for n in languages() if n != FIRST]


def test_the_catalogue_follows_the_source() -> None:
    """Else a text that was changed, or is gone, is English on the page from then on."""
    table = tomllib.loads((ROOT / "ui/words/refusals/de.toml").read_text(encoding="utf-8"))
    there = {text for tree in trees().values() for text in texts(tree)}
    ours = {english for part, told in table.items() if part != "pydantic" for english in told}
    assert ours - there == set()


def test_every_error_that_the_page_can_show_is_in_the_catalogue() -> None:
    """Which are not, and who reads those, is listed above; what is listed is there."""
    known, files, begun = sentences("de"), set[str](), set[str]()
    left = list[str]()
    for file, tree in trees().items():
        missing = {text for text in said(file, tree) if text not in known}
        if missing and (other := _belong(file)):
            files.add(other)
            continue
        for text in missing:
            beginning = next((start for start in UNSEEN if text.startswith(start)), None)
            begun.add(beginning or "")
            left += [] if beginning else [f"{file}: {text}"]
    assert left == []
    assert (files, begun) == (UNSEEN_FILES.keys(), UNSEEN.keys())


def test_the_page_shows_what_it_caught_by_the_catalogue_only() -> None:
    shown = {
        f"{file}:{line}"
        for file, tree in trees().items()
        if file.startswith("ui/") and not _belong(file)
        for line in spelled(tree)
    }
    assert shown == set()


def test_a_sentence_takes_the_values_of_the_english_one() -> None:
    for english, text in sentences("de").items():
        values = [f"‹{n}›" for n in range(english.count("{}"))]
        told = text.format(*values)
        assert all(told.count(value) == 1 for value in values), english
        assert "{" not in told and (english[-1] == ".") == (text[-1] == "."), english


@given(st.text(min_size=1), st.integers(0, 10**9))
def test_a_text_is_told_by_the_sentence_with_most_letters_that_it_fits(name: str, number: int) -> None:
    refusals = Refusals({"{} said {}.": "B {1} A {0}", "{} said {} to us.": "U {} {}"}, ".")
    assert refusals(f"X said {number:,}.") == f"B {number:,} A X".replace(",", ".")
    assert refusals(f"X said {number:,} to us.") == f"U X {number:,}".replace(",", ".")
    assert refusals(f"X said [{name}].") == f"B [{name}] A X"
    assert refusals(f"{name}!") == f"{name}!" and Refusals({}, ",")(name) == name


def test_values_hold_spaces_lines_and_marks_of_the_pattern() -> None:
    refusals = Refusals({"No (really?) {}: {}.": "Nein {}: {}."}, ".")
    assert refusals("No (really?) a b\nc: {}.*.") == "Nein a b\nc: {}.*."
    assert refusals("No really a: b.") == "No really a: b."


def _refused(call: Any, *values: Any) -> LongthreadError:
    with pytest.raises(LongthreadError) as refused:
        call(*values)
    return refused.value


def _opened() -> ModelUnavailable:
    """The refusal of a circuit that is open."""
    circuit = Circuit("gpt", clock=lambda: 0.0)
    for _ in range(FAILURES):
        with pytest.raises(ModelUnavailable), circuit.request():
            raise ModelUnavailable
    with pytest.raises(ModelUnavailable) as refused, circuit.request():
        pass
    return refused.value


ERRORS = {
    "Ein Titel hat 1 bis 200 Zeichen; dieser hat 1.200.": lambda: _refused(titled, "x" * 1200),
    "Ein Schlagwort hat 1 bis 40 Zeichen und kein Komma; dieses hat 3.": lambda: _refused(normal, "a,b"),
    "Diese Nachricht braucht etwa 1.200 Tokens, und eine Anfrage darf 900 haben. Kürze sie, oder erhöhe "
    "LONGTHREAD_TOKEN_BUDGET.": lambda: MessageOverBudget(1200, 900),
    "In diesem Gespräch wird noch geantwortet. Warte darauf, oder halte die Antwort zuerst an.": ThreadBusy,
    "Postgres antwortet nicht (PoolTimeout). Läuft es?": lambda: NoConnection("PoolTimeout"),
    "Postgres antwortet nicht (keine Antwort in 5 s). Läuft es?": lambda: ConnectionLost("no answer in 5 s"),
    "Postgres hat abgelehnt (DiskFull, SQLSTATE 53100). Nichts wurde gespeichert. Falls es so bleibt: Darf "
    "dieser Benutzer in diese Tabellen schreiben, und sind sie von dieser Version?": lambda: Refused(
        DiskFull()
    ),
    "In der Datenbank steht eine Zeile, die nicht die Form ihrer Tabelle hat, und sie darf nicht gelesen "
    "werden. Ist es ein Typ deines Zustands, nenn ihn in dessen Schema; wenn nicht, hat jemand anderes in "
    "diese Datenbank geschrieben.": lambda: ForgedRow(BROKEN),
    "gpt hat 5-mal nacheinander versagt und wird vorerst in Ruhe gelassen. In 10 s wird wieder gefragt; "
    "versuch es dann noch einmal.": _opened,
    "Der Server des Modells hat nicht rechtzeitig geantwortet. Versuch es noch einmal, oder erhöhe "
    "LONGTHREAD_MODEL_TIMEOUT.": lambda: translate(TimeoutError()),
    "http://127.0.0.1:1 spricht nicht das Protokoll von OpenAI (KeyError). Prüfe OPENAI_BASE_URL.": lambda: (
        translate(KeyError("x"), "http://127.0.0.1:1/v1")
    ),
    "Nachricht 1 dieser Datei: Die Nachricht ist leer.": lambda: _refused(_import, {"content": ""}),
    "Nachricht 1 dieser Datei nennt eine Vorgängerin, die nicht vor ihr steht. Jede kommt nach ihrer "
    "Vorgängerin.": lambda: _refused(_import, {"parent": "b"}),
}


@pytest.mark.parametrize("german", ERRORS)
def test_real_errors_are_german_on_a_german_page_and_english_on_others(german: str) -> None:
    error = ERRORS[german]()
    assert GERMAN.refusal(error) == german
    assert Words("en").refusal(error) == str(error)


def _import(message: Any = None, branch: Any = None, **more: Any) -> None:
    """Read a file of one message, with these parts changed."""
    known = {"id": "a", "parent": None, "type": "human", "content": "x"}
    messages = [known | message] if isinstance(message, dict) else [message or known]
    branches = [{"tip": "a", "active": True} | (branch or {})]
    file = {"format": "longthread-thread", "version": 1, "messages": messages, "branches": branches} | more
    read(json.dumps(file).encode())


def _used(**tokens: int) -> dict[str, Any]:
    return {
        "type": "ai",
        "usage_metadata": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 1} | tokens,
    }


BROKEN_FILES: list[dict[str, Any]] = [
    *(
        {"title": 3},
        {"tags": "x"},
        {"tags": ["a"] * 11},
        {"messages": []},
        {"messages": [3]},
        {"branches": []},
    ),
    *({"message": part} for part in ({"id": ""}, {"id": "x" * 300}, {"id": 0.5}, {"type": "x"}, {"name": 3})),
    *({"message": {"content": 3}}, {"message": {"tool_calls": [{}]}}, {"message": {"status": "x"}}),
    *({"message": _used() | {"type": "human"}}, {"message": {"type": "tool"}}),
    *({"message": part} for part in (_used(input_tokens=-1), _used(input_tokens=10**13))),
    *(
        {"branch": part}
        for part in ({"active": 1}, {"summary": {}}, {"summary": {"text": "x", "folds": "x"}})
    ),
    *({"version": 2}, {"format": "x"}, {"branch": {"active": False}}),
]


def test_what_is_wrong_with_a_file_is_german_also_where_pydantic_says_it() -> None:
    """And pydantic has every word that we translate."""
    table = tomllib.loads((ROOT / "ui/words/refusals/de.toml").read_text(encoding="utf-8"))
    english = [str(_refused(lambda parts=parts: _import(**parts))) for parts in BROKEN_FILES]
    for text in english:
        reason = text.rsplit(": ", 1)[-1].removesuffix(".")
        told = Refusals.of("de", ".")(text)
        assert told != text and (reason not in told), text
    for reason in table["pydantic"]:
        met = Refusals({reason: "met"}, ".")
        assert any(met(text.rsplit(": ", 1)[-1].removesuffix(".")) == "met" for text in english), reason


@pytest.mark.browser
def test_a_german_reader_is_told_in_german_what_went_wrong(visit: Visit, tmp_path: Path) -> None:
    tab, file = visit(language="de"), tmp_path / "other.json"
    tab.page.fill("#composer textarea", "viele Worte " * 1500)
    tab.page.keyboard.press("Enter")
    told = re.compile(r"braucht etwa \d\.\d{3} Tokens, und eine Anfrage darf \d{3} haben")
    expect(tab.page.locator(".toast-body")).to_contain_text("Das hat nicht geklappt")
    expect(tab.page.locator(".toast-body")).to_contain_text(told)
    file.write_text("{}")
    tab.page.set_input_files("#carry input", file)
    expect(tab.page.locator("#import-told")).to_contain_text("kein Gespräch von Longthread")
    tab.faults[:] = [fault for fault in tab.faults if "400" not in fault]
