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
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from operator import ne
from typing import Any, NamedTuple, cast

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

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
_WORD = 32  # characters; longer words are not words
_ESTIMATE = "longthread_estimate"

# How likely a token ends between two characters: a base-36 digit a pair, which is the tenths plus three.
# A row for each first character, in the order of the alphabets below; the last row is for all others.
_LATIN = (
    "943476255a52339463325558153885677838a867a38b5ad6295ac8597c875866389356439a37a4707a9937689a5775365954"
    "954838a64b5889667ba7567565898a9564876444b751699a854887559a4ca6ba2aa6834aa98d468888ba4b856cb87669d357"
    "8aa97badeb5cca4baa7d9b664bb58148a9697a9453333337844443117522b4c583387d4ab829dc793a9a369b195b9a9b5488"
    "69ba4ba77b865babe9658c9c9b76b86797458a7c948c57db7559bc5d9ad744a42a9a6b935a448f7c6bba8a69aa5655332679"
    "38b865b74377b8887a9b9646876983555355b35547485a78b869b72ba57c926747924175b95c7a88aabdbfddaed6acac9aba"
    "4ebcde8c886a364a498d6556499844797a4999ea8c6a38867898ab644233676b799998696c4b927c788b55b3666b99396ba6"
    "645706394c723396a25388847758a75cac2b7a6baa8a4bc69baaba9979a75beb3aa54c9ac82ac74abc487c7988bb8f8aed9d"
    "dabcb6daa7cbe5adb9e99d9c6dad9eb99877fa35baad497b687cca6da78bb9b88bdcb87a7948a988786b5286be7765387677"
    "aac8386h8l8a524e989944537835479556367cch2808888808884283888108886888m8c888e8a8b855g088886jb88857hm8m"
)
_CYRILLIC = (
    "a9696374d3757796676b96157bbbdgb7c65c7bf6ec7c86d73f6ae4c4eec733def9835b6dc6cd7f95c85f5668gccdeda37ee7"
    "957dc978db5f97ec5d6aa8efc9eef8dbgd976gab67bb8e749657688adcifeec369h886a7874656e67765b9264hb5b969bcge"
    "dde89ad885db6cd8b59dcc79ccdbbdb9bcba947eaa89eeacba894aadjadheeedaadfe9962575928426766546653d98536bcc"
    "ec612bbce8abfdcfb8f78fd49ed8b79adehebc085bffb85a5df5j94d8647bc3cf1dcfdce887ce697587ec5i96ef89ahbggfe"
    "f80954a84b4256bc5c864837d9d6dabc6ed7dac8a76eda36ec5e6bd45gb8483e6bafd489a7a8f6656774657579d6665b8878"
    "58fddbc8c56eedd7db8e97e65b4h98fgbcdeb8adfbb55f89a88e8f96776g9986bae9acc409e6b37e7b68ef7d7369358728d9"
    "a99ga56c82a86g6ed8de8c9a8a5764a8ffbaffe72aa98677765374d55648d6757bc7e525dcdc54aa6g9df9fcbcdaeb2daec5"
    "5cbcebbcbcadh8affabdhe9efdca5e8aeafdadccc7aaea846h9de6ec7bfeehbciba6edgddce56ed98d5ecce6cd9ca6g8cc9e"
    "7cdecb9dcbcbccad8cfhc6cd6fcae79e8dcddedfddf79ddd7b7cbce49e5dfced9fcff6edcefdca4fcc68bdbea4c9da9a5bca"
    "886dcbabcccddda8d8b87c75f9f6a789f9c86be4b8aeegcaeb86cifegad2ae7de78fc98edbdc7ecbfc4c88beb28c9cb560a5"
    "ab475c88b9bcech6bd88cacgbabch9bdafbcde5gfad7c2cb9c9gd8c48fa5f0fe9a9dca9e8fe79fa9bddhdaf6b7676b40da98"
    "58ec8bb68b4b7g888849a4687g6a7787a49abg6hac8d8ccj868888cd"
)
_PUNCTUATION = (
    "46cfdea9b9e9899afe7d9e79adddefde5ea58a88985994777698c77897784a788c3e9937eedeee8beaa8eeeedd9fedee8eee"
    "7cede9ded9cee9eba9eddeeec9cc8e6edd6d89ee8e778ee988ce8b8ee8d8e8dedece8ecd9ed7c88ed8edcdeedddeedde9edd"
    "ee9bc8898b6a689586779a998e98799d8c9d5e8689a95747897ba788dd9847d9586ad85d798899ab5586858679b88e79c989"
    "999d2baee9d8ca86d78a7bed98d87aecaddedeaed978ee89ae78998aec7ddea88eeeddcd9d96a9999ab8998a79d9deda89e8"
    "9e9dde3ed9e88989a9d839bhdd8cde89feaeb8dd5db6c9999998a78357999g9898c979a8da4ee87a8a89a087b358da989a99"
    "a7bc9ed83eh9b8g88b898ab957d88ca97789978ddd4cd9e888988e899a7d78ddcdeabeedde9f0e9c88d989ecdd9d1de8898e"
    "abde9e9dde9e86988a78d9dd8a89d9379988de887d9ebde7898877a8e7889f988588879ce87a9d5c8677ee9aaee99989e9d9"
    "9ea9ddaee8dd6be8e8ded8efeeddm9dddee889eeeefdde8cd7a99b79d9d87ga7ecbce8797a788dcd7ed9e9bd89dfc99a99c9"
    "dcdca7cecdcddc9c99ec88874883a78568799d2998ac887c3feddeeed99dde89ceeedeee99e8ed8eee8eebe87ea7aae88b8a"
    "87aeed98d73e88feabfceeeffdadd8f7ea8deeeeb9add6bd8e8ed8d88e8cebceae99ddddc8c9eedd898d6ddaeeed99eddd9d"
    "edeeceefc9deedd7ee6d88e8a88a6e84b88b7b9997988e88888d3bdeeeeeeedde98c8cde9dcecdddedded48eaaaaaaaaaaaa"
    "aa5aaaaaaaaaaaaaaaaa5baaaaaaaaaaaaaacaaaaaaaaaaaaaaaaa89"
)


