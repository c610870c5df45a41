"""What may be read back: `StrictSerializer`, which refuses a row that LangGraph would not have written."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from langgraph.checkpoint.serde.event_hooks import SerdeEvent, register_serde_event_listener
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from graph.errors import ForgedRow, InvalidInput

_refused: ContextVar[list[str] | None] = ContextVar("longthread_refused", default=None)


class StrictSerializer(JsonPlusSerializer):
    """LangGraph's msgpack with its list of allowed types; what is beyond raises instead of becoming data.

    The stock serializer calls what a "json" row names, and hands a blocked msgpack type over as a dict with
    no more than a log line. Here both raise `ForgedRow`, and nothing is called.
    """

    def __init__(self) -> None:
        super().__init__(allowed_msgpack_modules=None)

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """A value as it is stored. Raises `InvalidInput` for one that cannot be."""
        try:
            return super().dumps_typed(obj)
        except (TypeError, ValueError, RecursionError):  # whose texts may quote what is said
            raise InvalidInput(
                f"A value of the type {type(obj).__name__!r} cannot be stored: something in it is no data, a "
                "number beyond 64 bits, or lies too deep."
            ) from None

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The value of a stored row. Raises `ForgedRow`."""
        if data[0] not in ("msgpack", "null", "bytes", "bytearray"):
            raise ForgedRow(f"of the form {data[0][:20]!r}")
        with _watched() as refused:
            value = super().loads_typed(data)
        if refused:
            raise ForgedRow(f"that names {refused[0][:100]}")
        return value


@contextmanager
def _watched() -> Generator[list[str]]:
    """Collects what LangGraph blocks meanwhile."""
    names: list[str] = []
    token = _refused.set(names)
    try:
        yield names
    finally:
        _refused.reset(token)


def _note(event: SerdeEvent) -> None:
    names = _refused.get()
    if names is not None and event["kind"].endswith("blocked"):
        names.append(".".join(filter(None, (event["module"], event["name"], event.get("method")))))


register_serde_event_listener(_note)
