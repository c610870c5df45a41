"""A line to Postgres that goes wrong: `Proxy` cuts a part of the replies, or swallows all that is said."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """A proxy that runs; its `url` leads to the same database. `cuts`: the part of the replies of which
    nothing arrives, nor anything after, but for the first that are `spared` of each connection; `swallows`:
    nothing arrives any more, but nobody hangs up."""

    def __init__(self, url: str, dice: Random) -> None:
        self.url = url
        self.cuts = 0.0
        self.spared = 0
        self.swallows = False
        self.cut = 0
        self.lead_to(url)
        self._dice = dice
        self._lines: set[asyncio.StreamWriter] = set()

    def lead_to(self, url: str) -> None:
        """The database is somewhere else from now on."""
        self._there = urlsplit(url).hostname, urlsplit(url).port

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, both ways."""
        there: asyncio.StreamWriter | None = None
        try:
            far, there = await asyncio.open_connection(*self._there)
            self._lines |= {writer, there}
            await asyncio.gather(
                self._pump(reader, there, lambda _: False), self._pump(far, writer, self._cuts)
            )
        except (OSError, asyncio.CancelledError):
            pass  # the database is away, or the proxy ends
        finally:
            for end in (writer, there):
                if end:
                    end.close()
                    self._lines.discard(end)

    def close(self) -> None:
        """Hang up on everybody."""
        for line in self._lines:
            line.close()

    def _cuts(self, before: int) -> bool:
        cut = before >= self.spared and self._dice.random() < self.cuts
        self.cut += cut
        return cut

    async def _pump(
        self, source: asyncio.StreamReader, out: asyncio.StreamWriter, cuts: Callable[[int], bool]
    ) -> None:
        before = 0
        with suppress(ConnectionError):
            while data := await source.read(1 << 16):
                if self.swallows:
                    continue
                if cuts(before):
                    break
                before += 1
                out.write(data)
        out.close()


@asynccontextmanager
async def open_proxy(url: str, dice: Random) -> AsyncIterator[Proxy]:
    """A proxy before the database at `url`, that does nothing bad yet."""
    proxy = Proxy(url, dice)
    server = await asyncio.start_server(proxy.connect, "127.0.0.1", 0)
    place = urlsplit(url)
    user, at, _ = place.netloc.rpartition("@")
    port = server.sockets[0].getsockname()[1]
    proxy.url = urlunsplit(place._replace(netloc=f"{user}{at}127.0.0.1:{port}"))
    try:
        yield proxy
    finally:
        server.close()
        proxy.close()
