"""Run the benchmark: read what is asked for, run its parts, print the tables, write the files."""

import argparse
import json
import os
import platform
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from graph import StoreUnavailable
from scripts.benchmark import catalogue, crowd, network, opening, shares, space, turns
from scripts.benchmark.chart import Line, chart
from scripts.benchmark.report import Report
from scripts.benchmark.stage import Options, Stage, open_stage
from scripts.benchmark.variants import VARIANTS, missing

PARTS = {
    "turns": turns.measure,
    "network": network.measure,
    "space": space.measure,
    "crowd": crowd.measure,
    "opening": opening.measure,
    "catalogue": catalogue.measure,
    "shares": shares.measure,
}
FULL = Options(variants=list(VARIANTS), lengths=[10, 100, 1_000, 10_000], turns=100)
QUICK = Options(
    variants=list(VARIANTS),
    lengths=[10, 40],
    turns=4,
    stored_turns=20,
    crowd=4,
    crowd_seconds=0.3,
    crowd_rounds=1,
    delays=(0.0, 0.004),
    threads=100,
    messages=1_000,
    repeats=5,
    warm_up=4,
)
DRAWN = {
    "ours-async": ("Longthread", "main"),
    "saver-async": ("MessagesState on Longthread's saver", ""),
    "stock-async": ("MessagesState on AsyncPostgresSaver", ""),
    "agent": ("create_agent on PostgresSaver", ""),
    "session": ("OpenAI Agents SDK, SQLAlchemySession", ""),
    "floor-async": ("hand-written psycopg", "quiet"),
    "null-async": ("Longthread's graph with no saver", "quiet"),
}
"""What the chart shows of the variants, by which names, and how."""

PACKAGES = ("langgraph", "langgraph-checkpoint-postgres", "psycopg", "langchain", "openai-agents")


def main() -> int:
    """Run the command; 0 when all that was asked for is measured, 2 for what cannot be, 1 for what failed."""
    args = _arguments()
    options = _options(args)
    if lacking := missing(options.variants):
        names = ", ".join(sorted(lacking))
        print(
            f"bench: no {names} here. `scripts/setup --bench` brings what is compared with.", file=sys.stderr
        )
        return 2
    try:
        with open_stage(args.url or os.environ.get("DATABASE_URL"), options) as stage:
            stage.report.about |= _about(stage)
            try:
                for part in args.only:
                    PARTS[part](stage)
            finally:
                _hand_over(args, stage.report)  # of a run that was stopped, what there is
    except StoreUnavailable as e:
        print(f"bench: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: stopped.", file=sys.stderr)
        return 130
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure Longthread beside what people use today and hand-written SQL, in one run.",
    )
    parser.add_argument("--quick", action="store_true", help="toy sizes: does it run, not what does it take")
    parser.add_argument("--lengths", type=_numbers, help="messages in the threads (10,100,1000,10000)")
    parser.add_argument("--turns", type=int, help="turns of each variant at each length (100)")
    parser.add_argument("--only", type=_among(PARTS), default=list(PARTS), help=f"parts: {','.join(PARTS)}")
    parser.add_argument("--variants", type=_among(VARIANTS), help=f"of {','.join(VARIANTS)}")
    parser.add_argument(
        "--url", help="Postgres to use, its user may make databases (DATABASE_URL, else one is made)"
    )
    parser.add_argument("--svg", type=Path, help="write the chart of a turn by length to this file")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file, as Markdown")
    return parser.parse_args()


def _numbers(words: str) -> list[int]:
    return sorted({int(word) for word in words.split(",")})


def _among(known: dict[str, Any]) -> Any:
    def names(words: str) -> list[str]:
        chosen = words.split(",")
        if unknown := [word for word in chosen if word not in known]:
            raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there is {', '.join(known)}")
        return [name for name in known if name in chosen]

    return names


def _options(args: argparse.Namespace) -> Options:
    options = QUICK if args.quick else FULL
    given = {name: getattr(args, name) for name in ("lengths", "turns", "variants")}
    return replace(options, **{name: value for name, value in given.items() if value})


def _about(stage: Stage) -> dict[str, str]:
    import psycopg

    with psycopg.connect(stage.server) as conn:
        row = conn.execute("SELECT current_setting('server_version'), current_setting('fsync')").fetchone()
    server, fsync = row or ("?", "?")
    return {
        "Postgres": f"{server}, fsync {fsync}, {'embedded' if stage.embedded else 'of your own'}",
        "Python": f"{platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES if _is_here(name)),
    }


def _is_here(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def _hand_over(args: argparse.Namespace, report: Report) -> None:
    print(report.plain())
    if args.json:
        args.json.write_text(json.dumps(report.data(), indent=1), encoding="utf-8")
    if args.markdown:
        args.markdown.write_text(report.markdown(), encoding="utf-8")
    samples = {name: of for name, of in report.samples.get("turn", {}).items() if name in DRAWN}
    if args.svg and samples:
        lines: dict[str, Line] = {
            DRAWN[name][0]: {n: median(seconds) * 1e3 for n, seconds in of.items()}
            for name, of in samples.items()
        }
        title = "One turn of a chat, by how long the thread is (median)"
        drawn = chart(title, "messages in the thread", lines, dict(DRAWN.values()))
        args.svg.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
