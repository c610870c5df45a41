"""Where a moment stands on its branch, and what is listed."""

import time
from itertools import pairwise
from uuid import uuid4

import pytest

from graph import LOCAL, Bookmark, CheckpointNotFound, OpenGraph, ThreadNotFound
from graph.history import worded
from graph.steps import ID, ROOT, Steps
from tests.graph.talking import talk


def packed(*pairs: tuple[bytes, bytes | None]) -> bytes:
    return b"".join(id + (parent or bytes(ID)) for id, parent in pairs)


def name(number: int) -> bytes:
    return number.to_bytes(8, "big") + b"\7" * 8


def test_steps_are_counted_along_each_branch_and_the_active_one_says_how_many() -> None:
    a, b, c, d, e = map(name, range(1, 6))
    steps = Steps.of(packed((a, None), (b, a), (c, b), (d, a), (e, d)), c)
    assert [steps.place(id) for id in (a, b, c)] == [(1, 3), (2, 3), (3, 3)]
    assert [steps.place(id) for id in (d, e)] == [(2, 3), (3, 3)]
    assert Steps.of(packed((b, a), (c, b)), c).place(c) == (2, 2), "what was pruned is not counted"
    assert Steps.of(packed((a, b), (b, c), (c, None)), a).place(a) == (3, 3), "clocks differ"
    assert steps.place(name(9)) == (0, 0)


def test_the_empty_beginning_is_no_step() -> None:
    root = name(0)[:8] + ROOT
    assert Steps.of(packed((root, None), (name(1), root)), name(1)).place(name(1)) == (1, 1)


def test_ten_thousand_steps_are_counted_soon() -> None:
    """On one line, in either order of the ids: linear, far from a second."""
    names = [name(n) for n in range(10_000)]
    line = [(names[0], None), *((new, old) for old, new in pairwise(names))]
    for pairs in (line, line[::-1]):
        began = time.perf_counter()
        assert Steps.of(packed(*pairs), names[-1]).place(names[-1]) == (10_000, 10_000)
        assert time.perf_counter() - began < 1


def test_a_text_is_compared_word_by_word_and_nothing_of_either_is_lost() -> None:
    before, after = "Tea at  five,\nalways with milk", "Tea at  six,\nalways with milk and sugar"
    for parts in (worded(before, after), worded(before * 200, after * 200), worded("a " * 3000, "b " * 3000)):
        assert all(text for _, text in parts)
    parts = worded(before, after)
    assert ("removed", "five,\n") in parts and ("added", "six,\n") in parts
    assert "".join(text for kind, text in parts if kind != "added") == before
    assert "".join(text for kind, text in parts if kind != "removed") == after
    long = "a " * 3000
    assert worded(f"{long}x {long}", f"{long}y {long}") == [
        ("same", long),
        ("removed", "x "),
        ("added", "y "),
        ("same", long),
    ]


@pytest.mark.anyio
async def test_moments_are_numbered_say_their_tokens_and_the_empty_beginning_is_not_listed(
    graph: OpenGraph, place: Bookmark
) -> None:
    await talk(graph, place, 2)
    first = (await graph.threads.transcript(place)).entries[0]
    assert first.id
    start = await graph.threads.before(place, first.id)
    await graph.ainvoke({"messages": [("user", "another beginning")]}, start.config)
    moments = await graph.threads.moments(place)
    assert [m.kind for m in moments] == ["answer"] * 3
    places = [place.at(m.checkpoint_id) for m in moments]
    steps = [await graph.threads.step(each) for each in places]
    assert steps == [(1, 1), (2, 2), (1, 2)] and [m.active for m in moments] == [True, False, False]
    assert all(m.nodes == ("answer",) for m in moments)
    assert all(m.tokens and min(m.tokens) > 0 for m in moments)
    page = await graph.threads.moments(place, limit=1, before=moments[0].checkpoint_id)
    assert list(page) == [moments[1]]
    other = Bookmark(place.thread_id, f"{LOCAL}-other")
    for asked in (graph.threads.moments(other), graph.threads.step(other.at(moments[0].checkpoint_id))):
        with pytest.raises(ThreadNotFound):
            await asked
    for absent in (place, place.at(str(uuid4())), place.at("no id")):
        with pytest.raises(CheckpointNotFound):
            await graph.threads.step(absent)
