"""A window in parts that stay together: `exchanges`, `units`, and what of it is `acceptable`. Pure.

An exchange is one human message and what comes before the next. A unit is one message, or an AI message that
calls tools and all their results, which no model accepts apart.
"""

from collections.abc import Iterable, Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

CUT_OFF = "There is no result: the call was cut off."
"""What stands for the result of a tool call that has none, because a turn crashed or was stopped."""

Unit = list[BaseMessage]


def exchanges(messages: Iterable[BaseMessage]) -> list[list[BaseMessage]]:
    """The messages split before each human one; what precedes the first is an exchange of its own."""
    found: list[list[BaseMessage]] = []
    for message in messages:
        if not found or isinstance(message, HumanMessage):
            found.append([])
        found[-1].append(message)
    return found


def units(exchange: Sequence[BaseMessage]) -> list[Unit]:
    """What a model accepts of an exchange: each call with all its results, no result without its call."""
    groups: list[Unit] = []
    for message in exchange:
        if groups and isinstance(message, ToolMessage):
            groups[-1].append(message)
        else:
            groups.append([message])
    return [unit for group in groups if (unit := _accepted(*group))]


def acceptable(window: Iterable[BaseMessage]) -> list[BaseMessage]:
    """Of a window what a model accepts, marks for missing results included, whether there is room or not."""
    return [message for exchange in exchanges(window) for unit in units(exchange) for message in unit]


def _accepted(message: BaseMessage, *results: BaseMessage) -> Unit | None:
    """This message and, of the results right after it, those to its calls, with a mark for each that is
    missing; None if it cannot be sent."""
    if isinstance(message, ToolMessage):
        return None  # a result, and those after it, whose call is not right before them
    if not (calls := _calls(message)):
        return [message]
    answers = _first_answers(calls, results)
    missing = calls - {answer.tool_call_id for answer in answers}
    return None if "" in missing else [message, *answers, *map(_cut_off, sorted(missing))]


def _cut_off(call: str) -> ToolMessage:
    mark = {"longthread": {"cut_off": True}}
    return ToolMessage(CUT_OFF, tool_call_id=call, status="error", additional_kwargs=mark)


def is_cut_off(message: BaseMessage) -> bool:
    """Whether it only stands for a result, and is no message of the thread."""
    return bool(message.additional_kwargs.get("longthread", {}).get("cut_off"))


def _calls(message: BaseMessage) -> set[str]:
    """The ids of its tool calls; one without an id can have no result, and shows as an empty id."""
    if not isinstance(message, AIMessage):
        return set()
    return {call["id"] or "" for call in (*message.tool_calls, *message.invalid_tool_calls)}


def _first_answers(calls: set[str], results: Iterable[BaseMessage]) -> list[ToolMessage]:
    """Of these tool messages the first to each call: a second one to the same call is refused by a model."""
    open_calls = calls - {""}
    found: list[ToolMessage] = []
    for result in results:
        if isinstance(result, ToolMessage) and result.tool_call_id in open_calls:
            open_calls.discard(result.tool_call_id)
            found.append(result)
    return found
