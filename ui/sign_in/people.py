"""The users file: names, and passwords as Argon2 hashes. `People` reads and changes it.

Argon2id because guessing at it takes memory as well as time, and its parameters travel in each hash.
"""

import fcntl
import json
import logging
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from graph import Bookmark, InvalidInput

SHORTEST, LONGEST = 8, 1024
"""Characters of a password."""

log = logging.getLogger(__name__)


def clean(name: str) -> str:
    """A person's name as it is stored: a user id that can be printed. Raises `InvalidInput`."""
    name = unicodedata.normalize("NFC", name.strip())
    Bookmark("thread", name)
    if not name.isprintable():
        raise InvalidInput("A name is made of characters that can be printed.")
    return name


class People:
    """The people of one file. A changed file is noticed without a restart; one that is gone or broken knows
    nobody."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(os.urandom(16).hex())
        self._seen: object = None
        self._hashes: dict[str, str] = {}

    def names(self) -> list[str]:
        """Everybody, in order."""
        return sorted(self._read())

    def hash_of(self, name: str) -> str | None:
        """What is stored of a person's password; None: no such person."""
        return self._read().get(name)

    def check(self, name: str, password: str) -> bool:
        """Whether this is that person's password. Takes as long for a name that is not there."""
        stored = self.hash_of(name)
        try:
            right = self._hasher.verify(stored or self._nobody, password[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False
        return right and stored is not None

    def add(self, name: str, password: str, *, replace: bool = False) -> None:
        """Write a new person, or with `replace` a new password. Raises `InvalidInput`."""
        name = clean(name)
        if not SHORTEST <= len(password) <= LONGEST:
            raise InvalidInput(f"A password has {SHORTEST} to {LONGEST:,} characters.")
        with self._changing() as hashes:
            if replace is not (name in hashes):
                raise InvalidInput(
                    f"{name}: no such person. Add them with `scripts/user add`."
                    if replace
                    else f"{name} is there already. Change the password with `scripts/user passwd`."
                )
            hashes[name] = self._hasher.hash(password)

    def remove(self, name: str) -> None:
        """Take a person out; their sessions end, their threads stay. Raises `InvalidInput`."""
        with self._changing() as hashes:
            if hashes.pop(clean(name), None) is None:
                raise InvalidInput(f"{name}: no such person. `scripts/user list` names them all.")

    def _read(self) -> dict[str, str]:
        try:
            now = self.file.stat()
            seen = (now.st_mtime_ns, now.st_size, now.st_ino)
            if seen != self._seen:
                self._hashes, self._seen = _parsed(self.file.read_text(encoding="utf-8")), seen
        except FileNotFoundError:
            self._hashes, self._seen = {}, None
        except (OSError, ValueError) as e:
            if self._seen != "broken":
                log.warning("%s: not a users file (%s); nobody can sign in", self.file, type(e).__name__)
            self._hashes, self._seen = {}, "broken"
        return self._hashes

    @contextmanager
    def _changing(self) -> Iterator[dict[str, str]]:
        """The names, for one at a time to change; the file is replaced whole, for its owner only."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(self.file.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            try:
                hashes = _parsed(self.file.read_text(encoding="utf-8")) if self.file.exists() else {}
            except ValueError as e:
                raise InvalidInput(f"{self.file}: not a users file. Move it away first.") from e
            yield hashes
            with NamedTemporaryFile("w", dir=self.file.parent, delete=False, encoding="utf-8") as new:
                json.dump(hashes, new, indent=2, ensure_ascii=False, sort_keys=True)
                new.flush()
                os.fsync(new.fileno())
            Path(new.name).chmod(0o600)
            Path(new.name).replace(self.file)
        finally:
            os.close(folder)


def _parsed(text: str) -> dict[str, str]:
    found: Any = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 as bad JSON is
    pairs = cast("dict[str, Any]", found)
    if not all(isinstance(of, str) for of in pairs.values()):
        raise ValueError("not hashes")
    return pairs
