"""The timeline: what each checkpoint was."""

from datetime import UTC, datetime

import pytest

from graph import Bookmark, OpenGraph
from tests.graph.talking import talk

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
