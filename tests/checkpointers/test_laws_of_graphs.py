"""What every saver keeps to under a graph: parallel tasks, subgraphs, interrupts, time travel, copies."""

import asyncio
import operator
import random
from copy import deepcopy
from typing import Annotated, Any, Literal, NotRequired

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Send, StateSnapshot, interrupt
from typing_extensions import TypedDict

from graph.bookmark import Bookmark
from graph.checkpointers.postgres import PostgresCheckpointer
from graph.threads import Threads
from tests.checkpointers.by_hand import at, contents
from tests.checkpointers.conftest import OpenSaver

pytestmark = pytest.mark.anyio


class Log(TypedDict):
    """A state whose order tells in which order its writes were applied."""

    log: Annotated[list[Any], operator.add]


@pytest.mark.parametrize("kind", ["nodes", "sends"])
async def test_writes_that_waited_are_applied_in_the_tasks_order(open_saver: OpenSaver, kind: str) -> None:
    """Twelve parallel tasks beside one that asks: after the answer the log is as if none had waited."""
    chance = random.Random(5)
    graph, expected = fan_out(kind, chance)
    async with open_saver() as saver:
        asked = await graph.compile(checkpointer=saver).ainvoke({"log": []}, at("t"))
        assert [i.value for i in asked["__interrupt__"]] == ["go on?"]
        found = await saver.aget_tuple(at("t"))
        assert found
        waiting = [value for _, channel, value in found.pending_writes or () if channel == "log"]
        assert waiting == [[said] for said in expected if said != "yes"]
    async with open_saver() as saver:
        done = await graph.compile(checkpointer=saver).ainvoke(Command(resume="yes"), at("t"))
    assert done["log"] == expected


async def test_messages_of_parallel_tasks_wait_too(open_saver: OpenSaver) -> None:
    """Pending messages are replayed in order, each once, and keep their ids."""
    graph = StateGraph(MessagesState)
    for n in range(12):
        graph.add_node(f"n{n:02}", lambda _, n=n: {"messages": [AIMessage(f"{n}", id=f"m{n}")]})
        graph.add_edge(START, f"n{n:02}")
    graph.add_node("z", lambda _: {"messages": [AIMessage(interrupt("?"), id="z")]})
    graph.add_edge(START, "z")
    async with open_saver() as saver:
        await graph.compile(checkpointer=saver).ainvoke({"messages": [HumanMessage("q", id="q")]}, at("t"))
    async with open_saver() as saver:
        compiled = graph.compile(checkpointer=saver)
        done = await compiled.ainvoke(Command(resume="yes"), at("t"))
        assert (await compiled.aget_state(at("t"))).values == done
    assert [m.id for m in done["messages"]] == ["q", *(f"m{n}" for n in range(12)), "z"]


@pytest.mark.parametrize("own", [True, None], ids=["own checkpointer", "inherited"])
async def test_a_subgraph_keeps_a_state_of_its_own(open_saver: OpenSaver, own: Literal[True] | None) -> None:
    """Its messages are its own, seen while it waits, there after a restart; its ids are no one else's."""
    graph = nested(own)
    async with open_saver() as saver:
        compiled = graph.compile(checkpointer=saver)
        await compiled.ainvoke({"messages": [HumanMessage("outer", id="same")]}, at("t"))
        inner = await inside(compiled, at("t"))
        assert [m.text for m in inner.values["talk"]] == ["inner"]
        assert inner.interrupts[0].value == "how are you?"
    async with open_saver() as saver:
        compiled = graph.compile(checkpointer=saver)
        assert [m.text for m in (await inside(compiled, at("t"))).values["talk"]] == ["inner"]
        done = await compiled.ainvoke(Command(resume="well"), at("t"))
        assert [(m.id, m.text) for m in done["messages"]] == [("same", "outer"), ("answer", "inner, well")]
        await compiled.ainvoke({"messages": [HumanMessage("again", id="again")]}, at("t"))
        inner = await inside(compiled, at("t"))
        # One of its own goes on where it was; an inherited one begins anew in every run.
        expected = ["inner", "well", "inner"] if own else ["inner"]
        assert [m.text for m in inner.values["talk"]] == expected
        state = await compiled.aget_state(at("t"))
        assert [m.text for m in state.values["messages"]] == ["outer", "inner, well", "again"]
        space = inner.config["configurable"]["checkpoint_ns"]
        history = [s async for s in compiled.aget_state_history(at("t", space))]
        assert [len(s.values.get("talk", ())) for s in history][:2] == [len(expected), len(expected) - 1]
        await saver.adelete_thread("t")
        assert await contents(saver, "t") == []


