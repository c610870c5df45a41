"""The catalogue, the transcript and the timeline."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from graph import Bookmark, CheckpointNotFound, InvalidInput, OpenGraph, ThreadNotFound
from tests.graph.test_turns import say, talk

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


async def test_the_timeline_tells_what_each_checkpoint_was(graph: OpenGraph, place: Bookmark) -> None:
    """Newest first, every checkpoint, when it was made, all on the active branch, one tip; without gap."""
    began = datetime.now(UTC)
    await talk(graph, place, 8)
    stored = [s.config["configurable"]["checkpoint_id"] async for s in graph.aget_state_history(place.config)]
    moments = await graph.threads.moments(place, limit=500)
    assert [m.checkpoint_id for m in moments] == stored
    times = [moment.created for moment in moments]
    assert times == sorted(times, reverse=True)
    assert began <= times[-1] and times[0] <= datetime.now(UTC)
    assert {m.kind for m in moments} == {"answer", "fold"}
    assert [m.kind for m in moments].count("answer") == 8, "one a turn"
    assert all(m.active for m in moments)
    assert [m.tip for m in moments] == [True] + [False] * (len(moments) - 1)
    paged, before = [], None
    while page := await graph.threads.moments(place, limit=5, before=before):
        paged += page
        before = page[-1].checkpoint_id
    assert paged == list(moments)
    fold = next(m for m in moments if m.kind == "fold")
    assert "messages summarised" in fold.preview


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
