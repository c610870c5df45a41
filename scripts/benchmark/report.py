"""What a run found: `Report`, of tables and of figures with what they must be. Pure."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Spread:
    """Some measurements in one line."""

    p50: float
    low: float
    high: float
    p99: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        ordered = sorted(values)
        p99 = ordered[math.ceil(0.99 * len(ordered)) - 1]
        return cls(median(ordered), ordered[0], ordered[-1], p99, len(ordered))

    def line(self, scale: float = 1.0, digits: int = 2) -> str:
        """`p50 [low-high] p99`, each times `scale`."""
        p50, low, high, p99 = (
            f"{value * scale:,.{digits}f}" for value in (self.p50, self.low, self.high, self.p99)
        )
        return f"{p50} [{low}-{high}] {p99}"


@dataclass(frozen=True)
class Table:
    """Rows of words under a title; the first column names the row."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    note: str = ""


@dataclass(frozen=True)
class Must:
    """A figure that has to be met: `measured` at most (or at least) `limit`. None: not measured."""

    figure: str
    limit: float
    measured: float | None
    unit: str = ""
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """yes, NO or not measured."""
        if self.measured is None:
            return "not measured"
        met = self.measured >= self.limit if self.at_least else self.measured <= self.limit
        return "yes" if met else "NO"

    def row(self) -> list[str]:
        """As a row of the table of all of them."""
        sign = "≥" if self.at_least else "≤"
        measured = "—" if self.measured is None else f"{self.measured:,.2f}{self.unit}"
        return [self.figure, f"{sign} {self.limit:g}{self.unit}", measured, self.verdict]


@dataclass
class Report:
    """All of it. `samples` are the raw seconds of each turn: part, variant, length → seconds."""

    about: dict[str, str] = field(default_factory=dict[str, str])
    tables: list[Table] = field(default_factory=list[Table])
    musts: list[Must] = field(default_factory=list[Must])
    samples: dict[str, dict[str, dict[int, list[float]]]] = field(
        default_factory=dict[str, dict[str, dict[int, list[float]]]]
    )

    def all_tables(self) -> list[Table]:
        """The tables, and before them the one that says which figures are met."""
        if not self.musts:
            return self.tables
        met = Table("Must and is", ["figure", "must", "is", "met"], [must.row() for must in self.musts])
        return [met, *self.tables]

    def plain(self) -> str:
        """For a terminal: aligned columns."""
        return "\n\n".join([_facts(self.about), *map(_aligned, self.all_tables())])

    def markdown(self) -> str:
        """For a page."""
        facts = "\n".join(f"- {name}: {value}" for name, value in self.about.items())
        return "\n\n".join([facts, *map(_markdown, self.all_tables())]) + "\n"

    def data(self) -> dict[str, Any]:
        """For a program."""
        musts = [{**asdict(must), "met": must.verdict} for must in self.musts]
        tables = [asdict(table) for table in self.tables]
        return {"about": self.about, "musts": musts, "tables": tables, "samples": self.samples}


def ratio(value: float, by: float) -> str:
    """A quotient, as all tables write it; a dash where there is nothing to divide by."""
    return f"{value / by:,.2f}" if by else "—"


def _facts(about: dict[str, str]) -> str:
    return "\n".join(f"{name:<12}{value}" for name, value in about.items())


def _aligned(table: Table) -> str:
    lines = [table.columns, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    body = [
        "  ".join(word.rjust(width) if i else word.ljust(width) for i, (word, width) in enumerate(cells))
        for cells in ([*zip(line, widths, strict=True)] for line in lines)
    ]
    rule = "-" * len(body[0])
    return "\n".join([table.title, rule, body[0], rule, *body[1:], *([table.note] if table.note else [])])


def _markdown(table: Table) -> str:
    lines = [table.columns, ["---", *["---:"] * (len(table.columns) - 1)], *table.rows]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join(filter(None, [f"### {table.title}", body, table.note]))
