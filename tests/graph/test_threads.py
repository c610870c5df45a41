"""The threads of a person: listed, named, deleted, and nobody else's."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from graph import Bookmark, InvalidInput, OpenGraph, ThreadNotFound
from tests.graph.talking import say

pytestmark = pytest.mark.anyio


async def test_threads_are_listed_newest_first_and_paged(graph: OpenGraph) -> None:
    """Every thread of the owner once, by latest use; nobody else's."""
    user = uuid4().hex
    for n in range(7):
        await graph.ainvoke(say(f"Question {n}"), Bookmark(f"thread-{n}", user).config)
    await graph.ainvoke(say("Again"), Bookmark("thread-2", user).config)
    await graph.ainvoke(say("Somebody else's"), Bookmark("thread-2", uuid4().hex).config)
    seen, after = [], None
    while page := await graph.threads.list(user, limit=3, after=after):
        seen += [t.thread_id for t in page]
        after = page[-1]
    assert seen == [f"thread-{n}" for n in (2, 6, 5, 4, 3, 1, 0)]
    newest = (await graph.threads.list(user, limit=1))[0]
    assert newest.title == "Question 2"
    assert newest.messages == 4
    assert abs((datetime.now(UTC) - newest.updated).total_seconds()) < 60


async def test_a_title_given_by_hand_stays(graph: OpenGraph, place: Bookmark) -> None:
    """Renamed, the next turn does not rename it back; bad titles are refused."""
    await graph.ainvoke(say("A first question that names the thread"), place.config)
    await graph.threads.rename(place, "  My   trip ")
    await graph.ainvoke(say("More"), place.config)
    assert (await graph.threads.get(place)).title == "My trip"
    for bad in ("", "  ", "x" * 201, "a\0b"):
        with pytest.raises(InvalidInput):
            await graph.threads.rename(place, bad)


async def test_absent_and_foreign_threads_look_the_same(graph: OpenGraph, place: Bookmark) -> None:
    """Every call raises the same ThreadNotFound, with the same text, and changes nothing."""
    await graph.ainvoke(say("Mine"), place.config)
    head = (await graph.aget_state(place.config)).config["configurable"]["checkpoint_id"]
    texts: set[str] = set()
    for stranger in (Bookmark(place.thread_id, "eve", head), Bookmark(uuid4().hex, checkpoint_id=head)):
        for call in (
            graph.threads.get(stranger),
            graph.threads.rename(stranger, "x"),
            graph.threads.delete(stranger),
            graph.threads.transcript(stranger),
            graph.threads.moments(stranger),
            graph.threads.switch(stranger),
        ):
            with pytest.raises(ThreadNotFound) as e:
                await call
            texts.add(str(e.value))
    assert len(texts) == 1
    assert (await graph.threads.get(place)).title == "Mine"


async def test_a_deleted_thread_leaves_nothing(graph: OpenGraph, place: Bookmark) -> None:
    """Neither list, state nor transcript; its neighbour is untouched."""
    neighbour = Bookmark(f"{place.thread_id}_b")
    for each in (place, neighbour):
        await graph.ainvoke(say("Hello there."), each.config)
    await graph.threads.delete(place)
    assert (await graph.aget_state(place.config)).values == {}
    with pytest.raises(ThreadNotFound):
        await graph.threads.transcript(place)
    assert len((await graph.threads.transcript(neighbour)).entries) == 2
