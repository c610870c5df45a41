"""Every edge of the graph: `build` and `assemble`."""

from functools import cache
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph

from graph.answer import answering
from graph.context import Context
from graph.model import Models, open_models
from graph.settings import Settings
from graph.state import Question, State
from graph.summarize import fold_due, summarizing
from graph.turns import ThreadGraph


def assemble(
    settings: Settings, models: Models, checkpointer: BaseCheckpointSaver[str] | None = None
) -> ThreadGraph:
    """START → answer → (over the mark?) summarize → END, for these models."""

    # Async, though it awaits nothing: a plain function costs each turn a way to a thread and back.
    async def after_answer(state: State) -> str:
        return "summarize" if fold_due(state, settings) else END

    graph: StateGraph[State, Context, Question, State] = StateGraph(
        State, context_schema=Context, input_schema=Question, output_schema=State
    )
    graph.add_node("answer", answering(models, settings))  # pyright: ignore[reportArgumentType]
    graph.add_node("summarize", summarizing(models, settings))  # pyright: ignore[reportArgumentType]
    graph.add_edge(START, "answer")
    graph.add_conditional_edges("answer", after_answer, ["summarize", END])
    graph.add_edge("summarize", END)
    compiled = graph.compile(checkpointer=checkpointer, name="longthread")
    return ThreadGraph.around(compiled, settings, models, afterwards=["summarize"])


def build(config: Any = None) -> ThreadGraph:
    """The graph without a saver, for a server that brings its own; what `langgraph.json` names.

    `config` is what such a server hands to a graph factory; nothing in it is used.
    """
    settings = Settings.read()
    return assemble(settings, _models(settings))  # pyright: ignore[reportArgumentType] frozen settings have a hash


# Such a server builds the graph anew for each run, and a circuit is for all of them.
_models = cache(open_models)
