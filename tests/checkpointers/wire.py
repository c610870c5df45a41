"""A network on 127.0.0.1 that can fall silent while its connections stay open: `Wire`."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from psycopg.conninfo import conninfo_to_dict


class Wire:
    """Forwards bytes to the server at `url`; its own `url` leads through it.

    While cut, no byte passes and nothing is closed; what was sent meanwhile arrives when it is mended.
    """

    def __init__(self, url: str) -> None:
        server = conninfo_to_dict(url)
        self._there = (str(server["host"]), int(server["port"] or 5432))
        self._whole = url
        self._flows = {"questions": asyncio.Event(), "answers": asyncio.Event()}
        self._pumps = set[asyncio.Task[None]]()
        self._port = 0
        self.mend()

    def cut(self, *flows: str) -> None:
        """Let no byte pass, or none of "questions" or of "answers" only."""
        for flow in flows or self._flows:
            self._flows[flow].clear()

    def mend(self) -> None:
        """Let everything pass again."""
        for flow in self._flows.values():
            flow.set()

    async def start(self) -> None:
        """Take connections, again at the same port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.url = self._whole.replace(f":{self._there[1]}/", f":{self._port}/")

    async def stop(self) -> None:
        """End every connection, and refuse others, as a server that was stopped."""
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(*self._there)
        for source, sink, flow in ((reader, there[1], "questions"), (there[0], writer, "answers")):
            pump = asyncio.create_task(self._pump(source, sink, self._flows[flow]))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, flow: asyncio.Event
    ) -> None:
        try:
            with suppress(OSError):
                while data := await source.read(65536):
                    await flow.wait()
                    sink.write(data)
                    await sink.drain()
                await flow.wait()
        finally:
            sink.close()
