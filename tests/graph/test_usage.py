"""What was used: as the model told it, once, of one's own threads, and without a trace of deleted ones."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessageChunk

from graph import Bookmark, InvalidInput, InvalidSettings, OpenGraph, Settings, ThreadNotFound, open_graph
from graph.context import Context
from graph.usage import Used
from tests.graph.talking import raw, say, talk
from tests.graph.test_costs import counted
from tests.openai_server import ModelServer
from tests.openai_server.faults import Fault

pytestmark = pytest.mark.anyio

LONG_AGO = date(2000, 1, 1)


@pytest.fixture
def place() -> Bookmark:
    """A thread of a person of this test's own."""
    return Bookmark("talk", f"user-{uuid4()}")


@pytest.fixture
def telling(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the model server told of each request, as it came over the wire."""
    heard: list[dict[str, Any]] = []
    from graph import model

    store = model._storable

    def noted(said: Any) -> AIMessageChunk:
        chunk = store(said)
        if chunk.usage_metadata:
            heard.append(dict(chunk.usage_metadata))
        return chunk

    monkeypatch.setattr(model, "_storable", noted)
    return heard


def same(used: Used, told: list[dict[str, Any]]) -> bool:
    sums = [sum(each[name] for each in told) for name in ("input_tokens", "output_tokens")]
    return [used.sent, used.said] == sums


async def test_a_thread_used_what_the_model_told_folds_included(
    graph: OpenGraph, model: ModelServer, place: Bookmark, telling: list[dict[str, Any]]
) -> None:
    """Every answer and every summary, whoever asked for it."""
    await talk(graph, place, 24)
    assert len(model.summaries) > 1
    used = await graph.usage.thread(place)
    assert same(used, telling) and used.turns == 24 and used.guessed == 0
    assert len(telling) == len(model.requests)


async def test_a_fallback_s_tokens_are_counted_as_its_own(
    small: Settings, model: ModelServer, place: Bookmark, telling: list[dict[str, Any]]
) -> None:
    """And cost what the fallback costs: nothing is known of that until it is set."""
    priced = small.model_copy(
        update={"fallback_model": "second", "price_in": 1.0, "price_out": 10.0, "currency": "€"}
    )
    async with open_graph(priced) as graph:
        await graph.ainvoke(say("Hello."), place.config)
        model.fault = Fault("status", status=503, times=1)
        await graph.ainvoke(say("Hello again."), place.config)
        used = await graph.usage.thread(place)
        assert same(used, telling) and used.turns == 2
        first, second = telling
        assert used.money == pytest.approx((first["input_tokens"] + 10 * first["output_tokens"]) / 1e6)
        assert used.unpriced == second["input_tokens"] + second["output_tokens"] > 0


async def test_a_stopped_answer_is_an_estimate_and_says_so(
    graph: OpenGraph, model: ModelServer, place: Bookmark
) -> None:
    """The model told nothing of it."""
    model.words, model.delay = 200, 0.02
    context = Context()
    turn = asyncio.create_task(graph.ainvoke(say("Tell me much."), place.config, context=context))
    while not any(r.words > 2 for r in model.requests):
        await asyncio.sleep(0.01)
    context.stop.set()
    await turn
    used = await graph.usage.thread(place)
    assert used.turns == 1 and used.sent > 0 and used.said > 0
    assert used.share == 1.0


async def test_what_no_model_was_asked_for_used_nothing(graph: OpenGraph, place: Bookmark) -> None:
    """A talk that was brought along."""
    values = {"messages": [("user", "Hello."), ("ai", "Good day.")]}
    await graph.aupdate_state(place.config, values, as_node="answer")
    used = await graph.usage.thread(place)
    assert (used.turns, used.tokens) == (0, 0) and used.bytes > 0


async def test_looking_again_reads_the_new_rows_only(
    graph: OpenGraph, place: Bookmark, telling: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread without new rows costs two statements; one with new rows reads those."""
    await talk(graph, place, 12)
    first = await graph.usage.thread(place)
    with counted(monkeypatch) as seen:
        assert await graph.usage.thread(place) == first
    assert len(seen) == 2
    read: list[int] = []
    from graph.counting import Counting

    parts = Counting._parts

    def noted(self: Counting, row: Any) -> Any:
        read.append(row["number"])
        return parts(self, row)

    monkeypatch.setattr(Counting, "_parts", noted)
    await graph.ainvoke(say("One more."), place.config)
    assert same(await graph.usage.thread(place), telling)
    assert 2 <= len(read) <= 3, "the question, the answer, perhaps a summary"


async def test_ten_thousand_threads_are_not_read_one_by_one(
    graph: OpenGraph, small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred at a time, and progress is told; the second look is one statement."""
    user = f"user-{uuid4()}"
    fill = """
        WITH made AS (
            INSERT INTO longthread_thread (key, owner, thread_id, messages)
            SELECT '~' || %s || '~t' || n, %s, 't' || n, 2 FROM generate_series(1, 10000) n RETURNING number)
        INSERT INTO longthread_message (thread, number, owner, type, id, text)
        SELECT number, m, hashtext(%s), 'human', number || '-' || m, 'Hello.'
        FROM made, generate_series(0, 1) m"""
    await raw(small, fill, user, user, user)
    with counted(monkeypatch) as seen:
        told = [each async for each in graph.usage.count(user)]
    assert told[-1] == (10_000, 10_000) and 10 < len(told) < len(seen) < 500
    with counted(monkeypatch) as seen:
        assert [each async for each in graph.usage.count(user)] == []
    assert len(seen) == 1
    days = await graph.usage.days(user, LONG_AGO)
    assert sum(day.used.bytes for day in days) > 20_000 * 20


async def test_several_who_count_at_once_count_once(
    graph: OpenGraph, other: OpenGraph, place: Bookmark, telling: list[dict[str, Any]]
) -> None:
    """Two processes, while somebody talks: nothing twice, nothing left out."""
    ends = asyncio.Event()

    async def look(by: OpenGraph) -> None:
        while not ends.is_set():
            await by.usage.days(place.user_id, LONG_AGO)

    lookers = [asyncio.create_task(look(by)) for by in (graph, other, graph, other)]
    try:
        await talk(graph, place, 12)
        await asyncio.sleep(0.1)
    finally:
        ends.set()
        await asyncio.gather(*lookers)
    assert same(await other.usage.thread(place), telling)
    sums = [day.used for day in await graph.usage.days(place.user_id, LONG_AGO)]
    assert same(sum(sums, Used()), telling)


async def test_a_copy_used_nothing_until_it_is_talked_in(graph: OpenGraph, place: Bookmark) -> None:
    """No model was asked for its messages."""
    source, target = Bookmark(f"a-{uuid4()}"), Bookmark(f"b-{uuid4()}")
    await talk(graph, source, 2)
    assert graph.checkpointer and not isinstance(graph.checkpointer, bool)
    await graph.checkpointer.acopy_thread(source.thread_id, target.thread_id)
    assert (await graph.usage.thread(target)).tokens == 0
    await graph.ainvoke(say("Hello."), target.config)
    assert (await graph.usage.thread(target)).turns == 1


async def test_what_others_used_is_not_told(graph: OpenGraph, place: Bookmark) -> None:
    """Of a thread of somebody else's, as of none."""
    await talk(graph, place, 1)
    for stranger in (Bookmark(place.thread_id, "somebody"), Bookmark("none", place.user_id)):
        with pytest.raises(ThreadNotFound):
            await graph.usage.thread(stranger)
    nobody = f"user-{uuid4()}"
    assert await graph.usage.days(nobody, LONG_AGO) == []
    assert await graph.usage.threads(nobody) == []
    assert [big.thread_id for big in await graph.usage.threads(place.user_id)] == [place.thread_id]


async def test_deletion_leaves_the_day_s_sum_and_nothing_of_the_thread(
    graph: OpenGraph, small: Settings, place: Bookmark, telling: list[dict[str, Any]]
) -> None:
    """Looked at before or not: no number of it, no id, no bytes."""
    seen, unseen = Bookmark("seen", place.user_id), Bookmark("unseen", place.user_id)
    await talk(graph, seen, 2)
    await graph.usage.thread(seen)
    await talk(graph, unseen, 2)
    numbers = [(await graph.threads.get(each)).number for each in (seen, unseen)]
    for each in (seen, unseen):
        await graph.threads.delete(each)
    for table in ("longthread_usage", "longthread_counted"):
        assert await raw(small, f"SELECT * FROM {table} WHERE thread = ANY (%s)", numbers) == []
    assert await graph.usage.threads(place.user_id) == []
    total = sum((day.used for day in await graph.usage.days(place.user_id, LONG_AGO)), Used())
    assert same(total, telling) and total.turns == 4 and total.bytes == 0


async def test_days_are_those_of_the_person_s_time_zone(
    graph: OpenGraph, small: Settings, place: Bookmark
) -> None:
    """A quarter past eleven in the evening in London is another day in Kathmandu."""
    await talk(graph, place, 1)
    number = (await graph.threads.get(place)).number
    moment = "2026-01-10 23:20+00"
    await raw(small, "UPDATE longthread_message SET created = %s WHERE thread = %s", moment, number)
    zones = {"UTC": 10, "Asia/Kathmandu": 11, "America/New_York": 10}
    for zone, day in zones.items():
        (found,) = await graph.usage.days(place.user_id, LONG_AGO, zone)
        assert found.day == date(2026, 1, day)
        assert await graph.usage.days(place.user_id, found.day + timedelta(1), zone) == []
        assert len(await graph.usage.days(place.user_id, found.day, zone)) == 1
    with pytest.raises(InvalidInput):
        await graph.usage.days(place.user_id, LONG_AGO, "Atlantis/'; DROP")


async def test_the_biggest_threads_come_first(graph: OpenGraph, place: Bookmark) -> None:
    """By what is asked for; their bytes are all there is of them."""
    for turns in (1, 3, 2):
        await talk(graph, Bookmark(f"of-{turns}", place.user_id), turns)
    for by in ("tokens", "turns", "bytes", "money"):
        found = await graph.usage.threads(place.user_id, 2, by)
        assert [big.thread_id for big in found] == ["of-3", "of-2"]
    for big in await graph.usage.threads(place.user_id):
        assert big.used.bytes == await graph.threads.size(Bookmark(big.thread_id, place.user_id))
    with pytest.raises(InvalidInput):
        await graph.usage.threads(place.user_id, 2, "charm")


async def test_without_prices_nothing_is_said_of_money(graph: OpenGraph, place: Bookmark) -> None:
    """No price is made up."""
    await talk(graph, place, 1)
    assert (await graph.usage.thread(place)).money is None


def test_prices_come_in_pairs(database: str) -> None:
    """One alone would make half of the money."""
    with pytest.raises(InvalidSettings, match="LONGTHREAD_PRICE_IN and LONGTHREAD_PRICE_OUT"):
        Settings.read(database_url=database, openai_api_key="k", price_in=1)
    priced = Settings.read(database_url=database, openai_api_key="k", price_in=1, price_out=2)
    assert priced.prices.cost("summary", 500_000, 1_000_000) == 2.5
    assert not Settings.read(database_url=database, price_in=1, price_out=2).prices.known, "the demo is free"


async def test_the_state_of_the_database_is_told(graph: OpenGraph, small: Settings, place: Bookmark) -> None:
    """Its size, its tables, what is connected; who answers now."""
    await talk(graph, place, 1)
    state = await graph.vitals.look()
    assert state.bytes > 1_000_000 and 0 < state.connections <= state.allowed
    assert {"longthread_message", "longthread_usage", "checkpoints"} <= {t.name for t in state.tables}
    assert state.pool_used <= state.pool_size == 10
    number = (await graph.threads.get(place)).number
    statement = "UPDATE longthread_thread SET until = now() + %s::interval WHERE number = %s"
    await raw(small, statement, "1 minute", number)
    assert (await graph.vitals.look()).held == state.held + 1
    await raw(small, statement, "-1 minute", number)
