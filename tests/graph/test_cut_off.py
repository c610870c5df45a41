"""A process that is killed while the model answers: the question is there, once, and can be answered."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from graph import Bookmark, OpenGraph, Settings, ThreadDeleted, open_graph
from graph.checkpointers.postgres import open_postgres
from tests.graph.talking import say, texts
from tests.openai_server import Fault, ModelServer

pytestmark = pytest.mark.anyio

ASK = """
import asyncio, sys
from graph import Bookmark, open_graph
async def main(thread, text):
    async with open_graph() as graph:
        await graph.ainvoke({"messages": [("user", text)]}, Bookmark(thread).config)
asyncio.run(main(*sys.argv[1:]))
"""


@asynccontextmanager
async def cut_off(place: Bookmark, text: str, settings: Settings, model: ModelServer) -> AsyncIterator[None]:
    """Ask in another process, and kill it while the model is silent."""
    model.fault, asked = Fault("hang"), len(model.requests)
    environment = {
        "DATABASE_URL": settings.database_url.get_secret_value() if settings.database_url else "",
        "OPENAI_BASE_URL": model.url,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PATH": "",
    }
    command = [sys.executable, "-c", ASK, place.thread_id, text]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        while len(model.requests) == asked:
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
            await asyncio.sleep(0.02)
        yield
        process.send_signal(signal.SIGKILL)
        process.communicate()
    model.fault = None


async def test_a_killed_turn_leaves_its_question_and_is_finished(small: Settings, model: ModelServer) -> None:
    """In a new thread and in an old one; seen by others while it runs, by any graph after it is dead."""
    place = Bookmark(uuid4().hex)
    async with open_graph(small) as graph:
        for turn in ("First?", "Second?"):
            async with cut_off(place, turn, small, model):
                assert (await texts(graph, place))[-1] == turn, "durable before the model is called"
            kept = await texts(graph, place)
            state = await graph.aget_state(place.config)
            assert kept[-1] == state.values["messages"][-1].text == turn
            assert state.next == ("answer",)
            assert [t.name for t in state.tasks] == ["answer"]
            assert (await graph.aget_state(state.config)).values == state.values, "by its id too"
            history = [s.config async for s in graph.aget_state_history(place.config)]
            assert history[0] == state.config
            resumed = await graph.turns.resume(place)
            assert resumed
            await resumed.wait()
            assert len(await texts(graph, place)) == len(kept) + 1
            assert await graph.turns.resume(place) is None
        assert (await texts(graph, place))[::2] == ["First?", "Second?"]


async def test_the_next_question_takes_along_the_one_that_was_cut_off(
    small: Settings, model: ModelServer
) -> None:
    """Both are in the thread, in order, each once, and one answer follows."""
    place = Bookmark(uuid4().hex)
    async with open_graph(small) as graph:
        await graph.ainvoke(say("Before."), place.config)
        async with cut_off(place, "Lost?", small, model):
            pass
        await graph.ainvoke(say("And this?"), place.config)
        said = await texts(graph, place)
        assert [said[0], *said[2:4]] == ["Before.", "Lost?", "And this?"]
        assert len(said) == 5


async def test_a_fork_leaves_the_question_that_was_cut_off_on_its_branch(
    small: Settings, model: ModelServer
) -> None:
    """Forked elsewhere meanwhile, the question is still a branch of its own, and can be answered there."""
    place = Bookmark(uuid4().hex)
    async with open_graph(small) as graph:
        await graph.ainvoke(say("First."), place.config)
        early = await graph.aget_state(place.config)
        await graph.ainvoke(say("Second."), place.config)
        async with cut_off(place, "Lost?", small, model):
            pass
        fork = Bookmark.of(early.config)
        await graph.ainvoke(say("Forked."), fork.config)
        assert (await texts(graph, place))[2:3] == ["Forked."]
        tips = [m for m in await graph.threads.moments(place) if m.tip and not m.active]
        (lost,) = [m for m in tips if m.preview == "Lost?"]
        await graph.threads.switch(place.at(lost.checkpoint_id))
        assert (await texts(graph, place))[2::2] == ["Second.", "Lost?"]
        turn = await graph.turns.resume(place)
        assert turn
        await turn.wait()
        assert len(await texts(graph, place)) == 6


async def test_a_question_is_gone_with_its_thread(small: Settings, model: ModelServer) -> None:
    """Deleted while it waits, nothing of it is left."""
    place = Bookmark(uuid4().hex)
    async with open_graph(small) as graph:
        async with cut_off(place, f"Lost {place.thread_id}?", small, model):
            pass
        await graph.threads.delete(place)
        assert (await graph.aget_state(place.config)).values == {}
        assert await graph.turns.resume(place) is None
        with pytest.raises(ThreadDeleted):
            await graph.ainvoke(say("Lost?"), place.config)
        assert not await graph.threads.search(place.user_id, place.thread_id)


async def test_a_copied_thread_takes_its_question_along(small: Settings, model: ModelServer) -> None:
    """And answers it by itself."""
    place, copy = Bookmark(uuid4().hex), Bookmark(uuid4().hex)
    async with open_graph(small) as graph:
        async with cut_off(place, "Twice?", small, model):
            pass
        assert small.database_url
        async with open_postgres(small.database_url.get_secret_value()) as saver:
            await saver.acopy_thread(place.thread_id, copy.thread_id)
        for each in (place, copy):
            assert await texts(graph, each) == ["Twice?"]
            await finished(graph, each)
            assert len(await texts(graph, each)) == 2


async def finished(graph: OpenGraph, place: Bookmark) -> None:
    """Answer what waits."""
    turn = await graph.turns.resume(place)
    assert turn
    await turn.wait()
