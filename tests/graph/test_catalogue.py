"""The catalogue: shelves, pages, sizes and owners; and threads that are copied and thinned."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph

from graph import Bookmark, InvalidInput, OpenGraph, ThreadNotFound
from graph.checkpointers.postgres import PostgresCheckpointer, open_postgres
from graph.threads import Shelf, Thread, Threads
from tests.graph.talking import say

pytestmark = pytest.mark.anyio


def echo(state: MessagesState) -> dict[str, list[AIMessage]]:
    """A node that answers at once."""
    return {"messages": [AIMessage(f"re: {state['messages'][-1].text}")]}


class House:
    """A stranger's graph, whose every step is stored, and the catalogue of its threads for one user."""

    def __init__(self, saver: PostgresCheckpointer) -> None:
        self.saver, self.threads, self.user = saver, Threads(saver), uuid4().hex
        builder = StateGraph(MessagesState)
        builder.add_node("echo", echo)
        builder.add_edge(START, "echo")
        builder.add_edge("echo", END)
        self.graph: Any = builder.compile(checkpointer=saver)

    def place(self, name: str) -> Bookmark:
        """A thread of the user's."""
        return Bookmark(name, self.user)

    async def say(self, place: Bookmark, *texts: str) -> str:
        """Turns; the checkpoint that they end at."""
        for text in texts:
            await self.graph.ainvoke({"messages": [HumanMessage(text)]}, place.config)
        return await self.head(place)

    async def head(self, place: Bookmark) -> str:
        """The checkpoint that the thread is at."""
        snapshot = await self.graph.aget_state(place.at(None).config)
        return snapshot.config["configurable"]["checkpoint_id"]

    async def listed(self, shelf: Shelf = "kept", **options: Any) -> list[str]:
        """The names of the threads on a shelf."""
        return [t.thread_id for t in await self.threads.list(self.user, shelf=shelf, **options)]

    async def asked(self, place: Bookmark) -> list[str]:
        """What was asked on a branch, from its transcript, which must be whole."""
        entries = (await self.threads.transcript(place, limit=500)).entries
        said = [str(entry.message.text) for entry in entries]
        assert said[1::2] == [f"re: {text}" for text in said[::2]]
        assert [entry.seq for entry in entries] == list(range(len(said)))
        return said[::2]

    async def history(self, place: Bookmark) -> dict[str, str | None]:
        """Each checkpoint's parent, the newest first."""
        found: dict[str, str | None] = {}
        async for each in self.saver.alist(place.at(None).config):
            parent = each.parent_config
            assert each.config["configurable"].get("checkpoint_id") == each.checkpoint["id"]
            found[each.checkpoint["id"]] = parent["configurable"]["checkpoint_id"] if parent else None
        return found


@pytest.fixture
async def house(database: str) -> AsyncIterator[House]:
    """A house with a user of this test's own."""
    async with open_postgres(database) as saver:
        yield House(saver)


# Shelves and pages


async def test_a_thread_stands_on_one_shelf(house: House) -> None:
    """Kept, archived or trashed; what is trashed is restored to where it was."""
    names = ["a", "b", "c"]
    for name in names:
        await house.say(house.place(name), "hello")

    async def shelves() -> tuple[list[str], list[str], list[str]]:
        return await house.listed("kept"), await house.listed("archived"), await house.listed("trashed")

    assert await shelves() == (["c", "b", "a"], [], [])
    await house.threads.archive(house.place("b"))
    await house.threads.trash(house.place("c"))
    assert await shelves() == (["a"], ["b"], ["c"])
    await house.threads.trash(house.place("b"))
    assert await shelves() == (["a"], [], ["c", "b"])
    await house.threads.trash(house.place("b"), on=False)
    await house.threads.trash(house.place("c"), on=False)
    assert await shelves() == (["c", "a"], ["b"], [])
    await house.threads.archive(house.place("b"), on=False)
    assert await shelves() == (["c", "b", "a"], [], [])
    with pytest.raises(InvalidInput):
        await house.listed("attic")  # pyright: ignore[reportArgumentType]


