"""The page: one file a panel, and no state that matters.

app.py        assembles the panels, mounts them on FastAPI, opens and closes the graph; `python -m ui.app`
server.py     the process that serves it
tab.py        what one browser tab is looking at, and whose it is
views.py      the drawings of each open tab: which is the newest, what it should tell
bell.py       what has the panels drawn anew
chat.py       the conversation and the composer
drawing.py    the chat drawn, and the answer under way followed
acts.py       what can be done with one message
keys.py       the list of keys
theme.py      light or dark
away.py       the line that says what is not answering
threads.py    the list of threads
search.py     titles and texts found
export.py     a thread as a file
carrying.py   a thread from a file
branches.py   the map of a thread's branches: names, switch
beside.py     two branches side by side
timeline.py   earlier moments: look, fork from one, switch branches
budget.py     what the next prompt holds, trim now
summary.py    the summary: read, taken back, written anew, edited
spent.py      what the shown thread has used
usage.py      the page of what was used, and how the database is
sign_in/      who may use the page, and what is theirs
headers.py    what every answer carries to keep other sites out
words/        every text of the page, a table a language; what the agent refuses, in those
render/       messages, moments and threads as what Gradio shows; pure; a file a panel
style/ page/  CSS and JavaScript, a file a panel, joined in the order of their names
"""

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
os.environ["GRADIO_RUN_HISTORY"] = "False"


@contextmanager
def _stubs_left_alone() -> Iterator[None]:
    """While inside, Gradio finds no source of its components.

    It would parse each at every start and rewrite its own type stubs: two seconds, and files changed that are
    pinned by hash. Without a source, as a component made in a notebook is, it leaves them alone.
    """
    getfile = inspect.getfile

    def without_components(item: Any) -> str:
        if inspect.isclass(item) and item.__module__.startswith("gradio."):
            raise OSError
        return getfile(item)

    inspect.getfile = without_components
    try:
        yield
    finally:
        inspect.getfile = getfile


with _stubs_left_alone():
    import gradio as gradio
