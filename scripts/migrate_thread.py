"""Bring threads of the stock saver into this one's form, whole, and say what that freed."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from tqdm import tqdm

from graph import Bookmark, LongthreadError, Settings, ThreadNotFound
from graph.checkpointers import PostgresCheckpointer, open_checkpointer
from graph.threads import Threads


def main() -> int:
    """Run the command; 0 when every thread named is moved, 2 where one is not there, 1 for what failed."""
    args = _arguments()
    try:
        asyncio.run(move(args.threads, args.user, Settings.read()))
    except ThreadNotFound:
        print("migrate-thread: the stock saver holds no such thread.", file=sys.stderr)
        return 2
    except LongthreadError as e:
        print(f"migrate-thread: {e} Run the same command again to go on.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("migrate-thread: stopped. Run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/migrate-thread",
        description="Bring threads that LangGraph's own Postgres saver wrote into this one's form, whole. "
        "Without it they open as they are, and only what is added to them is stored in the new form. "
        "The database is the one at DATABASE_URL.",
    )
    parser.add_argument("threads", nargs="*", metavar="THREAD", help="thread ids (default: all there are)")
    parser.add_argument("--user", default="local", help="whose threads the ids name (default: local)")
    return parser.parse_args()


async def move(names: Sequence[str], user: str, settings: Settings) -> None:
    """Move the named threads of a user, or every thread, with a bar for each and a line at the end."""
    async with open_checkpointer(settings=settings) as saver:
        places = [Bookmark(name, user) for name in names] or await saver.moving.threads()
        for place in places:
            await _move_one(saver, place)
        print(f"{len(places):,} threads are in the new form.")


async def _move_one(saver: PostgresCheckpointer, place: Bookmark) -> None:
    total = await saver.moving.left(place)
    with tqdm(total=total, desc=place.thread_id[:30], unit="checkpoint", disable=None) as bar:
        async for left in saver.moving.move(place):
            bar.update(total - left - bar.n)
    bytes_now = await Threads(saver).size(place)
    print(f"{place.thread_id}: {total:,} checkpoints, now {bytes_now:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