async def test_the_day_it_was_trashed_stays(house: House) -> None:
    """Trashed twice is trashed since the first time; restored, it is not."""
    place = house.place("a")
    await house.say(place, "hello")
    await house.threads.trash(place)
    since = (await house.threads.get(place)).trashed
    await house.threads.trash(place)
    assert since is not None
    assert (await house.threads.get(place)).trashed == since
    await house.threads.trash(place, on=False)
    assert (await house.threads.get(place)).trashed is None


async def test_the_list_follows_use_and_not_care(house: House) -> None:
    """A turn moves a thread to the front; to name, pin, look at or switch it does not."""
    for name in ("a", "b", "c"):
        await house.say(house.place(name), "hello")
    b = house.place("b")
    await house.threads.rename(b, "Another name")
    await house.threads.archive(b)
    await house.threads.archive(b, on=False)
    await house.threads.transcript(b)
    assert await house.listed() == ["c", "b", "a"]
    await house.threads.pin(b)
    assert await house.listed() == ["b", "c", "a"]
    await house.say(house.place("a"), "more")
    assert await house.listed() == ["b", "a", "c"]
    await house.threads.pin(b, on=False)
    assert await house.listed() == ["a", "c", "b"]
    await house.say(b, "more")
    assert await house.listed() == ["b", "a", "c"]


@pytest.mark.parametrize("size", [1, 2, 4, 9])
async def test_pages_join_without_gap_or_overlap(house: House, size: int) -> None:
    """On each shelf, pinned ones first on the list."""
    names = [f"thread {n}" for n in range(9)]
    for name in names:
        await house.say(house.place(name), "hello")
    for n in (0, 3, 8):
        await house.threads.pin(house.place(names[n]))

    async def paged(shelf: Shelf) -> list[str]:
        seen: list[Thread] = []
        while page := await house.threads.list(
            house.user, limit=size, after=seen[-1] if seen else None, shelf=shelf
        ):
            assert len(page) <= size
            seen += page
            assert len(seen) <= len(names)
        return [thread.thread_id for thread in seen]

    assert await paged("kept") == [names[n] for n in (8, 3, 0, 7, 6, 5, 4, 2, 1)]
    for move, shelf in ((house.threads.archive, "archived"), (house.threads.trash, "trashed")):
        for name in names:
            await move(house.place(name))
        assert await paged(shelf) == names[::-1]
        assert await paged("kept") == []


async def test_an_entry_says_what_the_thread_is(house: House) -> None:
    """Its title is the first question's, its dates are now, its head is its newest checkpoint."""
    place = house.place("a")
    await house.say(place, "  A first\nquestion  ", "another")
    (thread,) = await house.threads.list(house.user)
    assert thread == await house.threads.get(place)
    assert (thread.thread_id, thread.title, thread.messages) == ("a", "A first question", 4)
    assert (thread.pinned, thread.archived, thread.trashed) == (False, False, None)
    assert thread.head == await house.head(place)
    assert thread.created < thread.updated


# Size


async def test_size_grows_with_what_is_said(house: House) -> None:
    """By about what was said; other threads cost it nothing, and looking costs nothing."""
    place, other = house.place("a"), house.place("b")
    await house.say(place, "hello")
    small = await house.threads.size(place)
    assert 0 < small < 5_000
    await house.say(other, *("many other words " * 50 for _ in range(5)))
    await house.threads.transcript(place)
    assert await house.threads.size(place) == small
    text = uuid4().hex * 40
    await house.say(place, text)
    assert len(text) < await house.threads.size(place) - small < 4 * len(text)
    await house.threads.delete(other)
    assert await house.threads.size(place) > small


# Owners

