"""The node that folds the oldest exchanges into the summary: `summarizing` makes it, a `Summariser` does it.

And the summary of the same messages by other means: written `anew`, and `edited` by hand.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage, SystemMessage
from langgraph.runtime import Runtime

from graph.asking import FALLBACK, ask
from graph.bookmark import storable
from graph.budget import Budget, choose_fold, clip, portion
from graph.context import Context
from graph.errors import InvalidInput, ModelError
from graph.model import Models
from graph.settings import Settings
from graph.state import State
from graph.tokens import correction, count, count_all, count_text

log = logging.getLogger("longthread")

Node = Callable[[State, Runtime[Context]], Awaitable[dict[str, Any]]]

INSTRUCTIONS = (
    "Summarise the conversation below so that it can go on from your summary alone. Keep every name, number, "
    "date, decision, preference and open question; drop greetings and repetition. Merge the earlier summary "
    "into yours. Write plain sentences, no preamble."
)
HEADING = "Summary of the conversation so far:\n"
USED = "used"
"""Where the notes of a summary tell, by who was asked, its fold's tokens: sent, said, and those guessed."""

MARGIN = 16  # tokens: the headings of the request's two parts


def fold_due(state: State, settings: Settings) -> bool:
    """Whether the window is over its mark and can be folded."""
    return _chosen(state, settings, force=False) is not None


def summarizing(models: Models, settings: Settings) -> Node:
    """A node that folds what is over the mark.

    If the summary model fails, or the turn is stopped, nothing is dropped: the next prompt is trimmed, and
    the fold is tried again after the next answer.
    """

    async def summarize(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        try:
            return await Summariser(models, settings, Context.of(runtime.context).stop).fold(state) or {}
        except ModelError as e:
            log.warning(
                "could not summarise, nothing is dropped, will try again after the next answer: %s", e
            )
            return {}

    return summarize


@dataclass(frozen=True)
class Summariser:
    """Asks for summaries: the model and the budget of these settings, until `stop` is set."""

    models: Models
    settings: Settings
    stop: asyncio.Event

    async def fold(self, state: State, *, force: bool = False) -> dict[str, Any] | None:
        """The update of the state that folds its oldest whole exchanges; None when there is nothing to fold.

        What does not fit one request is folded in several, each with the summary of those before. With
        `force`, all but the last exchange. Once it is stopped, what was folded by then; raises `ModelError`,
        unless a part was folded already: then that is returned.
        """
        summary, rest = _unspent(state.get("summary")), _chosen(state, self.settings, force=force)
        done, scale = list[BaseMessage](), correction(state["messages"])
        while rest:
            try:
                step = await self._part(summary, rest, scale)
            except ModelError:
                if not done:
                    raise
                break
            if step is None:
                break
            summary, part, rest = step
            done += part
        if not done:
            return None
        return {"summary": summary, "messages": [RemoveMessage(id=m.id) for m in done if m.id]}

    async def anew(
        self, old: SystemMessage, messages: Sequence[BaseMessage], scale: float
    ) -> SystemMessage | None:
        """A new summary of these messages, all that `old` stands for, and not of its words.

        In as many requests as they need; raises `ModelError` if one of them fails. None once it is stopped.
        """
        made, rest = None, list(messages)
        while rest:
            step = await self._part(made, rest, scale)
            if step is None:
                return None
            made, _, rest = step
        known, told = notes(old), notes(made)
        same = {name: known[name] for name in ("folds", "count", "through") if name in known}
        sent = known.get("sent", 0) + told.get("sent", 0)
        largest = max(known.get("largest", 0), told.get("largest", 0))
        text = made.text if made else old.text
        return _noted(text, {**told, **same, "sent": sent, "largest": largest})

    async def _part(
        self, summary: SystemMessage | None, messages: Sequence[BaseMessage], scale: float
    ) -> tuple[SystemMessage, list[BaseMessage], list[BaseMessage]] | None:
        """One request to the summary model: the new summary, the messages in it, and those still to fold;
        None once it is stopped."""
        if self.stop.is_set():
            return None
        settings, budget = self.settings, self.settings.budget
        instructions = SystemMessage(INSTRUCTIONS, additional_kwargs={"longthread": {"task": "summarize"}})
        earlier = summary.text.removeprefix(HEADING) if summary else ""
        room = _room(budget, scale) - count_all([instructions, HumanMessage(earlier)]) - MARGIN
        part, rest = portion(messages, room)
        text = clip("\n".join(map(_line, part)), max(room, 1))
        heading = f"Earlier summary:\n{earlier}\n\n" if earlier else ""
        asked = [instructions, HumanMessage(f"{heading}Conversation:\n{text}")]
        written = await ask(
            self.models,
            self.models.summary,
            asked,
            stop=self.stop,
            timeout=settings.model_timeout,
            retries=settings.model_retries,
            max_tokens=budget.summary - count_text(HEADING),
        )
        if self.stop.is_set():  # in the middle of it
            return None
        made = _summary(summary, part, written, budget)
        _note_used(made, summary, written, asked)
        return made, part, rest


def edited(old: SystemMessage, text: str, scale: float, budget: Budget) -> SystemMessage:
    """A summary of a person's own words in the place of `old`. `scale` corrects our count.

    Raises `InvalidInput`, with the numbers, for what a prompt would not hold whole.
    """
    if not text.strip():
        raise InvalidInput("A summary needs words: without any, what is folded would be forgotten.")
    if not storable(text):
        raise InvalidInput("The summary holds a NUL or half of a surrogate pair, which cannot be kept.")
    whole = HEADING + text.strip()
    if (needs := count_text(whole)) > math.floor(budget.summary / scale):
        raise InvalidInput(
            f"This summary needs about {math.ceil(needs * scale):,} tokens and may have {budget.summary:,}. "
            "Shorten it."
        )
    # What its fold used was counted with the old one; no model was asked for these words.
    return _noted(whole, {**notes(old), "after": count_text(whole), "by_hand": True, USED: {}})


def notes(summary: BaseMessage | None) -> dict[str, Any]:
    """What a summary tells of its folds; nothing, where there is none or it is not one of ours."""
    found: Any = summary.additional_kwargs.get("longthread") if summary else None
    return dict(found) if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownArgumentType]


