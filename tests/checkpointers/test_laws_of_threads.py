"""What every saver does with whole threads: each apart from the others, deleted, copied, pruned."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from tests.checkpointers.by_hand import Saver, at, contents, put, values
from tests.checkpointers.conftest import OpenSaver

pytestmark = pytest.mark.anyio

LOOK_ALIKES = [
    "a", "a_b", "a_", "_a", "A", "ab", "a%", "%", "_", "a/b", "a\\b", "a:b", "a|b", "a~b", "~a", "~~a",
    "~a~b", "a'b", 'a"b', "a b", "a  b", "a%20b", "a{b}", "a;--", "1", "01", "1.0", "None", "null", "local",
    "\u00e4", "a\u0308", "\U0001f4ac", "\u8bdd", "\u200b", "é" * 127, "é" * 126, "x" * 255,
]  # fmt: skip


async def test_deleting_a_thread_leaves_its_look_alikes(open_saver: OpenSaver) -> None:
    """`a` is not `a_b`, whatever the characters: nothing of another thread is read or deleted."""
    async with open_saver() as saver:
        left = await look_alikes(saver)
        for name in LOOK_ALIKES:
            await saver.adelete_thread(name)
            assert await contents(saver, name) == []
            del left[name]
            assert {other: await contents(saver, other) for other in left} == left


async def test_pruning_a_thread_leaves_its_look_alikes(open_saver: OpenSaver) -> None:
    """Only the thread that was named loses checkpoints."""
    async with open_saver() as saver:
        expected = await look_alikes(saver)
        for name in LOOK_ALIKES:
            await saver.aprune([name], strategy="keep_latest")
            child, newest, _ = expected[name]
            expected[name] = [child, (*newest[:-1], None)]
            assert {other: await contents(saver, other) for other in LOOK_ALIKES} == expected


async def test_copying_a_thread_leaves_its_look_alikes(open_saver: OpenSaver) -> None:
    """The copy is the thread that was named, and the others are as they were."""
    async with open_saver() as saver:
        expected = await look_alikes(saver)
        for n, name in enumerate(LOOK_ALIKES):
            await saver.acopy_thread(name, f"copy {n}")
            assert await contents(saver, f"copy {n}") == expected[name]
        assert {name: await contents(saver, name) for name in LOOK_ALIKES} == expected


async def test_a_number_names_the_same_thread_as_its_digits(open_saver: OpenSaver) -> None:
    """`1` and `"1"` are one thread, in every call."""
    number: Any = 1
    async with open_saver() as saver:
        first = await put(saver, number, {"c": ["one"]})
        assert str(first["configurable"]["thread_id"]) == "1"
        await put(saver, "1", {"c": ["two"]}, parent=first)
        assert await values(saver, at(number)) == {"c": ["two"]}
        assert [t.checkpoint["channel_values"] async for t in saver.alist(at(number))] == [
            {"c": ["two"]},
            {"c": ["one"]},
        ]
        await saver.aprune([number])
        assert len(await contents(saver, "1")) == 1
        await saver.adelete_thread(number)
        assert await contents(saver, "1") == []


async def test_a_deleted_thread_is_gone_and_can_begin_anew(open_saver: OpenSaver) -> None:
    """Checkpoints, writes, messages, every namespace; and nothing of before is in what comes after."""
    async with open_saver() as saver:
        old = await put(saver, "t", {"messages": [HumanMessage("old", id="m")]})
        await put(saver, "t", {"messages": [HumanMessage("old", id="m")]}, ns="child:1")
        await saver.aput_writes(old, [("c", 1)], "task")
        await saver.adelete_thread("t")
        assert await saver.aget_tuple(old) is None
        assert await saver.aget_tuple(at("t")) is None
        assert await contents(saver, "t") == []
        new = await put(saver, "t", {"messages": [HumanMessage("new", id="m")]})
        assert [m.text for m in (await values(saver, at("t")))["messages"]] == ["new"]
        assert (await contents(saver, "t"))[0][2] == []
        assert await saver.aget_tuple(old) is None
        assert len([t async for t in saver.alist(at("t"))]) == 1
        await saver.aput_writes(new, [("c", 2)], "task")
        await saver.adelete_thread("never there")


async def test_deleting_a_run_leaves_what_others_hold(open_saver: OpenSaver) -> None:
    """The run's checkpoints go, in all threads; messages that it brought stay where others refer to them."""
    said = [HumanMessage(str(n), id=str(n)) for n in range(3)]
    async with open_saver() as saver:
        for thread in ("t", "u"):
            parent = None
            for n, run in enumerate(("r_1", "r", "R")):
                parent = await put(saver, thread, {"messages": said[: n + 1]}, parent=parent, run_id=run)
        await saver.adelete_for_runs(["r"])
        for thread in ("t", "u"):
            left = [t async for t in saver.alist(at(thread))]
            assert [t.metadata["run_id"] for t in left] == ["R", "r_1"]
            assert [t.checkpoint["channel_values"]["messages"] for t in left] == [said, said[:1]]


