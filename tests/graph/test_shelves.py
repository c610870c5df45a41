"""Tags, temporary threads, and what a sweep deletes for good."""

from uuid import uuid4

import pytest

from graph import Bookmark, InvalidInput, OpenGraph, Settings, ThreadNotFound
from tests.graph.talking import raw, say

pytestmark = pytest.mark.anyio


async def test_a_thread_has_the_tags_it_was_given_last(graph: OpenGraph) -> None:
    """Normalised, counted, listed by; a stranger's are his own."""
    user = uuid4().hex
    one, two = Bookmark("one", user), Bookmark("two", user)
    for place in (one, two, Bookmark("one", "other" + user)):
        await graph.ainvoke(say("Hello"), place.config)
    assert await graph.threads.tag(one, ["#Work", "  Trip  to Rome", "work"]) == ["trip to rome", "work"]
    await graph.threads.tag(two, ["work"])
    assert await graph.threads.tags(user) == {"work": 2, "trip to rome": 1}
    assert await graph.threads.tags("other" + user) == {}
    assert [t.thread_id for t in await graph.threads.list(user, tag="Trip to Rome")] == ["one"]
    assert (await graph.threads.get(one)).tags == ["trip to rome", "work"]
    with pytest.raises(InvalidInput):
        await graph.threads.list(user, tag="work", shelf="trashed")
    await graph.threads.tag(one, [])
    assert await graph.threads.tags(user) == {"work": 1}
    for bad in ([""], ["x" * 41], ["a\0"], ["a,b"], [str(n) for n in range(11)]):
        with pytest.raises(InvalidInput):
            await graph.threads.tag(one, bad)
    with pytest.raises(ThreadNotFound):
        await graph.threads.tag(Bookmark("one", "nobody" + user), ["work"])


async def test_a_temporary_thread_is_in_no_list_and_found_by_no_search(graph: OpenGraph) -> None:
    """It answers like any other; deleted, nothing brings it back."""
    user = uuid4().hex
    place = await graph.threads.temporary(user)
    await graph.ainvoke(say("A secret walrus"), place.config)
    await graph.ainvoke(say("Again"), place.config)
    assert len((await graph.threads.transcript(place)).entries) == 4
    assert (await graph.threads.get(place)).temporary
    assert not await graph.threads.list(user)
    assert not await graph.threads.search(user, "walrus")
    await graph.threads.delete(place)
    with pytest.raises(ThreadNotFound):
        await graph.ainvoke(say("Late"), place.config)


async def test_a_sweep_deletes_what_is_over_and_nothing_else(graph: OpenGraph, small: Settings) -> None:
    """Trash of 31 days, temporary threads of yesterday; not what was trashed or used lately, or restored."""
    user = uuid4().hex
    old, new, back, kept = (Bookmark(name, user) for name in ("old", "new", "back", "kept"))
    for place in (old, new, back, kept):
        await graph.ainvoke(say("Hello"), place.config)
    for place in (old, new, back):
        await graph.threads.trash(place)
    left, used = await graph.threads.temporary(user), await graph.threads.temporary(user)
    past = "UPDATE longthread_thread SET trashed = trashed - interval '31 days' WHERE key = ANY (%s)"
    await raw(small, past, [old.key, back.key])
    await raw(
        small, "UPDATE longthread_thread SET updated = now() - interval '2 days' WHERE key = %s", left.key
    )
    await graph.threads.trash(back, on=False)
    assert await graph.threads.sweep(30) >= 2
    for place in (old, left):
        with pytest.raises(ThreadNotFound):
            await graph.threads.get(place)
    for place in (new, back, kept, used):
        await graph.threads.get(place)
