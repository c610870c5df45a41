"""What a saver may do beyond LangGraph's contract, so that a turn is asked and answered once: `Admits`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from langchain_core.messages import BaseMessage

from graph.bookmark import Bookmark

LEASE = "__longthread_lease"
"""Where a run's config carries its lease. LangGraph keeps what begins so out of metadata and traces."""

Wish = Literal["interrupt", "rollback"]
"""What others may ask of a turn under way: to end here and keep what there is, or to leave no trace."""


class Leased(Protocol):
    """The right to write to a thread. `heard` is called when others wish it to end, or have the thread;
    `words` gives what was said so far, for those who follow from elsewhere.

    `resumes`: the question is stored and has no answer; `undone`: nothing of the turn is to stay; `last`: the
    next checkpoint is the turn's last, and the lease ends with it.
    """

    heard: Callable[[], None] | None
    resumes: bool
    undone: bool
    last: bool
    words: Callable[[], str] | None


@dataclass(frozen=True)
class Request:
    """What a turn asks. `wakes` are the channels that start whoever answers: a killed process leaves them to
    the next. `name` is what the request is called, if not by the last question's id; that takes the id that
    it had the first time."""

    questions: Sequence[BaseMessage]
    wakes: Sequence[str] = ()
    name: str | None = None

    @property
    def question(self) -> BaseMessage:
        """The last, whose id is the request's."""
        return self.questions[-1]


@dataclass(frozen=True)
class Answered:
    """A request that was answered already: what was said, and the checkpoint that it made, if it is kept."""

    messages: list[BaseMessage]
    checkpoint_id: str | None


class Admitted(Protocol):
    """The saver of one turn, whose question is durable and whose thread is read.

    `questions` are the turn's own, after earlier ones that nobody answered. The lease ends with the turn's
    checkpoint, unless that waits for one of the nodes `afterwards`.
    """

    questions: list[BaseMessage]
    lease: Leased
    afterwards: Sequence[str]

    def waits(self) -> bool:
        """Whether what was stored last waits for one of the nodes `afterwards`."""
        ...


@runtime_checkable
class Admits(Protocol):
    """A saver that gives a thread to one turn at a time, and remembers what it was asked.

    To ask for a thread raises `ThreadBusy` while another turn has it, `ThreadDeleted`, and
    `IdempotencyConflict` where the last question's id is another message's.
    """

    async def admit(self, place: Bookmark, request: Request) -> Admitted | Answered | None:
        """Take the thread and make questions durable, without a checkpoint; None where only that can.

        The turn must run through the saver that is returned.
        """
        ...

    async def take(self, place: Bookmark, request: Request | None) -> Leased | Answered:
        """Take the thread for a turn that stores its steps as they come, the lease in their config; or for a
        change that asks nothing."""
        ...

    async def end(self, lease: Leased) -> None:
        """Give a thread back."""
        ...

    async def undo(self, place: Bookmark, turn: Admitted) -> None:
        """Take the turn's own questions back."""
        ...

    async def refuse(self, place: Bookmark, turn: Admitted) -> None:
        """Keep the turn's own questions, which a model would not answer, apart from those that come after."""
        ...

    async def withdraw(self, place: Bookmark) -> Sequence[BaseMessage]:
        """Take back every question that waits for an answer; what they were. Raises `ThreadBusy`."""
        ...

    async def under_way(self, place: Bookmark) -> str | None:
        """What a turn has said so far, in whichever process; None when there is none."""
        ...

    async def abandoned(self, limit: int = 100) -> Sequence[Bookmark]:
        """Threads whose turn was cut off with its process."""
        ...

    async def wish(self, place: Bookmark, wish: Wish) -> bool:
        """Ask something of the turn under way, in whichever process; False when there is none."""
        ...
