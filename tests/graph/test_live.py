"""Turns under way: started, followed, stopped, finished after a failure."""

import asyncio
from contextlib import suppress
from itertools import pairwise
from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr

from graph import (
    Bookmark,
    ModelRefused,
    ModelUnavailable,
    OpenGraph,
    Settings,
    StoreUnavailable,
    ThreadBusy,
    live,
    open_graph,
)
from graph.checkpointers import leases, pool
from tests.checkpointers.wire import Wire
from tests.graph.talking import WORDS, say, talk, texts
from tests.graph.test_cut_off import cut_off
from tests.openai_server import Fault, ModelServer

pytestmark = pytest.mark.anyio


async def test_two_followers_see_the_whole_answer(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """Both tails grow to the same text, which is what is stored."""
    model.delay, model.words = 0.01, 40
    turn = await graph.turns.start(place, "Tell me something.")

    async def follow() -> list[str]:
        return [text async for text in turn.tail(0.02)]

    one, two = await asyncio.gather(follow(), follow())
    assert len(one) > 3
    assert all(b.startswith(a) for a, b in pairwise(one))
    assert one[-1] == two[-1] == (await texts(graph, place))[-1]


async def test_a_turn_goes_on_when_nobody_follows(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """The follower leaves at once; the answer is there afterwards."""
    model.delay, model.words = 0.01, 30
    turn = await graph.turns.start(place, "Tell me something.")
    async for _ in turn.tail(0.01):
        break
    await turn.wait()
    assert graph.turns.running(place) is None
    assert len((await texts(graph, place))[-1].split()) == 30


async def test_stop_keeps_the_partial_answer_and_marks_it(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """What was written is stored, shorter than the whole, and the next question is answered."""
    model.delay, model.words = 0.02, 300
    turn = await graph.turns.start(place, "Tell me everything.")
    while turn.text.count(" ") < 5:
        await asyncio.sleep(0.01)
    assert await graph.turns.stop(place)
    await turn.wait()
    message = (await graph.aget_state(place.config)).values["messages"][-1]
    assert message.response_metadata["stopped"] is True
    assert 5 <= len(message.text.split()) < 300
    assert message.text.startswith(turn.text[:20])
    model.words = 5
    await (await graph.turns.start(place, "Go on.")).wait()
    assert len(await texts(graph, place)) == 4
    assert not await graph.turns.stop(place)


async def test_a_second_question_meanwhile_is_refused(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """ThreadBusy, and only the first is stored; another user's thread of that name is free."""
    model.delay, model.words = 0.01, 30
    turn = await graph.turns.start(place, "One?")
    with pytest.raises(ThreadBusy):
        await graph.turns.start(place, "Two?")
    with pytest.raises(ThreadBusy):
        await graph.turns.trim(place)
    other = await graph.turns.start(Bookmark(place.thread_id, "eve"), "Three?")
    await turn.wait()
    await other.wait()
    assert (await texts(graph, place))[::2] == ["One?"]


async def test_two_questions_at_once_start_one_turn(graph: OpenGraph, place: Bookmark) -> None:
    """However the two interleave, exactly one is admitted."""
    results = await asyncio.gather(
        *(graph.turns.start(place, f"Question {n}") for n in range(5)), return_exceptions=True
    )
    started = [r for r in results if not isinstance(r, BaseException)]
    assert len(started) == 1
    assert all(isinstance(r, ThreadBusy) for r in results if isinstance(r, BaseException))
    await started[0].wait()
    assert len(await texts(graph, place)) == 2


async def test_trim_now_folds_all_but_the_last_exchange(graph: OpenGraph, place: Bookmark) -> None:
    """The window holds one exchange, the summary the rest, the transcript everything."""
    await talk(graph, place, 3)
    turn = await graph.turns.trim(place)
    await turn.wait()
    state = (await graph.aget_state(place.config)).values
    assert len(state["messages"]) == 2
    assert state["summary"].additional_kwargs["longthread"]["count"] == 4
    assert len(await texts(graph, place)) == 6
    view = await graph.acontext(place)
    assert view.prompt.summary > 0
    assert view.prompt.tokens <= view.limit


async def test_a_summary_is_written_anew_as_a_turn_and_stays_where_the_model_fails(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """Whoever follows it is told why; meanwhile the thread is busy."""
    await talk(graph, place, 3)
    await (await graph.turns.trim(place)).wait()
    old = (await graph.aget_state(place.config)).values["summary"]
    model.fault = Fault("status", 400, only="summaries")
    turn = await graph.turns.resummarise(place)
    assert turn.folding and graph.turns.running(place) is turn
    with pytest.raises(ThreadBusy):
        await graph.turns.resummarise(place)
    with pytest.raises(ModelRefused):
        await turn.wait()
    assert (await graph.aget_state(place.config)).values["summary"] == old
    model.fault = None
    await (await graph.turns.resummarise(place)).wait()
    state = (await graph.aget_state(place.config)).values
    assert state["summary"].id != old.id and len(state["messages"]) == 2


@pytest.mark.parametrize("asked", ["an answer", "trim", "resummarise"])
async def test_a_fold_that_is_stopped_is_not_done(
    graph: OpenGraph, place: Bookmark, model: ModelServer, asked: str
) -> None:
    """Half a summary is not kept, and what it was for is not dropped; the next one is written."""
    await talk(graph, place, 3)
    if asked == "resummarise":
        await (await graph.turns.trim(place)).wait()
    before = (await graph.aget_state(place.config)).values
    asked_before = len(model.summaries)
    model.delay, model.words = 0.05, 4
    fold = graph.turns.resummarise if asked == "resummarise" else graph.turns.trim
    turn = await (graph.turns.start(place, f"One more: {WORDS}") if asked == "an answer" else fold(place))
    while not (len(model.summaries) > asked_before and model.summaries[-1].words > 3):
        assert not turn.done, turn.error
        await asyncio.sleep(0.01)
    assert turn.folding and await graph.turns.stop(place)
    await turn.wait()
    after = (await graph.aget_state(place.config)).values
    assert after.get("summary") == before.get("summary")
    assert after["messages"][: len(before["messages"])] == before["messages"]
    model.delay = 0
    await (await fold(place)).wait()
    assert (await graph.aget_state(place.config)).values["summary"] != before.get("summary")


async def test_closing_keeps_what_was_written(graph: OpenGraph, place: Bookmark, model: ModelServer) -> None:
    """A server that stops in the middle of an answer stores the part that there is."""
    model.delay, model.words = 0.02, 500
    turn = await graph.turns.start(place, "Tell me everything.")
    while not turn.text:
        await asyncio.sleep(0.01)
    await graph.turns.close()
    assert turn.done
    assert (await graph.aget_state(place.config)).values["messages"][-1].response_metadata["stopped"] is True


async def test_a_question_that_cannot_be_stored_was_not_asked(
    small: Settings, place: Bookmark, model: ModelServer
) -> None:
    """Who asks is told at once, so that what was typed can be kept; nothing is left of it, then or later."""
    assert small.database_url
    wire = Wire(small.database_url.get_secret_value())
    async with wire, open_graph(small.model_copy(update={"database_url": SecretStr(wire.url)})) as graph:
        await wire.stop()
        with pytest.raises(StoreUnavailable):
            await graph.turns.start(place, "Do you hear me?")
        assert graph.turns.running(place) is None and model.requests == []
        await wire.start()
        model.fault = Fault("hang")
        await again(graph, place, "Do you hear me now?")
        assert await texts(graph, place) == ["Do you hear me now?"], "durable when start() is over"
        await graph.turns.stop(place)


async def again(graph: OpenGraph, place: Bookmark, text: str) -> None:
    """Ask until the database is back."""
    async with asyncio.timeout(15):
        while True:
            with suppress(StoreUnavailable):
                await graph.turns.start(place, text)
                return
            await asyncio.sleep(0.1)


# Turns of other processes


DRAFTS = """
SELECT count(*) FROM longthread_draft d JOIN longthread_thread t ON t.number = d.thread WHERE t.key = %s
"""


async def test_a_turn_of_another_process_is_followed_and_stopped(
    graph: OpenGraph, small: Settings, place: Bookmark, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its words arrive, a second late; stopped from here it keeps what there is, and is over here too."""
    monkeypatch.setattr(leases, "EVERY", 0.1)
    monkeypatch.setattr(live, "FOLLOWING", 0.05)
    model.delay, model.words = 0.02, 300
    async with open_graph(small) as other:
        turn = await graph.turns.start(place, "Tell me everything.")
        while turn.text.count(" ") < 5:
            assert not turn.done, turn.error
            await asyncio.sleep(0.01)
        assert other.turns.running(place) is None
        there = await other.turns.under_way(place)
        assert there is not None
        assert await other.turns.under_way(place) is there, "one follower for all who look"
        assert await other.turns.under_way(Bookmark(place.thread_id, "eve")) is None
        while there.text.count(" ") < 20:
            assert not there.done, there.error
            await asyncio.sleep(0.01)
        assert turn.text.startswith(there.text)
        assert await other.turns.stop(place)
        await turn.wait()
        await there.wait()
        assert (await texts(other, place))[-1].startswith(there.text)
        assert await other.turns.under_way(place) is None
        assert not await other.turns.stop(place)
        assert small.database_url
        with psycopg.connect(small.database_url.get_secret_value(), autocommit=True) as conn:
            left: object = None
            for _ in range(50):
                left = conn.execute(DRAFTS, (place.key,)).fetchone()
                if left == (0,):
                    break
                await asyncio.sleep(0.1)
        assert left == (0,), "worth nothing now"


async def test_what_a_dead_process_left_is_finished(
    small: Settings, place: Bookmark, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever looks: asked once more, answered once. What failed and was told is left to its person."""
    failed = Bookmark(f"t-{uuid4()}")
    async with open_graph(small) as graph:
        model.fault = Fault("status", 500)
        with pytest.raises(ModelUnavailable):
            await graph.ainvoke(say("Failed?"), failed.config)
        model.fault = None
        async with cut_off(place, "Cut off?", small, model):
            pass
        recovering = asyncio.create_task(graph.turns.recover(every=0.2))
        while len(await texts(graph, place)) < 2:
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        recovering.cancel()
        assert (await texts(graph, place))[:1] == ["Cut off?"]
        assert len(await texts(graph, place)) == 2
        assert await texts(graph, failed) == ["Failed?"]
        asked = [received.messages[-1]["content"] for received in model.answers]
        assert (asked.count("Failed?"), asked.count("Cut off?")) == (1, 2), "what was cut off, again"


async def test_what_may_have_been_stored_is_not_asked_twice(
    small: Settings, place: Bookmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database takes a question and its reply is lost: the same words again are the same question."""
    monkeypatch.setattr(pool, "STATEMENT_TIMEOUT", 0.5)
    assert small.database_url
    async with Wire(small.database_url.get_secret_value()) as wire:
        settings = small.model_copy(update={"database_url": SecretStr(wire.url)})
        async with open_graph(settings) as graph, open_graph(small) as other:
            await (await graph.turns.start(place, "Before.")).wait()
            wire.cut("answers")
            with pytest.raises(StoreUnavailable):
                await graph.turns.start(place, "Once?")
            wire.mend()
            assert (await texts(other, place))[2:] == ["Once?"], "it was stored"
            await (await graph.turns.start(place, "Once?")).wait()
            assert (await texts(other, place))[2:-1] == ["Once?"]
            assert len(await texts(other, place)) == 4
