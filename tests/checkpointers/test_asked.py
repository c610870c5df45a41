"""Questions that wait for their answers, as the thread's row keeps them."""

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    BaseMessage,
    HumanMessage,
)

from graph.bookmark import storable
from graph.checkpointers.asked import Asked
from graph.checkpointers.rows import Codec
from graph.checkpointers.serializer import StrictSerializer
from tests.checkpointers.strategies import CONTENTS, NAMES

CODEC = Codec(StrictSerializer())

QUESTIONS = st.lists(
    st.builds(HumanMessage, content=CONTENTS, id=st.text(min_size=1, max_size=8), name=st.none() | NAMES),
    max_size=4,
    unique_by=lambda message: message.id,
)


@given(QUESTIONS, st.lists(NAMES, max_size=3), st.none() | st.just("parent"))
def test_what_was_asked_comes_back(questions: list[BaseMessage], wakes: list[str], on: str | None) -> None:
    """The questions and who is woken by them, from the bytes that the thread's row keeps."""
    asked = Asked(tuple(map(CODEC.row, questions)), "id", on, tuple(wakes))
    back = Asked.unpack(asked.pack(), "id", on)
    assert back == asked
    assert [CODEC.message(row) for row in back.rows] == questions


@given(QUESTIONS.map(lambda all_of_them: [m for m in all_of_them if storable(m.id or "")]), st.data())
def test_what_was_answered_waits_no_longer(questions: list[BaseMessage], data: st.DataObject) -> None:
    """Those that are there go; the others wait, in their order, on another parent; None if none is left."""
    there = [question for question in questions if data.draw(st.booleans())]
    asked = Asked(tuple(map(CODEC.row, questions)), "id", "old", ("wake",))
    left = asked.without([*there, HumanMessage("not asked")], "new")
    still = tuple(CODEC.row(question) for question in questions if question not in there)
    assert left == (Asked(still, "id", "new", ("wake",)) if still else None)
