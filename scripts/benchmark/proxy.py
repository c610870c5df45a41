"""A Postgres further away than it is, and what is said to it counted: `Proxy`, a process of its own.

The delay is a line, not a pause: what is sent behind something is not held up by it. A process of its own,
because the program that is measured must not share its interpreter with the measuring.
"""

import asyncio
import json
import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from scripts.benchmark.wire import Conversation, Counts


class Proxy:
    """A proxy that runs: `url` leads through it to the same database as the URL it was made for."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self._process = process
        self.url = url

    def delay(self, seconds: float) -> None:
        """Take so long for a round trip from now on, half of it each way."""
        self._tell(delay=seconds)

    def counts(self) -> Counts:
        """What was counted since the proxy started."""
        return Counts(**self._tell())

    def _tell(self, **order: float) -> dict[str, int]:
        assert self._process.stdin  # noqa: S101 - both are pipes
        assert self._process.stdout  # noqa: S101
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())


@contextmanager
def open_proxy(url: str) -> Iterator[Proxy]:
    """A proxy before the database at `url`, which must listen on TCP."""
    place = urlsplit(url)
    command = [sys.executable, "-m", "scripts.benchmark.proxy", place.hostname or "", str(place.port or 5432)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout  # noqa: S101 - it is a pipe
        port = int(process.stdout.readline())
        user, at, _ = place.netloc.rpartition("@")
        plain = {**dict(parse_qsl(place.query)), "sslmode": "disable", "gssencmode": "disable"}
        through = place._replace(netloc=f"{user}{at}127.0.0.1:{port}", query=urlencode(plain))
        try:
            yield Proxy(process, urlunsplit(through))
        finally:
            if process.stdin:
                process.stdin.close()  # its sign to end


class _Line:
    """One direction of one connection: what goes in comes out later, in order."""

    def __init__(self, out: asyncio.StreamWriter, delay: Callable[[], float]) -> None:
        self._out = out
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[float, bytes]] = deque()

    def send(self, data: bytes) -> None:
        due = self._loop.time() + self._delay()
        if not self._waiting and self._delay() == 0:
            self._out.write(data)
            return
        self._waiting.append((due, data))
        if len(self._waiting) == 1:
            self._loop.call_at(due, self._deliver)

    def _deliver(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._loop.time():
            _, data = self._waiting.popleft()
            if not self._out.is_closing():
                self._out.write(data)
        if self._waiting:
            self._loop.call_at(self._waiting[0][0], self._deliver)


class _Server:
    """Takes connections, passes on what is said, and does what its standard input says."""

    def __init__(self, host: str, port: int) -> None:
        self.counts = Counts()
        self.delay = 0.0
        self._there = host, port

    async def run(self) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(sys.stdin, self._obey, ended)
        await ended.wait()

    def _obey(self, ended: asyncio.Event) -> None:
        line = sys.stdin.readline()
        if not line:
            ended.set()
            return
        self.delay = json.loads(line).get("delay", self.delay)
        print(json.dumps(asdict(self.counts)), flush=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._there)
        talk = Conversation(self.counts)
        there = self._pump(reader, far_writer, talk.from_program)
        back = self._pump(far_reader, writer, talk.from_server)
        with suppress(asyncio.CancelledError):  # the proxy ends, and with it whatever goes through
            await asyncio.gather(there, back)

    async def _pump(
        self, source: asyncio.StreamReader, out: asyncio.StreamWriter, note: Callable[[bytes], None]
    ) -> None:
        line = _Line(out, lambda: self.delay / 2)
        with suppress(ConnectionError):
            while data := await source.read(1 << 16):
                note(data)
                line.send(data)
        if self.delay:
            await asyncio.sleep(self.delay)  # the last words are still under way
        out.close()


def _selecting() -> asyncio.AbstractEventLoop:
    # epoll waits in whole milliseconds; a delay of 2.5 would be 3.
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def main(words: list[str]) -> Any:
    """Run the proxy until standard input ends: its port on standard output, then a line for each order."""
    with asyncio.Runner(loop_factory=_selecting) as runner:
        return runner.run(_Server(words[0], int(words[1])).run())


if __name__ == "__main__":
    main(sys.argv[1:])
