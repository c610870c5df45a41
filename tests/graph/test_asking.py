"""A model that is away: who stands in for it, and what is said of that."""

import logging
from collections.abc import Iterator

import pytest

from graph import Bookmark, ModelRefused, ModelUnavailable, OpenGraph, Settings, open_graph
from graph.asking import FALLBACK
from graph.model import open_models
from tests.graph.talking import say, texts
from tests.openai_server import Fault, Kind, ModelServer, Received

pytestmark = pytest.mark.anyio


class TwoModels(ModelServer):
    """A server of two models, of which "first" may be away."""

    away: Fault | None = None

    def take(self, received: Received) -> Fault | None:
        """As any server, and the fault of the first model."""
        return super().take(received) or (self.away if received.model == "first" else None)

    @property
    def asked(self) -> list[str]:
        """Who was asked, in order."""
        return [r.model for r in self.requests]


@pytest.fixture
def model() -> Iterator[TwoModels]:
    """Both models on one server."""
    with TwoModels() as server:
        yield server


@pytest.fixture
def small(database: str, model: TwoModels) -> Settings:
    """One model that answers and summarises, and one that stands in for it."""
    return Settings.read(
        database_url=database,
        openai_base_url=model.url,
        model="first",
        fallback_model="second",
        token_budget=600,
        answer_tokens=100,
        model_timeout=1,
        model_retries=1,
    )


async def test_the_fallback_answers_where_the_model_is_unavailable(
    graph: OpenGraph, place: Bookmark, model: TwoModels, caplog: pytest.LogCaptureFixture
) -> None:
    """After every try, once: told by one line of the log and by the stored answer; else nobody asks it."""
    await graph.ainvoke(say("Who are you?"), place.config)
    assert model.asked == ["first"]
    model.away = Fault("status", 503)
    with caplog.at_level(logging.WARNING, "longthread"):
        await graph.ainvoke(say("And the walrus?"), place.config)
    assert model.asked[1:] == ["first", "first", "second"]
    (line,) = [m for m in caplog.messages if "second" in m]
    assert "503" in line and "walrus" not in caplog.text
    answers = (await graph.aget_state(place.config)).values["messages"][1::2]
    assert [a.response_metadata.get(FALLBACK) for a in answers] == [None, "second"]
    assert FALLBACK == "longthread_fallback" and "walrus" in answers[-1].text
    model.away = None
    await graph.ainvoke(say("Back again?"), place.config)
    assert model.asked[-1] == "first"


async def test_whoever_follows_reads_the_words_of_the_fallback_alone(
    graph: OpenGraph, place: Bookmark, model: TwoModels
) -> None:
    """A model that opens its answer and dies before the first word leaves nothing in it."""
    model.away = Fault("drop_midway", after=0)
    turn = await graph.turns.start(place, "Do you hear me?")
    await turn.wait()
    stored = (await texts(graph, place))[-1]
    assert turn.text == stored and "hear me" in stored


MIDWAY: list[Kind] = ["drop_midway", "error_midway", "cut_midway", "hang_midway"]


@pytest.mark.parametrize("kind", MIDWAY)
async def test_after_the_first_word_there_is_no_second_answer(
    graph: OpenGraph, place: Bookmark, model: TwoModels, kind: Kind
) -> None:
    """Half an answer is an error, and the fallback is not asked."""
    model.away = Fault(kind, after=1)
    with pytest.raises(ModelUnavailable):
        await graph.ainvoke(say("Do you hear me?"), place.config)
    assert model.asked == ["first"]


async def test_a_refusal_is_final(graph: OpenGraph, place: Bookmark, model: TwoModels) -> None:
    """What the model rejects is for a person to put right."""
    model.away = Fault("status", 401)
    with pytest.raises(ModelRefused):
        await graph.ainvoke(say("Do you hear me?"), place.config)
    assert model.asked == ["first"]


async def test_where_both_are_away_the_question_is_kept(
    graph: OpenGraph, place: Bookmark, model: TwoModels
) -> None:
    """A typed error after both were asked, and the turn can be finished later."""
    model.fault = Fault("status", 503)
    with pytest.raises(ModelUnavailable):
        await graph.ainvoke(say("Do you hear me?"), place.config)
    assert model.asked == ["first", "first", "second", "second"]
    assert await texts(graph, place) == ["Do you hear me?"]
    model.fault = None
    turn = await graph.turns.resume(place)
    assert turn
    await turn.wait()
    assert len(await texts(graph, place)) == 2


async def test_the_fallback_summarises_too(graph: OpenGraph, place: Bookmark, model: TwoModels) -> None:
    """What is over the mark is folded, though the model that summarises is away."""
    for word in ("apples", "pears"):
        await graph.ainvoke(say(f"I like {word} " * 20), place.config)
    model.away = Fault("status", 503)
    assert await graph.atrim(place)
    assert [r.model for r in model.summaries][-1] == "second"
    summary = (await graph.aget_state(place.config)).values["summary"]
    assert "apples" in summary.text


async def test_without_the_setting_nobody_stands_in(
    small: Settings, place: Bookmark, model: TwoModels
) -> None:
    """As before there was one; nor does a model stand in for itself."""
    model.away = Fault("status", 503)
    for fallback in (None, "first"):
        model.requests.clear()
        async with open_graph(small.model_copy(update={"fallback_model": fallback})) as graph:
            with pytest.raises(ModelUnavailable):
                await graph.ainvoke(say("Do you hear me?"), place.config)
        assert model.asked == ["first", "first"]
    assert open_models(Settings.read(fallback_model="second")).fallback is None, "the demo model needs none"
