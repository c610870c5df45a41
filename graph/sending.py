"""What a prompt is made of, message by message, and what of the window is not in it: `parts`. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage

from graph.budget import Prompt, scaled
from graph.exchanges import acceptable, is_cut_off
from graph.tokens import PRIMING, correction, count

Kind = Literal["system", "summary", "pinned", "message", "mark"]
"""`pinned`: it stands before the window because it is pinned. `mark`: it stands for the result that a tool
call does not have, and is no message of the thread."""

Why = Literal["", "room", "call", "id"]
"""Why it is left out: "" it is not, `room` there is no room, `call` it is a result without its call, `id` it
calls a tool under no id, so that it can have no result."""


@dataclass(frozen=True)
class Part:
    """One message as it is sent, or as it would be, and its corrected tokens."""

    message: BaseMessage
    kind: Kind
    tokens: int
    why: Why = ""


_Placed = tuple[BaseMessage, Kind, Why]


def parts(
    prompt: Prompt,
    summary: SystemMessage | None,
    window: Sequence[BaseMessage],
    pinned: Sequence[BaseMessage] = (),
) -> list[Part]:
    """Every message of the prompt that was composed of this window, in its order, and between them those that
    are left out, where they stand in the window.

    The tokens of what is sent add up to `prompt.tokens`: each has what it adds to the rounded sum of those
    before, so that it may be one more or less than alone, and the first has what a prompt costs by itself.
    What is left out has its own, rounded up.
    """
    scale = correction(window)
    heads = 2 if prompt.summary else 1
    pins, body = prompt.messages[heads : heads + prompt.pins], prompt.messages[heads + prompt.pins :]
    placed: list[_Placed] = [(prompt.messages[0], "system", "")]
    placed.extend((message, "summary", "") for message in prompt.messages[1:heads])
    if summary is not None and heads == 1:
        placed.append((summary, "summary", "room"))
    before, held = {message.id for message in pins}, {message.id for message in window}
    out = [message for message in pinned if message.id not in before | held]
    placed.extend((message, "pinned", "room") for message in out)
    placed.extend((message, "pinned", "") for message in pins)
    rest = [message for message in window if message.id not in before]
    placed += _placed(iter(body), {id(message) for message in body}, rest)
    return list(_counted(placed, scale))


def _placed(body: Iterator[BaseMessage], sent: set[int], window: Sequence[BaseMessage]) -> Iterator[_Placed]:
    accepted = {id(message) for message in acceptable(window)}
    for message in window:
        if id(message) not in sent:
            yield message, "message", _why(message, room=id(message) in accepted)
            continue
        for each in body:  # up to this one; marks are in the prompt only
            yield each, _kind(each), ""
            if each is message:
                break
    for each in body:
        yield each, _kind(each), ""


def _kind(message: BaseMessage) -> Kind:
    return "mark" if is_cut_off(message) else "message"


def _why(message: BaseMessage, *, room: bool) -> Why:
    if room:
        return "room"
    return "id" if isinstance(message, AIMessage) else "call"


def _counted(placed: Sequence[_Placed], scale: float) -> Iterator[Part]:
    raw = told = 0
    for message, kind, why in placed:
        if why:
            yield Part(message, kind, scaled(count(message), scale), why)
            continue
        raw += count(message) + (0 if raw else PRIMING)
        before, told = told, scaled(raw, scale)
        yield Part(message, kind, told - before)
