"""What one run knows and nothing stores: `Context`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Context:
    """Handed to the nodes through LangGraph's runtime; never part of a checkpoint."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever wants the turn to end here: what was written so far of an answer is kept and marked,
    what was written of a summary is not."""

    words: Callable[[], str] | None = None
    """What was said so far, for those who follow the turn from another process."""

    admitted: Callable[[], None] | None = None
    """Called once the turn has its thread: where the answer is one step, the question is durable then."""

    operator: bool = False
    """Whether the caller may speak for others than a person: as system, assistant or tool."""

    @classmethod
    def of(cls, given: Any) -> "Context":
        """What was handed over, or one of its own: Studio and a plain invoke bring none."""
        return given if isinstance(given, Context) else cls()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """To Studio, which shows what can be filled in: nothing."""
        return core_schema.typed_dict_schema({})
