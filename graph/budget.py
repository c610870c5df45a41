"""What a prompt may hold and what goes into it: compose it, choose what to fold, cut a text to a size. Pure.

`Budget` counts the model's tokens. Everything here is counted by `graph.tokens`, multiplied by the correction
that the window's own answers give and rounded up: no prompt is above its budget, as far as can be known.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from graph.errors import MessageOverBudget
from graph.exchanges import Unit, exchanges, is_cut_off, units
from graph.tokens import PRIMING, correction, count, count_all, count_text

CUT = " […] "
"""What stands where `clip` took something out."""


@dataclass(frozen=True)
class Budget:
    """Tokens of a prompt and its answer together (`total`), of which `answer` are kept for the answer."""

    total: int
    answer: int

    @property
    def prompt(self) -> int:
        """What a prompt may hold."""
        return self.total - self.answer

    @property
    def mark(self) -> int:
        """A prompt of the whole window above this is due to be folded."""
        return self.prompt * 3 // 4

    @property
    def target(self) -> int:
        """What a fold brings the prompt down to, so that the next fold is many turns away."""
        return self.prompt // 2

    @property
    def summary(self) -> int:
        """What a summary may have."""
        return min(2_000, self.prompt // 5)

    @property
    def pinned(self) -> int:
        """What pinned messages may have together."""
        return self.prompt // 5

    def check(self, system_prompt: str) -> None:
        """Raises `ValueError`, naming the numbers, when the system prompt leaves no sensible room."""
        needs = count_all([SystemMessage(system_prompt)])
        leaves = f"{self.total:,} tokens leave {self.prompt:,} for a prompt"
        if self.prompt < 64:
            raise ValueError(f"{leaves}, and 64 are the least")
        if needs > self.prompt // 2:
            raise ValueError(f"{leaves}, but the system prompt needs {needs:,}, and may have half of it")


@dataclass(frozen=True)
class Prompt:
    """What the model is sent. `estimate` is our raw count, the other counts of tokens are corrected ones."""

    messages: list[BaseMessage]
    tokens: int
    estimate: int
    system: int
    summary: int
    window: int
    sent: int
    """The newest messages of the window, which the prompt ends with."""
    left_out: int
    """Messages of the window that are not in the prompt."""
    pinned: int = 0
    pins: int = 0
    """Pinned messages that stand before the window, and not in it."""


@dataclass(frozen=True)
class Fold:
    """A window in two: `fold + keep` is the window."""

    fold: list[BaseMessage]
    keep: list[BaseMessage]


def scaled(tokens: int, scale: float) -> int:
    """So many tokens by our own count, corrected by `scale` and rounded up."""
    return math.ceil(round(tokens * scale, 6))


def _size(messages: Iterable[BaseMessage]) -> int:
    return sum(map(count, messages))


def _whole(window: Sequence[Sequence[Unit]], room: int) -> tuple[list[Unit], int]:
    """The newest of these exchanges that fit one after another, none left out between two; the room left."""
    first = len(window)
    while first and (left := room - sum(map(_size, window[first - 1]))) >= 0:
        first, room = first - 1, left
    return [unit for exchange in window[first:] for unit in exchange], room


def _newest(exchange: Sequence[Unit], room: int) -> tuple[list[Unit], int]:
    """Of an exchange too large for `room`: its question and its newest units, none if not even one fits."""
    question = list(exchange[:1]) if isinstance(exchange[0][0], HumanMessage) else []
    room -= sum(map(_size, question))
    if room < 0:
        return [], room
    newest, left = _whole([[unit] for unit in exchange[len(question) :]], room)
    return [*question, *newest], left


def _fill(window: Sequence[Sequence[Unit]], room: int) -> tuple[list[BaseMessage], int] | None:
    """As much of the window as `room` holds, its newest exchange always among it, and the room left.

    None: it cannot be.
    """
    if not window:
        return ([], room) if room >= 0 else None
    chosen, left = _whole(window, room)
    if not chosen:
        chosen, left = _newest(window[-1], room)
    return ([message for unit in chosen for message in unit], left) if chosen else None


def _room(limit: int, scale: float, before: Iterable[BaseMessage]) -> int:
    """Raw tokens that the window may have after `before` in a prompt of `limit` corrected ones."""
    room = math.floor(limit / scale) + 1  # at most this; the division may be off by one
    while scaled(room, scale) > limit:
        room -= 1
    return room - count_all(before)


def _clipped(summary: SystemMessage, room: int) -> SystemMessage:
    text = str(summary.text)
    return summary if count_text(text) <= room else summary.model_copy(update={"content": clip(text, room)})


def compose(
    system: SystemMessage,
    summary: SystemMessage | None,
    window: Sequence[BaseMessage],
    budget: Budget,
    pinned: Sequence[BaseMessage] = (),
) -> Prompt:
    """The prompt: system, summary, the pinned messages that it would not hold else, and the newest whole
    exchanges of the window that fit.

    The newest exchange is always in it, if need be only its question and newest messages, and if nothing else
    helps at the price of the summary, then of the pinned messages, the oldest first. A tool call without a
    result gets one that says so, a result without its call is left out. Raises `MessageOverBudget`.
    """
    scale = correction(window)
    accepted = [whole for exchange in exchanges(window) if (whole := units(exchange))]
    if summary is not None:
        summary = _clipped(summary, math.floor(budget.summary / scale))
    with_summary = [(summary, pinned)] if summary is not None else []
    for told, pins in [*with_summary, *((None, pinned[n:]) for n in range(len(pinned) + 1))]:
        if filled := _filled([system, *([told] if told else [])], pins, accepted, budget.prompt, scale):
            return _prompt(*filled, window, scale, summarised=told is not None)
    raise MessageOverBudget(scaled(count_all([system, *_least(accepted)]), scale), budget.prompt)


def _filled(
    heads: list[BaseMessage],
    pinned: Sequence[BaseMessage],
    window: Sequence[Sequence[Unit]],
    limit: int,
    scale: float,
) -> tuple[list[BaseMessage], list[BaseMessage], int] | None:
    """What comes before the window, as much of the window as fits then, and its raw tokens; None: nothing
    does. A pinned message that is not in that part of the window is before it."""
    apart: list[BaseMessage] = []
    while True:
        head = [*heads, *apart]
        room = _room(limit, scale, head)
        if (filled := _fill(window, room)) is None:
            return None
        body, left = filled
        there = {message.id for message in (*body, *apart)}
        missing = {message.id for message in pinned} - there
        if not missing:
            return head, body, room - left
        before = {message.id for message in apart} | missing
        apart = [message for message in pinned if message.id in before]


def _least(window: Sequence[Sequence[Unit]]) -> Unit:
    """What a prompt must hold of the window: the newest question; where there is none, the newest unit."""
    if not window:
        return []
    newest = window[-1]
    return newest[0] if isinstance(newest[0][0], HumanMessage) else newest[-1]


def _prompt(
    head: list[BaseMessage],
    body: list[BaseMessage],
    size: int,
    window: Sequence[BaseMessage],
    scale: float,
    *,
    summarised: bool,
) -> Prompt:
    """`size`: of the body, which is long and is counted once."""
    pins = head[1 + summarised :]
    system, summary, pinned = PRIMING + count(head[0]), _size(head[1 : 1 + summarised]), _size(pins)
    sent = len(body) - sum(map(is_cut_off, body))
    before = {message.id for message in pins}
    estimate = system + summary + pinned + size
    return Prompt(
        messages=[*head, *body],
        tokens=scaled(estimate, scale),
        estimate=estimate,
        system=scaled(system, scale),
        summary=scaled(summary, scale),
        window=scaled(size, scale),
        sent=sent,
        left_out=len(window) - sent - sum(message.id in before for message in window),
        pinned=scaled(pinned, scale),
        pins=len(pins),
    )


def fits(
    system: SystemMessage, message: BaseMessage, budget: Budget, window: Sequence[BaseMessage] = ()
) -> None:
    """Raises `MessageOverBudget` when this one message and the system prompt cannot be a prompt.

    `window` is what the thread holds already: its answers correct the count.
    """
    needs = scaled(count_all([system, message]), correction(window))
    if needs > budget.prompt:
        raise MessageOverBudget(needs, budget.prompt)


def choose_fold(
    system: SystemMessage,
    summary: SystemMessage | None,
    window: Sequence[BaseMessage],
    budget: Budget,
    *,
    force: bool = False,
    pinned: Sequence[BaseMessage] = (),
) -> Fold | None:
    """Which whole exchanges to fold, oldest first, or None when nothing need be or can be.

    Due when system, summary, pinned messages and window are over `budget.mark`; then what remains, with a
    summary as large as may be, comes down to `budget.target`. The last exchange is always kept. `force`: now,
    all but the last. A pinned message is folded like others, and is sent whole all the same.
    """
    parts = exchanges(window)
    scale = correction(window)
    sent = [_clipped(summary, math.floor(budget.summary / scale))] if summary else []
    held = {message.id for message in window}
    apart = [message for message in pinned if message.id not in held]
    whole = count_all([system, *sent, *apart, *window])
    if len(parts) < 2 or not (force or scaled(whole, scale) > budget.mark):
        return None
    kept = count_all(
        [system, SystemMessage(""), *apart, *window]
    )  # the empty one: what holds the new summary
    stays = {message.id for message in pinned}
    fold: list[BaseMessage] = []
    for part in parts[:-1]:
        if not force and scaled(kept, scale) + budget.summary <= budget.target:
            break
        fold += part
        kept -= _size(message for message in part if message.id not in stays)
    return Fold(fold, list(window[len(fold) :])) if fold else None


def portion(messages: Sequence[BaseMessage], room: int) -> tuple[list[BaseMessage], list[BaseMessage]]:
    """The first whole exchanges that fit `room` tokens by our raw count, at least one, and the rest."""
    taken: list[BaseMessage] = []
    for part in exchanges(messages):
        room -= _size(part)
        if taken and room < 0:
            break
        taken += part
    return taken, list(messages[len(taken) :])


def clip(text: str, room: int) -> str:
    """The text, shortened in the middle if need be, so that `count_text` of it is at most `room`."""
    if count_text(text) <= room:
        return text
    low, high = (
        0,
        min(len(text), 16 * max(room, 1)),
    )  # characters kept; `low` fits or is 0. Few tokens hold 16
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if count_text(_without_middle(text, middle)) <= room else (low, middle)
    shortened = _without_middle(text, low) if low else CUT
    return shortened if count_text(shortened) <= room else ""


def _without_middle(text: str, kept: int) -> str:
    return text[: kept - kept // 2] + CUT + text[len(text) - kept // 2 :]
