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
    assert "messages summarised" in fold.preview
