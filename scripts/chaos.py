"""Try out that nothing is lost or doubled, whatever happens: run the rows, print the table."""

import argparse
import asyncio
import sys
import time
from dataclasses import replace
from typing import Any

from graph import StoreUnavailable
from scripts.benchmark.report import Report, Table
from scripts.chaosing.rows import ROWS
from scripts.chaosing.stage import open_stage
from scripts.chaosing.verdict import Verdict

SEED = 4
COLUMNS = ["row", "trials", "what must hold", "found", "control", "ok"]


def main() -> int:
    """Run the command; 0 when every row holds and every control saw its fault, else 1."""
    args = _arguments()
    print(f"seed {args.seed}; again: scripts/chaos --seed {args.seed}", flush=True)
    verdicts: list[Verdict] = []
    try:
        asyncio.run(_run(args, verdicts))
    except StoreUnavailable as e:
        print(f"chaos: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("chaos: stopped.", file=sys.stderr)
        return 130
    finally:
        if verdicts:  # of a run that was stopped, what there is
            print(_table(verdicts))
    return 0 if all(verdict.holds and verdict.seen for verdict in verdicts) else 1


async def _run(args: argparse.Namespace, verdicts: list[Verdict]) -> None:
    async with open_stage(args.seed) as stage:
        for name in args.only:
            row, begin = ROWS[name], time.perf_counter()
            verdict = await row.run(stage, row.quick if args.quick else row.full)
            verdicts.append(replace(verdict, seconds=time.perf_counter() - begin))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description="Kill, stop, cut off and flood Longthread, and see that nothing is lost or doubled.",
    )
    parser.add_argument("--quick", action="store_true", help="about a tenth of the trials, in four minutes")
    parser.add_argument("--only", type=_rows, default=list(ROWS), help=f"rows: {', '.join(ROWS)}")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of all dice, to run the same again ({SEED})")
    return parser.parse_args()


def _rows(words: str) -> Any:
    chosen = words.split(",")
    if unknown := [word for word in chosen if word not in ROWS]:
        raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there is {', '.join(ROWS)}")
    return [name for name in ROWS if name in chosen]


def _table(verdicts: list[Verdict]) -> str:
    rows = [verdict.cells() for verdict in verdicts]
    examples = [f"{v.row}: {example}" for v in verdicts for example in v.tally.examples]
    return Report(tables=[Table("Chaos", COLUMNS, rows, "\n".join(examples))]).plain().strip()


if __name__ == "__main__":
    sys.exit(main())
