"""Messages of every kind and what may be in them, as hypothesis makes them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

NAMES = st.text(max_size=6)
PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | NAMES
DATA = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.sampled_from([datetime(2026, 1, 2, tzinfo=UTC), date(2026, 1, 2), UUID(int=7), Decimal("1.50")])
IDS = st.none() | st.text(min_size=1, max_size=8)
BLOCKS = st.lists(
    st.builds(lambda text: {"type": "text", "text": text}, NAMES)
    | st.builds(lambda url: {"type": "image_url", "image_url": {"url": url}}, NAMES),
    max_size=3,
)
CONTENTS = st.text(max_size=20) | BLOCKS
EXTRAS = st.dictionaries(st.sampled_from(["note", "deep", "longthread"]), DATA, max_size=2)
CALLS = st.lists(
    st.builds(
        lambda name, args, call: {"name": name, "args": args, "id": call, "type": "tool_call"},
        NAMES,
        st.dictionaries(NAMES, DATA, max_size=2),
        NAMES,
    ),
    max_size=2,
)


def message_of(cls: Any, **fields: Any) -> st.SearchStrategy[BaseMessage]:
    """Messages of a class, with what all classes have and `fields` besides."""
    return st.builds(
        cls, content=CONTENTS, id=IDS, additional_kwargs=EXTRAS, name=st.none() | NAMES, **fields
    )


MESSAGES: st.SearchStrategy[BaseMessage] = st.one_of(
    message_of(HumanMessage),
    message_of(SystemMessage),
    message_of(AIMessage, tool_calls=CALLS, response_metadata=EXTRAS),
    message_of(ToolMessage, tool_call_id=NAMES, artifact=DATA | OBJECTS, status=st.just("error")),
    message_of(ChatMessage, role=NAMES),
    st.builds(FunctionMessage, content=CONTENTS, name=NAMES, id=IDS),
    st.builds(AIMessageChunk, content=CONTENTS, id=IDS),
    st.builds(HumanMessage, content=CONTENTS, seen_by=DATA),  # a field that no class knows
)
