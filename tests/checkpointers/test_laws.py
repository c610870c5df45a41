"""What every saver keeps to when it is called by hand: the authors' contract, and what that leaves open."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple, empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import Capability
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME, SCHEDULED

from tests.checkpointers.conftest import OpenSaver

pytestmark = pytest.mark.anyio

Saver = BaseCheckpointSaver[str]

LOOK_ALIKES = [
    "a", "a_b", "a_", "_a", "A", "ab", "a%", "%", "_", "a/b", "a\\b", "a:b", "a|b", "a~b", "~a", "~~a",
    "~a~b", "a'b", 'a"b', "a b", "a  b", "a%20b", "a{b}", "a;--", "1", "01", "1.0", "None", "null", "local",
    "\u00e4", "a\u0308", "\U0001f4ac", "\u8bdd", "\u200b", "é" * 127, "é" * 126, "x" * 255,
]  # fmt: skip


async def test_the_authors_conformance_suite_passes(open_saver: OpenSaver) -> None:
    """Every capability of langgraph-checkpoint-conformance, the optional ones too."""

    @checkpointer_test(name="longthread")
    async def saver():  # type: ignore[no-untyped-def]
        async with open_saver() as saver:
            yield saver

    results = (await validate(saver)).to_dict()["results"]
    assert {name: r.get("failures") for name, r in results.items() if not r["passed"]} == {}
    assert set(results) == {c.value for c in Capability}


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


async def test_pending_writes_come_in_the_order_of_path_task_and_place(open_saver: OpenSaver) -> None:
    """Twelve tasks that wrote one channel in any order are replayed as they would have run; 10 is after 9."""
    chance = random.Random(3)
    paths = [f"~__pregel_pull, {name}" for name in ("Z", "a", "_", "é", "b c")]
    paths += [f"~__pregel_push, {n:010d}, False" for n in (2, 10, 9)]
    tasks = [(path, str(uuid4())) for path in (*paths, *paths[:4])]
    jobs = [(path, task, [("c", f"{path} {task} {n}") for n in range(13)]) for path, task in tasks]
    expected = [(task, *write) for _, task, writes in sorted(jobs) for write in writes]
    async with open_saver() as saver:
        place = await put(saver, "t")
        chance.shuffle(jobs)
        await asyncio.gather(*(saver.aput_writes(place, writes, task, path) for path, task, writes in jobs))
        found = await saver.aget_tuple(place)
        listed = [t async for t in saver.alist(at("t"))]
    assert found
    assert found.pending_writes == expected
    assert listed[0].pending_writes == expected


@pytest.mark.parametrize("channel", [ERROR, INTERRUPT, RESUME, SCHEDULED])
async def test_a_special_write_replaces_the_one_before(open_saver: OpenSaver, channel: str) -> None:
    """Of an error, an interrupt, a resume and a schedule the last counts, beside the task's other writes."""
    async with open_saver() as saver:
        place = await put(saver, "t")
        await saver.aput_writes(place, [("c", "kept")], "task")
        for value in ("first", "second"):
            await saver.aput_writes(place, [(channel, [value])], "task")
        await saver.aput_writes(place, [(channel, ["other"])], "task of another")
        found = await saver.aget_tuple(place)
    assert found
    assert found.pending_writes == [
        ("task", channel, ["second"]),
        ("task", "c", "kept"),
        ("task of another", channel, ["other"]),
    ]


async def test_an_ordinary_write_is_kept_as_it_was_first(open_saver: OpenSaver) -> None:
    """A task that runs again changes nothing that it wrote before."""
    async with open_saver() as saver:
        place = await put(saver, "t")
        await saver.aput_writes(place, [("a", 1), ("b", HumanMessage("first", id="m"))], "task")
        await saver.aput_writes(
            place, [("a", 2), ("b", HumanMessage("second", id="m")), ("c", 3)], "task", "~path"
        )
        found = await saver.aget_tuple(place)
    assert found
    written = [(channel, getattr(value, "text", value)) for _, channel, value in found.pending_writes or ()]
    assert sorted(written) == [("a", 1), ("b", "first"), ("c", 3)]


