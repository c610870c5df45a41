"""A thread as a file: it comes back as it was, and a file of anybody's is looked through first."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage

from graph import Bookmark, InvalidInput, ModelError, OpenGraph, Settings, StoreUnavailable, ThreadNotFound
from graph.document import FORMAT, LARGEST, read
from graph.planting import Planting
from graph.summarize import notes
from graph.usage import Usage
from tests.graph.talking import raw, say, talk, texts
from tests.graph.test_boughs import forked
from tests.graph.test_costs import counted
from tests.openai_server import Fault, ModelServer

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
        told = {k: v for k, v in notes(context.summary).items() if k != "used"}
        shown[f"branch {at}"] = {
            "bough": (of.get(bough.parent or ""), bough.at, bough.length, bough.name, bough.active),
            "said": [(e.seq, e.message, len(e.branches)) for e in page.entries],
            "versions": [[b.current for b in e.branches] for e in page.entries],
            "window": values.get("messages"),
            "summary": (context.summary.text, told) if context.summary else None,
            "sent": [m.model_copy(update={"id": None}) for m in context.prompt.messages[:1]]
            + [m.text for m in context.prompt.messages],
            "pinned": values.get("pinned"),
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
    pinned = (await graph.threads.transcript(place)).entries[0]
    await graph.pins.pin(place, str(pinned.id))
    await graph.threads.rename(place, "A “title” 🌳")
    await graph.threads.tag(place, ["two words", "trees"])


async def test_a_thread_comes_back_as_it_was(graph: OpenGraph, place: Bookmark, model: ModelServer) -> None:
    """Each branch with its messages, versions, name, window and summary; and it goes on. No model asked."""
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


async def test_a_question_that_waits_is_carried_as_it_was_said(
    graph: OpenGraph, place: Bookmark, model: ModelServer
) -> None:
    """The first of a thread, and a later one; nobody asks it anew."""
    for turn in range(2):
        model.fault = Fault("status", 500, times=1, only="answers")
        with pytest.raises(ModelError):
            await graph.ainvoke(say(f"Waiting {turn}?"), place.config)
        twin = await carried(graph, place)
        assert await texts(graph, twin) == await texts(graph, place)
        assert (await texts(graph, twin))[-1] == f"Waiting {turn}?"
        assert (await graph.aget_state(twin.config)).next == ()
        await graph.ainvoke(say("Again"), place.config)


async def test_an_export_reads_a_page_at_a_time(
    graph: OpenGraph, place: Bookmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement for each two hundred messages, and a few; and so many updates to write them."""
    await graph.ainvoke(say("Begin"), place.config)
    monkeypatch.setattr("graph.archive.PAGE", 10)
    costs: list[int] = []
    for length in (20, 80):
        more = [AIMessage(f"{length} {n}", id=f"{length}-{n}") for n in range(length)]
        gone = [RemoveMessage(id=m.id or "") for m in more[:-1]]
        await graph.aupdate_state(place.config, {"messages": more}, as_node="summarize")
        await graph.aupdate_state(place.config, {"messages": gone}, as_node="summarize")
        with counted(monkeypatch) as seen:
            assert (await exported(graph, place)).count(b'"parent"') >= length
        costs.append(len(seen))
    assert costs == [6, 14]


