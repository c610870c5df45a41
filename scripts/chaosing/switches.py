"""What a child does otherwise than the program, for one process that is thrown away afterwards.

`short_leases` only makes trials quick, `log_to` lets one be looked at. The others are the positive controls,
each a protection switched off, and the deaths at a chosen call. All change names inside of the program: who
moves those, moves these.
"""

# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001

import functools
import logging
import os
import signal
from typing import Any, Literal, cast

from graph.checkpointers import attempts, leases, pool, statements
from graph.checkpointers.admitting import Admitting
from graph.checkpointers.attempts import Attempts
from graph.checkpointers.postgres import AdmittedTurn, PostgresCheckpointer

SHORT = 1
"""Seconds of a short lease."""

hasty = False
"""Whether turns are acknowledged before they are stored."""

CALLS = ("admit", "take", "end", "undo", "aput", "aput_writes", "aget_tuple")
"""Of the saver, of which a turn may make some."""

_left: int | None = None
"""Calls until death; None while it is not to come."""

_deaths: dict[str, Any] = {}


def short_leases() -> None:
    """A dead process keeps others waiting for a second instead of six."""
    statements._TAKEN = statements._TAKEN.replace(f"'{statements.SPAN} s'", f"'{SHORT} s'")
    statements.SPAN = leases.SPAN = SHORT
    leases.EVERY = 0.25
    _forget()


def log_to(path: str) -> None:
    """Write the log that an operator reads."""
    logging.disable(logging.NOTSET)
    logging.basicConfig(filename=path, level=logging.INFO, force=True)


def no_leases() -> None:
    """Everybody may write at any time."""
    statements._FREE = statements._HELD = ""
    for kind, name in ((Admitting, "_free"), (Attempts, "still")):
        setattr(kind, name, _nothing)
    _forget()


def no_second_look() -> None:
    """Leave it to the caller to find out what became of a write whose reply was lost."""
    setattr(attempts, "ConnectionLost", KeyboardInterrupt)  # noqa: B010 - nothing raises it there


def hurry() -> None:
    """Say that it is done before it is."""
    global hasty  # noqa: PLW0603 - one for the process
    hasty = True


def no_timeout() -> None:
    """Wait for Postgres for as long as it takes."""
    pool.STATEMENT_TIMEOUT = 3600.0


def blind_to_poolers() -> None:
    """Take whatever answers for the server itself, and prepare statements there."""

    async def answers(_: str) -> bool:
        return True

    pool._answers = answers


def no_looking() -> None:
    """Take every checkpoint's id for one of the thread."""
    from graph.bookmark import Bookmark, configurable
    from graph.turns import ThreadGraph

    async def find(self: Any, config: Any) -> Any:
        return Bookmark.of({"configurable": configurable(config)})

    ThreadGraph._find = find


def forgetful_folds() -> None:
    """Drop what is folded and keep no note of it, as two commits with a death between them would."""
    from graph.summarize import Summariser

    fold = Summariser.fold

    async def dropping(self: Summariser, *args: Any, **options: Any) -> Any:
        update = await fold(self, *args, **options)
        return {"messages": update["messages"]} if update else None

    Summariser.fold = dropping


def quote_models() -> None:
    """Tell what a model's server said of its failure, whatever it quotes."""
    from graph import model
    from graph.errors import ModelUnavailable

    def told(error: Exception, url: str = "") -> ModelUnavailable:
        return ModelUnavailable(f"{url}: {error}")

    model.translate = told


def no_door() -> None:
    """Let in what anybody says."""
    from graph import turns

    turns.check = _nothing


def die(*, at: Literal["saver", "sql"], n: int, when: Literal["before", "after"]) -> None:
    """Be killed at the `n`th call of the saver, or statement, of the next turn."""
    _deaths.update(n=n, when=when)
    if at == "sql":
        _mortal(pool.Connection, "execute")
        return
    for kind in (PostgresCheckpointer, AdmittedTurn):
        for name in CALLS:
            if name in vars(kind):
                _mortal(kind, name)


def arm() -> None:
    """The next turn begins: count from here."""
    global _left  # noqa: PLW0603 - one for the process
    _left = cast("int | None", _deaths.get("n"))


def _mortal(kind: Any, name: str) -> None:
    call = getattr(kind, name)

    @functools.wraps(call)
    async def mortal(*args: Any, **options: Any) -> Any:
        last = _counted()
        if last and _deaths["when"] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = await call(*args, **options)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(kind, name, mortal)


def _counted() -> bool:
    global _left  # noqa: PLW0603 - one for the process
    if _left is None:
        return False
    _left -= 1
    return _left == 0


def _nothing(*_: Any, **__: Any) -> None:
    """Instead of a check."""


def _forget() -> None:
    """Statements were composed with what was before."""
    for composed in (statements.asking, statements.taking, statements.saving, statements.noting):
        composed.cache_clear()
