"""The circuit to a model: `Circuit`, open for a while where it failed often in a row: nobody waits."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil

from graph.errors import ModelRefused, ModelUnavailable

log = logging.getLogger("longthread")

FAILURES = 5
"""Requests in a row, each with all its retries, that must have failed before the circuit opens."""

REST = 10.0
"""Seconds for which an open circuit lets nothing through; after them one request tries."""


@dataclass(eq=False)
class Attempt:
    """One request; `answered`: the model has said something."""

    answered: bool = False


class Circuit:
    """The circuit of one model, for all who ask it; may be used from any thread. `clock` is in seconds."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._rests_until: float | None = None  # None: closed
        self._trying: Attempt | None = None

    @property
    def refusal(self) -> str | None:
        """Why a request would not be let through now; None where it would."""
        until = self._rests_until
        rest = until - self._clock() if until is not None else 0.0
        if until is None or (rest <= 0 and self._trying is None):
            return None
        soon = "being asked again now; wait a moment"
        if rest > 0:
            soon = f"asked again in {ceil(rest)} s; try again then"
        return f"{self.name} failed {FAILURES} times in a row and is left alone for now. It is {soon}."

    @contextmanager
    def request(self) -> Iterator[Attempt]:
        """Let one request through and learn from its end. Raises `ModelUnavailable` where it may not pass."""
        attempt = self._enter(Attempt())
        try:
            yield attempt
        except ModelUnavailable:
            self._failed(attempt)
            raise
        except ModelRefused:
            self._answered()  # to say no, it must be there
            raise
        else:
            if attempt.answered:  # else it was stopped before a word: nobody knows
                self._answered()
        finally:
            if self._trying is attempt:
                self._trying = None

    def _enter(self, attempt: Attempt) -> Attempt:
        with self._lock:
            if refusal := self.refusal:
                raise ModelUnavailable(refusal)
            if self._rests_until is not None:
                self._trying = attempt
        return attempt

    def _failed(self, attempt: Attempt) -> None:
        with self._lock:
            self._failures += 1
            closed = self._rests_until is None
            if (closed and self._failures < FAILURES) or not (closed or self._trying is attempt):
                return  # the latter began before the circuit opened, and is no news
            self._rests_until = self._clock() + REST
        log.warning("%s is unavailable: not asked for %g s.", self.name, REST)

    def _answered(self) -> None:
        with self._lock:
            opened, self._rests_until, self._failures = self._rests_until is not None, None, 0
        if opened:
            log.info("%s answers again.", self.name)