async def test_long_threads_are_written_in_chunks(
    graph: OpenGraph, small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a small window all the while, and the last questions can be asked anew."""
    costs: list[int] = []
    for length in (1_000, 2_000):
        said = [m for n in range(0, length, 2) for m in (ask(n), answer(n + 1))]
        with counted(monkeypatch) as seen:
            place = await graph.archives.load("local", document(said))
        costs.append(len(seen))
    assert costs[1] - costs[0] <= 10 * 1_000 / 200
    page = await graph.threads.transcript(place, limit=3_000)
    assert [e.message.text for e in page.entries] == [f"Said {n}" for n in range(2_000)]
    number = (await graph.threads.get(place)).number
    held = await raw(small, "SELECT holds FROM longthread_checkpoint WHERE thread = %s", number)
    assert max(width(holds or "") for (holds,) in held) == 200
    for entry in (page.entries[-2], page.entries[-100], page.entries[0]):
        await graph.threads.before(place, entry.id or "")


def width(holds: str) -> int:
    spans = [part.split(":") for part in holds.split()]
    return sum(int(span[-1]) - int(span[0]) + 1 for span in spans)


def ask(n: int) -> dict[str, Any]:
    return {"id": f"m{n}", "parent": f"m{n - 1}" if n else None, "type": "human", "content": f"Said {n}"}


def answer(n: int) -> dict[str, Any]:
    return {**ask(n), "type": "ai"}


def document(messages: list[dict[str, Any]] | None = None, **parts: Any) -> bytes:
    """A small one, with these parts in the place of its own."""
    said = messages or [ask(0), answer(1), ask(2), answer(3)]
    tip = said[-1]["id"]
    branches = [{"tip": tip, "name": "", "active": True, "window": [tip], "summary": None}]
    whole = {"format": FORMAT, "version": 1, "title": "Small", "tags": ["t"], "messages": said}
    return json.dumps({**whole, "branches": branches, **parts}).encode()


SECRET = "xylophone"


def message(**parts: Any) -> bytes:
    return document([ask(0), {**answer(1), "content": SECRET, **parts}])


def branch(**parts: Any) -> bytes:
    own = {"tip": "m3", "name": "", "active": True, "window": ["m3"], "summary": None, **parts}
    return document(branches=[own])


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else SECRET


HOSTILE: dict[str, bytes] = {
    "not JSON": b"hello",
    "half of JSON": document()[:-20],
    "not UTF-8": b'{"format": "\xff\xfe"}',
    "a list": b"[]",
    "nothing": b"",
    "another format": document(format="chatgpt"),
    "no format": b"{}",
    "another version": document(version=2),
    "too large": b" " * (LARGEST + 1),
    "too many messages": document([ask(0)] * 50_001),
    "no message": json.dumps({**json.loads(document()), "messages": [], "branches": []}).encode(),
    "messages that are none": json.dumps({**json.loads(document()), "messages": [5]}).encode(),
    "unknown type": message(type="function"),
    "no type": message(type=None),
    "content of no form": message(content={"a": SECRET}),
    "a part without a type": message(content=[{"text": SECRET}]),
    "a part whose text is none": message(content=[{"type": "text", "text": 5}]),
    "too long a text": message(content=SECRET * 200_000),
    "a NUL": message(content=f"{SECRET}\0"),
    "a lone surrogate": message(content=f"{SECRET}\ud800"),
    "a surrogate in a part": message(content=[{"type": "text", "text": f"{SECRET}\udfff"}]),
    "a blank question": document([ask(0), answer(1), {**ask(2), "content": " "}]),
    "an id of no form": message(id=["m1"]),
    "too long an id": message(id="x" * 256),
    "a NUL in an id": message(id="a\0b"),
    "the same id twice": document([ask(0), answer(1), ask(0)]),
    "a parent that is not there": document([ask(0), {**answer(1), "parent": "elsewhere"}]),
    "a cycle": document([{**ask(0), "parent": "m1"}, answer(1)]),
    "its own parent": message(parent="m1"),
    "calls of no form": message(tool_calls=SECRET),
    "a call without a name": message(tool_calls=[{"args": {}, "id": "c"}]),
    "a call of many words": message(tool_calls=[{"name": "f", "args": SECRET, "id": "c"}]),
    "a call too deep": message(tool_calls=[{"name": "f", "args": {"a": nested(120)}, "id": "c"}]),
    "a call with a huge number": message(tool_calls=[{"name": "f", "args": {"a": 1 << 70}, "id": "c"}]),
    "a NUL in a call": message(tool_calls=[{"name": "f\0", "args": {}, "id": "c"}]),
    "calls of a person": document([{**ask(0), "tool_calls": [{"name": "f", "args": {}, "id": "c"}]}]),
    "a result of no call": message(type="tool"),
    "tokens below nothing": message(
        usage_metadata={"input_tokens": -1, "output_tokens": 0, "total_tokens": 0}
    ),
    "a long title": document(title="x" * 201),
    "a NUL in the title": document(title="a\0b"),
    "too many tags": document(tags=[f"t{n}" for n in range(11)]),
    "too long a tag": document(tags=["x" * 41]),
    "a tag with a comma": document(tags=["a,b"]),
    "no branch": document(branches=[]),
    "a tip that is not there": branch(tip="elsewhere"),
    "an end of no branch": branch(tip="m2", window=["m2"]),
    "no active branch": branch(active=False),
    "too long a name": branch(name="x" * 61),
    "a NUL in a name": branch(name="a\0b"),
    "a window of others": branch(window=["elsewhere", "m3"]),
    "a window in no order": branch(window=["m2", "m1", "m3"]),
    "a window short of the tip": branch(window=["m0", "m1"]),
    "a window with one twice": branch(window=["m3", "m3"]),
    "a pin that is not there": branch(pinned=["elsewhere"]),
    "a summary of no form": branch(summary=SECRET),
    "a blank summary": branch(summary={"text": " "}),
    "a NUL in a summary": branch(summary={"text": f"{SECRET}\0"}),
    "too large a summary": branch(summary={"text": f"{SECRET} " * 500}),
    "a summary of nothing": branch(summary={"text": "Short.", "through": "elsewhere"}),
    "counts of no form": branch(summary={"text": "Short.", "folds": "many"}),
}


async def test_a_file_that_cannot_be_taken_says_why_and_stores_nothing(
    graph: OpenGraph, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And none of its words are told."""
    for what, data in HOSTILE.items():
        with counted(monkeypatch) as seen, pytest.raises(InvalidInput) as refused:
            await graph.archives.load("local", data)
        assert seen == [], what
        words = str(refused.value) + repr(refused.value.__cause__) + caplog.text
        assert len(str(refused.value)) > 20 and SECRET not in words, what


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_whatever_a_file_holds_it_is_read_or_refused(data: st.DataObject) -> None:
    """One place of a document changed to anything."""
    whole = json.loads(message(tool_calls=[{"name": "f", "args": {}, "id": "c"}], usage_metadata=None))
    at: Any = whole
    while True:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], dict | list) or not at[key] or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = data.draw(JSON)
    try:
        found, made = read(json.dumps(whole).encode())
    except InvalidInput:
        return
    assert len(found.messages) == len(made) and found.branches


