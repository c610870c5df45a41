"""A saver called by hand: `put` a checkpoint `at` a place, and read its `values` or a thread's `contents`."""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint

Saver = BaseCheckpointSaver[str]


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


def same_place(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two configs name one checkpoint."""
    return all(one[k] == other[k] for k in ("thread_id", "checkpoint_ns", "checkpoint_id"))
