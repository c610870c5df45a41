"""Requests to a model over real HTTP: what fails is named, timed, tried again or not, and never quoted."""

import asyncio
import json
import logging
import socket
import subprocess
import sys
import time
import traceback
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk
from langgraph.graph import END, START, MessagesState, StateGraph  # pyright: ignore[reportMissingTypeStubs]
from pydantic import SecretStr

from graph.asking import ask
from graph.demo_model import DemoModel
from graph.errors import ModelError, ModelRefused, ModelUnavailable
from graph.model import open_models, stream_answer
from graph.refusals import translate
from graph.settings import Settings
from tests.openai_server import Fault, Kind, ModelServer, count_prompt

pytestmark = pytest.mark.anyio

KEY, SECRET = "sk-very-secret", "the walrus sleeps at noon"
MESSAGES = [SystemMessage("You are helpful."), HumanMessage(SECRET)]


@pytest.fixture
def api() -> Iterator[ModelServer]:
    """A fresh model server."""
    with ModelServer() as server:
        yield server


def _settings(api: ModelServer | str, **more: Any) -> Settings:
    url = api if isinstance(api, str) else api.url
    return Settings.read(openai_base_url=url, openai_api_key=SecretStr(KEY), model="loopback", **more)


def _model(api: ModelServer | str) -> BaseChatModel:
    return open_models(_settings(api)).answer


async def _answer(
    model: BaseChatModel, stop: asyncio.Event | None = None, timeout: float = 5, retries: int = 0, **more: Any
) -> list[AIMessageChunk]:
    stream = stream_answer(
        model, MESSAGES, stop=stop or asyncio.Event(), timeout=timeout, retries=retries, **more
    )
    return [chunk async for chunk in stream]


