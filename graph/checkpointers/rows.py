"""A message as the row that keeps it, and back: `MessageRow`, `Codec`. Pure.

What a person reads stands in `text`, once, where it can be searched. `body` is what else the message holds:
nothing, for most; the fields that differ from a new message's; or, where a class or a serializer is not ours,
the whole of it. A serializer of the caller's may encrypt, so then `text` stays empty.
"""

from dataclasses import dataclass
from typing import Any, cast

import ormsgpack
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from graph.bookmark import storable
from graph.checkpointers.ids import short, whole
from graph.checkpointers.packing import pack, squeeze, unpack, unsqueeze
from graph.checkpointers.serializer import StrictSerializer
from graph.errors import BROKEN, ForgedRow

_PLAIN: dict[str, type[BaseMessage]] = {
    "human": HumanMessage,
    "ai": AIMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
    "chat": ChatMessage,
    "function": FunctionMessage,
}
_DEFAULTS: dict[type[BaseMessage], dict[str, Any]] = {
    HumanMessage: vars(HumanMessage("")),
    AIMessage: vars(AIMessage("")),
    SystemMessage: vars(SystemMessage("")),
    ToolMessage: {k: v for k, v in vars(ToolMessage("", tool_call_id="")).items() if k != "tool_call_id"},
    ChatMessage: {k: v for k, v in vars(ChatMessage(content="", role="")).items() if k != "role"},
    FunctionMessage: {k: v for k, v in vars(FunctionMessage(content="", name="")).items() if k != "name"},
}
_FIELDS, _WHOLE = b"\0", b"\1"  # first byte of a body


@dataclass(frozen=True, slots=True)
class MessageRow:
    """What of a message is stored; `id` is LangChain's."""

    type: str
    id: str | None
    text: str | None
    body: bytes | None

    @property
    def key(self) -> str | None:
        """`id` as the column has it."""
        return None if self.id is None else short(self.id)

    @classmethod
    def kept(cls, type: str, key: str | None, text: str | None, body: bytes | None) -> "MessageRow":
        """The row of these columns. Raises `ForgedRow`."""
        return cls(type, None if key is None else whole(key), text, body)


@dataclass(frozen=True)
class Codec:
    """Writes and reads messages, with a serializer for whatever is no plain field.

    `readable` says that texts may stand in the database as they are: for our own serializer only.
    """

    serde: SerializerProtocol

    @property
    def readable(self) -> bool:
        """Whether what is said may be seen by whoever sees the database."""
        return isinstance(self.serde, StrictSerializer)

    def row(self, message: BaseMessage) -> MessageRow:
        """The row that keeps `message`."""
        if not self.readable:
            return MessageRow(message.type, _clean(message.id), None, self._whole(message))
        defaults = _DEFAULTS.get(type(message))
        if defaults is None or message.__pydantic_extra__ or not _sayable(message.id):
            return MessageRow(
                message.type, _clean(message.id), _clean(str(message.text)), self._whole(message)
            )
        fields = {
            name: value
            for name, value in vars(message).items()
            if name not in ("id", "type") and (name not in defaults or defaults[name] != value)
        }
        content = fields.pop("content", "")
        plain = isinstance(content, str) and storable(content)
        text = content if plain else _clean(str(message.text))
        if not plain:
            fields["content"] = content
        try:
            body = _FIELDS + squeeze(fields) if fields else None
        except ormsgpack.MsgpackEncodeError:  # objects in it, such as a tool's artifact
            body = self._whole(message)
        return MessageRow(message.type, message.id, text, body)

    def message(self, row: MessageRow) -> BaseMessage:
        """The message that `row` keeps. Raises `ForgedRow`."""
        if row.body is not None and row.body[:1] == _WHOLE:
            match unpack(row.body[1:]):
                case [str(form), bytes(payload)]:
                    message = self.serde.loads_typed((form, payload))
                case _:
                    raise ForgedRow(BROKEN)
        else:
            kind = _PLAIN.get(row.type)
            if kind is None:
                raise ForgedRow(f"of an unknown type of message, {row.type[:20]!r}")
            fields: Any = unsqueeze(row.body[1:]) if row.body is not None else {}
            if not isinstance(fields, dict):
                raise ForgedRow(BROKEN)
            known: dict[str, Any] = {"content": row.text or "", "id": row.id}
            message = kind(**known | cast("dict[str, Any]", fields))
        if not isinstance(message, BaseMessage):
            raise ForgedRow(BROKEN)
        return message

    def copy(self, message: BaseMessage, row: MessageRow) -> BaseMessage:
        """What `message(row)` gives for the row of `message`, cheaper where nothing in it can change."""
        if row.body is not None or type(message) not in (HumanMessage, SystemMessage):
            return self.message(row)
        twin = message.model_copy()
        twin.additional_kwargs, twin.response_metadata = {}, {}
        return twin

    def _whole(self, message: BaseMessage) -> bytes:
        return _WHOLE + pack(self.serde.dumps_typed(message))


def _sayable(text: str | None) -> bool:
    return text is None or storable(text)


def _clean(text: str | None) -> str | None:
    """As Postgres can hold it."""
    return None if text is None else text.replace("\0", "").encode("utf-8", "replace").decode()
