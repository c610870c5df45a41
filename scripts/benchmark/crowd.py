"""Many threads at once on one saver in one process: turns a second, near and at a distance: `measure`."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from scripts.benchmark.proxy import open_proxy
from scripts.benchmark.report import Must, Table, ratio
from scripts.benchmark.stage import Player, Stage
from scripts.benchmark.variants import VARIANTS

NAMES = (
    "floor-async",
    "null-async",
    "null-state-async",
    "ours-async",
    "saver-async",
    "stock-async",
    "session",
)
LENGTH = 100
NEAR, FAR = 0.0, 0.005
WARM = 2
"""Turns of each thread before they count."""
LEAST = {NEAR: 4.0, FAR: 12.0}
"""How many times the stock saver's turns a second ours has to have."""

Rates = dict[float, dict[str, list[float]]]


def measure(stage: Stage) -> None:
    """Fill the report with turns a second, the variants in turn, round after round."""
    names = stage.chosen(*NAMES)
    rates: Rates = {distance: {name: [] for name in names} for distance in LEAST}
    rounds = [
        (distance, name) for _ in range(stage.options.crowd_rounds) for distance in LEAST for name in names
    ]
    with stage.bar(f"{stage.options.crowd} threads at once", len(rounds), unit="round") as bar:
        for distance, name in rounds:
            with _player(stage, name, distance) as player:
                rates[distance][name].append(_rate(stage, player, distance))
            bar.update()
    rows = [[VARIANTS[name].label, *_cells(rates, name)] for name in names]
    columns = ["turns a second", "loopback", "÷ stock", "5 ms", "÷ stock"]
    note = f"{LENGTH} messages in each thread; median [min-max] of {stage.options.crowd_rounds} rounds."
    stage.report.tables.append(Table(f"{stage.options.crowd} threads at once", columns, rows, note))
    if "stock-async" in names:
        stage.report.musts += [_must(rates, name, d) for name in stage.chosen("ours-async") for d in LEAST]


@contextmanager
def _player(stage: Stage, name: str, distance: float) -> Iterator[Player]:
    """The variant, its database so far away; one at a time, or there are too many connections."""
    database = f"{name}-crowd"
    with stage.open(name, database) as near:
        for thread in _threads(stage, distance):
            near.seed(thread, LENGTH)
        if not distance:
            yield near
            return
    with (
        open_proxy(stage.database(database)) as proxy,
        stage.open(name, database, url=proxy.url) as far,
    ):
        proxy.delay(distance)
        yield far


def _threads(stage: Stage, distance: float) -> list[str]:
    return [f"crowd-{distance:g}-{number}" for number in range(stage.options.crowd)]


def _rate(stage: Stage, player: Player, distance: float) -> float:
    """Turns a second, of whole turns only, after some that do not count."""
    words, say = stage.words, player.chat.say

    async def talk(thread: str, until: float) -> int:
        turns = 0
        while time.perf_counter() < until:
            await say(thread, words.question())
            turns += 1
        return turns

    async def crowd() -> float:
        threads = _threads(stage, distance)
        for _ in range(WARM):
            await asyncio.gather(*(say(thread, words.question()) for thread in threads))
        begin = time.perf_counter()
        turns = await asyncio.gather(*(talk(t, begin + stage.options.crowd_seconds) for t in threads))
        return sum(turns) / (time.perf_counter() - begin)

    words.prepare(2_000)
    return stage.run(crowd())


def _cells(rates: Rates, name: str) -> list[str]:
    cells: list[str] = []
    for of in rates.values():
        seen, stock = of[name], of.get("stock-async")
        cells.append(f"{median(seen):,.0f} [{min(seen):,.0f}-{max(seen):,.0f}]")
        cells.append(ratio(median(seen), median(stock) if stock else 0))
    return cells


def _must(rates: Rates, name: str, distance: float) -> Must:
    where = f"{distance * 1e3:g} ms away" if distance else "on loopback"
    times = median(rates[distance][name]) / median(rates[distance]["stock-async"])
    return Must(f"{name}: turns/s of many threads ÷ stock, {where}", LEAST[distance], times, at_least=True)
