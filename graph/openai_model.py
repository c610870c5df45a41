"""The chat model behind any OpenAI-compatible URL: `chat_openai`."""

import asyncio
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import openai
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from graph.settings import Settings


def chat_openai(settings: Settings, name: str) -> ChatOpenAI:
    """The model `name` at the URL of these settings; retries and time-outs are left to `graph.model`."""
    return ChatOpenAI(
        model=name,
        api_key=settings.openai_api_key or SecretStr("none"),  # a server of one's own often wants no key
        base_url=settings.openai_base_url,
        use_responses_api=False,
        stream_usage=True,
        max_retries=0,  # ours: only before the first word
        stream_chunk_timeout=None,  # ours: see stream_answer
        timeout=settings.model_timeout + 1,  # seconds; last resort for who calls the model without us
        http_async_client=_client(),
        # People pause for longer than a connection is kept, and an idle one would outlive its event loop.
        default_headers={"Connection": "close"},
    )


class _ClientPerLoop(openai.DefaultAsyncHttpxClient):
    """A pool of connections serves one event loop; the page and the blocking calls run on two."""

    def __init__(self) -> None:
        super().__init__()
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()

    async def send(self, request: Any, **options: Any) -> Any:
        """Send on the client of the running loop."""
        loop = asyncio.get_running_loop()
        if (client := self._clients.get(loop)) is None:
            client = self._clients[loop] = openai.DefaultAsyncHttpxClient()
        return await client.send(request, **options)


@cache
def _client() -> _ClientPerLoop:
    return _ClientPerLoop()  # one for all models: reading the certificates takes a while
