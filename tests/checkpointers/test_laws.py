"""What every saver keeps to: the contract as its authors test it, and a blocking twin of every call."""

import asyncio
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import Capability

from tests.checkpointers.by_hand import Saver, at
from tests.checkpointers.conftest import OpenSaver

pytestmark = pytest.mark.anyio


async def test_the_authors_conformance_suite_passes(open_saver: OpenSaver) -> None:
    """Every capability of langgraph-checkpoint-conformance, the optional ones too."""

    @checkpointer_test(name="longthread")
    async def saver():  # type: ignore[no-untyped-def]
        async with open_saver() as saver:
            yield saver

    results = (await validate(saver)).to_dict()["results"]
    assert {name: r.get("failures") for name, r in results.items() if not r["passed"]} == {}
    assert set(results) == {c.value for c in Capability}


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
