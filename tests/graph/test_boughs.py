"""The map of branches: against plain lists, and in conversations that were forked and named."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph import Bookmark, CheckpointNotFound, InvalidInput, OpenGraph, ThreadNotFound
from graph.boughs import Bough
from graph.branches import grown
from graph.checkpointers.runs import Runs
from tests.graph.talking import say, talk
from tests.graph.test_branches import head, questions, shared
from tests.graph.test_costs import counted
from tests.openai_server import ModelServer

pytestmark = pytest.mark.anyio

LINES = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=2),
    st.lists(st.integers(0, 3), max_size=5).map(lambda choices: [4 * n + c for n, c in enumerate(choices)]),
    max_size=8,
)


@given(LINES)
def test_a_branch_shares_all_but_its_own_with_the_one_it_grew_from(lines: dict[str, list[int]]) -> None:
    """Its own are said by no older branch, its parent comes before it and says what they share."""
    tree = grown({tip: Runs.of(line) for tip, line in lines.items()})
    assert sorted(each.tip for each in tree) == sorted(lines)
    for place, each in enumerate(tree):
        line, before = lines[each.tip], [other.tip for other in tree[:place]]
        assert each.at == max((shared(lines[other], line) for other in before), default=0)
        assert list(each.own) == line[each.at :]
        if each.parent is None:
            assert each.at == 0
        else:
            assert each.parent in before and lines[each.parent][: each.at] == line[: each.at]
            (parent,) = [other for other in tree if other.tip == each.parent]
            assert parent.at < each.at, "the newest that it shares is the parent's own"
        for other in tree[:place]:
            if len(line) > each.at < len(lines[other.tip]) and other.line.cut(0, each.at) == each.line.cut(
                0, each.at
            ):
                assert lines[other.tip][each.at] < line[each.at], "the older goes on, the younger grows"


def firsts(lines: dict[str, list[int]]) -> dict[str, int | None]:
    """The first message that each has alone."""
    return {each.tip: next(iter(each.own), None) for each in grown({t: Runs.of(x) for t, x in lines.items()})}


@given(LINES, st.integers(0, 20))
def test_a_branch_stays_itself_when_another_grows(lines: dict[str, list[int]], which: int) -> None:
    """Whatever is said at the end of one, what tells it and the others apart stays."""
    lines = {tip: line for tip, line in lines.items() if list(lines.values()).count(line) == 1}
    before = {tip: number for tip, number in firsts(lines).items() if number is not None}
    if lines:
        lines[sorted(lines)[which % len(lines)]] += [100, 101]
        after = firsts(lines)
        assert {tip: after[tip] for tip in before} == before


async def forked(graph: OpenGraph, place: Bookmark) -> dict[str, str]:
    """One, Two, Three; and from One on Left; and from Left on Leaf. The tip of each."""
    tips: dict[str, str] = {}
    await graph.ainvoke(say("One"), place.config)
    early = await head(graph, place)
    for text in ("Two", "Three"):
        await graph.ainvoke(say(text), place.config)
    tips["One"] = await head(graph, place)
    await graph.ainvoke(say("Left"), place.at(early).config)
    left = await head(graph, place)
    await graph.ainvoke(say("Left too"), place.config)
    tips["Left"] = await head(graph, place)
    await graph.ainvoke(say("Leaf"), place.at(left).config)
    tips["Leaf"] = await head(graph, place)
    return tips


def by_words(boughs: "list[Bough]") -> dict[str, Bough]:
    """Each branch by its own first words."""
    return {bough.words: bough for bough in boughs}


async def test_the_map_tells_where_each_branch_parts(
    graph: OpenGraph, place: Bookmark, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From which, after how many messages, how long it is, which is active; in two statements, no model."""
    tips = await forked(graph, place)
    asked = len(model.requests)
    with counted(monkeypatch) as seen:
        boughs = list(await graph.threads.branches(place))
    assert len(seen) == 2 and len(model.requests) == asked
    found = by_words(boughs)
    assert [b.words for b in boughs] == ["One", "Left", "Leaf"]
    assert {words: b.tip for words, b in found.items()} == tips
    assert [(b.parent, b.at, b.length) for b in boughs] == [
        (None, 0, 6),
        (tips["One"], 2, 6),
        (tips["Left"], 4, 6),
    ]
    assert [b.active for b in boughs] == [False, False, True]
    await graph.threads.switch(place.at(tips["One"]))
    assert [b.active for b in await graph.threads.branches(place)] == [True, False, False]


