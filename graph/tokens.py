"""How many tokens a text or a message costs: an estimate, no vocabulary, no network.

The text is cut where OpenAI's `o200k_base` cuts it before it merges bytes (words, three digits, runs of
punctuation, of whitespace), and each piece is priced by its script. Latin, Cyrillic and punctuation are
priced by their neighbouring characters: a table says how likely a token ends between the two, which tells
`the` from `xqz` and English from Polish. The prices were fitted against the real vocabulary on prose in some
fifty languages, code, JSON and noise. They lean upwards: a prompt a little short is better than one refused.
`correction` then follows what the model itself says it was sent.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import ne
from typing import Any, NamedTuple, cast

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from graph.pairs import CYRILLIC, LATIN, MARKS, Pairs

MESSAGE = 4
"""Tokens around every message: its role and the two marks that hold it."""
PRIMING = 3
"""Tokens every prompt ends with, so that the model begins an answer."""
CALL = 8
"""Tokens around every tool call."""
IMAGE = 1_445
"""The most an OpenAI vision model of the 4o family charges for one image: 85 and eight tiles of 170."""
MEDIA = 2_000
"""Audio, video or a file, which nobody opens to count it: about three minutes of speech, or two pages."""
FORGET = 0.5
"""Weight of the newest reading in `correction`."""
LOWEST = 0.9
"""A correction stays above this: the next message may be in another script than the last."""

_CACHED = 4_096  # characters; longer texts are counted anew, so that the cache stays small
_WORD = 32  # characters; longer pieces are no words and are priced anew
_ESTIMATE = "longthread_estimate"


class _Case(NamedTuple):
    """What a word costs beside its pairs of letters."""

    word: float
    bare: float  # no space or mark before it
    marked: float  # a mark before it that is no space
    upper: float
    upper_letter: float
    title: float
    beyond_eight: float  # each letter


def _between(first: int, last: int) -> str:
    return f"{chr(first)}-{chr(last)}"


def _common(codec: str, first: int, last: int) -> str:
    """The characters that an old national standard put into its rows for everyday use."""
    pairs = (bytes((a, b)).decode(codec, "ignore") for a in range(first, last) for b in range(0x40, 0xFF))
    return "".join({c for c in pairs if len(c) == 1 and c > "\u3400"})


_HAN = _common("gb2312", 0xB0, 0xD8)
_HAN_LESS = "".join(set(_common("euc_jp", 0xB0, 0xD0) + _common("big5", 0xA4, 0xC7)) - set(_HAN))
_SPLITTING = frozenset(map(chr, (*range(0x621, 0x627), *range(0x64B, 0x653))))
_HANGUL = _common("euc_kr", 0xB0, 0xC9)


def _cased(alphabet: Pairs, case: _Case) -> Callable[[str], float]:
    def price(piece: str) -> float:
        word = piece if piece[0].isalpha() else piece[1:]
        cost = case.word
        if word is piece:
            cost += case.bare
        elif piece[0] != " ":
            cost += case.marked
        word = word.split("'", 1)[0]
        if len(word) > 1 and word.isupper():
            cost += case.upper + case.upper_letter * len(word)
        elif word[0].isupper():
            cost += case.title
        word = word.lower()
        return max(1.0, cost + case.beyond_eight * max(0, len(word) - 8) + alphabet.ends(word))

    return price


def _punctuation(run: str) -> float:
    return max(1.0, 0.65 + MARKS.ends(run.lstrip(" ")))


def _whitespace(run: str) -> float:
    """Equal ones merge, sixteen newlines or eighty spaces a token; a change of kind mostly begins another."""
    changes = sum(map(ne, run, run[1:]))
    wide = 0 if run.isascii() else sum(c > "\x7f" for c in run)
    return max(1.0, 0.8 + 0.42 * changes + max(0.0, len(run) - 0.8 * run.count(" ") - 16) / 16) + 1.2 * wide


def _linear(word: float, letter: float, beyond: float = 0.0) -> Callable[[str], float]:
    """A script with a price a word and a letter; `beyond`: more for each letter past the twelfth."""

    def price(run: str) -> float:
        length = len(run) - (run[0] == " ")
        return max(1.0, word + letter * length + beyond * max(0, length - 12))

    return price


def _arabic(run: str) -> float:
    """Words with a hamza or a vowel sign are seldom whole in the vocabulary."""
    return _linear(0.4, 0.325, 0.6)(run) + 0.95 * sum(c in _SPLITTING for c in run)


def _bytes(character: str) -> float:
    """No merges to hope for: a token a byte."""
    code = ord(character)
    return 1.0 if code < 0x80 else 2.0 if code < 0x800 else 3.0 if code < 0x10000 else 4.0


_LOWER = f"a-zß-öø-ÿ{_between(0x100, 0x24F)}{_between(0x1E00, 0x1EFF)}"
_UPPER = "A-ZÀ-ÖØ-Þ"
_LEAD = r"(?:[\t -/:-@\[-`{-~])?"
_TAIL = r"(?:'(?:[sS]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])(?![A-Za-z]))?"

_PRICES: tuple[tuple[str, Callable[[str], float]], ...] = (
    (
        rf"{_LEAD}(?:[{_UPPER}]*[{_LOWER}]+|[{_UPPER}]+){_TAIL}",
        _cased(LATIN, _Case(0.64, 0.39, 0.65, -0.36, 0.16, 0.18, 0.08)),
    ),
    (r"[0-9]{1,3}", _linear(1, 0)),
    (r" ?[!-/:-@\[-`{-~]+[\r\n/]*", _punctuation),
    (
        rf"{_LEAD}(?:[А-ЯЀ-Џ]*[а-я{_between(0x450, 0x481)}{_between(0x48A, 0x4FF)}]+|[А-ЯЀ-Џ]+)",
        _cased(CYRILLIC, _Case(0.32, 0.59, 1.43, 0.07, 0.44, 0.53, -0.1)),
    ),
    (f"[{_HAN}]+", _linear(0, 0.78)),
    (f"[{_HAN_LESS}]+", _linear(0, 1.35)),
    (f"[{_between(0x3400, 0x4DBF)}]", _linear(0, 3)),
    (f"[{_between(0x4E00, 0x9FFF)}]+", _linear(0, 2.2)),
    (f"[{_between(0x3041, 0x309F)}]+", _linear(0.45, 0.52)),
    (f"[{_between(0x30A0, 0x30FF)}]+", _linear(0.4, 0.63)),
    (f" ?[{_HANGUL}]+", _linear(0.5, 0.66)),
    (f"[{_between(0xAC00, 0xD7A3)}]+", _linear(0, 2.35)),
    (f" ?[{_between(0x621, 0x652)}پچژگکیہھےںٹڈڑ]+", _arabic),
    (f" ?[{_between(0x5D0, 0x5EA)}]+", _linear(0.3, 0.43, 0.6)),
    (f" ?[{_between(0x386, 0x3CE)}]+", _linear(0.15, 0.43, 0.6)),
    (f" ?[{_between(0x900, 0x97F)}]+", _linear(0.35, 0.37, 0.6)),
    (f" ?[{_between(0x980, 0x9FF)}]+", _linear(0.1, 0.46, 0.6)),
    (f" ?[{_between(0xA00, 0xA7F)}]+", _linear(0.1, 0.75, 0.6)),
    (f" ?[{_between(0xA80, 0xAFF)}]+", _linear(0.3, 0.5, 0.6)),
    (f" ?[{_between(0xB80, 0xBFF)}]+", _linear(0.8, 0.33, 0.3)),
    (f" ?[{_between(0xC00, 0xCFF)}]+", _linear(0.8, 0.43, 0.3)),
    (f" ?[{_between(0xD00, 0xD7F)}]+", _linear(1, 0.33, 0.3)),
    (f" ?[{_between(0xE01, 0xE5B)}]+", _linear(0.5, 0.42)),
    (f" ?[{_between(0x1000, 0x109F)}]+", _linear(0.8, 0.57)),
    (f" ?[{_between(0x10D0, 0x10FF)}]+", _linear(0.6, 0.34, 0.6)),
    (f" ?[{_between(0x1780, 0x17FF)}]+", _linear(0.6, 0.61)),
    (f" ?[{_between(0x531, 0x587)}]+", _linear(0.6, 0.35, 0.6)),
    (" ?[\u00a0-\u00bf\u2013\u2014\u2018-\u201d\u2026\u200d\ufe0f]", _linear(1, 0)),
    ("[、。「」『』！？，：；（）]", _linear(1, 0)),
    (f"[{_between(0x2000, 0x22FF)}{_between(0x2460, 0x27BF)}]", _linear(2, 0)),
    (f"[{_between(0x3000, 0x3030)}{_between(0xFF01, 0xFF9F)}]", _linear(2, 0)),
    (f"[{_between(0x1F1E6, 0x1F4FF)}{_between(0x1F600, 0x1F64F)}]", _linear(2, 0)),
    (f"[{_between(0x1F500, 0x1F9FF)}]", _linear(2.6, 0)),
    (r"\s*[\r\n]+|\s+(?!\S)|\s", _whitespace),
    (r"(?s:.)", _bytes),
)
_PIECE = re.compile("|".join(f"({pattern})" for pattern, _ in _PRICES))
_PRICE = (_bytes, *(price for _, price in _PRICES))  # by the number of the group that matched
_pieces = re.compile("|".join(pattern for pattern, _ in _PRICES)).findall


def _price(piece: str) -> float:
    # The pattern that cut a piece out of a text is the first to match the piece alone: no pattern needs what
    # comes after it, and some only forbid it.
    return _PRICE[next(_PIECE.finditer(piece)).lastindex or 0](piece)


_known_price = lru_cache(maxsize=40_000)(_price)


def _estimate(text: str) -> int:
    prices = [_known_price(p) if len(p) <= _WORD else _price(p) for p in _pieces(text)]
    return math.ceil(round(sum(prices), 6))  # the last bits of a float are worth no token


_remembered = lru_cache(maxsize=8_192)(_estimate)


def count_text(text: str) -> int:
    """Tokens of `text`, seldom too few; time grows with its length."""
    return _remembered(text) if len(text) <= _CACHED else _estimate(text)


def _part(part: object) -> int:
    """One part of a message's content. A picture or a file has a fixed price: nobody opens it."""
    if not isinstance(part, Mapping):
        return count_text(str(part))
    fields = cast(Mapping[str, Any], part)
    text, kind = fields.get("text"), str(fields.get("type", ""))
    if isinstance(text, str):
        return count_text(text)
    if kind in ("tool_use", "tool_call", "function_call"):
        return 0  # told again in the message's tool_calls
    if "image" in kind:
        return IMAGE
    opaque = any(word in kind for word in ("audio", "video", "file", "media", "document"))
    return MEDIA if opaque else _data(fields)


