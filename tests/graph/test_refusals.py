"""Failures of a model over real HTTP: each is named, tried again or not, and never quoted."""

import asyncio
import json
import socket

import httpx
import pytest

from graph.errors import ModelError, ModelRefused, ModelUnavailable
from graph.model import stream_answer
from graph.refusals import translate
from tests.graph.prompting import MESSAGES, SECRET, _answer, _is_discreet, _model, _text
from tests.openai_server import Fault, Kind, ModelServer

pytestmark = pytest.mark.anyio

REFUSED = [
    (400, "LONGTHREAD_MODEL"),
    (401, "OPENAI_API_KEY"),
    (403, "OPENAI_API_KEY"),
    (404, "OPENAI_BASE_URL"),
]


@pytest.mark.parametrize(("status", "advice"), REFUSED)
async def test_a_refusal_is_told_and_not_repeated(api: ModelServer, status: int, advice: str) -> None:
    """What will not get better is asked once, and the error says what to check."""
    api.fault = Fault("status", status)
    with pytest.raises(ModelRefused, match=rf"{status}.*{advice}") as e:
        await _answer(_model(api), retries=2)
    _is_discreet(e.value, api)
    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_model_is_asked_again(
    api: ModelServer, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """`retries` more times, each told in the log; then the error says so."""
    api.fault = Fault("status", status)
    with pytest.raises(ModelUnavailable, match=str(status)) as e:
        await _answer(_model(api), retries=1)
    _is_discreet(e.value, api)
    assert len(api.requests) == 2
    assert len(caplog.messages) == 1 and "1 of 1" in caplog.text and "walrus" not in caplog.text


async def test_a_second_try_that_works_is_an_answer(api: ModelServer) -> None:
    """The caller does not notice the first."""
    api.fault = Fault("status", 429, times=1)
    assert SECRET in _text(await _answer(_model(api), retries=2))
    assert [r.status for r in api.requests] == [429, 200]


async def test_a_prompt_that_is_too_long_names_the_budget() -> None:
    """The server's own limit says to lower ours."""
    with ModelServer(limit=50) as api:
        with pytest.raises(ModelRefused, match="LONGTHREAD_TOKEN_BUDGET") as e:
            await _answer(_model(api), max_tokens=100)
        _is_discreet(e.value, api)
        assert len(api.requests) == 1


@pytest.mark.parametrize("kind", ["garbage", "empty"])
async def test_no_answer_is_a_refusal(api: ModelServer, kind: Kind) -> None:
    """A page of HTML and an answer without a word are no answers."""
    api.fault = Fault(kind)
    with pytest.raises(ModelRefused) as e:
        await _answer(_model(api), retries=2)
    _is_discreet(e.value, api)
    assert len(api.requests) == 1


MIDWAY: list[tuple[Kind, type[ModelError]]] = [
    ("garbage_midway", ModelRefused),
    ("error_midway", ModelUnavailable),
    ("drop_midway", ModelUnavailable),
    ("cut_midway", ModelUnavailable),
    ("hang_midway", ModelUnavailable),
]


@pytest.mark.parametrize(("kind", "error"), MIDWAY)
async def test_after_the_first_word_nothing_is_repeated(
    api: ModelServer, kind: Kind, error: type[ModelError]
) -> None:
    """What broke off keeps its words, is an error, and is not asked a second time."""
    api.fault = Fault(kind, after=3)
    words: list[str] = []

    async def read() -> None:
        stream = stream_answer(_model(api), MESSAGES, stop=asyncio.Event(), timeout=0.5, retries=2)
        async for chunk in stream:
            words.append(chunk.text)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(error) as e:
        await read()
    assert type(e.value) is error
    _is_discreet(e.value, api)
    assert "".join(words) == "You wrote: “the"
    assert len(api.requests) == 1


async def test_a_dropped_connection_is_tried_again(api: ModelServer) -> None:
    """Before the first word a lost connection costs nothing."""
    api.fault = Fault("drop", times=1)
    assert SECRET in _text(await _answer(_model(api), retries=1))
    assert len(api.requests) == 2


async def test_a_closed_port_is_named() -> None:
    """Nobody listens: the address, and what to check."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ModelUnavailable, match=rf"127\.0\.0\.1:{port} .*OPENAI_BASE_URL"):
        await _answer(_model(f"http://127.0.0.1:{port}/v1"))


async def test_who_announces_an_answer_and_does_not_begin_it_is_asked_again(api: ModelServer) -> None:
    """Servers open the stream before the first word; nobody has read any yet."""
    api.fault = Fault("drop_midway", after=0, times=1)
    assert SECRET in _text(await _answer(_model(api), retries=1))
    assert api.requests[0].words == 0 and len(api.requests) == 2


def test_errors_of_any_library_become_ours() -> None:
    """Whatever is raised, what comes out is a ModelError that quotes none of it."""
    url = "https://user:hunter2@example.org:8443/token/v1"
    kinds = [
        (httpx.ReadError("walrus"), ModelUnavailable),
        (ConnectionResetError("walrus"), ModelUnavailable),
        (TimeoutError("walrus"), ModelUnavailable),
        (ValueError("walrus"), ModelRefused),
        (json.JSONDecodeError("walrus", "walrus", 0), ModelRefused),
    ]
    for error, ours in kinds:
        said = translate(error, url)
        assert type(said) is ours
        assert "https://example.org:8443 " in str(said)
        assert not any(word in str(said) for word in ("walrus", "hunter2", "token/"))
    known = ModelRefused("as it is")
    assert translate(known) is known
