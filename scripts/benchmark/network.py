"""What a turn says to the database: round trips and statements, counted, then felt: `measure`."""

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from scripts.benchmark.proxy import Proxy, open_proxy
from scripts.benchmark.report import Must, Table
from scripts.benchmark.stage import Player, Stage
from scripts.benchmark.variants import VARIANTS
from scripts.benchmark.wire import Counts

LENGTH = 20
TURNS = 9
"""Of one variant at one distance; odd, so that the median is a turn."""

THREAD = "distant"


def measure(stage: Stage) -> None:
    """Fill the report with the counts of a plain turn, and with its time at each distance."""
    counts: dict[str, Counts] = {}
    times: dict[str, list[float]] = {}
    names = [n for n in stage.chosen(*VARIANTS) if not n.startswith("null")]
    with stage.bar("network", len(names)) as bar:
        for name in names:
            with _far(stage, name) as (player, proxy):
                player.warm_up()
                player.seed(THREAD, LENGTH)
                counts[name] = _counted(player, proxy)
                times[name] = [_timed(player, proxy, delay) for delay in stage.options.delays]
            bar.update()
    stage.report.tables += [_counts(counts), _times(stage, times)]
    for name in stage.chosen("ours-sync", "ours-async"):
        stage.report.musts += [
            Must(f"{name}: round trips of a turn", 3, counts[name].trips),
            Must(f"{name}: statements of a turn", 4, counts[name].statements),
        ]


@contextmanager
def _far(stage: Stage, name: str) -> Iterator[tuple[Player, Proxy]]:
    database = f"{name}-far"
    with (
        open_proxy(stage.database(database)) as proxy,
        stage.open(name, database, url=proxy.url) as player,
    ):
        yield player, proxy


def _counted(player: Player, proxy: Proxy) -> Counts:
    """Of a plain turn: each figure's median, because now and then a turn folds."""
    seen: list[Counts] = []
    for _ in range(TURNS):
        before = proxy.counts()
        player.turn(THREAD)
        after = proxy.counts()
        seen.append(Counts(*(a - b for a, b in zip(_tuple(after), _tuple(before), strict=True))))
    return Counts(*(int(median(column)) for column in zip(*map(_tuple, seen), strict=True)))


def _tuple(counts: Counts) -> tuple[int, ...]:
    return counts.trips, counts.statements, counts.marks, counts.checks


def _timed(player: Player, proxy: Proxy, delay: float) -> float:
    proxy.delay(delay)
    player.turn(THREAD)  # what the pool had under way at the old distance
    took = median(player.turn(THREAD) for _ in range(TURNS))
    proxy.delay(0)
    return took


def _counts(counts: dict[str, Counts]) -> Table:
    rows = [
        [VARIANTS[name].label, str(c.trips), str(c.statements), str(c.marks), str(c.checks)]
        for name, c in counts.items()
    ]
    columns = ["a turn", "round trips", "statements", "BEGIN, COMMIT, …", "pool's checks"]
    return Table(
        "What a turn says to the database", columns, rows, "Counted at a proxy; median of a few turns."
    )


def _times(stage: Stage, times: dict[str, list[float]]) -> Table:
    delays = stage.options.delays
    far = delays[-1] - delays[0]
    rows = [
        [VARIANTS[name].label, *(f"{t * 1e3:,.1f}" for t in took), f"{(took[-1] - took[0]) / far:,.1f}"]
        for name, took in times.items()
    ]
    return Table(
        "A turn at a distance, p50 ms",
        ["between program and database", *(f"{delay * 1e3:g} ms" for delay in delays), "trips felt"],
        rows,
        f"At {LENGTH} messages, through a proxy. Trips felt: what the turn grew ÷ what the distance did.",
    )