async def test_an_interrupt_outlives_the_process(open_saver: OpenSaver) -> None:
    """Two questions of one node, asked and answered by three processes, in order."""

    def ask(_: MessagesState) -> dict[str, list[AnyMessage]]:
        first = interrupt(HumanMessage("first?", id="i"))
        return {"messages": [AIMessage(f"{first.text} {interrupt({'q': 'second?'})}", id="a")]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    async with open_saver() as saver:
        await graph.compile(checkpointer=saver).ainvoke({"messages": [HumanMessage("hi", id="h")]}, at("t"))
    async with open_saver() as saver:
        compiled = graph.compile(checkpointer=saver)
        asked = (await compiled.aget_state(at("t"))).interrupts
        assert [i.value for i in asked] == [HumanMessage("first?", id="i")]
        await compiled.ainvoke(Command(resume=HumanMessage("one", id="r")), at("t"))
    async with open_saver() as saver:
        compiled = graph.compile(checkpointer=saver)
        assert [i.value for i in (await compiled.aget_state(at("t"))).interrupts] == [{"q": "second?"}]
        done = await compiled.ainvoke(Command(resume="two"), at("t"))
    assert [m.text for m in done["messages"]] == ["hi", "one two"]


async def test_several_interrupts_are_answered_by_their_ids(open_saver: OpenSaver) -> None:
    """Four at once, answered two by two after a restart; each answer goes to who asked."""
    graph = StateGraph(Log)
    for n in range(4):
        graph.add_node(f"n{n}", lambda _, n=n: {"log": [f"{n}: {interrupt(n)}"]})
        graph.add_edge(START, f"n{n}")
    async with open_saver() as saver:
        await graph.compile(checkpointer=saver).ainvoke({"log": []}, at("t"))
    for part in (range(1, 3), (3, 0)):
        async with open_saver() as saver:
            compiled = graph.compile(checkpointer=saver)
            asked = {i.value: i.id for i in (await compiled.aget_state(at("t"))).interrupts}
            assert set(asked) == ({0, 1, 2, 3} if 1 in part else {0, 3})
            done = await compiled.ainvoke(Command(resume={asked[n]: f"a{n}" for n in part}), at("t"))
    assert done["log"] == [f"{n}: a{n}" for n in range(4)]


async def test_an_old_moment_shows_what_it_showed(open_saver: OpenSaver) -> None:
    """Six turns with folds: every checkpoint reads as it was when written, alone and in the history."""
    async with open_saver() as saver:
        written = await talk(saver, "t")
    assert any("summary" in held for held in written.values()), "the talk was folded"
    async with open_saver() as saver:
        await shows(saver, "t", written)


async def test_a_fork_changes_no_other_moment(open_saver: OpenSaver) -> None:
    """From every checkpoint of a folded talk: the fork goes on from there, all others stay as they were."""
    async with open_saver() as saver:
        written = await talk(saver, "t")
        graph = folding().compile(checkpointer=saver)
        for n, moment in enumerate(list(written)):
            old = await graph.aget_state(moment_of("t", moment))
            async for part in graph.astream(
                {"messages": [HumanMessage(f"fork {n}", id=f"fork {n}")]},
                old.config,
                stream_mode="checkpoints",
            ):
                written[part["config"]["configurable"]["checkpoint_id"]] = deepcopy(part["values"])
            tip = (await graph.aget_state(at("t"))).values["messages"]
            assert tip[-1].text == f"re: fork {n}"
            known = [*old.values.get("messages", ()), HumanMessage(f"fork {n}", id=f"fork {n}")]
            assert [m.id for m in tip[:-1]] == [m.id for m in known][-len(tip) + 1 :]
    async with open_saver() as saver:
        await shows(saver, "t", written)


async def test_replaying_an_old_moment_changes_none(open_saver: OpenSaver) -> None:
    """Nodes run again from there; what they ran from is as it was."""
    async with open_saver() as saver:
        written = await talk(saver, "t", turns=3)
        graph = folding().compile(checkpointer=saver)
        for moment in list(written):
            await graph.ainvoke(None, moment_of("t", moment))
        await shows(saver, "t", written)


async def test_an_edited_message_leaves_old_moments_alone(open_saver: OpenSaver) -> None:
    """Same id, other content, extras or type, into the tip or the past: only what follows shows it."""
    edits: list[AnyMessage] = [
        HumanMessage("edited", id="q0"),
        HumanMessage("say 0", id="q0", additional_kwargs={"n": 0, "mark": "new"}),
        AIMessage("say 0", id="q0", additional_kwargs={"n": 0}),
        HumanMessage("say 0", id="q0", additional_kwargs={"n": 0}),  # as it was at first
    ]
    async with open_saver() as saver:
        written = await talk(saver, "t", turns=2)
        graph = folding().compile(checkpointer=saver)
        for where in (at("t"), *(moment_of("t", m) for m, held in written.items() if held.get("messages"))):
            for edit in edits:
                there = await graph.aupdate_state(where, {"messages": [edit]}, as_node="answer")
                state = await graph.aget_state(there)
                assert state.values["messages"][0] == edit
                assert (await graph.aget_state(at("t"))).values["messages"][0] == edit
                written[state.config["configurable"]["checkpoint_id"]] = deepcopy(state.values)
        await shows(saver, "t", written)


async def test_two_processes_in_one_thread_keep_both_branches(open_saver: OpenSaver) -> None:
    """Two turns at once from one head: each answer is in a branch, with what both go on from."""
    async with open_saver() as one, open_saver() as two:
        graphs = [folding().compile(checkpointer=s) for s in (one, two)]
        head = await talk(one, "t", turns=1)
        await asyncio.gather(
            *(
                g.ainvoke({"messages": [HumanMessage(f"say {side}", id=side)]}, at("t"))
                for g, side in zip(graphs, ("left", "right"), strict=True)
            )
        )
        for graph in graphs:
            branches = {
                tuple(m.text for m in s.values.get("messages", ()))
                async for s in graph.aget_state_history(at("t"))
            }
            for side in ("left", "right"):
                assert any(b[:2] == ("say 0", "re: say 0") and b[-1] == f"re: say {side}" for b in branches)
        await shows(one, "t", head)


async def test_a_copied_thread_goes_on_by_itself(open_saver: OpenSaver) -> None:
    """State, history, subgraph and the question that waits are in the copy; each thread is answered alone."""
    async with open_saver() as saver:
        graph = nested(None).compile(checkpointer=saver)
        await graph.ainvoke({"messages": [HumanMessage("outer", id="same")]}, at("t"))
        before = await contents(saver, "t")
        await saver.acopy_thread("t", "copy")
        done = await graph.ainvoke(Command(resume="copied"), at("copy"))
        assert done["messages"][-1].text == "inner, copied"
        assert await contents(saver, "t") == before
        done = await graph.ainvoke(Command(resume="own"), at("t"))
        assert done["messages"][-1].text == "inner, own"
        assert (await graph.aget_state(at("copy"))).values["messages"][-1].text == "inner, copied"
        written = await talk(saver, "u", turns=3)
        await saver.acopy_thread("u", "u copy")
        await saver.adelete_thread("u")
        await shows(saver, "u copy", written)


async def test_pruning_keeps_the_tip_and_the_transcript(open_saver: OpenSaver) -> None:
    """The tip goes on, with its summary; what was folded is still in the transcript where there is one."""
    async with open_saver() as saver:
        written = await talk(saver, "t")
        place, graph = Bookmark("t"), folding().compile(checkpointer=saver)
        await saver.aprune(["t"])
        *_, (tip, held) = written.items()
        await shows(saver, "t", {tip: held})
        assert len([s async for s in graph.aget_state_history(at("t"))]) == 1
        done = await graph.ainvoke({"messages": [HumanMessage("say 6", id="q6")]}, at("t"))
        assert done["messages"][-1].text == "re: say 6"
        if isinstance(saver, PostgresCheckpointer):
            said = [e.message.text for e in (await Threads(saver).transcript(place)).entries]
            assert said == [text for n in range(7) for text in (f"say {n}", f"re: say {n}")]
        await saver.aprune(["t"], strategy="delete")
        assert (await graph.aget_state(at("t"))).values == {}


def fan_out(kind: str, chance: random.Random) -> tuple["StateGraph[Log]", list[str]]:
    """Thirteen tasks at once, done in any order, one of which asks; and the log that they make."""
    graph = StateGraph(Log)

    async def work(name: str) -> dict[str, list[str]]:
        await asyncio.sleep(chance.random() / 50)
        return {"log": [interrupt("go on?") if name == "n07" else name]}

    def node(name: str) -> Any:
        async def task(_: Log) -> dict[str, list[str]]:
            return await work(name)

        return task

    tasks = [f"n{n:02}" for n in range(13)]
    if kind == "nodes":
        for name in tasks:
            graph.add_node(name, node(name))
            graph.add_edge(START, name)
    else:
        graph.add_node("one", work)
        graph.add_conditional_edges(START, lambda _: [Send("one", name) for name in tasks], ["one"])
    return graph, ["yes" if name == "n07" else name for name in tasks]


class Inner(TypedDict):
    """A subgraph's state: messages that are its own, beside those it shares."""

    messages: Annotated[list[AnyMessage], add_messages]
    talk: Annotated[list[AnyMessage], add_messages]


def nested(own: Literal[True] | None) -> "StateGraph[MessagesState]":
    """A graph with a subgraph that talks to itself, asks, and answers in the messages that both have."""
    inner = StateGraph(Inner)
    inner.add_node("begin", lambda _: {"talk": [AIMessage("inner")]})

    def ask(state: Inner) -> dict[str, list[AnyMessage]]:
        heard = interrupt("how are you?")
        return {
            "talk": [HumanMessage(heard)],
            "messages": [AIMessage(f"{state['talk'][-1].text}, {heard}", id="answer")],
        }

    inner.add_node("ask", ask)
    inner.add_edge(START, "begin")
    inner.add_edge("begin", "ask")
    outer = StateGraph(MessagesState)
    outer.add_node("child", inner.compile(checkpointer=own))
    outer.add_edge(START, "child")
    outer.add_edge("child", END)
    return outer


async def inside(graph: Any, config: RunnableConfig) -> StateSnapshot:
    """The state of the subgraph that waits."""
    (task,) = (await graph.aget_state(config, subgraphs=True)).tasks
    assert isinstance(task.state, StateSnapshot)
    return task.state


class Talk(TypedDict):
    """A window of messages, and the summary of what came before it."""

    messages: Annotated[list[AnyMessage], add_messages]
    summary: NotRequired[SystemMessage | None]


def folding() -> "StateGraph[Talk]":
    """A stranger's graph that folds all but the last two messages once there are six."""

    def answer(state: Talk) -> dict[str, Any]:
        question = state["messages"][-1]
        usage = {"input_tokens": len(state["messages"]), "output_tokens": 1, "total_tokens": 9}
        extras = {"n": len(state["messages"]), "list": [1, {"x": None}]}
        return {
            "messages": [AIMessage(f"re: {question.text}", usage_metadata=usage, additional_kwargs=extras)]
        }

    def fold(state: Talk) -> dict[str, Any]:
        old, before = state["messages"][:-2], state.get("summary")
        notes = {"count": len(old), "through": old[-1].id}
        if before:
            notes["count"] += before.additional_kwargs["longthread"]["count"]
        text = " ".join([before.text if before else "", *(m.text for m in old)])
        return {
            "summary": SystemMessage(text, additional_kwargs={"longthread": notes}),
            "messages": [RemoveMessage(id=m.id) for m in old],
        }

    graph = StateGraph(Talk)
    graph.add_node("answer", answer)
    graph.add_node("fold", fold)
    graph.add_edge(START, "answer")
    graph.add_conditional_edges("answer", lambda s: "fold" if len(s["messages"]) > 5 else END, ["fold", END])
    graph.add_edge("fold", END)
    return graph


async def talk(saver: Any, thread_id: str, *, turns: int = 6) -> dict[str, dict[str, Any]]:
    """Talk for some turns; what each checkpoint held when it was written, oldest first."""
    graph, written = folding().compile(checkpointer=saver), dict[str, dict[str, Any]]()
    for n in range(turns):
        said = HumanMessage(f"say {n}", id=f"q{n}", additional_kwargs={"n": n})
        async for part in graph.astream({"messages": [said]}, at(thread_id), stream_mode="checkpoints"):
            written[part["config"]["configurable"]["checkpoint_id"]] = deepcopy(part["values"])
    return written


def moment_of(thread_id: str, checkpoint_id: str) -> RunnableConfig:
    """A checkpoint of the root as a config."""
    return {"configurable": {"thread_id": thread_id, "checkpoint_id": checkpoint_id}}


async def shows(saver: Any, thread_id: str, written: dict[str, dict[str, Any]]) -> None:
    """Assert that each checkpoint shows what was written, alone and in the history."""
    graph = folding().compile(checkpointer=saver)
    for moment, held in written.items():
        assert (await graph.aget_state(moment_of(thread_id, moment))).values == held
    history = {
        s.config["configurable"]["checkpoint_id"]: s.values
        async for s in graph.aget_state_history(at(thread_id))
    }
    assert {moment: history.get(moment) for moment in written} == written
