"""A way to talk in threads, whoever keeps them: `Chat`, and how a graph is one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, MessagesState, StateGraph

from scripts.benchmark.words import Words


@dataclass(frozen=True)
class Chat:
    """`say(thread, question)` is a turn, `fill(thread, talk)` makes a thread longer without being timed.

    Both are coroutine functions where the variant is async. `inside` is the graph, for parts that look at it.
    """

    say: Callable[[str, str], Any]
    fill: Callable[[str, list[str]], Any]
    chunk: int = 10_000
    """Messages that one `fill` takes well."""
    inside: Any = None


Opened = AbstractContextManager[Chat] | AbstractAsyncContextManager[Chat]


@dataclass(frozen=True)
class Variant:
    """One way that is compared. `null` names the same graph with the saver that does nothing."""

    name: str
    label: str
    sync: bool
    open: Callable[[str, Words], Opened]
    null: str | None = None
    needs: tuple[str, ...] = ()
    """Modules that scripts/setup brings only when asked."""


def whole_history(saver: BaseCheckpointSaver[Any], words: Words, *, sync: bool) -> Any:
    """The least graph of LangGraph's documentation: one node, every message in its state."""

    def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(words.answer())]}

    async def answer_async(state: MessagesState) -> dict[str, Any]:
        return answer(state)

    graph = StateGraph(MessagesState)
    graph.add_node("answer", answer if sync else answer_async)  # pyright: ignore[reportArgumentType]
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=saver)


def graph_chat(graph: Any, *, node: str = "answer", **options: Any) -> Chat:
    """A graph's sync calls as a chat; `node` is the one that answers."""

    def say(thread: str, question: str) -> None:
        graph.invoke({"messages": [("user", question)]}, _config(thread), **options)

    def fill(thread: str, talk: list[str]) -> None:
        graph.update_state(_config(thread), {"messages": list(_messages(talk))}, as_node=node)

    return Chat(say, fill, inside=graph)


def async_graph_chat(graph: Any, *, node: str = "answer", **options: Any) -> Chat:
    """A graph's async calls as a chat; else as `graph_chat`."""

    async def say(thread: str, question: str) -> None:
        await graph.ainvoke({"messages": [("user", question)]}, _config(thread), **options)

    async def fill(thread: str, talk: list[str]) -> None:
        await graph.aupdate_state(_config(thread), {"messages": list(_messages(talk))}, as_node=node)

    return Chat(say, fill, inside=graph)


def _config(thread: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread}}


def _messages(talk: list[str]) -> Iterator[BaseMessage]:
    for i, text in enumerate(talk):
        yield AIMessage(text) if i % 2 else HumanMessage(text)