async def owned_by(graph: OpenGraph, small: Settings, user: str) -> tuple[int, int]:
    """Threads of somebody's, temporary ones included, and rows of messages."""
    [(threads,)] = await raw(small, "SELECT count(*) FROM longthread_thread WHERE owner = %s", user)
    [(messages,)] = await raw(
        small,
        "SELECT count(*) FROM longthread_message WHERE owner = hashtext(%s) AND type <> 'remove'",
        user,
    )
    return threads, messages


@pytest.mark.parametrize("after", ["publish", "_update", "_name"])
async def test_nothing_stays_of_an_import_that_fails(
    graph: OpenGraph, small: Settings, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """Whether at its first update or at its last statement."""
    user = f"u-{uuid4()}"

    async def fails(*_: Any) -> None:
        if after != "_update":
            assert (await owned_by(graph, small, user))[1] == 4
        assert await graph.threads.list(user) == [], "it is in no list before it is whole"
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(f"graph.planting.Planting.{after}", fails)
        with pytest.raises(StoreUnavailable):
            await graph.archives.load(user, document())
    assert await owned_by(graph, small, user) == (0, 0)
    await graph.archives.load(user, document())
    assert await owned_by(graph, small, user) == (1, 4)


async def test_what_an_imported_thread_used_is_not_counted_again(
    graph: OpenGraph, place: Bookmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor by who looks while it is written."""
    mine, yours = Bookmark(place.thread_id, f"u-{uuid4()}"), f"u-{uuid4()}"
    await talk(graph, mine, 12)
    usage = Usage(graph.checkpointer, graph.settings.prices)
    assert (await usage.thread(mine)).sent > 0
    publish = Planting.publish

    async def counted_before(planting: Planting, place: Bookmark) -> None:
        await usage.thread(place)
        await publish(planting, place)

    monkeypatch.setattr(Planting, "publish", counted_before)
    twin = await graph.archives.load(yours, await exported(graph, mine))
    assert (await usage.thread(twin)).sent == 0
    await graph.ainvoke(say("More"), twin.config)
    assert (await usage.thread(twin)).turns == 1


async def test_a_thread_of_somebody_else_is_absent(graph: OpenGraph, place: Bookmark) -> None:
    await graph.ainvoke(say("Mine"), place.config)
    for other in (Bookmark(place.thread_id, "eve"), Bookmark(str(uuid4()))):
        with pytest.raises(ThreadNotFound, match="no such thread"):
            await exported(graph, other)