def _text(chunks: list[AIMessageChunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def _is_discreet(error: BaseException, api: ModelServer) -> None:
    """The text names the server and neither the key nor the conversation, nor does a traceback."""
    said = f"{error!r} {error}"
    assert api.url.removesuffix("/v1") in said
    assert KEY not in said and "walrus" not in said and "/v1" not in said
    shown = "".join(traceback.format_exception(error))
    assert KEY not in shown and "walrus" not in shown


async def test_an_answer_streams_with_its_cost(api: ModelServer) -> None:
    """Word by word, with the server's own count of the prompt."""
    chunks = await _answer(_model(api), max_tokens=300)
    whole = sum(chunks[1:], chunks[0])
    assert len(chunks) > 10 and SECRET in whole.text
    assert whole.usage_metadata is not None
    (seen,) = api.requests
    assert whole.usage_metadata["input_tokens"] == seen.tokens == count_prompt(seen.messages)
    assert (seen.stream, seen.model, seen.max_tokens, seen.key) == (True, "loopback", 300, KEY)


async def test_a_server_of_ones_own_needs_no_key(api: ModelServer) -> None:
    """A URL without a key is enough."""
    models = open_models(Settings.read(openai_base_url=api.url, model="x", summary_model="y"))
    await _answer(models.answer)
    await ask(models, models.summary, MESSAGES, timeout=5, retries=0)
    assert [(r.key, r.model) for r in api.requests] == [("none", "x"), ("none", "y")]
    assert (models.name, models.demo) == ("x", False)


def test_the_demo_model_says_that_it_is_one(caplog: pytest.LogCaptureFixture) -> None:
    """Neither key nor URL: one warning, and no other model."""
    with caplog.at_level(logging.INFO, "longthread"):
        models = open_models(Settings.read())
    assert models.demo and isinstance(models.answer, DemoModel) and isinstance(models.summary, DemoModel)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING and "no real model" in record.getMessage()


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


async def test_silence_ends_at_the_timeout(api: ModelServer) -> None:
    """A server that takes the request and says nothing, and one that does not even read it, fail on time."""
    api.fault = Fault("hang")
    start = time.monotonic()
    with pytest.raises(ModelUnavailable, match=r"0\.5 s.*LONGTHREAD_MODEL_TIMEOUT") as e:
        await _answer(_model(api), timeout=0.5)
    assert 0.45 < time.monotonic() - start < 1.5
    _is_discreet(e.value, api)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        with pytest.raises(ModelUnavailable):
            await _answer(_model(f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"), timeout=0.5)
    assert time.monotonic() - start < 3


async def test_a_slow_answer_is_no_silence() -> None:
    """The timeout is for the next word, not for the whole answer."""
    with ModelServer(words=12, delay=0.1) as api:
        assert len(_text(await _answer(_model(api), timeout=0.6)).split()) == 12


@pytest.mark.parametrize("kind", ["hang", "hang_midway"])
async def test_stop_ends_a_hanging_model_at_once(api: ModelServer, kind: Kind) -> None:
    """Quietly, with the words so far, and the server sees the request closed."""
    api.fault = Fault(kind)
    stop = asyncio.Event()
    answering = asyncio.create_task(_answer(_model(api), stop, timeout=30))
    await _until(lambda: bool(api.requests) and api.requests[0].words == (0 if kind == "hang" else 3))
    await asyncio.sleep(0.1)
    stop.set()
    start = time.monotonic()
    chunks = await answering
    assert time.monotonic() - start < 0.5
    assert _text(chunks) == ("" if kind == "hang" else "You wrote: “the")
    await _until(lambda: api.requests[0].left)
    assert len(api.requests) == 1


async def test_stop_keeps_the_partial_answer() -> None:
    """Stopped between two words, the rest is not asked for."""
    with ModelServer(words=200, delay=0.02) as api:
        stop, words = asyncio.Event(), list[str]()
        async for chunk in stream_answer(_model(api), MESSAGES, stop=stop, timeout=5, retries=0):
            words.append(chunk.text)
            if len(words) == 5:
                stop.set()
        assert len(words) == 5
        await _until(lambda: api.requests[0].left)
        assert api.requests[0].words < 50


async def test_stop_ends_the_wait_for_another_try(api: ModelServer) -> None:
    """Nobody waits for a second try that is no longer wanted."""
    api.fault = Fault("status", 503)
    stop = asyncio.Event()
    answering = asyncio.create_task(_answer(_model(api), stop, retries=10))
    await _until(lambda: bool(api.requests) and bool(api.requests[0].status))
    stop.set()
    start = time.monotonic()
    assert await answering == []
    assert time.monotonic() - start < 0.2
    assert len(api.requests) == 1


async def test_what_is_stopped_before_it_began_asks_nobody(api: ModelServer) -> None:
    """No request for an answer that is not wanted."""
    stop = asyncio.Event()
    stop.set()
    assert await _answer(_model(api), stop) == []
    assert api.requests == []


async def test_a_cancelled_caller_closes_the_request(api: ModelServer) -> None:
    """Whoever awaits the answer may be cancelled; nothing goes on behind them."""
    api.fault = Fault("hang_midway")
    task = asyncio.create_task(_answer(_model(api), timeout=30))
    await _until(lambda: bool(api.requests) and api.requests[0].words >= 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _until(lambda: api.requests[0].left)


class Deaf(DemoModel):
    """Says a word and then nothing, and will not be cancelled until it has had `enough`."""

    enough: asyncio.Event

    async def _astream(self, *args: Any, **options: Any) -> AsyncIterator[ChatGenerationChunk]:
        yield ChatGenerationChunk(message=AIMessageChunk("well"))
        while not self.enough.is_set():
            with suppress(asyncio.CancelledError):
                await self.enough.wait()


async def test_nobody_waits_for_a_model_that_will_not_end() -> None:
    """Stopped, or silent for too long: a second for the request to be closed, and on."""
    stop, model = asyncio.Event(), Deaf(enough=asyncio.Event())
    asyncio.get_running_loop().call_later(0.1, stop.set)
    async with asyncio.timeout(3):
        assert _text(await _answer(model, stop)) == "well"
        with pytest.raises(ModelUnavailable, match=r"0\.1 s"):
            await _answer(model, timeout=0.1)
    model.enough.set()
    await asyncio.sleep(0.1)  # for the two requests to end before their loop does


async def test_text_that_cannot_be_stored_is_replaced(api: ModelServer) -> None:
    """NUL and a lone surrogate arrive as U+FFFD; whole pairs, which the wire escapes too, stay."""
    api.fault = Fault("nul")
    text = _text(await _answer(_model(api)))
    assert text.endswith(" before\ufffdafter \ufffd end")
    api.fault = None
    models = open_models(_settings(api))
    reply = await ask(models, models.answer, [HumanMessage("I like 🦭")], timeout=5, retries=0)
    assert "🦭" in reply.text


async def test_a_model_that_cannot_stream_answers_all_the_same() -> None:
    """Its whole answer is one chunk, tool calls included."""
    call: Any = {"name": "look", "args": {}, "id": "1", "type": "tool_call"}
    model = FakeMessagesListChatModel(responses=[AIMessage("hello"), AIMessage("", tool_calls=[call])])
    assert _text(await _answer(model)) == "hello"
    assert (await _answer(model))[0].tool_calls[0]["name"] == "look"


async def test_a_summary_is_one_message(api: ModelServer) -> None:
    """`ask` gives the whole, and fails as an answer does."""
    models = open_models(_settings(api))
    api.fault = Fault("status", 500, only="summaries")
    request = [SystemMessage("Summarise this."), HumanMessage("I was born in Oslo")]
    with pytest.raises(ModelUnavailable):
        await ask(models, models.summary, request, timeout=5, retries=0)
    assert await _answer(models.answer)
    api.fault = None
    summary = await ask(models, models.summary, request, timeout=5, retries=0, max_tokens=64)
    assert type(summary) is AIMessage and summary.text == "- I was born in Oslo"
    assert [r.summary for r in api.requests] == [True, False, True]
    assert api.summaries[-1].max_tokens == 64


async def test_langgraph_sees_the_words_of_answers_and_not_of_summaries(api: ModelServer) -> None:
    """stream_mode="messages" shows the answer as it is written, whoever reads the stream inside the node."""
    models = open_models(_settings(api))

    async def answer(state: MessagesState) -> dict[str, Any]:
        await ask(
            models, models.summary, [SystemMessage("Summarise"), HumanMessage("hidden")], timeout=5, retries=0
        )
        chunks = await _answer(models.answer)
        return {"messages": [sum(chunks[1:], chunks[0])]}

    builder: Any = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    stream: AsyncIterator[Any] = builder.compile().astream(
        {"messages": [HumanMessage("hi")]}, stream_mode="messages"
    )
    seen = [(chunk.text, meta["langgraph_node"]) async for chunk, meta in stream]
    assert len(seen) > 10 and {node for _, node in seen} == {"answer"}
    assert SECRET in "".join(text for text, _ in seen)
    assert "hidden" not in str(seen)


def test_two_event_loops_may_share_a_model(api: ModelServer) -> None:
    """The page's loop and that of the blocking calls use one model, one after the other and at once."""
    model = _model(api)

    def both() -> None:
        assert SECRET in _text(asyncio.run(_answer(model)))
        assert SECRET in _text(asyncio.run(_answer(model)))

    async def at_once() -> None:
        await asyncio.gather(*(asyncio.to_thread(both) for _ in range(4)))

    asyncio.run(at_once())
    assert len(api.requests) == 8


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


def test_the_server_runs_by_itself(tmp_path: Path) -> None:
    """`python -m tests.openai_server` answers, counts and keeps a log."""
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "tests.openai_server", "--port", "0", "--delay", "0", "--log", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip().removeprefix("OPENAI_BASE_URL=")
            body = json.dumps({"model": "m", "messages": [{"role": "user", "content": SECRET}]}).encode()
            request = urllib.request.Request(f"{url}/chat/completions", body)
            with urllib.request.urlopen(request) as response:
                answer = json.load(response)
            with urllib.request.urlopen(f"{url}/models") as response:
                assert json.load(response)["data"]
        finally:
            process.terminate()
    assert SECRET in answer["choices"][0]["message"]["content"]
    (line,) = log.read_text().splitlines()
    assert json.loads(line)["tokens"] == answer["usage"]["prompt_tokens"]


async def _until(true: Any) -> None:
    async with asyncio.timeout(2):
        while not true():
            await asyncio.sleep(0.01)
