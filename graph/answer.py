"""The node that asks the model: `answering` makes it for a model and a budget."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk, SystemMessage, message_chunk_to_message
from langgraph.runtime import Runtime

from graph.budget import compose
from graph.context import Context
from graph.model import Models, stream_answer
from graph.settings import Settings
from graph.state import State

Node = Callable[[State, Runtime[Context]], Awaitable[dict[str, Any]]]


def answering(models: Models, settings: Settings) -> Node:
    """A node that answers the newest question from system prompt, summary and as much of the window as fits.

    Stopped half way, it keeps what there is and marks it. Raises `MessageOverBudget` and `ModelError`.
    """
    system = SystemMessage(settings.system_prompt)

    async def answer(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        prompt = compose(system, state.get("summary"), state["messages"], settings.budget)
        stop = _stop_of(runtime)
        whole: AIMessageChunk | None = None
        async for chunk in stream_answer(
            models.answer,
            prompt.messages,
            stop=stop,
            timeout=settings.model_timeout,
            retries=settings.model_retries,
            max_tokens=settings.budget.answer,
        ):
            whole = chunk if whole is None else whole + chunk
        notes: dict[str, Any] = {"longthread_estimate": prompt.estimate}
        if stop.is_set():
            notes["stopped"] = True
        return {"messages": [_message(whole, notes)]}

    return answer


def _stop_of(runtime: Runtime[Context]) -> asyncio.Event:
    # Studio and a plain invoke bring no context.
    context: Any = runtime.context
    return context.stop if isinstance(context, Context) else asyncio.Event()


def _message(whole: AIMessageChunk | None, notes: dict[str, Any]) -> AIMessage:
    message = cast("AIMessage", message_chunk_to_message(whole)) if whole else AIMessage("")
    return message.model_copy(update={"response_metadata": {**message.response_metadata, **notes}})
