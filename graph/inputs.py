"""What a caller says, made sure of: `said` reads any form of messages, `check` refuses some. Pure."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, convert_to_messages

from graph.bookmark import MAX_BYTES, storable
from graph.errors import InvalidInput

MAX_CHARACTERS = 1_000_000
"""Of one message. A prompt is far smaller; this only keeps the counting itself cheap."""

MAX_SIZE = 32 * 2**20
"""Bytes of one message with all that is beside its text, such as pictures."""

MAX_DEPTH = 100
"""Of lists and mappings in a message."""


def said(messages: Any) -> list[BaseMessage]:
    """A caller's messages in any form that LangChain knows. Raises `InvalidInput`."""
    if messages is None:
        raise InvalidInput('Say something: {"messages": [{"role": "user", "content": "…"}]}.')
    many = cast("list[Any]", messages) if isinstance(messages, list) else [messages]
    try:
        found = convert_to_messages(many)
    except (ValueError, TypeError, KeyError, NotImplementedError):  # a value, a call, a key, a form it lacks
        # LangChain's error quotes the message, so it must not be in the traceback of ours.
        raise InvalidInput("These messages are not messages: give each a role and a content.") from None
    if not found:
        raise InvalidInput("There is no message in this list.")
    return found


def messages_in(values: Any) -> list[BaseMessage]:
    """The messages of an update of the state, perhaps none. Raises `InvalidInput`, also for a summary that
    no later prompt could take."""
    update: Mapping[str, Any] = cast("Mapping[str, Any]", values) if isinstance(values, Mapping) else {}
    if not isinstance(update.get("summary"), SystemMessage | None):
        raise InvalidInput("A summary is a SystemMessage, or None.")
    pinned: Any = update.get("pinned") or []
    if not (isinstance(pinned, list) and all(map(can_be_pinned, cast("list[Any]", pinned)))):
        raise InvalidInput(
            "What is pinned is a list of a person's messages and of answers that call no tool."
        )
    given: Any = update.get("messages", [])
    return said(given) if given != [] else []


def can_be_pinned(message: object) -> bool:
    """Whether a model accepts the message by itself, away from those around it."""
    calls = isinstance(message, AIMessage) and (message.tool_calls or message.invalid_tool_calls)
    return isinstance(message, HumanMessage | AIMessage) and message.id is not None and not calls


def check(message: BaseMessage, *, operator: bool = True) -> None:
    """Raise `InvalidInput` for a text that is blank, cannot be stored unchanged, or is beyond any prompt; for
    an id that cannot be one; and, unless an `operator` sends it, for a message that is no person's."""
    text = message.text
    if not operator and not isinstance(message, HumanMessage):
        raise InvalidInput(
            f"A message of type {message.type!r} cannot be sent here, only a person's. A program that may "
            "say more passes context=Context(operator=True)."
        )
    if message.id is not None and (
        not message.id.strip() or not storable(message.id) or len(message.id.encode()) > MAX_BYTES
    ):
        raise InvalidInput(f"The id of a message is a text of 1 to {MAX_BYTES} bytes, without a NUL.")
    if isinstance(message, HumanMessage) and not text.strip() and not _shows_something(message):
        raise InvalidInput("The message is empty.")
    if len(text) > MAX_CHARACTERS:
        raise InvalidInput(
            f"A message has at most {MAX_CHARACTERS:,} characters; this one has {len(text):,}."
        )
    if not storable(text):
        raise InvalidInput(
            "The message holds a NUL or half of a surrogate pair, which cannot be kept unchanged."
        )
    beside = (message.content, message.name, message.additional_kwargs, message.response_metadata)
    check_kept(*beside)
    if (size := sum(map(_weight, beside))) > MAX_SIZE:
        raise InvalidInput(f"A message has at most {MAX_SIZE:,} bytes; this one has {size:,}.")


def check_kept(*values: object) -> None:
    """Raise `InvalidInput` for what the database would not give back as it is, or JSON cannot say to a model:
    the next question takes along one that was refused, so what no model can be sent would end its thread."""
    if not all(map(_kept, values)):
        raise InvalidInput(
            "Beside its text an input may hold no half of a surrogate pair, no number that is not finite or "
            f"has over 64 bits, and at most {MAX_DEPTH} lists in each other, to be kept and sent unchanged."
        )


def _shows_something(message: BaseMessage) -> bool:
    """Whether there is a part that is no text: a picture alone is a question too."""
    parts = message.content if isinstance(message.content, list) else []
    return any(isinstance(part, dict) and part.get("type") != "text" for part in parts)


def _kept(value: object, depth: int = MAX_DEPTH) -> bool:
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, int):
        return -(1 << 63) <= value < 1 << 64
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return depth > 0 and all(_kept(k) and _kept(v, depth - 1) for k, v in items)
    if isinstance(value, list | tuple):
        return depth > 0 and all(_kept(each, depth - 1) for each in cast("list[Any]", value))
    return True


def _weight(value: object) -> int:
    """Of all its texts, in bytes or nearly."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(_weight, cast("Mapping[Any, Any]", value).values()))
    return sum(map(_weight, cast("list[Any]", value))) if isinstance(value, list | tuple) else 0
