"""What a turn takes, at every length, every variant in turn and in random order: `measure`."""

import gc
import random
from collections.abc import Callable
from statistics import median

from scripts.benchmark.report import Must, Spread, Table, ratio
from scripts.benchmark.stage import Player, Stage
from scripts.benchmark.variants import FLOOR, VARIANTS

Samples = dict[int, list[float]]
GROWTH = 0.2
"""How much longer a thread may get by being measured; then another of the same length is."""

OURS = ("ours-sync", "ours-async")
"""What is held to the figures: the whole of Longthread, everything on."""


def measure(stage: Stage) -> None:
    """Fill the report with p50 and p99 of a turn, and what of it is the saver's."""
    options = stage.options
    with stage.cast(stage.chosen(*VARIANTS)) as players:
        for player in players.values():
            player.warm_up()
            for length in options.lengths:
                for thread in _threads(length, options.turns):
                    player.seed(thread, length)
        stage.settle()
        samples = _rounds(stage, players)
    stage.report.samples["turn"] = samples
    stage.report.tables += [_times(stage, samples), _nets(stage, samples, net)]
    stage.report.tables.append(_nets(stage, samples, _paired))
    stage.report.musts += [*_musts(samples)]


def thread_of(length: int, number: int = 0) -> str:
    """What a thread of that many messages is called."""
    return f"long-{length}-{number}"


def _threads(length: int, turns: int) -> list[str]:
    each = max(1, int(length * GROWTH / 2))
    return [thread_of(length, i) for i in range(-(-turns // each))]


def _rounds(stage: Stage, players: dict[str, Player]) -> dict[str, Samples]:
    """Every variant at every length once a round, in an order of its own."""
    options, order = stage.options, random.Random(11)  # noqa: S311 - not a secret
    cells = [(name, length) for name in players for length in options.lengths]
    samples: dict[str, Samples] = {name: {length: [] for length in options.lengths} for name in players}
    gc.collect()
    gc.freeze()  # what was read to seed is nobody's garbage
    with stage.bar("turns", options.turns * len(cells)) as bar:
        for number in range(options.turns):
            stage.words.prepare(len(cells))
            order.shuffle(cells)
            for name, length in cells:
                threads = _threads(length, options.turns)
                samples[name][length].append(players[name].turn(threads[number % len(threads)]))
                bar.update()
    gc.unfreeze()
    return samples


def _times(stage: Stage, samples: dict[str, Samples]) -> Table:
    lengths = stage.options.lengths
    rows = [
        [VARIANTS[name].label, *(Spread.of(of[length]).line(1e3) for length in lengths)]
        for name, of in samples.items()
    ]
    return Table(
        "A turn, ms: p50 [min-max] p99",
        ["messages in the thread", *(f"{length:,}" for length in lengths)],
        rows,
        f"{stage.options.turns} turns of each, one after another in random order; the model answers at once.",
    )


def net(samples: dict[str, Samples], name: str, length: int) -> tuple[float, float] | None:
    """What the saver takes of a turn, and the floor of the same kind; seconds, from the two medians."""
    variant = VARIANTS[name]
    floor = samples.get(FLOOR[variant.sync])
    if not floor or (variant.null and variant.null not in samples):
        return None
    null = median(samples[variant.null][length]) if variant.null else 0.0
    return median(samples[name][length]) - null, median(floor[length])


def _paired(samples: dict[str, Samples], name: str, length: int) -> tuple[float, float] | None:
    """The same, each turn with the null turn and the floor of its own round: steadier on a busy machine."""
    variant = VARIANTS[name]
    floor = samples.get(FLOOR[variant.sync])
    if not floor or (variant.null and variant.null not in samples):
        return None
    turns = samples[name][length]
    nulls = samples[variant.null][length] if variant.null else [0.0] * len(turns)
    nets = [turn - null for turn, null in zip(turns, nulls, strict=True)]
    return median(net / base for net, base in zip(nets, floor[length], strict=True)), 1.0


Net = Callable[[dict[str, Samples], str, int], tuple[float, float] | None]


def _nets(stage: Stage, samples: dict[str, Samples], how: Net) -> Table:
    lengths = stage.options.lengths
    rows: list[list[str]] = []
    for name in samples:
        found = [how(samples, name, length) for length in lengths]
        if name.startswith("null") or None in found:
            continue
        pairs = [pair for pair in found if pair]
        cells = [
            f"{took * 1e3:,.2f}: {ratio(took, by)}" if by != 1.0 else f"{took:,.2f}" for took, by in pairs
        ]
        rows.append([VARIANTS[name].label, *cells])
    title = "ms: ÷ floor (medians)" if how is net else "÷ floor (median of the rounds' own ratios)"
    return Table(
        f"Net persistence of a turn, {title}",
        ["messages in the thread", *(f"{length:,}" for length in lengths)],
        rows,
        "Net is the turn less the turn of the same graph with a saver that does nothing.",
    )


def _musts(samples: dict[str, Samples]) -> list[Must]:
    found: list[Must] = []
    for name in OURS:
        nets = {length: net(samples, name, length) for length in samples.get(name, {})}
        for length, pair in nets.items():
            if pair:
                found.append(Must(f"{name}: net ÷ floor at {length:,}", 2.0, pair[0] / pair[1]))
        short, long = nets.get(min(nets, default=0)), nets.get(max(nets, default=0))
        if short and long and len(nets) > 1:
            label = f"{name}: net at {max(nets):,} ÷ at {min(nets):,}"
            found.append(Must(label, 1.15, (long[0] / long[1]) / (short[0] / short[1])))
    return found