class _Pairs:
    """What a run of one alphabet costs, by its neighbouring characters."""

    def __init__(self, letters: str, others: Sequence[tuple[str, str]], packed: str) -> None:
        """`others`: ranges that share a row each; whatever is in none has the last row."""
        self.rows = {c: i for i, c in enumerate(letters)}
        for i, (first, last) in enumerate(others):
            row = len(letters) + i
            self.rows |= {chr(c): row for c in range(ord(first), ord(last) + 1) if chr(c) not in self.rows}
        self.rest = len(letters) + len(others)
        self.size = self.rest + 1
        self.chances = [(int(digit, 36) - 3) / 10 for digit in packed]

    def ends(self, run: str) -> float:
        rows = [self.rows.get(c, self.rest) for c in run]
        return sum(self.chances[a * self.size + b] for a, b in pairwise(rows))


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
_HANGUL = _common("euc_kr", 0xB0, 0xC9)

_alphabet_latin = _Pairs("abcdefghijklmnopqrstuvwxyz", (("ß", "ÿ"), ("Ā", "ſ"), ("Ḁ", "ỿ")), _LATIN)
_alphabet_cyrillic = _Pairs("абвгдежзийклмнопрстуфхцчшщъыьэюя", (("ѐ", "џ"),), _CYRILLIC)
_marks = _Pairs("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\n", (), _PUNCTUATION)


def _cased(alphabet: _Pairs, case: _Case) -> Callable[[str], float]:
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

    known = lru_cache(maxsize=20_000)(price)
    return lambda piece: known(piece) if len(piece) <= _WORD else price(piece)


def _punctuation(run: str) -> float:
    return max(1.0, 0.65 + _marks.ends(run.lstrip(" ")))


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
        _cased(_alphabet_latin, _Case(0.64, 0.39, 0.65, -0.36, 0.16, 0.18, 0.08)),
    ),
    (r"[0-9]{1,3}", _linear(1, 0)),
    (r" ?[!-/:-@\[-`{-~]+[\r\n/]*", _punctuation),
    (
        rf"{_LEAD}(?:[А-ЯЀ-Џ]*[а-я{_between(0x450, 0x481)}{_between(0x48A, 0x4FF)}]+|[А-ЯЀ-Џ]+)",
        _cased(_alphabet_cyrillic, _Case(0.32, 0.59, 1.43, 0.07, 0.44, 0.53, -0.1)),
    ),
    (f"[{_HAN}]+", _linear(0, 0.78)),
    (f"[{_HAN_LESS}]+", _linear(0, 1.35)),
    (f"[{_between(0x3400, 0x4DBF)}]", _linear(0, 3)),
    (f"[{_between(0x4E00, 0x9FFF)}]+", _linear(0, 2.2)),
    (f"[{_between(0x3041, 0x309F)}]+", _linear(0.45, 0.52)),
    (f"[{_between(0x30A0, 0x30FF)}]+", _linear(0.4, 0.63)),
    (f" ?[{_HANGUL}]+", _linear(0.5, 0.66)),
    (f"[{_between(0xAC00, 0xD7A3)}]+", _linear(0, 2.35)),
    (f" ?[{_between(0x621, 0x652)}پچژگکیہھےںٹڈڑ]+", _linear(0.4, 0.325, 0.6)),
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


def _estimate(text: str) -> int:
    prices = (_PRICE[piece.lastindex or 0](piece[0]) for piece in _PIECE.finditer(text))
    return math.ceil(round(sum(prices), 6))  # the last bits of a float are worth no token


_remembered = lru_cache(maxsize=1_024)(_estimate)


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
    content = cast(str | list[Any], message.content)
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
