"""What every saver keeps of a checkpoint: as it was put, once, whole, whoever else writes."""

import asyncio
import random
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import empty_checkpoint

from tests.checkpointers.by_hand import at, put, same_place, values
from tests.checkpointers.conftest import OpenSaver

pytestmark = pytest.mark.anyio


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
