"""Structures as bytes: `pack` and `unpack`, and for small ones `squeeze` and `unsqueeze`. Pure.

The checkpoint of a turn is 150 to 300 bytes of msgpack, most of them names of channels and nodes. Deflated
with their words known beforehand it is 60 to 110, for 10 µs.
"""

import zlib
from typing import Any

import ormsgpack

from graph.errors import BROKEN, ForgedRow

OPTION = (
    ormsgpack.OPT_NON_STR_KEYS
    | ormsgpack.OPT_REPLACE_SURROGATES
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_UUID
)
"""As LangGraph packs: what is more than data is left to a serializer, or refused."""

LIMIT = 1 << 28
"""Bytes that a row may unpack to."""

# Part of the format: rows that were written with it can be read with no other. The commonest words come last.
_WORDS = (
    b"finish_reasonlogprobsmodel_provideropenaimodel_namesystem_fingerprintservice_tieraudioreasoningcache_read"
    b"accepted_prediction_tokensrejected_prediction_tokensinput_token_detailsoutput_token_detailstotal_tokens"
    b"completion_tokensprompt_tokenstoken_usageinput_tokensoutput_tokensusage_metadatainvalid_tool_callstool_call"
    b"tool_callsargstool_call_idadditional_kwargslongthreadthroughlargestlongthread_estimateresponse_metadata"
    b"updateforkinputtools__error__agentquestionfoldmodelsummarize\xa9__input__\x80\xad__interrupt__"
    b"summarybranch:to:summarizeanswerbranch:to:answer\xa8messages\xa9__start__\xa1m"
)


def pack(value: Any) -> bytes:
    """`value` as bytes. Raises `ormsgpack.MsgpackEncodeError` for what is more than data."""
    return ormsgpack.packb(value, option=OPTION)


def unpack(packed: bytes) -> Any:
    """What `pack` packed. Raises `ForgedRow`."""
    try:
        return ormsgpack.unpackb(packed, option=ormsgpack.OPT_NON_STR_KEYS)
    except ormsgpack.MsgpackDecodeError as e:
        raise ForgedRow(BROKEN) from e


def squeeze(value: Any) -> bytes:
    """`value` as few bytes. Raises `ormsgpack.MsgpackEncodeError` for what is more than data."""
    press = zlib.compressobj(1, zlib.DEFLATED, -11, 2, zlib.Z_DEFAULT_STRATEGY, _WORDS)
    return press.compress(pack(value)) + press.flush()


def unsqueeze(squeezed: bytes) -> Any:
    """What `squeeze` squeezed. Raises `ForgedRow`."""
    try:
        return unpack(zlib.decompressobj(-15, _WORDS).decompress(squeezed, LIMIT))
    except zlib.error as e:
        raise ForgedRow(BROKEN) from e
