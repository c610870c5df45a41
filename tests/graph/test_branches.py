"""Where branches part: against plain lists, and in a conversation that was forked and edited."""

from collections.abc import Sequence
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage, RemoveMessage

from graph import Bookmark, OpenGraph, Settings, open_graph
from graph.branches import Branch, forks, parting
from graph.checkpointers.runs import Runs
from graph.transcript import Entry
from tests.graph.talking import say, talk

pytestmark = pytest.mark.anyio

# Against plain lists

TAILS = st.lists(st.integers(0, 12), max_size=8)


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How much two lists have in common at their beginning, counted one by one."""
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    return at


@given(TAILS, TAILS, TAILS)
def test_lines_part_where_lists_do(trunk: list[int], one: list[int], other: list[int]) -> None:
    """Whatever their runs, from either side; a line never parts from itself."""
    lines = Runs.of(trunk + one), Runs.of(trunk + other)
    assert parting(*lines) == parting(*reversed(lines)) == shared(trunk + one, trunk + other)
    assert parting(lines[0], lines[0]) == lines[0].length


@given(
    TAILS,
    st.dictionaries(
        st.text("abc", min_size=1, max_size=2),
        st.lists(st.integers(0, 2), max_size=4),
        min_size=1,
        max_size=6,
    ),
    st.sets(st.integers(0, 16)),
)
@example([], {"c": [1], "b": [1, 2], "a": [0]}, {0})
def test_what_else_was_said_at_a_place(
    trunk: list[int], tails: dict[str, list[int]], places: set[int]
) -> None:
    """For each place: one's own message, and that of each line that is the same up to there."""
    lines = {id: trunk + tail for id, tail in tails.items()}
    tip, mine = lines.popitem()
    found = forks(Runs.of(mine), tip, {id: Runs.of(line) for id, line in lines.items()}, places)
    for at in places | found.keys():
        others: dict[int, str] = {}
        for id, line in lines.items():
            if len(mine) > at < len(line) and mine[:at] == line[:at] and mine[at] != line[at]:
                others[line[at]] = max(id, others.get(line[at], id))
        if not others or at not in places:
            assert at not in found
            continue
        expected = {number: Branch(number, id, False) for number, id in others.items()}
        expected[mine[at]] = Branch(mine[at], tip, True)
        assert found[at] == [expected[number] for number in sorted(expected)]


# In a conversation


async def head(graph: OpenGraph, place: Bookmark) -> str:
    """The checkpoint that the thread is at."""
    snapshot = await graph.aget_state(place.config)
    return snapshot.config["configurable"]["checkpoint_id"]


async def entries(graph: OpenGraph, place: Bookmark) -> list[Entry]:
    """The whole transcript of a branch."""
    return (await graph.threads.transcript(place, limit=500)).entries


async def questions(graph: OpenGraph, place: Bookmark) -> list[str]:
    """What was asked on a branch."""
    return [e.message.text for e in await entries(graph, place) if e.message.type == "human"]


def parted(all_of_them: list[Entry]) -> dict[int, tuple[int, int]]:
    """By place, what the page shows as ‹2/3›: which of the branches this is, and how many there are."""
    found: dict[int, tuple[int, int]] = {}
    for entry in all_of_them:
        if entry.branches:
            (mine,) = [n for n, branch in enumerate(entry.branches, 1) if branch.current]
            found[entry.seq] = mine, len(entry.branches)
            numbers = [branch.number for branch in entry.branches]
            assert numbers == sorted(set(numbers)), "in the order in which they were said, each once"
    return found


async def test_a_conversation_that_was_forked_shows_its_branches(graph: OpenGraph, place: Bookmark) -> None:
    """Forked twice at one place and once later: ‹1/3› and ‹1/2› there, from any branch."""
    ends: dict[str, str] = {}
    await graph.ainvoke(say("One"), place.config)
    early = await head(graph, place)
    await graph.ainvoke(say("Two"), place.config)
    later = await head(graph, place)
    await graph.ainvoke(say("Three"), place.config)
    ends["Three"] = await head(graph, place)
    for text, at in (("Two again", early), ("Two once more", early), ("Three again", later)):
        await graph.ainvoke(say(text), place.at(at).config)
        ends[text] = await head(graph, place)
        assert [m.text for m in (await graph.aget_state(place.config)).values["messages"]][-2] == text
    shown = {
        "Three": (["One", "Two", "Three"], {2: (1, 3), 4: (1, 2)}),
        "Two again": (["One", "Two again"], {2: (2, 3)}),
        "Two once more": (["One", "Two once more"], {2: (3, 3)}),
        "Three again": (["One", "Two", "Three again"], {2: (1, 3), 4: (2, 2)}),
    }
    for name, (asked, marks) in shown.items():
        assert await questions(graph, place.at(ends[name])) == asked, "looked at"
        assert parted(await entries(graph, place.at(ends[name]))) == marks
    for name, (asked, marks) in [*shown.items(), *reversed(shown.items())]:
        await graph.threads.switch(place.at(ends[name]))
        assert await questions(graph, place) == asked, "switched to"
        assert parted(await entries(graph, place)) == marks
        assert (await graph.threads.get(place)).messages == 2 * len(asked)
        assert (await graph.threads.get(place)).head == ends[name]
    assert sum(moment.tip for moment in await graph.threads.moments(place)) == len(ends)