async def test_a_list_is_newest_first_and_knows_each_parent(open_saver: OpenSaver) -> None:
    """By id, per namespace or across all of a thread; each with its own parent, values and writes."""
    async with open_saver() as saver:
        put_ = await two_namespaces(saver, "t")
        await saver.aput_writes(put_["child 1"], [("c", "w")], "task")
        everything = [t async for t in saver.alist(at("t"))]
        assert names(everything) == ["child 2", "root 2", "child 1", "root 1", "child 0", "root 0"]
        assert names([t async for t in saver.alist(at("t", ""))]) == ["root 2", "root 1", "root 0"]
        assert names([t async for t in saver.alist(at("t", "child:1"))]) == ["child 2", "child 1", "child 0"]
        assert names([t async for t in saver.alist(put_["child 1"])]) == ["child 1"]
    for found in everything:
        (name,) = names([found])
        space, _, n = name.partition(" ")
        place = put_[name]["configurable"]
        assert same_place(found.config["configurable"], place)
        assert found.checkpoint["id"] == place["checkpoint_id"]
        assert found.checkpoint["channel_values"] == {"name": [name]}
        assert found.pending_writes == ([("task", "c", "w")] if name == "child 1" else [])
        if n == "0":
            assert found.parent_config is None
        else:
            assert found.parent_config
            parent = put_[f"{space} {int(n) - 1}"]["configurable"]
            assert same_place(found.parent_config["configurable"], parent)


async def test_before_means_before_in_every_namespace(open_saver: OpenSaver) -> None:
    """What is older than a moment, though the moment is of another namespace; with and without a limit."""
    async with open_saver() as saver:
        put_ = await two_namespaces(saver, "t")

        async def listed(ns: str | None, before: str, limit: int | None = None) -> list[str]:
            return names([t async for t in saver.alist(at("t", ns), before=put_[before], limit=limit)])

        assert await listed("child:1", "root 2") == ["child 1", "child 0"]
        assert await listed("", "child 1") == ["root 1", "root 0"]
        assert await listed(None, "root 1") == ["child 0", "root 0"]
        assert await listed("child:1", "root 2", 1) == ["child 1"]
        assert await listed(None, "child 2", 3) == ["root 2", "child 1", "root 1"]
        assert await listed("", "root 0") == []


async def test_a_list_can_be_filtered_by_metadata(open_saver: OpenSaver) -> None:
    """By source, step and keys of the caller's own, together, and before the limit counts."""
    async with open_saver() as saver:
        for thread in ("t", "u"):
            await two_namespaces(saver, thread)

        async def listed(where: RunnableConfig | None, limit: int | None = None, **filter: Any) -> list[str]:
            return names([t async for t in saver.alist(where, filter=filter, limit=limit)])

        assert await listed(at("t"), source="input") == ["child 0", "root 0"]
        assert await listed(at("t"), step=1) == ["child 1", "root 1"]
        assert await listed(at("t", ""), name="root 1") == ["root 1"]
        assert await listed(at("t"), odd=True) == ["child 1", "root 1"]
        assert await listed(at("t"), source="loop", odd=False) == ["child 2", "root 2"]
        assert await listed(at("t"), 1, source="input") == ["child 0"]
        assert await listed(at("t"), step="1") == []
        assert await listed(at("t"), absent=1) == []
        assert await listed(None, name="root 1") == ["root 1", "root 1"]


async def test_a_list_without_a_thread_is_of_all_threads(open_saver: OpenSaver) -> None:
    """Newest first, each with the thread's name as its owner gave it."""
    async with open_saver() as saver:
        for name in ("t", "~u", "t"):
            await put(saver, name, {"c": ["x"]})
        found = [t async for t in saver.alist(None)]
        assert [t.config["configurable"]["thread_id"] for t in found] == ["t", "~u", "t"]
        assert len([t async for t in saver.alist(None, limit=2)]) == 2
        older = [t async for t in saver.alist(None, before=found[0].config)]
        assert [t.checkpoint["id"] for t in older] == [t.checkpoint["id"] for t in found[1:]]


async def test_metadata_comes_back_as_it_was_put(open_saver: OpenSaver) -> None:
    """Whatever JSON can hold, and no key more."""
    metadata = {
        "source": "update",
        "step": 12,
        "parents": {"": str(uuid4()), "child:1": str(uuid4())},
        "run_id": str(uuid4()),
        "note": "ä ' \" % \U0001f4ac",
        "nested": {"list": [1, 2.5, True, None, {"deep": []}]},
    }
    async with open_saver() as saver:
        place = await put(saver, "t", **metadata)
        found = await saver.aget_tuple(place)
    assert found
    assert found.metadata == metadata