CALLS: dict[str, Callable[[Threads, Bookmark], Awaitable[Any]]] = {
    "get": lambda threads, place: threads.get(place),
    "rename": lambda threads, place: threads.rename(place, "mine now"),
    "pin": lambda threads, place: threads.pin(place),
    "unpin": lambda threads, place: threads.pin(place, on=False),
    "archive": lambda threads, place: threads.archive(place),
    "trash": lambda threads, place: threads.trash(place),
    "restore": lambda threads, place: threads.trash(place, on=False),
    "delete": lambda threads, place: threads.delete(place),
    "size": lambda threads, place: threads.size(place),
    "switch": lambda threads, place: threads.switch(place),
    "transcript": lambda threads, place: threads.transcript(place),
    "moments": lambda threads, place: threads.moments(place),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
async def test_absent_and_foreign_look_the_same(
    house: House, call: Callable[[Threads, Bookmark], Awaitable[Any]]
) -> None:
    """ThreadNotFound with one text, and the thread is as it was."""
    place = house.place("a")
    head = await house.say(place, "hello")
    before, size = await house.threads.get(place), await house.threads.size(place)
    said: set[str] = set()
    for stranger in (
        Bookmark("a", uuid4().hex, head),
        Bookmark("a", checkpoint_id=head),
        Bookmark(place.key, checkpoint_id=head),
        house.place("b").at(head),
    ):
        with pytest.raises(ThreadNotFound) as e:
            await call(house.threads, stranger)
        said.add(str(e.value))
    assert len(said) == 1
    assert await house.threads.get(place) == before
    assert await house.threads.size(place) == size


# Thinned


async def forked(house: House, place: Bookmark) -> dict[str, list[str]]:
    """Two turns, and from there two branches of six turns each: what was asked, by tip."""
    early = await house.say(place, "1", "2")
    tips: dict[str, list[str]] = {}
    for branch in "ab":
        first, *rest = [f"{n}{branch}" for n in range(3, 9)]
        await house.say(place.at(early), first)
        tips[await house.say(place, *rest)] = ["1", "2", first, *rest]
    return tips


async def test_keep_forks_keeps_each_branch(house: House) -> None:
    """Each tip and one checkpoint a turn for its last two turns, still chains; every word, and both go on."""
    place = Bookmark(uuid4().hex)
    tips = await forked(house, place)
    before = await house.history(place)
    await house.saver.aprune([place.thread_id], strategy="keep_forks", turns=2)
    history = await house.history(place)
    assert history.keys() < before.keys()
    assert len(history) == 4
    assert set(history.values()) == {None, *(history.keys() - tips.keys())}
    for tip, asked in tips.items():
        earlier = history[tip]
        assert earlier
        assert history[earlier] is None
        state = await house.graph.aget_state(place.at(earlier).config)
        assert [m.text for m in state.values["messages"]][::2] == asked[:-1], "the end of the turn before"
        assert state.next == ()
        assert await house.asked(place.at(tip)) == asked
    for tip, asked in tips.items():
        await house.threads.switch(place.at(tip))
        assert await house.asked(place) == asked
        end = await house.say(place, "on")
        assert await house.asked(place) == [*asked, "on"]
        assert (await house.threads.get(place)).messages == 2 * len(asked) + 2
        branches = (await house.threads.transcript(place, limit=500)).entries[4].branches
        assert [branch.current for branch in branches].count(True) == 1
        assert len(branches) == 2
        assert [b.checkpoint_id for b in branches if b.current] == [end]


async def test_keep_forks_of_more_turns_than_there_are_keeps_one_a_turn(house: House) -> None:
    """Of eight turns a branch, two of them shared: fourteen; and once more changes nothing."""
    place = Bookmark(uuid4().hex)
    tips = await forked(house, place)
    await house.saver.aprune([place.thread_id], strategy="keep_forks", turns=100)
    history = await house.history(place)
    assert len(history) == 14
    for tip, asked in tips.items():
        at, walked = tip, list[str]()
        while at:
            walked.append(at)
            at = history[at]
        assert len(walked) == len(asked)
    await house.saver.aprune([place.thread_id], strategy="keep_forks", turns=100)
    assert await house.history(place) == history


async def test_threads_of_ours_are_thinned_turn_by_turn(graph: OpenGraph, place: Bookmark) -> None:
    """Where a turn is one checkpoint and a fold another: the last of each turn stays, and every word."""
    saver: Any = graph.checkpointer
    for n in range(12):
        await graph.ainvoke(say(f"Note {n}: " + "amber birch cedar dune ember fjord " * 3), place.config)
    before = await graph.threads.moments(place, limit=500)
    said = await graph.threads.transcript(place, limit=500)
    assert {moment.kind for moment in before} == {"answer", "fold"}
    await saver.aprune([place.thread_id], strategy="keep_forks", turns=5)
    moments = await graph.threads.moments(place, limit=500)
    turns: list[str] = []
    for newer, older in zip([None, *before], before, strict=False):
        if newer is None or newer.kind != "fold":  # a fold stands for its turn
            turns.append(older.checkpoint_id)
    assert [moment.checkpoint_id for moment in moments] == turns[:5]
    assert [m.parent for m in moments] == [*turns[1:5], None]
    assert await graph.threads.transcript(place, limit=500) == said
    await graph.ainvoke(say("Still there?"), place.config)
    assert len((await graph.threads.transcript(place, limit=500)).entries) == 26


async def test_keep_latest_keeps_every_word_of_the_branch(house: House) -> None:
    """One checkpoint, the whole transcript, and it goes on."""
    place = Bookmark(uuid4().hex)
    tips = await forked(house, place)
    await house.threads.switch(place.at(next(iter(tips))))
    await house.saver.aprune([place.thread_id], strategy="keep_latest")
    assert await house.history(place) == {next(iter(tips)): None}
    assert await house.asked(place) == next(iter(tips.values()))
    await house.say(place, "on")
    assert await house.asked(place) == [*next(iter(tips.values())), "on"]


async def test_an_unknown_strategy_is_refused(house: House) -> None:
    """ValueError, as the stock's, and nothing is dropped."""
    place = Bookmark(uuid4().hex)
    await house.say(place, "1", "2")
    before = await house.history(place)
    with pytest.raises(ValueError, match="keep_most"):
        await house.saver.aprune([place.thread_id], strategy="keep_most")
    with pytest.raises(TypeError):
        await house.saver.aprune(place.thread_id)
    assert await house.history(place) == before


async def test_thinning_one_thread_leaves_its_neighbours(house: House) -> None:
    """Another thread, and somebody else's of the same id, keep every checkpoint."""
    place = Bookmark(uuid4().hex)
    neighbours = [Bookmark(f"{place.thread_id}_b"), Bookmark(place.thread_id, house.user)]
    for each in (place, *neighbours):
        await house.say(each, "1", "2", "3")
    before = [await house.history(each) for each in neighbours]
    for strategy in ("keep_forks", "keep_latest", "delete"):
        await house.saver.aprune([place.thread_id], strategy=strategy, turns=1)
        assert [await house.history(each) for each in neighbours] == before


# Copied


async def test_a_copy_is_a_thread_of_its_own(house: House) -> None:
    """Same branches, same words, same title; what is said or deleted in one is not in the other."""
    place, twin = Bookmark(uuid4().hex), Bookmark(uuid4().hex)
    tips = await forked(house, place)
    await house.threads.rename(place, "The one to copy")
    await house.saver.acopy_thread(place.thread_id, twin.thread_id)
    assert await house.history(twin) == await house.history(place)
    for tip, asked in tips.items():
        assert await house.asked(twin.at(tip)) == asked
    copied, original = [(await house.threads.transcript(each)).entries for each in (twin, place)]
    assert [len(entry.branches) for entry in copied] == [len(entry.branches) for entry in original]
    assert any(entry.branches for entry in copied)
    thread = await house.threads.get(twin)
    assert (thread.title, thread.messages) == ("The one to copy", 16)
    await house.say(twin, "only here")
    newest = list(tips.values())[-1]
    assert await house.asked(twin) == [*newest, "only here"]
    assert await house.asked(place) == newest
    await house.threads.delete(place)
    assert await house.asked(twin) == [*newest, "only here"]
    with pytest.raises(InvalidInput):
        await house.saver.acopy_thread("nobody's", twin.thread_id)
