"""The signed cookie: who signed in, when, and what must still hold. `Sessions` writes and reads it."""

import hashlib
import hmac
import json
import os
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from graph import InvalidSettings, Settings
from graph.checkpointers.embedded import default_data


@dataclass(frozen=True)
class Person:
    """Who asks: the user id that threads belong to, and the name to show."""

    user: str
    shown: str


def secret_of(settings: Settings) -> bytes:
    """What signs the cookies: as set, or made once and kept in the data folder, for its owner's eyes only.

    Raises `InvalidSettings`.
    """
    if settings.session_secret:
        return settings.session_secret.get_secret_value().encode()
    file = (settings.data or default_data()) / "session-secret"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        made = file.with_name(f".session-secret-{os.getpid()}-{secrets.token_hex(4)}")
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:  # noqa: PTH123
            new.write(secrets.token_hex(32).encode())
        with suppress(FileExistsError):
            os.link(made, file)  # whole or not at all, and only the first of several
        made.unlink()
        kept = file.read_bytes()
    except OSError as e:
        raise InvalidSettings(f"LONGTHREAD_SESSION_SECRET: set one; {file}: {e.strerror}.") from e
    if len(kept) < 32:
        raise InvalidSettings(f"LONGTHREAD_SESSION_SECRET: set one, or remove {file}, which is cut short.")
    return kept


class Sessions:
    """Cookies of one secret. Who signs out is remembered until the cookie ends by itself, in this process."""

    def __init__(self, secret: bytes, hours: float, clock: Callable[[], float] = time.time) -> None:
        self._secret, self.seconds, self._clock = secret, int(hours * 3600), clock
        self._over: dict[str, float] = {}

    def mark(self, *what: str) -> str:
        """A short name of something secret, that only this server can make."""
        return hmac.new(self._secret, "\0".join(("mark", *what)).encode(), hashlib.sha256).hexdigest()[:32]

    def seal(self, kind: str, values: list[Any]) -> str:
        """`values`, readable and signed, with the time; of use only as `kind`."""
        body = urlsafe_b64encode(json.dumps([int(self._clock()), *values]).encode()).decode()
        return f"{body}.{self._sign(kind, body)}"

    def unseal(self, kind: str, token: str, seconds: float) -> list[Any] | None:
        """What was sealed at most so long ago; None: nothing of ours, or too old."""
        body, _, signature = token.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(kind, body).encode()):
            return None
        made, *values = json.loads(urlsafe_b64decode(body))
        return values if -1 <= self._clock() - made < seconds else None

    def begin(self, person: Person, mark: str = "") -> str:
        """A cookie for somebody who has signed in. `mark` must be the same when it is read."""
        return self.seal("session", [person.user, person.shown, mark, secrets.token_hex(8)])

    def read(self, token: str) -> tuple[Person, str] | None:
        """Whose cookie it is, and its mark."""
        values = self.unseal("session", token, self.seconds)
        if values is None or values[3] in self._over:
            return None
        return Person(values[0], values[1]), values[2]

    def end(self, token: str) -> None:
        """Let a cookie be worth nothing from now on, wherever it has been copied to."""
        if values := self.unseal("session", token, self.seconds):
            now = self._clock()
            self._over = {name: until for name, until in self._over.items() if until > now}
            self._over[values[3]] = now + self.seconds

    def _sign(self, kind: str, body: str) -> str:
        return hmac.new(self._secret, f"{kind}\0{body}".encode(), hashlib.sha256).hexdigest()
