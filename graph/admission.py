"""What a saver may do beyond LangGraph's contract, to make a plain turn cheap: `Admits`, and `Admitted`."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from langchain_core.messages import BaseMessage

from graph.bookmark import Bookmark


class Admitted(Protocol):
    """The saver of one turn, whose question is durable and whose thread is read.

    `questions` are the turn's own, after earlier ones that nobody answered.
    """

    questions: list[BaseMessage]

    def wakes(self, nodes: Sequence[str]) -> bool:
        """Whether what was stored last waits for one of these nodes."""
        ...


@runtime_checkable
class Admits(Protocol):
    """A saver that takes a question before the model is called, without a checkpoint of its own for it."""

    async def admit(
        self, place: Bookmark, questions: Sequence[BaseMessage], wakes: Sequence[str]
    ) -> Admitted | None:
        """Make questions durable; None where only a checkpoint can.

        `wakes` are the channels that start whoever answers: a killed process leaves them to the next. The
        turn must run through the saver that is returned.
        """
        ...
