"""What one run knows and nothing stores: `Context`."""

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Context:
    """Handed to the nodes through LangGraph's runtime; never part of a checkpoint."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever wants the answer to end here; what was written so far is kept and marked."""
