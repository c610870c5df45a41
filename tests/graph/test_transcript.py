"""The transcript of a branch, and the switch to another."""

from uuid import uuid4

import pytest

from graph import Bookmark, CheckpointNotFound, OpenGraph
from tests.graph.talking import say, talk

pytestmark = pytest.mark.anyio


async def test_the_transcript_is_read_a_page_at_a_time_from_its_end(
    graph: OpenGraph, place: Bookmark
) -> None:
    """Pages join without gap or overlap, across the fold, down to the first message."""
    await talk(graph, place, 15)
    whole = (await graph.threads.transcript(place, limit=1000)).entries
    assert [e.seq for e in whole] == list(range(30))
    joined, before = [], None
    while True:
        page = await graph.threads.transcript(place, limit=7, before=before)
        joined = [*page.entries, *joined]
        assert page.earlier == page.entries[0].seq
        if not page.earlier:
            break
        before = page.earlier
    assert [e.id for e in joined] == [e.id for e in whole]
    assert (await graph.threads.transcript(place, before=0)).entries == []


async def test_a_moment_of_another_thread_cannot_become_the_head(graph: OpenGraph, place: Bookmark) -> None:
    """switch() takes only checkpoints of the thread itself."""
    other = Bookmark(uuid4().hex)
    for each in (place, other):
        await graph.ainvoke(say("Hello there."), each.config)
    foreign = (await graph.aget_state(other.config)).config["configurable"]["checkpoint_id"]
    for checkpoint in (foreign, "garbage"):
        with pytest.raises(CheckpointNotFound):
            await graph.threads.switch(place.at(checkpoint))


async def test_a_look_at_an_old_moment_shows_its_branch(graph: OpenGraph, place: Bookmark) -> None:
    """The transcript at a checkpoint ends where the thread ended then."""
    await graph.ainvoke(say("First."), place.config)
    early = (await graph.aget_state(place.config)).config["configurable"]["checkpoint_id"]
    await talk(graph, place, 10)
    page = await graph.threads.transcript(place.at(early))
    assert page.entries[0].message.text == "First."
    assert len(page.entries) == 2
