"""A thread as a file: what it was comes back, and a file of anybody's is looked through before it is believed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage

from graph import Bookmark, InvalidInput, OpenGraph, Settings, StoreUnavailable, ThreadNotFound
from graph.document import FORMAT, LARGEST, read
from graph.summarize import notes
from graph.usage import Usage
from tests.graph.talking import raw, say, talk
from tests.graph.test_boughs import forked
from tests.graph.test_branches import head
from tests.graph.test_costs import counted
from tests.openai_server import ModelServer

pytestmark = pytest.mark.anyio


async def exported(graph: OpenGraph, place: Bookmark) -> bytes:
    return b"".join([part async for part in graph.archives.export(place)])


async def carried(graph: OpenGraph, place: Bookmark) -> Bookmark:
    return await graph.archives.load(place.user_id, await exported(graph, place))


async def looked(graph: OpenGraph, place: Bookmark) -> dict[str, Any]:
    """What a person and a model are shown of a thread, on each of its branches."""
    thread, branches = await graph.threads.get(place), await graph.threads.branches(place)
    of = {bough.tip: at for at, bough in enumerate(branches)}
    shown: dict[str, Any] = {"title": thread.title, "tags": thread.tags, "messages": thread.messages}
    for at, bough in enumerate(branches):
        there = place.at(bough.tip)
        page = await graph.threads.transcript(there, limit=10_000)
        values, context = (await graph.aget_state(there.config)).values, await graph.acontext(there)
        told = {k: v for k, v in notes(context.summary).items() if k not in ("used",)}
        shown[f"branch {at}"] = {
            "bough": (of.get(bough.parent or ""), bough.at, bough.length, bough.name, bough.active),
            "said": [(e.seq, e.message, len(e.branches)) for e in page.entries],
            "versions": [[b.current for b in e.branches] for e in page.entries],
            "window": values.get("messages"),
            "summary": (context.summary.text, told) if context.summary else None,
            "sent": [m.model_copy(update={"id": None}) for m in context.prompt.messages[:1]]
            + [m.text for m in context.prompt.messages],
            "next": (await graph.aget_state(there.config)).next,
        }
    return shown


async def furnish(graph: OpenGraph, place: Bookmark) -> None:
    """Branches with names, a summary, a call of a tool and its result, the first question in two versions."""
    tips = await forked(graph, place)
    boughs = {bough.words: bough for bough in await graph.threads.branches(place)}
    await graph.threads.name_branch(place, boughs["Left"].first or 0, "The left one")
    await graph.threads.switch(place.at(tips["Left"]))
    await talk(graph, place, 12)
    call = {"name": "look_up", "args": {"what": ["ü", 1.5]}, "id": "call-1", "type": "tool_call"}
    tool = [
        AIMessage("", tool_calls=[call], id="lc_run--1", response_metadata={"finish_reason": "tool_calls"}),
        ToolMessage("found", tool_call_id="call-1", name="look_up", status="error", id="tool-1"),
        AIMessage([{"type": "text", "text": "Here."}], id="ai-2", response_metadata={"stopped": True}),
    ]
    await graph.aupdate_state(place.config, {"messages": tool}, as_node="summarize")
    one = (await graph.threads.transcript(place.at(tips["One"]))).entries[0]
    first = await graph.threads.before(place.at(tips["One"]), one.id or "")
    await graph.ainvoke(say("Uno"), first.config)
    await graph.threads.switch(place.at((await graph.threads.branches(place))[1].tip))
    await graph.threads.rename(place, "A “title” 🌳")
    await graph.threads.tag(place, ["two words", "trees"])


async def test_a_thread_comes_back_as_it_was(graph: OpenGraph, place: Bookmark, model: ModelServer) -> None:
    """Each branch with its messages, versions, name, window and summary; and it goes on. No model is asked."""
    await furnish(graph, place)
    before, asked = await looked(graph, place), len(model.requests)
    twin = await carried(graph, place)
    assert twin.thread_id != place.thread_id and len(model.requests) == asked
    assert await looked(graph, twin) == before
    assert len([name for name in before if name.startswith("branch")]) == 4
    assert any(shown["summary"] for name, shown in before.items() if name.startswith("branch"))
    assert await looked(graph, await carried(graph, twin)) == before
    assert await looked(graph, place) == before
    assert await exported(graph, twin) != b"" and not (await graph.threads.get(twin)).pinned
    last = (await graph.threads.transcript(twin)).entries
    question = [entry for entry in last if isinstance(entry.message, HumanMessage)][-1]
    await graph.ainvoke(say("Said instead"), (await graph.threads.before(twin, question.id or "")).config)
    again = (await graph.threads.transcript(twin)).entries
    assert again[question.seq].message.text == "Said instead" and len(again[question.seq].branches) == 2
