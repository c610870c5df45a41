"""Measure the page, and say which figures are as they must be."""

import argparse
import sys

from scripts.benchmark.report import Report
from scripts.viewing.crowd import crowd
from scripts.viewing.opening import opening
from scripts.viewing.stage import open_stage
from scripts.viewing.switching import switching
from scripts.viewing.writing import writing

ROWS = {"opening": opening, "writing": writing, "switching": switching, "crowd": crowd}


def main() -> int:
    """Run the command; 0 when every figure is as it must be."""
    parser = argparse.ArgumentParser(
        prog="scripts/page-bench", description="Measure the page in a real Chromium."
    )
    parser.add_argument("--only", type=_rows, default=list(ROWS), help=f"some of: {', '.join(ROWS)}")
    parser.add_argument("--people", type=int, default=50, help="who stream at once (50)")
    parser.add_argument("--long", type=int, default=10_000, help="messages of the longest thread (10,000)")
    args = parser.parse_args()
    report = Report()
    with open_stage(args.long, args.people) as stage:
        for name in args.only:
            print(f"page-bench: {name}", file=sys.stderr, flush=True)
            _add(report, ROWS[name](stage))
    print(report.plain())
    return 0 if all(must.verdict == "yes" for must in report.musts) else 1


def _add(report: Report, found: Report) -> None:
    report.tables += found.tables
    report.musts += found.musts


def _rows(words: str) -> list[str]:
    chosen = words.split(",")
    if unknown := [word for word in chosen if word not in ROWS]:
        raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there is {', '.join(ROWS)}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
