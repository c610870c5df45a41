"""Every way this house says no.

    LongthreadError
    ├── InvalidInput          the caller's words cannot be taken as they are
    │   ├── InvalidSettings   a setting is unknown, malformed or contradicts another
    │   ├── MessageOverBudget one message alone is larger than a prompt may be
    │   └── IdempotencyConflict   the id of this request was another's
    ├── ThreadNotFound        no such thread, or not yours: the two look the same
    │   └── ThreadDeleted     it was deleted, and nothing brings it back
    ├── CheckpointNotFound    no such moment in this thread
    ├── ThreadBusy            an answer is being written in this thread
    ├── StaleWriter           somebody else answers in this thread now
    ├── WrongLoop             a blocking call from inside the event loop it waits for
    ├── StoreUnavailable      Postgres cannot be reached or refused
    ├── ForgedRow             a stored row that this program would not have written
    └── ModelError            the model did not answer
        ├── ModelUnavailable  refused, timed out or failed: trying again may help
        └── ModelRefused      rejected the request or spoke another protocol: it will not

No message holds a word of a conversation.
"""

from typing import Any


class LongthreadError(Exception):
    """Base of every error raised on purpose; its text says what to do."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), str(self), self.__dict__)


def _again(kind: type[LongthreadError], text: str, about: dict[str, Any]) -> LongthreadError:
    """An error as another process raised it."""
    error = kind.__new__(kind)
    Exception.__init__(error, text)
    error.__dict__.update(about)
    return error


class InvalidInput(LongthreadError, ValueError):
    """The caller's words cannot be taken as they are; nothing was stored."""


class InvalidSettings(InvalidInput):
    """A setting is unknown, malformed or contradicts another."""


class MessageOverBudget(InvalidInput):
    """One message alone is larger than a prompt may be; nothing was stored.

    `tokens` is what the message needs together with the system prompt, `limit` what a prompt may hold.
    """

    def __init__(self, tokens: int, limit: int) -> None:
        super().__init__(
            f"This message needs about {tokens:,} tokens and a prompt may hold {limit:,}. "
            "Shorten it, or raise LONGTHREAD_TOKEN_BUDGET."
        )
        self.tokens = tokens
        self.limit = limit


class IdempotencyConflict(InvalidInput):
    """The id of this request was another's; the thread is unchanged."""

    def __init__(self) -> None:
        super().__init__(
            "This thread has another message under this id. Send a new one under an id of its own, or the "
            "same again as it was."
        )


class ThreadNotFound(LongthreadError, LookupError):
    """No such thread, or not yours: the two look the same."""

    def __init__(self, text: str = "There is no such thread here.") -> None:
        super().__init__(text)


class ThreadDeleted(ThreadNotFound):
    """The thread was deleted; nothing that comes late brings it back."""

    def __init__(self) -> None:
        super().__init__("This thread was deleted. Begin another under a new id.")


class CheckpointNotFound(LongthreadError, LookupError):
    """No such moment in this thread; the thread is unchanged."""

    def __init__(
        self,
        text: str = "There is no such moment in this thread, or it was pruned. Go back to now, or list those "
        "that there are with get_state_history().",
    ) -> None:
        super().__init__(text)


class ThreadBusy(LongthreadError):
    """An answer is being written in this thread."""

    def __init__(self) -> None:
        super().__init__("This thread is still answering. Wait for it, or stop it first.")


class StaleWriter(LongthreadError):
    """Somebody else answers in this thread now; what this turn would have stored is not."""

    def __init__(self) -> None:
        super().__init__(
            "This turn took too long to be heard of, or was taken back, and another one has the thread. "
            "Nothing of it was stored after that. Ask again."
        )


class WrongLoop(LongthreadError, RuntimeError):
    """A blocking call from inside the event loop it would have to wait for."""

    def __init__(self, call: str) -> None:
        super().__init__(
            f"{call}() would block the event loop that has to run it. Await a{call}() here instead."
        )


class StoreUnavailable(LongthreadError, ConnectionError):
    """Postgres cannot be reached, or refused us."""


BROKEN = "that is not in the form of its table"


class ForgedRow(LongthreadError):
    """A stored row that this program would not have written; nothing in it was called.

    Its thread cannot be read past it. Types of your own in a state are allowed by the graph's schema, or by
    a serializer of yours.
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The database holds a row {what}, which may not be read. If it is a type of your state, name it "
            "in the state's schema; if not, somebody else wrote to this database."
        )


class ModelError(LongthreadError):
    """The model did not answer; the question is kept and can be retried."""


class ModelUnavailable(ModelError):
    """The model refused the connection, timed out, was busy or failed: trying again may help."""


class ModelRefused(ModelError):
    """The model rejected the request or spoke another protocol: trying again will not help."""
