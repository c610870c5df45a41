"""The chat model of these settings, and a request to it: streamed, stopped, timed, its errors ours."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.runnables import RunnableConfig

from graph.circuit import Circuit
from graph.demo_model import DemoModel
from graph.errors import ModelRefused, ModelUnavailable
from graph.refusals import place_of, translate
from graph.settings import Settings

log = logging.getLogger("longthread")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds before the second try, and before any

_Inbox = asyncio.Queue[AIMessageChunk | Exception | None]  # a word, what went wrong, or the end


@dataclass(frozen=True)
class Models:
    """Who answers and who summarises; `name` is the answering model's, `demo` says it is no real one.

    `fallback` is asked instead of one that is unavailable; `circuits` has, by the names of the models, who is
    asked at all.
    """

    answer: BaseChatModel
    summary: BaseChatModel
    name: str
    demo: bool
    fallback: BaseChatModel | None = None
    circuits: Mapping[str, Circuit] = field(default_factory=dict[str, Circuit])

    def circuit(self, model: BaseChatModel) -> Circuit | None:
        """The circuit that all share who ask this model."""
        return self.circuits.get(name_of(model))


def open_models(settings: Settings) -> Models:
    """The models these settings name; without a key and a URL the demo model, and a log line that says so."""
    if settings.demo:
        log.warning("No OPENAI_API_KEY and no OPENAI_BASE_URL: the demo model answers. It is no real model.")
        demo = DemoModel()
        return Models(demo, demo, "demo", True)
    from graph.openai_model import chat_openai  # late: the demo model starts a second sooner without

    answer = chat_openai(settings, settings.model)
    summary = chat_openai(settings, settings.summary_model or settings.model)
    fallback = chat_openai(settings, settings.fallback_model) if settings.fallback_model else None
    names = [name_of(model) for model in (answer, summary, fallback) if model]
    return Models(answer, summary, settings.model, False, fallback, {name: Circuit(name) for name in names})


def name_of(model: BaseChatModel) -> str:
    """What the model is called by its server; nothing for one that is asked by no name."""
    return getattr(model, "model_name", None) or ""


async def stream_answer(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    *,
    stop: asyncio.Event,
    timeout: float,
    retries: int,
    max_tokens: int | None = None,
    config: RunnableConfig | None = None,
) -> AsyncGenerator[AIMessageChunk]:
    """The model's answer to `messages`, chunk by chunk; ends early and quietly once `stop` is set.

    `timeout` is in seconds without a word, for the connection, the first chunk and each after it. A request
    that failed before its first word is sent again up to `retries` times; after it never. The first chunk has
    a word in it. Text that cannot be stored (NUL, lone surrogates) comes as U+FFFD. Raises only
    `ModelUnavailable` and `ModelRefused`.
    """
    options: dict[str, Any] = {} if max_tokens is None else {"max_tokens": max_tokens}
    url = getattr(model, "openai_api_base", None) or ""
    for attempt in range(retries + 1):
        heard, silent = _Heard(), list[AIMessageChunk]()
        source = cast(AsyncGenerator[AIMessageChunk], model.astream(list(messages), config, **options))
        try:
            async with aclosing(_race(source, stop, timeout, url)) as chunks:
                async for chunk in chunks:
                    heard.note(chunk)
                    silent.append(chunk)  # many servers say who will speak long before they do
                    if heard.said:
                        for each in silent:
                            yield each
                        silent.clear()
            if not stop.is_set():
                heard.check(place_of(url))
            return
        except ModelUnavailable as e:
            if heard.said or attempt == retries:
                raise
            pause = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311 - jitter
            log.warning("%s Again in %.1f s (%d of %d).", e, pause, attempt + 1, retries)
        if await _stopped_within(stop, pause):
            return


def joined(chunks: Sequence[AIMessageChunk]) -> AIMessage:
    """A stream's chunks as one message, an empty one if there are none.

    All at once: to add them one by one makes a message for every word, a quarter of a long turn's time.
    """
    return cast(AIMessage, message_chunk_to_message(chunks[0] + chunks[1:])) if chunks else AIMessage("")


async def _race(
    source: AsyncGenerator[AIMessageChunk], stop: asyncio.Event, timeout: float, url: str
) -> AsyncGenerator[AIMessageChunk]:
    """What `source` says until it ends, `stop` is set or it is silent for `timeout` seconds."""
    inbox: _Inbox = asyncio.Queue(1)
    # One task reads the stream from its first to its last word: callbacks live in a task's context.
    reader = asyncio.create_task(_read(source, inbox))
    # One more task for the whole stream, as two for every word are most of what a word costs.
    watcher = asyncio.create_task(_wake(inbox, stop))
    try:
        while not stop.is_set():
            said = await _next(inbox, timeout, url)
            if said is None or stop.is_set():
                return
            if isinstance(said, Exception):
                raise translate(said, url) from None  # the cause may quote the conversation
            yield said
    finally:
        watcher.cancel()
        reader.cancel()
        if not reader.done():  # closes the request; never waits for a model that will not end
            await asyncio.wait((reader,), timeout=1)


async def _next(inbox: _Inbox, timeout: float, url: str) -> AIMessageChunk | Exception | None:
    try:
        async with asyncio.timeout(timeout):
            return await inbox.get()
    except TimeoutError:
        silent = f"{place_of(url)} said nothing for {timeout:g} s."
        return ModelUnavailable(f"{silent} Try again, or raise LONGTHREAD_MODEL_TIMEOUT.")


async def _wake(inbox: _Inbox, stop: asyncio.Event) -> None:
    """Let nobody wait for a word once `stop` is set."""
    await stop.wait()
    if inbox.empty():
        inbox.put_nowait(None)


async def _read(source: AsyncGenerator[AIMessageChunk], inbox: _Inbox) -> None:
    end: Exception | None = None
    try:
        async with aclosing(source):
            async for chunk in source:
                await inbox.put(_storable(chunk))
    except Exception as e:  # noqa: BLE001 - whatever a model's library raises is _race's to translate
        end = e
    await inbox.put(end)


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await stop.wait()
    except TimeoutError:
        return False


def _storable(said: AIMessage) -> AIMessageChunk:
    """`said` as a chunk whose text Postgres and UTF-8 can hold."""
    if not isinstance(said, AIMessageChunk):  # a model that cannot stream hands over a whole message
        said = AIMessageChunk(**said.model_dump(exclude={"type"}))
    if isinstance(said.content, str):
        whole = said.content.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        said.content = whole.replace("\0", "\ufffd")
    return said


@dataclass
class _Heard:
    """What one stream has brought so far."""

    said: bool = False
    openai: bool = False
    reason: str | None = None

    def note(self, chunk: AIMessageChunk) -> None:
        content = chunk.content
        self.said |= bool(content.strip() if isinstance(content, str) else content)
        self.said |= bool(chunk.tool_call_chunks or chunk.tool_calls)
        self.openai |= chunk.response_metadata.get("model_provider") == "openai"
        self.reason = chunk.response_metadata.get("finish_reason") or self.reason

    def check(self, place: str) -> None:
        """Raise if what ended was no answer: nothing was said, or the protocol's last word is missing."""
        if self.openai and self.reason is None and self.said:
            raise ModelUnavailable(f"{place} broke off in the middle of its answer. Try again.")
        if not self.said and self.reason == "length":
            raise ModelRefused(f"{place} used up its answer without a word. Raise LONGTHREAD_ANSWER_TOKENS.")
        if not self.said:
            raise ModelRefused(f"{place} answered with nothing. Check LONGTHREAD_MODEL and OPENAI_BASE_URL.")