async def test_a_checkpoint_that_is_put_twice_is_there_once(open_saver: OpenSaver) -> None:
    """Retried or raced by two processes: one checkpoint, its writes and messages once."""
    checkpoint = empty_checkpoint() | {
        "v": 4,
        "channel_values": {"messages": [HumanMessage("hi", id="1"), AIMessage("ho", id="2")]},
        "channel_versions": {"messages": "1"},
    }
    metadata = {"source": "loop", "step": 0, "parents": {}}
    async with open_saver() as saver, open_saver() as twin:
        for _ in range(2):
            places = await asyncio.gather(
                *(s.aput(at("t", ""), checkpoint, metadata, {"messages": "1"}) for s in (saver, twin, saver))
            )
            for place in places:
                await saver.aput_writes(place, [("c", 1), ("c", 2)], "task")
        listed = [t async for t in twin.alist(at("t"))]
    assert len(listed) == 1
    assert listed[0].checkpoint["channel_values"] == checkpoint["channel_values"]
    assert listed[0].pending_writes == [("task", "c", 1), ("task", "c", 2)]


async def test_two_writers_on_one_thread_lose_nothing(open_saver: OpenSaver) -> None:
    """Both go on from one head: both checkpoints are there, each with its own message, even under one id."""
    async with open_saver() as one, open_saver() as two:
        for _ in range(5):
            thread = uuid4().hex
            base = [HumanMessage("hi", id="1")]
            parent = await put(one, thread, {"messages": base})
            said = [[*base, AIMessage(text, id="2")] for text in ("left", "right")]
            places = await asyncio.gather(
                *(
                    put(s, thread, {"messages": m}, parent=parent)
                    for s, m in zip((one, two), said, strict=True)
                )
            )
            for reader in (one, two):
                assert [(await values(reader, p))["messages"] for p in places] == said
            listed = [t async for t in two.alist(at(thread))]
            assert len(listed) == 3
            assert all(t.parent_config and same_place(t.parent_config["configurable"], parent["configurable"])
                       for t in listed[:2])  # fmt: skip


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


async def test_what_is_handed_out_is_the_callers_own(open_saver: OpenSaver) -> None:
    """Changing a message after it was put or read changes nothing that is stored, nor what is read next."""

    def fresh() -> dict[str, Any]:
        message = AIMessage("said", id="m", additional_kwargs={"list": [1]})
        return {"messages": [message], "last": message, "other": {"deep": [message, {"n": 1}]}}

    def spoil(held: dict[str, Any]) -> None:
        for message in (*held["messages"], held["last"], held["other"]["deep"][0]):
            message.content = "spoilt"
            message.additional_kwargs["list"].append(2)
        held["messages"].append(HumanMessage("more"))
        held["other"]["deep"][1]["n"] = 2

    given = fresh()
    async with open_saver() as saver:
        place = await put(saver, "t", given)
        spoil(given)
        for where in (place, at("t"), place, at("t")):
            found = await values(saver, where)
            assert found == fresh()
            spoil(found)
        async for listed in saver.alist(at("t")):
            assert listed.checkpoint["channel_values"] == fresh()
        # What goes on from a spoilt reading stores it as it is now, and the old moment stays.
        await put(saver, "t", found, parent=place)
        assert (await values(saver, at("t")))["messages"][0].text == "spoilt"
        assert await values(saver, place) == fresh()


