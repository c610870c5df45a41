"""The row that keeps a message, and the message that comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    BaseMessage,
    HumanMessage,
)
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from graph.bookmark import storable
from graph.checkpointers.rows import Codec, MessageRow
from graph.checkpointers.serializer import StrictSerializer
from tests.checkpointers.conftest import Scramble
from tests.checkpointers.strategies import MESSAGES

SERDE = StrictSerializer()
CODEC = Codec(SERDE)
HIDING = Codec(EncryptedSerializer(Scramble(), JsonPlusSerializer(allowed_msgpack_modules=None)))


@given(MESSAGES)
def test_a_message_comes_back_equal(message: BaseMessage) -> None:
    """Of the same class, as the stock serializer would give it back; its row can be stored."""
    row = CODEC.row(message)
    assert all(text is None or storable(text) for text in (row.type, row.id, row.text))
    back = CODEC.message(row)
    assert type(back) is type(message)
    assert back == SERDE.loads_typed(SERDE.dumps_typed(message)) == message


@given(MESSAGES)
def test_what_a_person_reads_stands_in_the_text(message: BaseMessage) -> None:
    """Where it can be searched; nothing of it is stored twice."""
    row = CODEC.row(message)
    assert row.text == str(message.text).replace("\0", "")
    if type(message) is HumanMessage and message == HumanMessage(str(message.text), id=message.id):
        assert row.body is None or not storable(str(message.text)) or not storable(message.id or "")


@given(MESSAGES, st.text("abcdefgh", min_size=12, max_size=20))
def test_a_serializer_that_hides_hides_all(message: BaseMessage, word: str) -> None:
    """With a caller's own there is no text beside it, and the message comes back."""
    secret = message.model_copy(update={"content": word})
    row = HIDING.row(secret)
    assert row.text is None
    assert word.encode() not in (row.body or b"")
    assert HIDING.message(row) == secret


def test_a_forged_row_is_no_message() -> None:
    """A type that LangChain does not have is refused, not called."""
    with pytest.raises(Exception, match="of an unknown type"):
        CODEC.message(MessageRow("os.system", None, "x", None))
