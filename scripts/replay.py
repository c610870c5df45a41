"""Play a conversation into a thread: read the file, ask what is not asked yet, show what it took."""

import argparse
import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

from langchain_core.messages import AIMessage, HumanMessage
from tqdm import tqdm

from graph import Bookmark, InvalidInput, LongthreadError, OpenGraph, Settings, ThreadNotFound, open_graph
from graph.transcript import Entry


def main() -> int:
    """Run the command; 0 when every turn is in the thread, 2 for what cannot be played, 1 for what failed."""
    args = _arguments()
    try:
        questions = read_conversation(args.file)
        overrides: dict[str, Any] = {"token_budget": args.budget} if args.budget else {}
        settings = Settings.read(**overrides)
        place = Bookmark(args.thread or f"replay-{args.file.stem}", args.user)
        asyncio.run(play(questions, place, settings))
    except InvalidInput as e:
        print(f"replay: {e}", file=sys.stderr)
        return 2
    except LongthreadError as e:
        print(f"replay: {e} Run the same command again to go on.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("replay: stopped. Run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/replay",
        description="Play a conversation into a thread, turn by turn; stopped, it goes on where it was.",
    )
    parser.add_argument("file", type=Path, help='a LoCoMo conversation, or a list of {"role", "content"}')
    parser.add_argument(
        "--budget", type=int, help="tokens of a prompt and its answer (LONGTHREAD_TOKEN_BUDGET)"
    )
    parser.add_argument("--thread", help="thread to play into (default: replay-NAME)")
    parser.add_argument("--user", default="local", help="whose thread it is (default: local)")
    return parser.parse_args()


def read_conversation(file: Path) -> list[str]:
    """What the user says in `file`, turn by turn. Raises `InvalidInput`."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as e:
        raise InvalidInput(f"{file}: {e.strerror}.") from e
    except ValueError as e:
        raise InvalidInput(f"{file}: not JSON.") from e
    try:
        said = _locomo(cast("Any", data)["conversation"]) if isinstance(data, dict) else _roles(data)
        turns = list(_joined(said))
    except (KeyError, TypeError, AttributeError) as e:
        raise InvalidInput(
            f'{file}: neither a LoCoMo conversation nor a list of {{"role", "content"}}.'
        ) from e
    if not turns:
        raise InvalidInput(f"{file}: the user says nothing in it.")
    return turns


def _locomo(conversation: dict[str, Any]) -> Iterator[tuple[bool, str]]:
    sessions = (k for k in conversation if k.startswith("session_") and k.removeprefix("session_").isdigit())
    for name in sorted(sessions, key=lambda k: int(k.removeprefix("session_"))):
        for turn in conversation[name]:
            yield turn["speaker"] == conversation["speaker_a"], turn["text"]


def _roles(messages: list[dict[str, str]]) -> Iterator[tuple[bool, str]]:
    return (
        (m["role"] in ("user", "human"), m["content"])
        for m in messages
        if m["role"] not in ("system", "tool")
    )


def _joined(said: Iterator[tuple[bool, str]]) -> Iterator[str]:
    """Consecutive lines of the user are one turn."""
    lines: list[str] = []
    for user, text in said:
        if user:
            lines.append(text)
        elif lines:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


async def play(questions: Sequence[str], place: Bookmark, settings: Settings) -> None:
    """Ask every question that the thread does not hold yet, then print the table."""
    ids = [_message_id(place, i, text) for i, text in enumerate(questions)]
    async with open_graph(settings) as graph:
        done = await _finish(graph, place, ids)
        with tqdm(total=len(ids), initial=done, unit="turn", disable=None) as bar:
            for i in range(done, len(ids)):
                await graph.ainvoke({"messages": [HumanMessage(questions[i], id=ids[i])]}, place.config)
                bar.update()
        print(await _report(graph, place, ids))


def _message_id(place: Bookmark, number: int, text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return str(uuid5(NAMESPACE_URL, f"{place.key}/{number}/{digest}"))


async def _finish(graph: OpenGraph, place: Bookmark, ids: Sequence[str]) -> int:
    """How many turns are in the thread, after finishing one that was cut off."""
    try:
        if turn := await graph.turns.resume(place):
            await turn.wait()
        async for entry in _backwards(graph, place):
            if entry.id in ids:
                return ids.index(entry.id) + 1
            if entry.message.type == "human":
                raise InvalidInput(
                    f"The thread {place.thread_id!r} holds another conversation; name one with --thread."
                )
    except ThreadNotFound:
        pass
    return 0


async def _backwards(graph: OpenGraph, place: Bookmark) -> AsyncIterator[Entry]:
    before: int | None = None
    while True:
        page = await graph.threads.transcript(place, limit=200, before=before)
        for entry in reversed(page.entries):
            yield entry
        if not page.earlier:
            return
        before = page.earlier


async def _report(graph: OpenGraph, place: Bookmark, ids: Sequence[str]) -> str:
    """The table, from what is stored: a replay that was stopped and went on is counted whole."""
    entries = [entry async for entry in _backwards(graph, place)][::-1]
    asked = [entry.id for entry in entries if entry.message.type == "human"]
    order = "each once, in order" if asked == list(ids) else "NOT each once and in order"
    usages = [m.usage_metadata for e in entries if isinstance(m := e.message, AIMessage) and m.usage_metadata]
    sent = [usage["input_tokens"] for usage in usages]
    summary = (await graph.acontext(place)).summary
    notes: dict[str, Any] = summary.additional_kwargs["longthread"] if summary else {}
    largest = max([*sent, notes.get("largest", 0)])
    table = {
        "thread": place.thread_id,
        "turns": f"{len(asked):,} of {len(ids):,}, {order}",
        "tokens sent": f"{sum(sent):,} for answers, {notes.get('sent', 0):,} for summaries",
        "folds": f"{notes.get('folds', 0):,}, {notes.get('count', 0):,} messages",
        "largest prompt": f"{largest:,} of {graph.settings.budget.prompt:,} tokens",
    }
    return "\n".join(f"{name:<16}{value}" for name, value in table.items())


if __name__ == "__main__":
    sys.exit(main())
