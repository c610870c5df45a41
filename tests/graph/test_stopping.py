"""An answer that ends before its end: stopped, cancelled, silent for too long."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from graph.demo_model import DemoModel
from graph.errors import ModelUnavailable
from graph.model import stream_answer
from tests.graph.prompting import MESSAGES, _answer, _is_discreet, _model, _text
from tests.openai_server import Fault, Kind, ModelServer

pytestmark = pytest.mark.anyio


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


async def _until(true: Any) -> None:
    async with asyncio.timeout(2):
        while not true():
            await asyncio.sleep(0.01)
