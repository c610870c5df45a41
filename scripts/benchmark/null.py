"""A saver that does nothing: what a turn takes with it is LangGraph's own time. `NullSaver`.

It keeps a reference to each thread's last checkpoint, so that the next turn begins where the last one ended
and folds where a real one folds. It writes nothing, encodes nothing and keeps no history.
"""

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)


class NullSaver(BaseCheckpointSaver[Any]):
    """Keeps references in this process, nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, CheckpointTuple] = {}

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The thread's last checkpoint."""
        last = self._last.get(config.get("configurable", {})["thread_id"])
        if last is None:
            return None
        values = {**last.checkpoint["channel_values"]}  # the run that gets it puts its own into the mapping
        return last._replace(checkpoint={**last.checkpoint, "channel_values": values})

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep the reference."""
        thread = config.get("configurable", {})["thread_id"]
        places = {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": checkpoint["id"]}
        stored: RunnableConfig = {"configurable": places}
        self._last[thread] = CheckpointTuple(stored, checkpoint, metadata, None, [])
        return stored

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Nothing."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The thread's last checkpoint."""
        return self.get_tuple(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep the reference."""
        return self.put(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Nothing."""
