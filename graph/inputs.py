"""What a caller says, made sure of: `said` reads any form of messages, `check` refuses some. Pure."""

from collections.abc import Mapping
from typing import Any, cast

import ormsgpack
from langchain_core.messages import BaseMessage, HumanMessage, convert_to_messages

from graph.bookmark import MAX_BYTES, storable
from graph.errors import InvalidInput

MAX_CHARACTERS = 1_000_000
"""Of one message. A prompt is far smaller; this only keeps the counting itself cheap."""

MAX_SIZE = 32 * 2**20
"""Bytes of one message with all that is beside its text, such as pictures."""

PLAIN = ("content", "type", "id")
"""Fields of a message that are looked at by themselves."""


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
    """The messages of an update of the state, perhaps none. Raises `InvalidInput`."""
    given: Any = cast("Mapping[str, Any]", values).get("messages") if isinstance(values, Mapping) else None
    return said(given) if given else []


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
    _check_rest(message)


def _check_rest(message: BaseMessage) -> None:
    """Of what is beside the text: half surrogates would be stored as question marks, and in silence."""
    fields = {name: value for name, value in vars(message).items() if value and name not in PLAIN}
    if isinstance(message.content, str) and not fields:
        return
    try:
        size = len(ormsgpack.packb([message.content, fields], default=str, option=ormsgpack.OPT_NON_STR_KEYS))
    except (ormsgpack.MsgpackEncodeError, RecursionError):
        raise InvalidInput(
            "The message holds something that cannot be kept unchanged: half of a surrogate pair, a number "
            "beyond 64 bits, or what lies too deep."
        ) from None
    if size > MAX_SIZE:
        raise InvalidInput(f"A message has at most {MAX_SIZE:,} bytes; this one has {size:,}.")


def _shows_something(message: BaseMessage) -> bool:
    """Whether there is a part that is no text: a picture alone is a question too."""
    parts = message.content if isinstance(message.content, list) else []
    return any(isinstance(part, dict) and part.get("type") != "text" for part in parts)
