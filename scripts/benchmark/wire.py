"""What goes over a connection to Postgres, counted: statements, transactions, round trips. Pure; no I/O.

A round trip is what a program waits for: it begins when the program speaks to a server that owes it nothing
more (every Sync is answered), or that it has asked to answer so far (Flush) and that has.
"""

from dataclasses import dataclass, field

SSL_REQUEST, GSS_REQUEST, CANCEL = 80877103, 80877104, 80877102
_MARKS = ("BEGIN", "COMMIT", "ROLLBACK", "START TRANSACTION")


@dataclass
class Counts:
    """What was counted; `marks`: BEGIN, COMMIT, ROLLBACK; `checks`: empty queries, as pools send them."""

    trips: int = 0
    statements: int = 0
    marks: int = 0
    checks: int = 0


@dataclass
class Conversation:
    """One connection: feed it what either side sends, in order, in pieces of any size."""

    counts: Counts
    _program: bytearray = field(default_factory=bytearray)
    _server: bytearray = field(default_factory=bytearray)
    _started: bool = False
    _owed: int = 1  # the start-up is owed a ReadyForQuery too
    _flushed: bool = False
    _heard: bool = True
    _statements: dict[bytes, str] = field(default_factory=dict[bytes, str])
    _portals: dict[bytes, str] = field(default_factory=dict[bytes, str])

    def from_program(self, data: bytes) -> None:
        """Bytes of the program."""
        self._program += data
        if not self._started and not self._start():
            return
        for kind, body in _messages(self._program):
            if kind == b"X":  # goodbye; nobody waits for an answer
                continue
            if self._heard and (self._owed == 0 or self._flushed):
                self.counts.trips += 1
                self._flushed = False
            self._heard = False
            self._ask(kind, body)

    def from_server(self, data: bytes) -> None:
        """Bytes of the server."""
        self._server += data
        for kind, _ in _messages(self._server):
            self._heard = True
            if kind == b"Z":
                self._owed = max(0, self._owed - 1)

    def _start(self) -> bool:
        """Whether the start-up message, which has no kind, is behind us."""
        while len(self._program) >= 8:
            size, code = (int.from_bytes(self._program[i : i + 4]) for i in (0, 4))
            if len(self._program) < size:
                return False
            del self._program[:size]
            if code not in (SSL_REQUEST, GSS_REQUEST, CANCEL):
                self._started = True
                return True
        return False

    def _ask(self, kind: bytes, body: bytes) -> None:
        if kind == b"Q":
            self._owed += 1
            self._count(body.rstrip(b"\0").decode(errors="replace"))
        elif kind == b"S":
            self._owed += 1
        elif kind == b"H":
            self._flushed = True
        elif kind == b"P":
            name, text, *_ = body.split(b"\0", 2)
            self._statements[name] = text.decode(errors="replace")
        elif kind == b"B":
            portal, name, *_ = body.split(b"\0", 2)
            self._portals[portal] = self._statements.get(name, "?")
        elif kind == b"E":
            self._count(self._portals.get(body.split(b"\0", 1)[0], "?"))

    def _count(self, text: str) -> None:
        text = text.strip(" ;\n")
        if not text:
            self.counts.checks += 1
        elif text.upper().startswith(_MARKS):
            self.counts.marks += 1
        else:
            self.counts.statements += 1


def _messages(buffer: bytearray) -> list[tuple[bytes, bytes]]:
    """The whole messages at the beginning of `buffer`, taken out of it."""
    found: list[tuple[bytes, bytes]] = []
    at = 0
    while len(buffer) - at >= 5:
        size = int.from_bytes(buffer[at + 1 : at + 5])
        if len(buffer) - at < size + 1:
            break
        found.append((bytes(buffer[at : at + 1]), bytes(buffer[at + 5 : at + 1 + size])))
        at += size + 1
    del buffer[:at]
    return found
