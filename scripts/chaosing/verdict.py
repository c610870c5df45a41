"""What a row found: `Tally` counts what went wrong, `Verdict` is a row of the table. Pure."""

from collections import Counter
from dataclasses import dataclass, field

EXAMPLES = 3


@dataclass
class Tally:
    """Trials, what went wrong in them by name, and what is worth a word beside it."""

    trials: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])
    notes: Counter[str] = field(default_factory=Counter[str])
    examples: list[str] = field(default_factory=list[str])

    def must(self, holds: object, fault: str, example: object = "") -> bool:
        """Count a `fault` unless it `holds`."""
        if not holds:
            self.faults[fault] += 1
            if len(self.examples) < EXAMPLES:
                self.examples.append(f"{fault}: {example}"[:400])
        return bool(holds)

    def note(self, what: str, times: int = 1) -> None:
        """Count what is no fault."""
        self.notes[what] += times

    @property
    def words(self) -> str:
        """All of it in a line."""
        wrong = [f"{n:,} {fault}" for fault, n in self.faults.items()]
        beside = [f"{n:,} {note}" for note, n in self.notes.items()]
        return "; ".join([", ".join(wrong) or "no fault", *filter(None, [", ".join(beside)])])


@dataclass(frozen=True)
class Verdict:
    """A row: what was found, and with the protection off what the `control` found, which must be faults."""

    row: str
    must: str
    tally: Tally
    control: Tally
    wanted: tuple[str, ...]
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether there was no fault, in at least one trial."""
        return self.tally.trials > 0 and not self.tally.faults

    @property
    def seen(self) -> bool:
        """Whether the control saw each fault that it was made to see."""
        return all(self.control.faults[fault] for fault in self.wanted)

    def cells(self) -> list[str]:
        """As a row of the table."""
        verdict = "yes" if self.holds and self.seen else "NO" if not self.holds else "NO CONTROL"
        control = f"{self.control.words} in {self.control.trials:,}"
        found = f"{self.tally.words} ({self.seconds:,.0f} s)"
        return [self.row, f"{self.tally.trials:,}", self.must, found, control, verdict]