def _noted(text: str, told: dict[str, Any]) -> SystemMessage:
    return SystemMessage(text, id=str(uuid4()), additional_kwargs={"longthread": told})


def _chosen(state: State, settings: Settings, *, force: bool) -> list[BaseMessage] | None:
    system = SystemMessage(settings.system_prompt)
    summary, pinned = state.get("summary"), state.get("pinned") or ()
    chosen = choose_fold(system, summary, state["messages"], settings.budget, force=force, pinned=pinned)
    return chosen.fold if chosen else None


def _room(budget: Budget, scale: float) -> int:
    """Tokens, by our own count, that a request for a summary may have."""
    return int(min(budget.prompt, budget.total - budget.summary) / max(scale, 1.0))


def _line(message: BaseMessage) -> str:
    speaker = {"human": "User", "ai": "Assistant", "tool": "Tool", "system": "Note"}.get(
        message.type, "Other"
    )
    calls = [f"[calls {c['name']}]" for c in message.tool_calls] if isinstance(message, AIMessage) else []
    return f"{speaker}: {' '.join([message.text, *calls])}"


def _summary(
    old: SystemMessage | None, part: Sequence[BaseMessage], written: AIMessage, budget: Budget
) -> SystemMessage:
    text = clip(HEADING + written.text.strip(), budget.summary)
    notes: dict[str, Any] = old.additional_kwargs.get("longthread", {}) if old else {}
    sent = (written.usage_metadata or {}).get("input_tokens", 0)
    return SystemMessage(
        text,
        id=str(uuid4()),
        additional_kwargs={
            "longthread": {
                "folds": notes.get("folds", 0) + 1,
                "count": notes.get("count", 0) + len(part),
                "before": notes.get("before", 0) + sum(map(count, part)),
                "after": count_text(text),
                "through": part[-1].id,
                "sent": notes.get("sent", 0) + sent,
                "largest": max(notes.get("largest", 0), sent),
            }
        },
    )


def _unspent(summary: SystemMessage | None) -> SystemMessage | None:
    """The summary without what its own fold used, for a fold that goes on from it."""
    notes: dict[str, Any] = summary.additional_kwargs.get("longthread", {}) if summary else {}
    if summary is None or USED not in notes:
        return summary
    rest = {name: value for name, value in notes.items() if name != USED}
    return summary.model_copy(update={"additional_kwargs": {**summary.additional_kwargs, "longthread": rest}})


def _note_used(
    made: SystemMessage, earlier: SystemMessage | None, written: AIMessage, asked: Sequence[BaseMessage]
) -> None:
    """Tell on the summary what this fold used, its earlier requests included."""
    before: dict[str, Any] = earlier.additional_kwargs.get("longthread", {}) if earlier else {}
    used: dict[str, list[int]] = dict(before.get(USED, {}))
    told = written.usage_metadata
    sent, said = (
        (told["input_tokens"], told["output_tokens"])
        if told
        else (count_all(asked), count_text(written.text))
    )
    who = "fallback" if FALLBACK in written.response_metadata else "summary"
    known = used.get(who, [0, 0, 0])
    used[who] = [known[0] + sent, known[1] + said, known[2] + (0 if told else sent + said)]
    made.additional_kwargs["longthread"][USED] = used
