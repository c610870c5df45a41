"""A place in a thread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.bookmark import LOCAL, MAX_BYTES, Bookmark
from graph.errors import InvalidInput

ids = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40
).filter(lambda s: s.strip() and len(s.encode()) <= MAX_BYTES)
tricky = st.one_of(ids, st.sampled_from(["~", "~a", "a", "~a~b", "~~a", "a~b", LOCAL, "%7E", "a_b", "1"]))


@given(tricky, tricky, tricky, tricky)
def test_no_two_threads_share_a_key(user: str, thread: str, other_user: str, other_thread: str) -> None:
    """Keys are equal only for the same thread of the same user."""
    one, two = Bookmark(thread, user), Bookmark(other_thread, other_user)
    assert (one.key == two.key) == (one == two)


@given(tricky, tricky)
def test_a_key_names_its_thread(user: str, thread: str) -> None:
    """A bookmark comes back from its key and from its config."""
    place = Bookmark(thread, user)
    assert Bookmark.at_key(place.key) == place
    assert Bookmark.of(place.config) == place


def test_the_local_users_threads_keep_their_own_name() -> None:
    """What the stock saver wrote is found under the same thread_id."""
    assert Bookmark("holiday").key == "holiday"


@pytest.mark.parametrize(
    "thread",
    ["", "  ", "a\0b", "\ud800", "x" * 10_000, "é" * 200],
    ids=["empty", "blank", "nul", "half", "long", "bytes"],
)
def test_an_id_that_cannot_be_stored_is_refused(thread: str) -> None:
    """Bad thread and user ids are InvalidInput, and the text says which."""
    with pytest.raises(InvalidInput, match="thread_id"):
        Bookmark(thread)
    with pytest.raises(InvalidInput, match="user_id"):
        Bookmark("a", thread)


def test_a_config_without_a_thread_is_refused() -> None:
    """A missing thread_id says how to give one."""
    for config in (None, {}, {"configurable": {}}, {"configurable": {"thread_id": None}}):
        with pytest.raises(InvalidInput, match="configurable"):
            Bookmark.of(config)


def test_whom_a_server_signed_in_is_beyond_a_clients_word() -> None:
    """LangGraph's server names its user beside what the client sent; unsigned it sends empty names."""
    places = {"thread_id": "t", "user_id": "eve", "langgraph_auth_user_id": "ada"}
    assert Bookmark.of({"configurable": places}).user_id == "ada"
    for nobody in ("", None):
        places = {"thread_id": "t", "user_id": nobody, "langgraph_auth_user_id": nobody}
        assert Bookmark.of({"configurable": places}).user_id == LOCAL
    with pytest.raises(InvalidInput, match="user_id"):
        Bookmark.of({"configurable": {"thread_id": "t", "user_id": ""}})
