"""Titles that the summary model gives: after the first answer, and never over a person's."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from graph import Bookmark, OpenGraph, Settings, open_graph
from graph.titling import cleaned
from tests.openai_server import ModelServer
from tests.openai_server.faults import Fault

pytestmark = pytest.mark.anyio


@pytest.fixture
async def titled(small: Settings) -> AsyncIterator[OpenGraph]:
    """A graph that gives titles."""
    async with open_graph(small.model_copy(update={"titles": True})) as graph:
        yield graph


async def title(graph: OpenGraph, place: Bookmark, *, beyond: str) -> str:
    """The thread's title, once it is another."""
    for _ in range(200):
        if (found := (await graph.threads.get(place)).title) != beyond:
            return found
        await asyncio.sleep(0.02)
    return beyond


async def test_the_first_answer_brings_a_title_and_later_ones_none(
    titled: OpenGraph, model: ModelServer, place: Bookmark
) -> None:
    """One request, after the answer; the second turn asks for none."""
    await (await titled.turns.start(place, "What is a good soup?")).wait()
    given = await title(titled, place, beyond="What is a good soup?")
    assert given != "What is a good soup?"
    assert len(model.titles) == 1
    await (await titled.turns.start(place, "And another?")).wait()
    await asyncio.sleep(0.3)
    assert len(model.titles) == 1
    assert len(model.answers) == 2
    assert (await titled.threads.get(place)).title == given


async def test_a_title_by_hand_stays_also_when_it_is_given_meanwhile(
    titled: OpenGraph, model: ModelServer, place: Bookmark
) -> None:
    """Renamed while the model thinks, even to the very same words: the person's stays."""
    for again, name in enumerate(("Mine", "What is a good soup?")):
        here = Bookmark(f"{place.thread_id}-{again}")
        model.delay = 0.05
        await (await titled.turns.start(here, "What is a good soup?")).wait()
        while len(model.titles) <= again:
            await asyncio.sleep(0.01)
        await titled.threads.rename(here, name)
        await asyncio.sleep(2)
        assert (await titled.threads.get(here)).title == name


async def test_a_model_that_gives_no_title_costs_nothing_but_a_log_line(
    titled: OpenGraph, model: ModelServer, place: Bookmark, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer stands, the stop-gap stays, and the log has no word of the conversation."""
    model.fault = Fault("status", status=500, only="titles")
    turn = await titled.turns.start(place, "What is a walrus?")
    await turn.wait()
    for _ in range(100):
        if "could not title" in caplog.text:
            break
        await asyncio.sleep(0.02)
    assert "could not title" in caplog.text
    assert "walrus" not in caplog.text
    assert (await titled.threads.get(place)).title == "What is a walrus?"


def test_a_title_is_a_line_of_few_words() -> None:
    assert cleaned('**"Soup for  cold days."**') == "Soup for cold days"
    assert cleaned("# Title: Eine gute Suppe\n") == "Eine gute Suppe"
    assert (
        cleaned("one two three four five six seven eight nine ten")
        == "one two three four five six seven eight"
    )
    assert cleaned("  \n") == ""
