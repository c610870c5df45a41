"""What a turn costs: the same at any length."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from graph import Bookmark, OpenGraph, Settings, open_graph
from tests.graph.talking import say, talk

pytestmark = pytest.mark.anyio


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that are run meanwhile; each is a round trip, for nothing here is pipelined."""
    run, seen = psycopg.AsyncConnection.execute, list[str]()

    async def noted(self: Any, query: Any, *words: Any, **more: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if "renewed AS" not in text:  # once a second for all turns of the process, however many
            seen.append(text)
        return await run(self, query, *words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.AsyncConnection, "execute", noted)
        yield seen


async def test_a_plain_turn_is_two_statements_however_long_the_thread(
    graph: OpenGraph, place: Bookmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question is durable with the first, the answer with the second; a fold takes two more."""
    await talk(graph, place, 2)
    costs: list[int] = []
    for n in range(30):
        with counted(monkeypatch) as seen:
            await graph.ainvoke(say(f"Hello {n}."), place.config)
        costs.append(len(seen))
        assert not [s for s in seen if "longthread" not in s], (
            "no BEGIN, no COMMIT, no check of the connection"
        )
    assert set(costs) <= {2, 4}
    assert costs.count(2) > costs.count(4) > 0


async def test_a_thread_that_is_not_remembered_is_read_with_one_statement_more(
    graph: OpenGraph, small: Settings, place: Bookmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first turn of another process; the next costs two again."""
    await graph.ainvoke(say("Hello."), place.config)
    async with open_graph(small) as other:
        for expected in (3, 2):
            with counted(monkeypatch) as seen:
                await other.ainvoke(say("Hi."), place.config)
            assert len(seen) == expected
        with counted(monkeypatch) as seen:
            await other.ainvoke(say("Hi."), Bookmark(uuid4().hex).config)
        assert len(seen) <= 3


async def test_a_turn_leaves_two_messages_and_a_checkpoint(
    graph: OpenGraph, small: Settings, place: Bookmark
) -> None:
    """Nothing else, and a checkpoint is as small at the end as at the beginning."""
    await talk(graph, place, 40)
    assert small.database_url
    with psycopg.connect(small.database_url.get_secret_value()) as conn:
        (thread,) = conn.execute(
            "SELECT number FROM longthread_thread WHERE key = %s", (place.key,)
        ).fetchone()  # type: ignore[misc]

        def rows(what: str) -> Any:
            return conn.execute(what, (thread,)).fetchall()  # type: ignore[arg-type]

        assert rows("SELECT count(*) FROM longthread_message WHERE thread = %s AND number >= 0") == [(80,)]
        folds = rows("SELECT count(*) FROM longthread_message WHERE thread = %s AND number < 0")[0][0]
        assert rows("SELECT count(*) FROM longthread_checkpoint WHERE thread = %s") == [(40 + folds,)]
        assert rows("SELECT count(*) FROM longthread_write WHERE thread = %s") == [(0,)]
        assert rows("SELECT count(*) FROM longthread_value WHERE thread = %s") == [(0,)]
        sizes = [
            n for (n,) in rows("SELECT length(body) FROM longthread_checkpoint WHERE thread = %s ORDER BY id")
        ]
        assert max(sizes[-20:]) <= max(sizes[:20]) + 32, "but for numbers that take a byte more"
