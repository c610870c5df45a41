"""What every saver keeps of what a task wrote before its step was complete."""

import asyncio
import random
from uuid import uuid4

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME, SCHEDULED

from tests.checkpointers.by_hand import at, put
from tests.checkpointers.conftest import OpenSaver

pytestmark = pytest.mark.anyio


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
