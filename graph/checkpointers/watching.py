"""Whether a message is still what it was when it was read: `Watched`, and `fingerprint`. Pure.

Message objects are shared with whoever read them, and anybody may change one. Most are what they were: to see
that their fields still equal a copy of these is a third of the price of a fingerprint.
"""

from typing import Any

import ormsgpack
from langchain_core.messages import BaseMessage

from graph.checkpointers.packing import OPTION
from graph.checkpointers.serializer import StrictSerializer

_SIMPLE = frozenset((str, int, float, bool, type(None)))

_deep = StrictSerializer()


class Watched:
    """A message, and the fingerprint `mark` that it had."""

    __slots__ = ("_fields", "mark", "message")

    def __init__(self, message: BaseMessage, mark: int) -> None:
        self.message = message
        self.mark = mark
        self._fields = None if message.__pydantic_extra__ else _fields(message)

    @property
    def unchanged(self) -> bool:
        """Whether it is as it was. Equal is equal as Python says it: 1 for True is no change."""
        message = self.message
        if self._fields == vars(message) and not message.__pydantic_extra__:
            return True
        return fingerprint(message) == self.mark


def fingerprint(message: BaseMessage) -> int:
    """A number that changes with whatever is stored of `message`; it means nothing to another process."""
    extra = message.__pydantic_extra__
    stored: Any = (message.__dict__, extra) if extra else message.__dict__
    return hash((type(message), ormsgpack.packb(stored, default=_beyond, option=OPTION)))


def _beyond(value: Any) -> bytes:
    """What msgpack alone has no form for, such as dates in a tool's result."""
    return _deep.dumps_typed(value)[1]


def _fields(message: BaseMessage) -> dict[str, Any] | None:
    """A copy that nobody else can change; None where there is an object in it, which may have no copy."""
    try:
        return {name: _copy(value) for name, value in vars(message).items()}
    except TypeError:
        return None


def _copy(value: Any) -> Any:
    kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind in _SIMPLE:
        return value
    if kind is dict:
        return {key: _copy(item) for key, item in value.items()}
    if kind is list:
        return [_copy(item) for item in value]
    raise TypeError(kind)
