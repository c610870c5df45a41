"""Whether what the threads stand on answers: `Health` asks the database, and knows of the models."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from graph.checkpointers import PostgresCheckpointer
from graph.errors import StoreUnavailable
from graph.model import Models

WITHIN = 2.0
"""Seconds in which the database has to answer."""


@dataclass(frozen=True)
class Condition:
    """How things are; `reasons` says why not well, and quotes nothing."""

    database: Literal["ok", "unavailable"]
    model: Literal["ok", "demo", "unavailable"]
    reasons: list[str]


class Health:
    """The health of one open graph; may be asked from any event loop, and by any number at once."""

    def __init__(self, saver: PostgresCheckpointer, models: Models) -> None:
        self._saver, self._models = saver, models
        self._asking: asyncio.Task[str | None] | None = None

    async def look(self) -> Condition:
        """How things are, within two seconds. The model is not asked: who was asked last knows.

        It is unavailable where a question would be refused without asking: nor does a fallback answer.
        """
        store, model = await self._saver.bridge.cross(self._trouble), self._refusal()
        well = "demo" if self._models.demo else "ok"
        return Condition(
            "unavailable" if store else "ok",
            "unavailable" if model else well,
            [trouble for trouble in (store, model) if trouble],
        )

    async def _trouble(self) -> str | None:
        # One question for all who look. It is not cancelled, which would be to ask the server once more.
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        asking = self._asking
        done, _ = await asyncio.wait((asking,), timeout=WITHIN)
        return asking.result() if done else f"Postgres has not answered for {WITHIN:g} s. Is it running?"

    async def _ask(self) -> str | None:
        try:
            async with self._saver.connection() as conn:
                await conn.execute("SELECT 1")
        except StoreUnavailable as e:
            return str(e)
        return None

    def _refusal(self) -> str | None:
        models = [model for model in (self._models.answer, self._models.fallback) if model]
        circuits = [self._models.circuit(model) for model in models]
        refusals = [circuit.refusal if circuit else None for circuit in circuits]
        return refusals[0] if all(refusals) else None
