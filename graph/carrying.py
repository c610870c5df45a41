"""What of a message and of a summary travels in a document: `written`, `noted`, `kept`, `encoded`. Pure.

What the page and the budget know of an answer does; what a provider put beside it does not.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from graph.asking import FALLBACK
from graph.bookmark import MAX_BYTES, storable
from graph.summarize import notes

ESTIMATE = "longthread_estimate"
NAMES = ("finish_reason", "model_name", "model_provider", "system_fingerprint", "service_tier", FALLBACK)
"""What is kept of a message's `response_metadata`, beside the estimate and whether it was stopped."""

FOLDS = ("folds", "count", "before", "after", "sent", "largest")
"""What is kept of a summary's notes, beside `through` and `by_hand`. Not what it used: that was elsewhere."""


def written(message: BaseMessage) -> dict[str, Any]:
    """A message without its place in the tree."""
    said: dict[str, Any] = {"type": message.type, "content": message.content}
    if message.name:
        said["name"] = message.name
    if isinstance(message, AIMessage):
        said["type"] = "ai"
        said |= {"tool_calls": [_without_type(call) for call in message.tool_calls]}
        said |= {"invalid_tool_calls": [_without_type(call) for call in message.invalid_tool_calls]}
        said |= {"usage_metadata": message.usage_metadata}
        said |= {"response_metadata": kept(message.response_metadata)}
    if isinstance(message, ToolMessage):
        said |= {"tool_call_id": message.tool_call_id, "status": message.status}
    return {name: value for name, value in said.items() if value or name in ("type", "content")}


def noted(summary: BaseMessage, keys: Collection[str | int]) -> dict[str, Any]:
    """A summary; `keys` are the ids that the document has."""
    told = notes(summary)
    known: dict[str, Any] = {"text": str(summary.text), "through": None}
    if told.get("through") in keys:
        known["through"] = told["through"]
    known |= {name: told[name] for name in FOLDS if type(told.get(name)) is int}
    return known | ({"by_hand": True} if told.get("by_hand") is True else {})


def kept(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of an answer that travels."""
    found = {name: metadata[name] for name in NAMES if isinstance(metadata.get(name), str)}
    found = {name: of for name, of in found.items() if len(of) <= MAX_BYTES and storable(of)}
    if type(estimate := metadata.get(ESTIMATE)) is int and 0 <= estimate <= 10**12:
        found[ESTIMATE] = estimate
    return found | ({"stopped": True} if metadata.get("stopped") is True else {})


def encoded(value: object) -> bytes:
    """As JSON in UTF-8; what cannot be kept, a NUL or half of a surrogate pair, is replaced."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    if "\\u0000" in text:
        text = json.dumps(_clean(value), ensure_ascii=False, separators=(",", ":"), default=str)
    return text.encode("utf-8", "replace")


def _clean(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "�")
    if isinstance(value, Mapping):
        return {_clean(k): _clean(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    return [_clean(each) for each in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def _without_type(call: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in call.items() if name != "type"}
