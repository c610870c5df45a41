"""A question to a model of this house, or to the one that stands in for it: `stream` and `ask`."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, nullcontext
from functools import partial

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.constants import TAG_NOSTREAM

from graph.circuit import Attempt, Circuit
from graph.errors import ModelUnavailable
from graph.model import Models, joined, name_of, stream_answer

log = logging.getLogger("longthread")

FALLBACK = "longthread_fallback"
"""Where the metadata of an answer name the model that stood in for the one that was asked."""


async def stream(
    models: Models,
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    *,
    stop: asyncio.Event,
    timeout: float,
    retries: int,
    max_tokens: int | None = None,
    config: RunnableConfig | None = None,
) -> AsyncGenerator[AIMessageChunk]:
    """The answer of `model`, else of the fallback: as `stream_answer`, from one of the two.

    The fallback is asked where the circuit of `model` is open, or it was unavailable before its first word,
    with all its retries: after a word there would be two answers. Its own says so in its metadata, see
    `FALLBACK`.
    """
    request = partial(
        stream_answer,
        messages=messages,
        stop=stop,
        timeout=timeout,
        retries=retries,
        max_tokens=max_tokens,
        config=config,
    )
    spoken, fallback = False, models.fallback
    try:
        async with aclosing(_passed(models.circuit(model), request(model))) as chunks:
            async for chunk in chunks:
                spoken = True
                yield chunk
        return
    except ModelUnavailable as e:
        if spoken or fallback is None or name_of(fallback) == name_of(model):
            raise
        log.warning("%s Asking %s instead.", e, name_of(fallback))
    async with aclosing(_passed(models.circuit(fallback), request(fallback))) as chunks:
        async for chunk in chunks:
            if not spoken:  # once: metadata are joined as text is
                chunk.response_metadata[FALLBACK] = name_of(fallback)
                spoken = True
            yield chunk


async def _passed(
    circuit: Circuit | None, chunks: AsyncGenerator[AIMessageChunk]
) -> AsyncGenerator[AIMessageChunk]:
    async with aclosing(chunks):
        with circuit.request() if circuit else nullcontext(Attempt()) as attempt:
            async for chunk in chunks:
                attempt.answered = True
                yield chunk


async def ask(
    models: Models,
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    *,
    timeout: float,
    retries: int,
    stop: asyncio.Event | None = None,
    max_tokens: int | None = None,
) -> AIMessage:
    """The whole answer, kept out of LangGraph's message stream; else as `stream`."""
    chunks = stream(
        models,
        model,
        messages,
        stop=stop or asyncio.Event(),
        timeout=timeout,
        retries=retries,
        max_tokens=max_tokens,
        config={"tags": [TAG_NOSTREAM]},
    )
    return joined([chunk async for chunk in chunks])
