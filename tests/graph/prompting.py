"""How tests ask a model without a graph, and look at what it said and what became of its errors."""

import asyncio
import traceback
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage
from pydantic import SecretStr

from graph.model import open_models, stream_answer
from graph.settings import Settings
from tests.openai_server import ModelServer

KEY, SECRET = "sk-very-secret", "the walrus sleeps at noon"
MESSAGES = [SystemMessage("You are helpful."), HumanMessage(SECRET)]


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
