"""How long a thread takes to open, cold: its state for a turn, its newest messages for a page: `measure`."""

import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from graph import Bookmark, ThreadNotFound
from scripts.benchmark.report import Must, Spread, Table, ratio
from scripts.benchmark.stage import Stage
from scripts.benchmark.turns import thread_of
from scripts.benchmark.variants import VARIANTS

REPEATS = 15
PAGE = 60

Times = dict[str, dict[int, list[float]]]


def measure(stage: Stage) -> None:
    """Fill the report with the time to open a short and a long thread, each time by a saver made anew."""
    lengths = sorted({_short(stage), max(stage.options.lengths)})
    times: Times = {}
    for name in stage.chosen("ours-async", "saver-async", "stock-async"):
        with stage.open(name) as player:
            for length in lengths:
                player.seed(thread_of(length), length)
        stage.settle()
        times |= _opened(stage, name, lengths)
    rows = [[label, *_cells(of, lengths)] for label, of in times.items()]
    columns = ["cold", *(f"{length:,}" for length in lengths), "long ÷ short"]
    stage.report.tables.append(Table("Open a thread, ms: p50 [min-max] p99", columns, rows))
    for label, of in times.items():
        if label.startswith(VARIANTS["ours-async"].label) and len(lengths) > 1:
            short, long = (Spread.of(of[length]).p50 for length in lengths)
            stage.report.musts.append(Must(f"{label}: {lengths[1]:,} ÷ {lengths[0]:,}", 2.0, long / short))


def _short(stage: Stage) -> int:
    """100 messages, or the nearest length of this run."""
    return min(stage.options.lengths, key=lambda length: abs(length - 100))


def _opened(stage: Stage, name: str, lengths: list[int]) -> Times:
    times: Times = {f"{VARIANTS[name].label}: its state": {length: [] for length in lengths}}
    page = f"{VARIANTS[name].label}: its newest {PAGE} messages"
    if name == "ours-async":
        times[page] = {length: [] for length in lengths}
    order = [(label, length) for label in times for length in lengths for _ in range(REPEATS)]
    random.Random(13).shuffle(order)  # noqa: S311 - not a secret
    with stage.bar(f"open {name}", len(order), unit="time") as bar:
        for label, length in order:
            with stage.open(name) as player:
                look = (_page if label == page else _state)(player.chat.inside)
                stage.run(_timed(look, "nobody"))  # the connection is made, the statements are known
                times[label][length].append(stage.run(_timed(look, thread_of(length))))
            bar.update()
    return times


async def _timed(look: Callable[[str], Awaitable[Any]], thread: str) -> float:
    begin = time.perf_counter()
    await look(thread)
    return time.perf_counter() - begin


def _state(graph: Any) -> Callable[[str], Awaitable[Any]]:
    return lambda thread: graph.checkpointer.aget_tuple(Bookmark(thread).config)


def _page(graph: Any) -> Callable[[str], Awaitable[Any]]:
    async def look(thread: str) -> None:
        with suppress(ThreadNotFound):
            await graph.threads.transcript(Bookmark(thread), limit=PAGE)

    return look


def _cells(of: dict[int, list[float]], lengths: list[int]) -> list[str]:
    spreads = [Spread.of(of[length]) for length in lengths]
    return [*(spread.line(1e3) for spread in spreads), ratio(spreads[-1].p50, spreads[0].p50)]