def _data(value: object) -> int:
    return count_text(json.dumps(value, ensure_ascii=False, default=str))


def count(message: BaseMessage) -> int:
    """Tokens of one message: its text, its parts, its tool calls and what surrounds them."""
    content: str | list[Any] = message.content
    total = MESSAGE + (count_text(content) if isinstance(content, str) else sum(map(_part, content)))
    if message.name:
        total += count_text(message.name)
    if isinstance(message, ToolMessage):
        total += count_text(message.tool_call_id)
    if isinstance(message, AIMessage):
        for call in (*message.tool_calls, *message.invalid_tool_calls):
            names = count_text(call["name"] or "") + count_text(call["id"] or "")
            total += CALL + names + _data(call["args"])
    return total


def count_all(messages: Iterable[BaseMessage]) -> int:
    """Tokens of these messages as one prompt."""
    return PRIMING + sum(map(count, messages))


def _readings(messages: Iterable[BaseMessage]) -> Iterable[float]:
    for message in messages:
        if not isinstance(message, AIMessage):
            continue
        true = cast(Mapping[str, Any], message.usage_metadata or {}).get("input_tokens")
        ours = message.response_metadata.get(_ESTIMATE)
        if type(true) is int and type(ours) is int and true > 0 and ours > 0:
            yield true / ours


def correction(messages: Iterable[BaseMessage]) -> float:
    """What to multiply `count_all` with, by what the model said that earlier prompts of these messages held.

    Upwards at once and without a limit, downwards slowly and never below `LOWEST`. 1.0 where no answer tells.
    """
    mean: float | None = None
    last = 0.0
    for last in _readings(messages):
        mean = last if mean is None else FORGET * last + (1 - FORGET) * mean
    return 1.0 if mean is None else max(LOWEST, mean, last)
