"""Structures as bytes: `pack` and `unpack`, and for small ones `squeeze` and `unsqueeze`. Pure.

The checkpoint of a turn is 150 to 350 bytes of msgpack, the same from turn to turn but for some numbers.
Deflated with a like one known beforehand it is 20 to 60, for 10 µs.
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


def pack(value: Any) -> bytes:
    """`value` as bytes. Raises `ormsgpack.MsgpackEncodeError` for what is more than data."""
    return ormsgpack.packb(value, option=OPTION)


# Part of the format: what was squeezed with these bytes is read with no others. More may come before them.
_WORDS = (
    b"finish_reasonlogprobsmodel_provideropenaimodel_namesystem_fingerprintservice_tieraudioreasoningcache_read"
    b"accepted_prediction_tokensrejected_prediction_tokensinput_token_detailsoutput_token_detailstotal_tokens"
    b"completion_tokensprompt_tokenstoken_usageinput_tokensoutput_tokensusage_metadatainvalid_tool_callstool_call"
    b"tool_callsargstool_call_idadditional_kwargslongthreadthroughlargestlongthread_estimateresponse_metadata"
    b"updateforkinputtools__error__agentquestionfoldmodelsummarize\xa9__input__\x80\xad__interrupt__"
    b"summarybranch:to:summarizeanswerbranch:to:answer\xa8messages\xa9__start__\xa1m"
)
_SAMPLES: tuple[Any, ...] = (
    # The rest of a summary, and of an answer of OpenAI's.
    {
        "additional_kwargs": {
            "longthread": {
                "folds": 3,
                "count": 74,
                "before": 4906,
                "after": 105,
                "through": "lc_run--",
                "sent": 0,
                "largest": 0,
            }
        }
    },
    {
        "response_metadata": {
            "finish_reason": "stop",
            "model_name": "gpt-4o-mini-2024-07-18",
            "system_fingerprint": "fp_",
            "service_tier": "default",
            "model_provider": "openai",
            "longthread_estimate": 1204,
        },
        "usage_metadata": {
            "input_tokens": 1198,
            "output_tokens": 212,
            "total_tokens": 1410,
            "input_token_details": {"audio": 0, "cache_read": 0},
            "output_token_details": {"audio": 0, "reasoning": 0},
        },
    },
    # A checkpoint's body before the first fold, and after some.
    [
        "answer",
        None,
        16,
        [0, 11],
        4,
        1_795_774_595_635_867,
        [18, {"__start__": 1, "messages": 0, "branch:to:answer": 0}],
        {"__input__": {}, "__start__": {"__start__": 2}, "answer": {"branch:to:answer": 1}},
        ["messages"],
        {"messages": ["m", [0, 11]]},
    ],
    [
        "answer",
        None,
        758,
        [0, 487],
        4,
        1_795_774_595_635_867,
        [
            760,
            {"__start__": 1, "messages": 0, "branch:to:answer": 0, "branch:to:summarize": 12, "summary": 12},
        ],
        {
            "__input__": {},
            "__start__": {"__start__": 2},
            "answer": {"branch:to:answer": 1},
            "__interrupt__": {
                "messages": 13,
                "__start__": 14,
                "branch:to:answer": 13,
                "branch:to:summarize": 13,
                "summary": 49,
            },
            "summarize": {"branch:to:summarize": 13},
        },
        ["messages"],
        {"messages": ["m", [470, 487]], "summary": ["o", -17]},
    ],
)
DICTIONARY = b"".join(map(pack, _SAMPLES)) + _WORDS


def unpack(packed: bytes) -> Any:
    """What `pack` packed. Raises `ForgedRow`."""
    try:
        return ormsgpack.unpackb(packed, option=ormsgpack.OPT_NON_STR_KEYS)
    except ormsgpack.MsgpackDecodeError as e:
        raise ForgedRow(BROKEN) from e


def squeeze(value: Any) -> bytes:
    """`value` as few bytes. Raises `ormsgpack.MsgpackEncodeError` for what is more than data."""
    press = zlib.compressobj(6, zlib.DEFLATED, -12, 4, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
    return press.compress(pack(value)) + press.flush()


def unsqueeze(squeezed: bytes) -> Any:
    """What `squeeze` squeezed. Raises `ForgedRow`."""
    try:
        return unpack(zlib.decompressobj(-15, DICTIONARY).decompress(squeezed, LIMIT))
    except zlib.error as e:
        raise ForgedRow(BROKEN) from e
