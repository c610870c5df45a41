"""What a thread persists between turns: `State`, and nothing else.

The summary is a message and never a `str`: the stock Postgres saver writes strings into JSONB in clear, where
one NUL makes every later turn fail.
"""

from typing import Annotated, NotRequired

from langchain_core.messages import AnyMessage, SystemMessage
from langgraph.graph.message import add_messages
from typing_extensions import (
    TypedDict,
)  # pydantic reads no other before Python 3.12, and Studio asks for schemas


class Question(TypedDict):
    """What a caller may put in."""

    messages: Annotated[list[AnyMessage], add_messages]


class State(Question):
    """The live window of the conversation, oldest first, the summary of what came before it, and the messages
    that are always sent whole, oldest first, wherever the window begins."""

    summary: NotRequired[SystemMessage | None]
    pinned: NotRequired[list[AnyMessage]]
