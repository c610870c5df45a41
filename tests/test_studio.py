"""Studio's server: the same graph and the same threads, through langgraph-sdk and real HTTP."""

import asyncio
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from graph import Bookmark, Settings, open_graph

ROOT = Path(__file__).parent.parent
SAY = {"messages": [{"role": "user", "content": "My name is Ada."}]}
ASK = {"messages": [{"role": "user", "content": "What is my name?"}]}


@pytest.fixture(scope="module")
def studio(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of `scripts/studio`, on the tests' database."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    log = tmp_path_factory.mktemp("studio") / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [ROOT / "scripts" / "studio", "--port", str(port)],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": database},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        _wait_for(port, server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ok", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"Studio's server did not come up:\n{log.read_text()[-3000:]}")


@pytest.fixture
async def client(studio: str) -> AsyncIterator[LangGraphClient]:
    """The official client."""
    async with get_client(url=studio) as client:
        yield client


async def test_a_thread_is_made_run_streamed_read_updated_and_run_on(client: LangGraphClient) -> None:
    """The whole round through the SDK."""
    thread = await client.threads.create()
    answered = await client.runs.wait(thread["thread_id"], "agent", input=SAY)
    assert answered["messages"][-1]["type"] == "ai"
    parts = [
        p
        async for p in client.runs.stream(
            thread["thread_id"], "agent", input=ASK, stream_mode="messages-tuple"
        )
    ]
    assert sum(p.event == "messages" for p in parts) > 2, "the answer streams"
    state = await client.threads.get_state(thread["thread_id"])
    assert "Ada" in state["values"]["messages"][-1]["content"]
    history = await client.threads.get_history(thread["thread_id"], limit=50)
    assert len(history) == 6
    told = {"messages": [{"role": "user", "content": "I like green tea."}]}
    await client.threads.update_state(thread["thread_id"], told, as_node="__start__")
    await client.runs.wait(thread["thread_id"], "agent", input=None)
    asked = {"messages": [{"role": "user", "content": "What did I say about tea?"}]}
    answered = await client.runs.wait(thread["thread_id"], "agent", input=asked)
    assert "green" in answered["messages"][-1]["content"]


async def test_studio_can_draw_the_graph_and_its_forms(client: LangGraphClient) -> None:
    """The nodes, and schemas of what goes in and comes out; of the context nothing can be filled in."""
    assistant = (await client.assistants.search(graph_id="agent"))[0]["assistant_id"]
    schemas: Any = await client.assistants.get_schemas(assistant)
    assert "messages" in schemas["input_schema"]["properties"]
    assert {"messages", "summary"} <= set(schemas["state_schema"]["properties"])
    assert not (schemas["context_schema"] or {}).get("properties")
    drawn: Any = await client.assistants.get_graph(assistant)
    assert {node["id"] for node in drawn["nodes"]} == {"__start__", "answer", "summarize", "__end__"}


async def test_a_thread_of_the_page_goes_on_there_and_comes_back(
    client: LangGraphClient, settings: Settings
) -> None:
    """Made here, continued by Studio's server, read here again: one thread."""
    place = Bookmark(str(uuid4()))
    async with open_graph(settings) as graph:
        await (await graph.turns.start(place, "My name is Ada.")).wait()
        await client.threads.create(thread_id=place.thread_id, graph_id="agent", if_exists="do_nothing")
        seen = await client.threads.get_state(place.thread_id)
        assert seen["values"]["messages"][0]["content"] == "My name is Ada."
        answered = await client.runs.wait(place.thread_id, "agent", input=ASK)
        assert "Ada" in answered["messages"][-1]["content"]
        page = await graph.threads.transcript(place)
        assert page.entries[2].message.text == "What is my name?"
        await (await graph.turns.start(place, "What did I say about Ada?")).wait()
        assert len((await client.threads.get_state(place.thread_id))["values"]["messages"]) == 6


async def test_a_thread_of_studio_is_on_the_page(client: LangGraphClient, settings: Settings) -> None:
    """Made there, listed here for the local user and for nobody else."""
    thread = await client.threads.create()
    await client.runs.wait(thread["thread_id"], "agent", input=SAY)
    async with open_graph(settings) as graph:
        assert (await graph.threads.get(Bookmark(thread["thread_id"]))).title == "My name is Ada."
        assert thread["thread_id"] not in [t.thread_id for t in await graph.threads.list("eve")]


async def test_a_question_sent_twice_is_asked_once_there_too(
    client: LangGraphClient, settings: Settings
) -> None:
    """By its message's id, from the SDK and from here; and who speaks at once is put in order."""
    thread = (await client.threads.create())["thread_id"]
    once = {"messages": [{"role": "user", "content": "Once?", "id": str(uuid4())}]}
    answers = [await client.runs.wait(thread, "agent", input=once) for _ in range(2)]
    assert answers[0]["messages"][-1] == answers[1]["messages"][-1]
    async with open_graph(settings) as graph:
        place = Bookmark(thread)
        again = await graph.ainvoke(once, place.config)
        assert again["messages"][-1].id == answers[0]["messages"][-1]["id"]

        async def there(n: int) -> None:
            said = {"messages": [{"role": "user", "content": f"There {n}."}]}
            await client.runs.wait(thread, "agent", input=said, multitask_strategy="enqueue")

        async def here(n: int) -> None:
            await graph.ainvoke({"messages": [("user", f"Here {n}.")]}, place.config)

        await asyncio.gather(*(say(n) for say in (there, here) for n in range(3)))
        entries = (await graph.threads.transcript(place)).entries
        assert [e.message.type for e in entries] == ["human", "ai"] * 7
        assert {e.message.text for e in entries[::2]} == {"Once?"} | {
            f"{where} {n}." for where in ("Here", "There") for n in range(3)
        }


async def test_another_users_thread_is_not_there(client: LangGraphClient, settings: Settings) -> None:
    """The same thread_id shows Studio's own thread only."""
    place = Bookmark(str(uuid4()), "eve")
    async with open_graph(settings) as graph:
        await graph.ainvoke({"messages": [("user", "Eve's secret")]}, place.config)
    await client.threads.create(thread_id=place.thread_id, graph_id="agent", if_exists="do_nothing")
    assert "secret" not in repr(await client.threads.get_state(place.thread_id))
    assert "secret" not in repr(await client.threads.get_history(place.thread_id))


def test_a_bad_setting_is_one_line_and_exit_code_2() -> None:
    """Not a traceback of the server's."""
    done = subprocess.run(
        [ROOT / "scripts" / "studio"],
        env=os.environ | {"LONGTHREAD_TOKEN_BUDGET": "many"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "LONGTHREAD_TOKEN_BUDGET" in done.stderr
    assert len(done.stderr.splitlines()) == 1
