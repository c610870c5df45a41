"""The node that asks the model: `answering` makes it for a model and a budget."""

from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.messages import SystemMessage
from langgraph.runtime import Runtime

from graph.asking import stream
from graph.budget import compose
from graph.context import Context
from graph.model import Models, joined
from graph.settings import Settings
from graph.state import State

Node = Callable[[State, Runtime[Context]], Awaitable[dict[str, Any]]]


def answering(models: Models, settings: Settings) -> Node:
    """A node that answers the newest question from system prompt, summary and as much of the window as fits.

    Stopped half way, it keeps what there is and marks it. Raises `MessageOverBudget` and `ModelError`.
    """
    system = SystemMessage(settings.system_prompt)

    async def answer(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        prompt = compose(
            system, state.get("summary"), state["messages"], settings.budget, state.get("pinned") or ()
        )
        stop = Context.of(runtime.context).stop
        chunks = stream(
            models,
            models.answer,
            prompt.messages,
            stop=stop,
            timeout=settings.model_timeout,
            retries=settings.model_retries,
            max_tokens=settings.budget.answer,
        )
        message = joined([chunk async for chunk in chunks])
        notes: dict[str, Any] = {"longthread_estimate": prompt.estimate}
        if stop.is_set():
            notes["stopped"] = True
        notes = {**message.response_metadata, **notes}
        return {"messages": [message.model_copy(update={"response_metadata": notes})]}

    return answer
