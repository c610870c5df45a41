"""Tokens as OpenAI counts them, by the real vocabulary: `count_prompt`, `count`."""

import json
import warnings
from functools import cache
from typing import Any

with warnings.catch_warnings():  # it reads its tables by a deprecated call
    warnings.simplefilter("ignore", DeprecationWarning)
    from bpe_openai import get_encoding  # pyright: ignore[reportMissingTypeStubs]

OVERHEAD, IMAGE = 3, 765  # tokens of a message beside its role and text; of an image


def count_prompt(messages: list[dict[str, Any]]) -> int:
    """Tokens of a prompt as OpenAI counts them for its o200k models."""
    return 3 + sum(map(_count_message, messages))


def _count_message(message: dict[str, Any]) -> int:
    tokens = OVERHEAD + count(message.get("role", ""))
    content: Any = message.get("content") or ""
    parts: list[dict[str, Any]] = [{"text": content}] if isinstance(content, str) else content
    tokens += sum(count(part["text"]) if "text" in part else IMAGE for part in parts)
    if name := message.get("name"):
        tokens += count(name) + 1
    if calls := message.get("tool_calls"):
        tokens += count(json.dumps(calls, ensure_ascii=False))
    return tokens


def count(text: str) -> int:
    """Tokens of a text."""
    return len(_vocabulary().encode_ordinary(text.encode(errors="replace").decode()))


@cache
def _vocabulary() -> Any:
    return get_encoding("o200k_base")