async def test_each_branch_leads_to_its_own_transcript(graph: OpenGraph, place: Bookmark) -> None:
    """The checkpoint beside each of ‹1/3› is the newest that holds its message; going on goes on there."""
    await graph.ainvoke(say("One"), place.config)
    early = await head(graph, place)
    for text in ("Two", "Two again", "Two once more"):
        await graph.ainvoke(say(text), place.at(early).config)
        await graph.ainvoke(say(f"After {text}"), place.config)
    branches = (await entries(graph, place))[2].branches
    assert [branch.current for branch in branches] == [False, False, True]
    for text, branch in zip(("Two", "Two again", "Two once more"), branches, strict=True):
        await graph.threads.switch(place.at(branch.checkpoint_id))
        assert await questions(graph, place) == ["One", text, f"After {text}"]
        await graph.ainvoke(say(f"Then {text}"), place.config)
        assert await questions(graph, place) == ["One", text, f"After {text}", f"Then {text}"]
        assert len((await entries(graph, place))[2].branches) == 3
        assert not any(e.branches for e in (await entries(graph, place))[3:])


async def test_a_place_is_looked_up_a_page_at_a_time(graph: OpenGraph, place: Bookmark) -> None:
    """A page shows the branches of its own places, whichever page they are on, also beyond a fold."""
    await graph.ainvoke(say("One"), place.config)
    early = await head(graph, place)
    for text in ("Two", "Two again"):
        await graph.ainvoke(say(text), place.at(early).config)
    await talk(graph, place, 10)
    assert "summary" in (await graph.aget_state(place.config)).values
    assert parted((await graph.threads.transcript(place, limit=4)).entries) == {}
    assert parted((await graph.threads.transcript(place, limit=2, before=4)).entries) == {2: (2, 2)}
    assert parted((await graph.threads.transcript(place, limit=1, before=2)).entries) == {}


@pytest.mark.parametrize("reopened", [False, True], ids=["remembered", "reopened"])
async def test_an_edited_message_is_shown_as_it_is_now(
    graph: OpenGraph, place: Bookmark, small: Settings, reopened: bool
) -> None:
    """In its old place, also once it is folded, and to a process that has never seen it."""
    await graph.ainvoke(say("I live in Pariss"), place.config)
    await graph.ainvoke(say("And you?"), place.config)
    before = await head(graph, place)
    said = (await entries(graph, place))[0]
    edit = {"messages": [HumanMessage("I live in Paris", id=said.id)]}
    async with open_graph(small) as another:
        editor = another if reopened else graph
        await editor.aupdate_state(place.config, edit, as_node="answer")
        shown = ["I live in Paris", "And you?"]
        assert await questions(editor, place) == await questions(graph, place) == shown
        assert (await editor.threads.get(place)).messages == 4
        await talk(editor, place, 10)
        window = (await editor.aget_state(place.config)).values["messages"]
        assert said.id not in [message.id for message in window], "it is folded"
        for reader in (editor, graph):
            assert (await questions(reader, place))[:3] == [*shown, (await questions(reader, place))[2]]
            assert [e.seq for e in await entries(reader, place)] == list(range(24))
    assert await questions(graph, place.at(before)) == ["I live in Pariss", "And you?"], "as it was then"


async def test_a_message_taken_back_leaves_the_transcript(graph: OpenGraph, place: Bookmark) -> None:
    """What leaves the end of the window was taken back; the older moment still has it."""
    await graph.ainvoke(say("One"), place.config)
    await graph.ainvoke(say("Two"), place.config)
    before = await head(graph, place)
    gone = [RemoveMessage(id=e.id) for e in (await entries(graph, place))[2:]]
    await graph.aupdate_state(place.config, {"messages": gone}, as_node="answer")
    assert await questions(graph, place) == ["One"]
    await graph.ainvoke(say("Two again"), place.config)
    assert await questions(graph, place) == ["One", "Two again"]
    assert await questions(graph, place.at(before)) == ["One", "Two"]


async def test_a_branch_of_another_thread_is_no_branch(graph: OpenGraph, place: Bookmark) -> None:
    """Threads with the same words have nothing to do with each other."""
    other = Bookmark(place.thread_id, uuid4().hex)
    for each in (place, other):
        await graph.ainvoke(say("One"), each.config)
        await graph.ainvoke(say("Two"), each.config)
    assert parted(await entries(graph, place)) == parted(await entries(graph, other)) == {}
