"""LangChain's ids of messages as their rows keep them: `short`, and `whole` again. Pure.

Most are a UUID, alone or after the words that LangChain puts before it: 36 or 44 characters of a row that
says perhaps a hundred. Here they are 23: a sign for the words, and the UUID in base 64. Others stay.
"""

import re
from binascii import a2b_base64, b2a_base64
from functools import lru_cache

from graph.errors import BROKEN, ForgedRow

_WORDS = {":": "", ";": "lc_run--"}
_SIGNS = {words: sign for sign, words in _WORDS.items()}
_AS_IT_IS = "="
"""Before an id that begins with a sign itself."""

_UUID = re.compile(r"(|lc_run--)([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})")


@lru_cache(1_024)  # a turn asks for its question's three times
def short(id: str) -> str:
    """The id as it is stored; each has one such form."""
    if uuid := _UUID.fullmatch(id):
        words, *parts = uuid.groups()
        return _SIGNS[words] + b2a_base64(bytes.fromhex("".join(parts)))[:22].decode()
    return _AS_IT_IS + id if id[:1] in (*_WORDS, _AS_IT_IS) else id


def whole(stored: str) -> str:
    """The id that `short` made short. Raises `ForgedRow`."""
    sign, rest = stored[:1], stored[1:]
    if sign in _WORDS:
        uuid = _uuid(rest)
        return f"{_WORDS[sign]}{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}"
    return rest if sign == _AS_IT_IS else stored


def _uuid(coded: str) -> str:
    """The 32 digits of a UUID in base 64."""
    try:
        uuid = a2b_base64(coded + "==", strict_mode=True)
    except ValueError as e:
        raise ForgedRow(BROKEN) from e
    if len(uuid) != 16:
        raise ForgedRow(BROKEN)
    return uuid.hex()
