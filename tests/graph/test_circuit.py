"""A model that failed often in a row is left alone for a while, and nobody waits for it."""

import asyncio
import logging
import pickle
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from graph import (
    Bookmark,
    LongthreadError,
    ModelRefused,
    ModelUnavailable,
    OpenGraph,
    Settings,
    build,
    open_graph,
)
from graph.asking import FALLBACK
from graph.circuit import FAILURES, REST, Circuit
from graph.model import Models, open_models
from tests.graph.talking import say, texts
from tests.graph.test_asking import TwoModels
from tests.openai_server import Fault

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that goes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    """A closed one."""
    return Circuit("walnut", clock)


def fail(circuit: Circuit, times: int = 1, error: type[LongthreadError] = ModelUnavailable) -> None:
    """Requests that are let through and end with an error of the model's own."""
    for _ in range(times):
        with pytest.raises(error, match="from the model"), circuit.request():
            raise error("from the model")


def succeed(circuit: Circuit) -> None:
    """A request that is let through and answered."""
    with circuit.request() as attempt:
        attempt.answered = True


def refuses(circuit: Circuit, words: str = "walnut") -> bool:
    """Whether a request is refused without being made, in these words."""
    try:
        with circuit.request():
            return False
    except ModelUnavailable as e:
        return words in str(pickle.loads(pickle.dumps(e)))


def test_it_opens_after_so_many_failures_in_a_row(circuit: Circuit, clock: Clock) -> None:
    """Not one earlier; what was answered or refused in between begins the row anew."""
    for ends in (succeed, lambda c: fail(c, 1, ModelRefused)):
        fail(circuit, FAILURES - 1)
        assert not circuit.refusal
        ends(circuit)
    fail(circuit, FAILURES)
    assert circuit.refusal and refuses(circuit, f"in {REST:.0f} s")
    clock.now += REST - 3
    assert refuses(circuit, "in 3 s")


def test_a_request_that_was_stopped_says_nothing(circuit: Circuit, clock: Clock) -> None:
    """It neither counts nor begins the row anew, nor does it hold back the next to try."""

    def stopped() -> None:
        with circuit.request():
            pass

    def cancelled() -> None:
        with suppress(asyncio.CancelledError), circuit.request():
            raise asyncio.CancelledError

    def both() -> None:
        stopped()
        cancelled()

    fail(circuit, FAILURES - 1)
    both()
    fail(circuit)
    assert refuses(circuit)
    clock.now += REST
    both()
    fail(circuit)
    assert refuses(circuit)


def test_one_request_tries_and_the_others_do_not_wait_for_it(circuit: Circuit, clock: Clock) -> None:
    """Its success closes the circuit; its failure opens it for as long again."""
    fail(circuit, FAILURES)
    clock.now += REST
    assert not circuit.refusal
    with circuit.request() as attempt:
        assert circuit.refusal and refuses(circuit, "asked again now")
        attempt.answered = True
    succeed(circuit)
    fail(circuit, FAILURES - 1)
    assert not circuit.refusal, "closed, with nothing counted"
    fail(circuit)
    clock.now += REST
    fail(circuit)
    assert refuses(circuit, f"in {REST:.0f} s")


def test_what_began_before_it_opened_does_not_keep_it_open(circuit: Circuit, clock: Clock) -> None:
    """Late failures are no news; a late answer is."""
    late, answered = circuit.request(), circuit.request()
    late.__enter__()
    answered.__enter__().answered = True
    fail(circuit, FAILURES)
    clock.now += REST - 1
    with suppress(ModelUnavailable):
        late.__exit__(ModelUnavailable, ModelUnavailable("late"), None)
    assert refuses(circuit, "in 1 s")
    answered.__exit__(None, None, None)
    assert not circuit.refusal


