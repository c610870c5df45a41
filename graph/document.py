"""A thread as a JSON document: the shape of one, and `read`, which trusts none. Pure.

    {"format": "longthread-thread", "version": 1, "title": …, "tags": […], "created": …,
     "messages": [{"id", "parent", "type", "content", …}], "branches": [{"tip", "name", "active", …}]}

The messages are a tree: each is there once, after its parent, whose id it names (null at the root). An id is
the message's own; or a number, where it has none or another message was there under it. A branch is the way
from the root to its tip; `window` are the messages of it that the model is sent, `summary` stands for others,
`pinned` are always sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import uuid4

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, model_validator

from graph.bookmark import MAX_BYTES, storable
from graph.boughs import MAX_NAME
from graph.carrying import FOLDS, kept
from graph.errors import InvalidInput
from graph.inputs import check, check_kept
from graph.summarize import USED
from graph.tags import MOST, normal
from graph.threads import titled

FORMAT, VERSION = "longthread-thread", 1
LARGEST = 50 * 2**20
"""Bytes of a document."""
MESSAGES, BRANCHES, PINS, IN_WINDOWS = 50_000, 500, 100, 100_000
"""How many there may be: pins of a branch, and messages in the windows of all branches together."""

Key = Annotated[str, Field(min_length=1, max_length=MAX_BYTES)] | Annotated[int, Field(ge=0, le=2**53)]
Word = Annotated[str, Field(min_length=1, max_length=MAX_BYTES)]
Count = Annotated[int, Field(ge=0, le=10**12)]


class _Part(BaseModel):
    """A part of a document; what a later version adds to it is passed over."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)


class Call(_Part):
    """A call of a tool."""

    name: Word
    args: dict[str, Any]
    id: Word | None = None


class BrokenCall(_Part):
    """A call that the model did not write as one."""

    name: Word | None = None
    args: str | None = None
    id: Word | None = None
    error: str | None = None


class Tokens(_Part):
    """What the model said that it used."""

    input_tokens: Count
    output_tokens: Count
    total_tokens: Count
    input_token_details: dict[Word, Count] | None = None
    output_token_details: dict[Word, Count] | None = None


