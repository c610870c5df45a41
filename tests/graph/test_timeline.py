"""The timeline: what each checkpoint was."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from graph import Bookmark, OpenGraph, Settings
from graph.tables import Tables
from tests.graph.talking import raw, talk
from tests.graph.test_plans import nodes

pytestmark = pytest.mark.anyio


async def test_the_timeline_tells_what_each_checkpoint_was(graph: OpenGraph, place: Bookmark) -> None:
    """Newest first, every checkpoint, when it was made, all on the active branch, one tip; without gap."""
    began = datetime.now(UTC)
    await talk(graph, place, 8)
    stored = [s.config["configurable"]["checkpoint_id"] async for s in graph.aget_state_history(place.config)]
    moments = await graph.threads.moments(place, limit=500)
    assert [m.checkpoint_id for m in moments] == stored
    times = [moment.created for moment in moments]
    assert times == sorted(times, reverse=True)
    assert began <= times[-1] and times[0] <= datetime.now(UTC)
    assert {m.kind for m in moments} == {"answer", "fold"}
    assert [m.kind for m in moments].count("answer") == 8, "one a turn"
    assert all(m.active for m in moments)
    assert [m.tip for m in moments] == [True] + [False] * (len(moments) - 1)
    paged, before = [], None
    while page := await graph.threads.moments(place, limit=5, before=before):
        paged += page
        before = page[-1].checkpoint_id
    assert paged == list(moments)
    fold = next(m for m in moments if m.kind == "fold")
    assert fold.folded > 0 and not fold.act and not fold.preview


async def test_the_timeline_tells_what_a_person_did_to_the_summary(graph: OpenGraph, place: Bookmark) -> None:
    """And how many messages it stands for then; a fold is nobody's act."""
    await talk(graph, place, 3)
    assert await graph.atrim(place)
    await graph.summaries.again(place)
    await graph.summaries.edit(place, "Mine.")
    await graph.summaries.undo(place)
    newest = (await graph.threads.moments(place, limit=4))[::-1]
    assert [(m.kind, m.act, m.folded) for m in newest] == [
        ("fold", "", 4),
        ("fold", "again", 4),
        ("fold", "edit", 4),
        ("fold", "undo", 0),
    ]


# Copies of the only checkpoint before it, each on the one before.
OLDER = """
INSERT INTO longthread_checkpoint (thread, id, parent, ns, holds, body)
SELECT c.thread, (to_hex(268435456 + n) || right(c.id::text, 28))::uuid,
    CASE WHEN n > 0 THEN (to_hex(268435455 + n) || right(c.id::text, 28))::uuid END, '', c.holds, c.body
FROM longthread_checkpoint c, generate_series(0, %s - 2) n
WHERE c.thread = (SELECT number FROM longthread_thread WHERE key = %s)
"""
ON_THEM = """
UPDATE longthread_checkpoint c SET parent = (
    SELECT k.id FROM longthread_checkpoint k WHERE k.thread = c.thread AND k.id < c.id
    ORDER BY k.id DESC LIMIT 1
) FROM longthread_thread t WHERE t.key = %s AND c.thread = t.number AND c.id = t.head
"""


def size(row: Mapping[str, Any]) -> int:
    """Bytes of a row, nearly."""
    return sum(len(value if isinstance(value, bytes) else str(value)) for value in row.values())


async def _read(graph: OpenGraph, place: Bookmark, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """What a drawing of the timeline reads: bytes that come here, and rows that the database looked at."""
    run, seen = Tables.rows, list[tuple[int, int]]()

    async def noted(self: Tables, statement: str, values: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        found = await run(self, statement, values)
        told = await run(self, f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
        ((plan,),) = (row["QUERY PLAN"] for row in told)
        looked = [n.get("Rows Removed by Filter", 0) + n["Actual Rows"] for n in nodes(plan["Plan"])]
        times = [n["Actual Loops"] for n in nodes(plan["Plan"])]
        seen.append((sum(map(size, found)), round(sum(a * b for a, b in zip(looked, times, strict=True)))))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Tables, "rows", noted)
        assert len(await graph.threads.moments(place, limit=41)) == 41
    return sum(size for size, _ in seen), sum(rows for _, rows in seen)


async def test_a_drawing_reads_what_it_lists_however_long_the_thread(
    graph: OpenGraph, small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of 2,000 checkpoints costs the bytes and the rows of a page of 200, in the database too."""
    costs: list[tuple[int, int]] = []
    for steps in (200, 2_000):
        place = Bookmark(f"t-{uuid4()}")
        await talk(graph, place, 1)
        await raw(small, OLDER, steps, place.key)
        await raw(small, ON_THEM, place.key)
        newest = (await graph.threads.moments(place, limit=1))[0].checkpoint_id
        assert await graph.threads.step(place.at(newest)) == (steps, steps)
        costs.append(await _read(graph, place, monkeypatch))
    (size, rows), (more_size, more_rows) = costs
    assert more_size <= 1.02 * size and more_rows <= 1.02 * rows, costs
