"""The process that serves the page: `Server`, and how it introduces itself."""

import asyncio
import logging
import socket
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from graph import Settings
from graph.checkpointers.embedded import default_data


def introduction(settings: Settings, address: str) -> str:
    """What this server uses, in five lines; no password in them."""
    url = urlsplit(settings.database_url.get_secret_value()) if settings.database_url else None
    database = f"Postgres at {url.hostname or 'localhost'}{url.path}" if url else "embedded Postgres 18"
    model = "demo model: not a real model, needs no key" if settings.demo else settings.model
    data = "kept by that server" if url else settings.data or default_data()
    return "\n".join(
        [
            "Longthread: chat threads that last",
            f"  database  {database}",
            f"  model     {model}",
            f"  data      {data}",
            f"  address   {address}",
        ]
    )


class Server(uvicorn.Server):
    """Uvicorn that introduces itself once it listens, and says once and in a line why it cannot."""

    def __init__(self, app: FastAPI, words: str) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=1,
                proxy_headers=False,  # ui.sign_in.origin believes trusted peers, and nobody else
            )
        )
        self.words = words
        logging.getLogger("uvicorn.error").addFilter(
            lambda record: app.state.refused is None and self._odd(record)
        )

    def _odd(self, record: logging.LogRecord) -> bool:
        """Whether a record is news: that streams to open pages are cut when the server stops is none."""
        cut = isinstance((record.exc_info or (None, None))[1], asyncio.CancelledError)
        return not (self.should_exit and (cut or record.getMessage().startswith("Cancel ")))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, and then the introduction."""
        await super().startup(sockets)
        if self.started:
            print(self.words, flush=True)
