"""Words that a person or a model wrote, made safe to show: `markdown`, `text_of` a message, `summary_of` one.

Pure.
"""

import re
from typing import Any

from langchain_core.messages import BaseMessage

from graph.summarize import HEADING

_CODE = re.compile(
    r"(^ {0,3}(```+|~~~+)[^\n]*\n.*?(?:^ {0,3}\2|\Z)|(?<!`)(`+)(?!`)[^\n]+?(?<!`)\3(?!`))",
    re.MULTILINE | re.DOTALL,
)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
_TAG = re.compile(r"<(?=[A-Za-z/!?])(?!https?://|mailto:)")


def markdown(text: str) -> str:
    """Markdown in which raw HTML is shown and not run; in code Markdown shows it anyway."""
    parts, end = list[str](), 0
    for code in _CODE.finditer(text):
        parts += [_TAG.sub("&lt;", text[end : code.start()]), code.group()]
        end = code.end()
    return "".join(parts) + _TAG.sub("&lt;", text[end:])


def closed(text: str) -> str:
    """Markdown after which more Markdown may follow: a block of code that is open at its end is closed."""
    fence = ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if not fence:
            fence = mark[1] if mark and not (mark[1][0] == "`" and "`" in mark[2]) else ""
        elif mark and mark[1].startswith(fence) and not mark[2].strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text


def text_of(message: BaseMessage) -> str:
    """The words of a message; a part that is not text is named in brackets."""
    if isinstance(message.content, str):
        return message.content
    return "\n\n".join(_part(part) for part in message.content)


def summary_of(message: BaseMessage) -> str:
    """The words of a summary, without the heading that the model reads above them."""
    return text_of(message).removeprefix(HEADING)


def _part(part: str | dict[Any, Any]) -> str:
    if isinstance(part, str):
        return part
    return str(part["text"]) if part.get("type") == "text" else f"[{part.get('type', 'part')}]"