def test_what_it_does_is_told(circuit: Circuit, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """A line when it opens, another when the model answers again."""
    with caplog.at_level(logging.INFO, "longthread"):
        fail(circuit, FAILURES)
        refuses(circuit)
        clock.now += REST
        succeed(circuit)
        succeed(circuit)
    assert caplog.messages == ["walnut is unavailable: not asked for 10 s.", "walnut answers again."]


# With a model behind it


@pytest.fixture
def model() -> Iterator[TwoModels]:
    """A server of two models."""
    with TwoModels() as server:
        yield server


@pytest.fixture
async def graph(small: Settings, clock: Clock) -> AsyncIterator[OpenGraph]:
    """A graph whose circuits go by this test's clock."""
    settings = small.model_copy(update={"model": "first"})
    models = open_models(settings)
    async with open_graph(settings, models=by(clock, models)) as graph:
        yield graph


def by(clock: Clock, models: Models) -> Models:
    """The same models, their circuits by another clock."""
    return replace(models, circuits={name: Circuit(name, clock) for name in models.circuits})


async def fails(graph: OpenGraph, thread: str, words: str = "status 503") -> None:
    """Ask, and be told that the model is unavailable."""
    with pytest.raises(ModelUnavailable, match=words):
        await graph.ainvoke(say("Do you hear me?"), Bookmark(thread).config)


async def test_nobody_waits_for_a_model_that_is_away(
    graph: OpenGraph, place: Bookmark, model: TwoModels, clock: Clock
) -> None:
    """Of all threads together: told at once, the question kept, asked again after the rest."""
    model.fault = Fault("status", 503)
    for i in range(FAILURES):
        await fails(graph, f"{place.thread_id}-{i}")
    began = time.monotonic()
    await fails(graph, place.thread_id, "first failed 5 times in a row .* in 10 s")
    assert time.monotonic() - began < 0.5 and len(model.requests) == FAILURES
    assert await texts(graph, place) == ["Do you hear me?"]
    model.fault = Fault("hang", times=1)
    clock.now += REST
    trying = asyncio.create_task(fails(graph, f"{place.thread_id}-0", "said nothing"))
    while len(model.requests) == FAILURES:
        await asyncio.sleep(0.01)
    await asyncio.gather(*(fails(graph, f"{place.thread_id}-{i}", "again now") for i in range(1, 5)))
    await trying
    assert len(model.requests) == FAILURES + 1
    clock.now += REST
    turn = await graph.turns.resume(place)
    assert turn
    await turn.wait()
    assert len(await texts(graph, place)) == 2


async def test_the_fallback_answers_while_the_circuit_is_open(
    small: Settings, place: Bookmark, model: TwoModels, clock: Clock
) -> None:
    """Without a request to the first, whose circuit is another; until that answers again."""
    settings = small.model_copy(update={"model": "first", "fallback_model": "second"})
    model.away = Fault("status", 503)
    async with open_graph(settings, models=by(clock, open_models(settings))) as graph:
        for _ in range(FAILURES + 1):
            await graph.ainvoke(say("Do you hear me?"), place.config)
        assert [r.model for r in model.answers] == ["first", "second"] * FAILURES + ["second"]
        model.away = None
        clock.now += REST
        await graph.ainvoke(say("And now?"), place.config)
        answers = (await graph.aget_state(place.config)).values["messages"][1::2]
    assert model.answers[-1].model == "first"
    assert [a.response_metadata.get(FALLBACK) for a in answers[-2:]] == ["second", None]


async def test_who_answers_and_who_summarises_share_one_circuit(model: TwoModels) -> None:
    """It is the model's; the demo model has none, it cannot be away."""
    models = open_models(Settings.read(openai_base_url=model.url, model="a", fallback_model="b"))
    assert models.circuit(models.answer) is models.circuit(models.summary) is models.circuits["a"]
    assert models.fallback and models.circuit(models.fallback) is models.circuits["b"]
    assert build().models is build().models, "Studio's server builds a graph for each run"
    demo = open_models(Settings.read())
    assert demo.circuits == {} and demo.circuit(demo.answer) is None
