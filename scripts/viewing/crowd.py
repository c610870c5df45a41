"""Many people who watch their answers at once, over plain HTTP as a browser does: `crowd`."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from scripts.benchmark.report import Must, Report, Spread, Table
from scripts.viewing.stage import CROWD, Stage

PACES, SECONDS = (20, 50), 6
"""Words a second of each answer, and how long it is."""
QUIET = 1.0
"""Seconds of next to no computing that tell that all is over."""


@dataclass
class Watched:
    """What one person was sent while an answer was written: bytes and moments of the updates."""

    first: int = 0
    updates: list[int] = field(default_factory=list[int])
    at: list[float] = field(default_factory=list[float])
    last: int = 0


@dataclass
class Run:
    """Seconds that the server computed until all answers were over, how long that took, and what was seen."""

    cpu: float
    lasted: float
    watched: list[Watched]


def crowd(stage: Stage) -> Report:
    """The same answers with nobody watching, and with everybody: what the process computes more until all
    answers are over is the page's side, spread over the time that the answers take."""
    report = Report()
    with ThreadPoolExecutor(1) as elsewhere:  # the browser's driver keeps an event loop in this thread
        for pace in PACES:
            stage.model.words, stage.model.delay = SECONDS * pace, 1 / pace
            try:
                alone = elsewhere.submit(asyncio.run, _run(stage, watching=False)).result()
                watched = elsewhere.submit(asyncio.run, _run(stage, watching=True)).result()
            finally:
                stage.model.words, stage.model.delay = None, 0.0
            _tell(report, f"{stage.people} people, {pace} words/s each", alone.cpu, watched)
    return report


def _tell(report: Report, who: str, alone: float, run: Run) -> None:
    watched = run.watched
    gaps = [after - before for each in watched for before, after in zip(each.at, each.at[1:], strict=False)]
    sizes = [size for each in watched for size in each.updates]
    gap = sorted(gaps)[int(0.95 * len(gaps))]
    report.musts += [
        Must(f"{who}: bytes of an update, largest", 500, max(sizes)),
        Must("bytes of the last message", 2_000, max(each.last for each in watched)),
        Must("CPU of the page's side, % of a core", 70, 100 * (run.cpu - alone) / run.lasted),
        Must("gap between updates, p95, ms", 150, 1e3 * gap),
    ]
    rows = [
        ["CPU with nobody watching, s", f"{alone:.2f}"],
        ["CPU with everybody watching, s", f"{run.cpu:.2f}"],
        ["the answers took, s", f"{run.lasted:.1f}"],
        ["gaps, ms", Spread.of(gaps).line(1e3, 0)],
        ["bytes of an update", Spread.of([float(size) for size in sizes]).line(digits=0)],
        ["bytes of the first", Spread.of([float(each.first) for each in watched]).line(digits=0)],
        ["updates", f"{len(sizes):,}"],
    ]
    report.tables.append(Table(who, ["what", "measured"], rows))


async def _run(stage: Stage, *, watching: bool) -> Run:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=stage.site.url, timeout=120, limits=limits) as http:
        events = {each["api_name"]: each for each in (await http.get("/config")).json()["dependencies"]}
        people = [_Person(http, events, CROWD.format(n)) for n in range(stage.people)]
        await asyncio.gather(*(person.ask() for person in people))
        began, cpu = time.perf_counter(), stage.cpu()
        watched = await asyncio.gather(*(person.watch() for person in people)) if watching else []
        await _quiet(stage)
        return Run(stage.cpu() - cpu, time.perf_counter() - began - QUIET, list(watched))


async def _quiet(stage: Stage) -> None:
    """Until the server computes next to nothing."""
    before = stage.cpu()
    while True:
        await asyncio.sleep(QUIET)
        if (now := stage.cpu()) - before < 0.05 * QUIET:
            return
        before = now


class _Person:
    """A client that speaks Gradio's protocol and draws nothing."""

    def __init__(self, http: httpx.AsyncClient, events: dict[str, Any], thread: str) -> None:
        self._http, self._thread, self._session = http, thread, uuid4().hex[:10]
        drawing = next(e for e in events.values() if e["queue"] and len(e["inputs"]) == 4)
        self._send, self._draw = events["send"]["id"], drawing["id"]

    async def ask(self) -> None:
        """Send a message."""
        data = ["Talk for long, please", self._thread, "", "now"]
        answer = await self._http.post("/gradio_api/run/predict", json=self._event(self._send, data))
        answer.raise_for_status()

    async def watch(self) -> Watched:
        """Follow the answer to its end."""
        joined = self._event(self._draw, [self._thread, "", "now", 60])
        (await self._http.post("/gradio_api/queue/join", json=joined)).raise_for_status()
        seen = Watched()
        address = f"/gradio_api/queue/data?session_hash={self._session}"
        async with self._http.stream("GET", address) as stream:
            async for line in stream.aiter_lines():
                if not line.startswith("data:"):
                    continue
                message, size = json.loads(line[5:]), len(line.encode()) + 2
                if message["msg"] == "process_generating":
                    if seen.first:
                        seen.updates.append(size)
                        seen.at.append(time.perf_counter())
                    seen.first = seen.first or size
                if message["msg"] == "process_completed":
                    seen.last = size
                    break
        return seen

    def _event(self, index: int, data: list[Any]) -> dict[str, Any]:
        return {"data": data, "fn_index": index, "event_data": None, "session_hash": self._session}