class Block(BaseModel):
    """A part of a message's content, such as a text or a picture."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True, extra="allow")
    type: Word
    text: str | None = None


class Message(_Part):
    """A message of the tree."""

    id: Key
    parent: Key | None
    type: Literal["human", "ai", "tool", "system"]
    content: str | list[str | Block]
    name: Word | None = None
    tool_calls: list[Call] = []
    invalid_tool_calls: list[BrokenCall] = []
    usage_metadata: Tokens | None = None
    tool_call_id: Word | None = None
    status: Literal["success", "error"] = "success"
    response_metadata: dict[str, Any] = {}

    @model_validator(mode="after")
    def _whose(self) -> "Message":
        if self.type == "tool" and self.tool_call_id is None:
            raise ValueError("a tool's result names its call")
        if self.type != "ai" and (self.tool_calls or self.invalid_tool_calls or self.usage_metadata):
            raise ValueError("only a message of type ai calls tools and uses tokens")
        return self

    def message(self, id: str) -> BaseMessage:
        """As LangChain has it. Raises `InvalidInput` for what could not be sent or kept."""
        content: Any = self.content
        if not isinstance(content, str):
            content = [b if isinstance(b, str) else b.model_dump(exclude_unset=True) for b in content]
        known: dict[str, Any] = {"content": content, "id": id, "name": self.name}
        if self.type == "human":
            made: BaseMessage = HumanMessage(**known)
        elif self.type == "system":
            made = SystemMessage(**known)
        elif self.type == "tool":
            made = ToolMessage(**known, tool_call_id=self.tool_call_id, status=self.status)
        else:
            made = AIMessage(**known, **self._answer(), response_metadata=kept(self.response_metadata))
        check(made)
        _check_names(made)
        return made

    def _answer(self) -> dict[str, Any]:
        calls = [{**call.model_dump(), "type": "tool_call"} for call in self.tool_calls]
        broken = [{**call.model_dump(), "type": "invalid_tool_call"} for call in self.invalid_tool_calls]
        check_kept(calls, broken)
        usage = self.usage_metadata and self.usage_metadata.model_dump(exclude_none=True)
        return {"tool_calls": calls, "invalid_tool_calls": broken, "usage_metadata": usage}


class Summary(_Part):
    """What stands for the messages of a branch up to `through`, and what is noted of its folds."""

    text: str
    through: Key | None = None
    folds: Count = 1
    count: Count = 0
    before: Count = 0
    after: Count = 0
    sent: Count = 0
    largest: Count = 0
    by_hand: bool = False

    def message(self, id: str, through: str | None) -> SystemMessage:
        """As the state has it; `through` is the id of that message now."""
        told: dict[str, Any] = {name: getattr(self, name) for name in FOLDS} | {"through": through, USED: {}}
        told |= {"by_hand": True} if self.by_hand else {}
        return SystemMessage(self.text, id=id, additional_kwargs={"longthread": told})


class Branch(_Part):
    """A way from the root to `tip`."""

    tip: Key
    name: Annotated[str, Field(max_length=MAX_NAME)] = ""
    active: bool = False
    window: list[Key] = []
    summary: Summary | None = None
    pinned: Annotated[list[Key], Field(max_length=PINS)] = []


class Document(_Part):
    """A thread."""

    format: Literal["longthread-thread"]
    version: Literal[1]
    title: str = ""
    tags: Annotated[list[str], Field(max_length=MOST)] = []
    messages: Annotated[list[Message], Field(min_length=1, max_length=MESSAGES), FailFast()]
    branches: Annotated[list[Branch], Field(min_length=1, max_length=BRANCHES), FailFast()]


def read(data: bytes) -> tuple[Document, dict[Key, BaseMessage]]:
    """The document in a file, made sure of, and its messages as LangChain has them.

    Raises `InvalidInput`, which says where and never what. Takes seconds for a large one: for a thread."""
    if len(data) > LARGEST:
        raise InvalidInput(f"This file is too large: a conversation's has at most {LARGEST // 2**20} MB.")
    try:
        document = Document.model_validate_json(data)
    except ValidationError as e:
        raise InvalidInput(_why(e)) from None
    if document.title.strip():
        titled(document.title)
    for tag in document.tags:
        normal(tag)
    made = _tree(document.messages)
    _check_branches(document)
    return document, made


def _why(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place, kind = first["loc"], first["type"]
    if kind == "json_invalid" or not place:
        return "This file is not whole, or no JSON. Choose one that was exported as JSON."
    if place[0] == "format":
        return "This is JSON, but not a conversation of Longthread's. Choose one that was exported as JSON."
    if place[0] == "version":
        return f"This conversation is in another version of the format; this Longthread reads {VERSION}."
    ours = [str(part) for part in place if isinstance(part, int) or part in _FIELDS]
    reason = "it is missing" if kind == "missing" else first["msg"].removeprefix("Value error, ")
    if "content" in ours:
        reason = "it is neither a text nor a list of parts, each with a type"
    return f"This conversation cannot be read, at {'.'.join(ours)}: {reason.rstrip('.')}."


_FIELDS = {
    name
    for part in (Document, Message, Branch, Summary, Call, BrokenCall, Tokens)
    for name in part.model_fields
}


def _tree(messages: Sequence[Message]) -> dict[Key, BaseMessage]:
    made: dict[Key, BaseMessage] = {}
    for at, message in enumerate(messages, 1):
        where, id = f"Message {at:,} of this file", message.id
        if id in made:
            raise InvalidInput(f"{where} has an id that another one has. Each id may be there once.")
        if message.parent is not None and message.parent not in made:
            raise InvalidInput(f"{where} names a parent that is not before it. Each comes after its parent.")
        try:
            made[id] = message.message(id if isinstance(id, str) else str(uuid4()))
        except InvalidInput as e:
            raise InvalidInput(f"{where}: {e}") from None
        except (ValueError, TypeError):  # LangChain's own, which quotes the message
            raise InvalidInput(f"{where} is not a message that LangChain knows.") from None
    return made


def _check_names(message: BaseMessage) -> None:
    calls = [*message.tool_calls, *message.invalid_tool_calls] if isinstance(message, AIMessage) else []
    result = [message.tool_call_id] if isinstance(message, ToolMessage) else []
    named = [name for call in calls for name in (call["name"], call["id"]) if name]
    if not all(map(storable, [*([message.name] if message.name else []), *result, *named])):
        raise InvalidInput("A name or an id in it holds a NUL or half of a surrogate pair.")


def _check_branches(document: Document) -> None:
    parents = {message.id: message.parent for message in document.messages}
    tips, within = [branch.tip for branch in document.branches], 0
    if sum(branch.active for branch in document.branches) != 1:
        raise InvalidInput("Of the branches of this file exactly one has to be the active one.")
    if left := len(parents.keys() - set(parents.values()) - set(tips)):
        raise InvalidInput(f"{left:,} of its messages that nothing follows are not the tip of a branch.")
    for at, branch in enumerate(document.branches, 1):
        where = f"Branch {at:,} of this file"
        if branch.tip not in parents:
            raise InvalidInput(f"{where} has a tip that is no message of it.")
        within += len(branch.window)
        if within > IN_WINDOWS:
            raise InvalidInput(f"The windows of the branches have at most {IN_WINDOWS:,} messages in all.")
        if not _ends(branch, parents):
            raise InvalidInput(f"{where}: its window is no part of it, in its order, up to its tip.")
        if branch.name and not (branch.name.strip() and storable(branch.name)):
            raise InvalidInput(f"{where} has a blank name, or one with a NUL or half of a surrogate pair.")
        _check_beside(branch, where, parents)


def _check_beside(branch: Branch, where: str, parents: Mapping[Key, Key | None]) -> None:
    """What is sent beside the window: the summary, and what is pinned."""
    if branch.pinned and not set(branch.pinned) <= set(_way(branch.tip, parents)):
        raise InvalidInput(f"{where} pins what is no message of it.")
    summary = branch.summary
    if summary and not (summary.text.strip() and storable(summary.text)):
        raise InvalidInput(f"{where} has a summary that is blank, or cannot be kept unchanged.")
    if summary and summary.through is not None and summary.through not in parents:
        raise InvalidInput(f"{where} has a summary of messages that are not there.")


def _way(key: Key | None, parents: Mapping[Key, Key | None]) -> Iterator[Key]:
    """From a message to the root."""
    while key is not None:
        yield key
        key = parents[key]


def _ends(branch: Branch, parents: Mapping[Key, Key | None]) -> bool:
    """Whether the window is messages of the branch, in their order, the last of them its tip."""
    at: Key | None = branch.tip
    if branch.window and branch.window[-1] != at:
        return False
    for key in reversed(branch.window):
        while at is not None and at != key:
            at = parents[at]
        if at is None:
            return False
        at = parents[at]
    return True
