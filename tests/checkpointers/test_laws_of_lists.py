"""What every saver lists: of which threads and namespaces, before what, and in which order."""

from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple

from tests.checkpointers.by_hand import Saver, at, put, same_place
from tests.checkpointers.conftest import OpenSaver

pytestmark = pytest.mark.anyio


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
