"""The agent and its memory: `open_graph()` is the front door. Knows nothing of Gradio.

The rooms, from the ground up (imports go down only):

    errors          every way this house says no
    bookmark        a place in a thread: thread, user, moment
    bridge, opening from any thread or loop onto the one that async code lives on / `with` and `async with`
    circuit         whether a model that was unavailable is asked at all
    titles          the first line's worth of a text
    approvals       what a graph that waits asks of a person
    admission       what a saver may do so that a turn is asked once and answered once
    inputs, queueing, answered   what comes in, made sure of / whose turn it is / an answer given again
    state, context  what a thread persists / what one run knows and nothing stores
    tokens, pairs   pure: how many tokens a text costs / the tables for it
    exchanges       pure: what of a window stays together
    budget          pure: compose the prompt, choose what to fold
    sending         pure: what of the window is in a prompt and what is not
    prices          pure: what tokens cost
    environment, entrance, settings   how a setting is spelled outside / of who may ask / every one
    history         pure: what a moment shows and how two differ
    demo_model      the model that needs no key, and says so
    openai_model, model, refusals   behind any OpenAI-compatible URL / the chat model of these settings, asked
                    / its errors as ours
    asking          a question to a model, or to the one that stands in for it
    checkpointers   the places where threads can be kept
    branches, searching, tags   where the lines of a thread part / words looked for / tags
    tables          the tables behind a saver, from any event loop
    forking         where something else can be said
    steps           where each checkpoint stands on its branch
    transcript, timeline   a thread's branch, a page at a time / its checkpoints as moments
    boughs, comparing   the map of its branches and their names / two of them beside each other
    threads         the catalogue: list, search, rename, delete; what can be done with a thread
    counting, usage what threads used, counted when somebody looks / by thread and day
    vitals          how the database is
    health          whether the database and the models answer
    answer, summarize   the two nodes
    carrying, document  pure: what of a message travels / a thread as a JSON document, made sure of
    titling         a title for a new thread
    taking          a turn in its thread: a graph that takes a thread before it runs
    turns           one turn, however it is called: the graph object with its checks
    build           every edge of the graph
    pins            messages that are always sent whole
    summaries       a fold taken back, a summary written anew or edited
    planting, archive   a document written into a new thread / threads carried to a file and back
    live            turns under way, here and in other processes
    door            open_graph(), for `with` and `async with`
"""

import os

# Read by langgraph at its first import: rows in the database must never call code.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

from graph.bookmark import LOCAL, Bookmark
from graph.build import build
from graph.door import OpenGraph, open_graph
from graph.errors import (
    CheckpointNotFound,
    ForgedRow,
    IdempotencyConflict,
    InvalidInput,
    InvalidSettings,
    LongthreadError,
    MessageOverBudget,
    ModelError,
    ModelRefused,
    ModelUnavailable,
    StaleWriter,
    StoreUnavailable,
    ThreadBusy,
    ThreadDeleted,
    ThreadNotFound,
    WrongLoop,
)
from graph.settings import Settings

__all__ = [
    "LOCAL",
    "Bookmark",
    "CheckpointNotFound",
    "ForgedRow",
    "IdempotencyConflict",
    "InvalidInput",
    "InvalidSettings",
    "LongthreadError",
    "MessageOverBudget",
    "ModelError",
    "ModelRefused",
    "ModelUnavailable",
    "OpenGraph",
    "Settings",
    "StaleWriter",
    "StoreUnavailable",
    "ThreadBusy",
    "ThreadDeleted",
    "ThreadNotFound",
    "WrongLoop",
    "build",
    "open_graph",
]