@pytest.mark.parametrize("kind", ["message", "list", "text", "nested"])
async def test_five_megabytes_go_round(open_saver: OpenSaver, kind: str) -> None:
    """A message alone, one among others, and values that are no messages; also as a pending write."""
    text = random.Random(1).randbytes(5_000_000 // 2).hex()
    message = AIMessage(text, id="large")
    large = {
        "message": message,
        "list": [HumanMessage("q", id="q"), message, HumanMessage("r", id="r")],
        "text": text,
        "nested": {"a": [text.encode(), {"b": text}]},
    }[kind]
    async with open_saver() as saver:
        place = await put(saver, "t", {"c": large})
        await saver.aput_writes(place, [("c", large)], "task")
        found = await saver.aget_tuple(at("t"))
    assert found
    assert found.checkpoint["channel_values"] == {"c": large}
    assert found.pending_writes == [("task", "c", large)]


async def test_every_call_has_a_blocking_twin(open_saver: OpenSaver) -> None:
    """From another thread, without an event loop there, with the same result."""

    def elsewhere(saver: Saver) -> list[Any]:
        checkpoint = empty_checkpoint() | {
            "v": 4,
            "channel_values": {"c": ["x"]},
            "channel_versions": {"c": "1"},
        }
        metadata: Any = {"source": "loop", "step": 0, "parents": {}, "run_id": "r"}
        place = saver.put(at("t", ""), checkpoint, metadata, {"c": "1"})
        saver.put_writes(place, [("c", 1)], "task")
        found = saver.get_tuple(place)
        assert found
        listed = list(saver.list(at("t")))
        saver.copy_thread("t", "u")
        saver.prune(["t"])
        saver.delete_for_runs(["r"])
        saver.delete_thread("u")
        return [
            found.checkpoint["channel_values"],
            found.pending_writes,
            len(listed),
            saver.get_tuple(at("t")),
        ]

    async with open_saver() as saver:
        assert await asyncio.to_thread(elsewhere, saver) == [{"c": ["x"]}, [("task", "c", 1)], 1, None]


def at(thread_id: str, ns: str | None = None) -> RunnableConfig:
    """A thread as a config, of one namespace or of none in particular."""
    return {"configurable": {"thread_id": thread_id} | ({} if ns is None else {"checkpoint_ns": ns})}


async def put(
    saver: Saver,
    thread_id: str,
    held: Mapping[str, Any] | None = None,
    *,
    parent: RunnableConfig | None = None,
    ns: str = "",
    **metadata: Any,
) -> RunnableConfig:
    """Store a checkpoint in which each channel has a version of its own."""
    versions = {channel: saver.get_next_version(None, None) for channel in held or {}}
    checkpoint = empty_checkpoint() | {
        "v": 4,
        "channel_values": dict(held or {}),
        "channel_versions": versions,
    }
    config = at(thread_id, ns)
    if parent:
        config["configurable"]["checkpoint_id"] = parent["configurable"]["checkpoint_id"]
    told: Any = {"source": "loop", "step": 0, "parents": {}, **metadata}
    return await saver.aput(config, checkpoint, told, dict(versions))


async def values(saver: Saver, where: RunnableConfig) -> dict[str, Any]:
    """The channels at a place that is there."""
    found = await saver.aget_tuple(where)
    assert found
    return found.checkpoint["channel_values"]


async def contents(saver: Saver, thread_id: str, ns: str | None = None) -> list[tuple[Any, ...]]:
    """All there is of a thread, newest first: namespace, values, writes, metadata, id and parent's id."""
    return [
        (
            found.config["configurable"]["checkpoint_ns"],
            found.checkpoint["channel_values"],
            found.pending_writes,
            found.metadata,
            found.checkpoint["id"],
            found.parent_config and found.parent_config["configurable"]["checkpoint_id"],
        )
        async for found in saver.alist(at(thread_id, ns))
    ]


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


async def two_namespaces(saver: Saver, thread_id: str) -> dict[str, RunnableConfig]:
    """Three checkpoints of the root and three of a child, by turns; where each one is."""
    places: dict[str, RunnableConfig] = {}
    for n in range(3):
        for space, ns in (("root", ""), ("child", "child:1")):
            name = f"{space} {n}"
            places[name] = await put(
                saver,
                thread_id,
                {"name": [name]},
                parent=places.get(f"{space} {n - 1}"),
                ns=ns,
                step=n,
                source="loop" if n else "input",
                name=name,
                odd=n == 1,
            )
    return places


def names(found: list[CheckpointTuple]) -> list[str]:
    """What `two_namespaces` called them."""
    told: list[Any] = [t.metadata for t in found]
    return [metadata["name"] for metadata in told]


def same_place(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two configs name one checkpoint."""
    return all(one[k] == other[k] for k in ("thread_id", "checkpoint_ns", "checkpoint_id"))
