"""A graph with a tool and a question to a person, for the page: it books what it is told, if it may."""

from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from graph import Settings
from graph.model import Models
from graph.state import Question, State


def assemble(settings: Settings, models: Models, saver: Any) -> Any:
    """START → plan (calls a tool) → book (asks first) → report → END."""

    async def plan(state: State) -> dict[str, Any]:
        call = {
            "name": "book_table",
            "args": {"for": state["messages"][-1].text},
            "id": f"c{len(state['messages'])}",
        }
        return {"messages": [AIMessage("Let me see.", tool_calls=[call])]}

    async def book(state: State) -> dict[str, Any]:
        called: Any = state["messages"][-1]
        (call,) = called.tool_calls
        may = interrupt({"question": "Shall I book this?", "table": 7})
        said = "Booked <b>7</b>" if may else "Not booked"
        return {"messages": [ToolMessage(said, tool_call_id=call["id"], name="book_table")]}

    async def report(state: State) -> dict[str, Any]:
        return {"messages": [AIMessage(f"Done: {state['messages'][-1].text}.")]}

    graph = StateGraph(State, input_schema=Question)
    for node in (plan, book, report):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "book")
    graph.add_edge("book", "report")
    graph.add_edge("report", END)
    return graph.compile(checkpointer=saver)