async def test_a_copy_holds_everything_and_goes_its_own_way(open_saver: OpenSaver) -> None:
    """Namespaces, branches, metadata and writes are there; a change of one is none of the other."""
    said = [HumanMessage("hi", id="1"), AIMessage("ho", id="2")]
    async with open_saver() as saver:
        root = await put(saver, "t", {"messages": said[:1]}, note="first")
        await put(saver, "t", {"messages": said}, parent=root, note="left")
        tip = await put(saver, "t", {"messages": [*said[:1], AIMessage("oh", id="2")]}, parent=root)
        await put(saver, "t", {"messages": said}, ns="child:1")
        await saver.aput_writes(tip, [("messages", AIMessage("pending", id="3"))], "task", "~path")
        before = await contents(saver, "t")
        await saver.acopy_thread("t", "copy")
        assert await contents(saver, "copy") == before
        for found in [t async for t in saver.alist(at("copy"))]:
            assert found.config["configurable"]["thread_id"] == "copy"
            if found.parent_config:
                assert found.parent_config["configurable"]["thread_id"] == "copy"
        there = {"configurable": {**tip["configurable"], "thread_id": "copy"}}
        await put(saver, "copy", {"messages": [HumanMessage("only there", id="1")]}, parent=there)
        await saver.aput_writes(there, [("c", "only there")], "task 2")
        assert await contents(saver, "t") == before
        copied = await contents(saver, "copy")
        await put(saver, "t", {"messages": [HumanMessage("only here", id="1")]}, parent=tip)
        assert await contents(saver, "copy") == copied
        await saver.adelete_thread("t")
        assert await contents(saver, "copy") == copied


async def test_pruning_keeps_what_can_be_gone_on_from(open_saver: OpenSaver) -> None:
    """`keep_latest`: each namespace's newest with its writes, without a parent; `delete`: nothing."""
    said = [HumanMessage(str(n), id=str(n)) for n in range(4)]
    async with open_saver() as saver:
        for ns in ("", "child:1"):
            parent = None
            for n in range(4):
                parent = await put(saver, "t", {"messages": said[: n + 1]}, parent=parent, ns=ns)
                await saver.aput_writes(parent, [("messages", said[n])], "task")
        expected = [await contents(saver, "t", ns) for ns in ("", "child:1")]
        await saver.aprune(["t", "absent"], strategy="keep_latest")
        left = [[(*newest[:-1], None)] for newest, *_ in expected]
        assert [await contents(saver, "t", ns) for ns in ("", "child:1")] == left
        await put(saver, "t", {"messages": said[2:]}, parent=parent)
        assert (await values(saver, at("t")))["messages"] == said[2:]
        await saver.aprune(["t"], strategy="delete")
        assert await contents(saver, "t") == []


async def look_alikes(saver: Saver) -> dict[str, list[tuple[Any, ...]]]:
    """Fill a thread for each of the names; what they hold. Raises where a thread holds more than its own."""
    for name in LOOK_ALIKES:
        first = await put(saver, name, {"messages": [HumanMessage(name, id="m")]})
        second = await put(saver, name, {"messages": [HumanMessage(name, id="m")], "n": [2]}, parent=first)
        await saver.aput_writes(second, [("c", name)], "task")
        await put(saver, name, {"name": [name]}, ns="child:1")
    held = {name: await contents(saver, name) for name in LOOK_ALIKES}
    for name, (child, second, first) in held.items():
        said: list[BaseMessage] = second[1]["messages"] + first[1]["messages"]
        assert [m.text for m in said] == [name, name]
        assert child[1] == {"name": [name]}
        assert second[2] == [("task", "c", name)]
    return held