async def test_a_name_follows_its_branch(
    graph: OpenGraph, place: Bookmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it and others grow or are folded, and costs a turn nothing; it can be changed."""
    tips = await forked(graph, place)
    found = by_words(list(await graph.threads.branches(place)))
    for words in ("One", "Left"):
        await graph.threads.name_branch(place, found[words].first or 0, f"  Branch\n{words} ")
    await graph.threads.switch(place.at(tips["Left"]))
    await talk(graph, place, 8)
    await graph.ainvoke(say("Aside"), place.at(tips["Leaf"]).config)
    with counted(monkeypatch) as seen:
        await graph.ainvoke(say("On"), place.config)
    assert len(seen) <= 4
    names = {b.words: b.name for b in await graph.threads.branches(place)}
    assert names == {"One": "Branch One", "Left": "Branch Left", "Leaf": ""}
    await graph.threads.name_branch(place, found["Left"].first or 0, "Another")
    assert by_words(list(await graph.threads.branches(place)))["Left"].name == "Another"


async def test_names_are_refused_kindly(graph: OpenGraph, place: Bookmark) -> None:
    """Too long, empty, no branch there, nobody's thread, somebody else's."""
    await forked(graph, place)
    for name in ("", "  ", "x" * 61, "a\0b"):
        with pytest.raises(InvalidInput):
            await graph.threads.name_branch(place, 0, name)
    for first in (1, 99, -1):
        with pytest.raises(CheckpointNotFound):
            await graph.threads.name_branch(place, first, "Name")
    other = Bookmark(place.thread_id, uuid4().hex)
    for call in (graph.threads.name_branch(other, 0, "Name"), graph.threads.branches(other)):
        with pytest.raises(ThreadNotFound):
            await call
    await graph.threads.name_branch(place, 0, "x" * 60)


async def test_names_are_copied_and_deleted_with_the_thread(graph: OpenGraph, place: Bookmark) -> None:
    """The copy keeps them when the first is deleted, which begins anew without."""
    await forked(graph, place)
    twin = Bookmark(uuid4().hex)
    await graph.threads.name_branch(place, 0, "Trunk")
    await graph.threads._saver.acopy_thread(place.thread_id, twin.thread_id)
    number = (await graph.threads.get(place)).number
    await graph.threads.delete(place)
    assert (await graph.threads.branches(twin))[0].name == "Trunk"
    rows = await graph.threads._tables.rows(
        "SELECT 1 FROM longthread_branch WHERE thread = %(n)s", {"n": number}
    )
    assert rows == []


async def test_an_older_moment_made_current_has_no_message_of_its_own(
    graph: OpenGraph, place: Bookmark
) -> None:
    """The branch that goes on past it stays the trunk, with its name; what is said next is the new one's."""
    await graph.ainvoke(say("One"), place.config)
    early = await head(graph, place)
    await graph.ainvoke(say("Two"), place.config)
    await graph.threads.name_branch(place, 0, "Trunk")
    await graph.threads.switch(place.at(early))
    trunk, moment = await graph.threads.branches(place)
    assert (trunk.name, trunk.active, moment.first, moment.active) == ("Trunk", False, None, True)
    await graph.ainvoke(say("Other"), place.config)
    assert [(b.name, b.words) for b in await graph.threads.branches(place)] == [
        ("Trunk", "One"),
        ("", "Other"),
    ]
    assert await questions(graph, place) == ["One", "Other"]


async def test_hundreds_of_branches_are_two_statements(
    graph: OpenGraph, place: Bookmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many."""
    await graph.ainvoke(say("One"), place.config)
    early = await head(graph, place)
    for n in range(40):
        await graph.ainvoke(say(f"Fork {n}"), place.at(early).config)
    with counted(monkeypatch) as seen:
        boughs = await graph.threads.branches(place)
    assert len(seen) == 2 and len(boughs) == 40
    assert [b.at for b in boughs] == [0, *[2] * 39]
