# pyright: basic
# (Gradio makes its events at run time.)
"""What can be done with the summary in the Context panel: its last fold taken back, written anew, edited."""

import json
from dataclasses import dataclass

import gradio as gr
from gradio.events import Dependency

from ui.acts import free
from ui.render.summary import ACTS
from ui.tab import DIRECT, ONCE, Graph, Tab, bookmark


@dataclass(frozen=True)
class Summary:
    """What others may listen to: it is being written `anew`, or was `changed`; and where it is drawn."""

    anew: Dependency
    changed: list[Dependency]
    panel: gr.HTML


def summary(graph: Graph, tab: Tab) -> Summary:
    """Make it. Its script draws it, and not Gradio: what somebody is editing must stay."""
    panel = gr.HTML(
        "",
        html_template="",
        js_on_load=f"lt.summary(element, trigger, props, watch, {json.dumps(ACTS)})",
        elem_id="summary",
        apply_default_css=False,
    )
    saved = gr.Textbox("", visible=False)

    @tab.views.told
    async def undo(thread: str, request: gr.Request):
        place = bookmark(thread, request)
        await free(graph(), place)
        await graph().summaries.undo(place)

    @tab.views.told
    async def again(thread: str, request: gr.Request):
        place = bookmark(thread, request)
        await free(graph(), place)
        tab.views.leave(request, await graph().turns.resummarise(place))

    @tab.views.told
    async def edit(thread: str, request: gr.Request, event: gr.EventData):
        """Tells the script which editing is over; nothing where it failed."""
        place = bookmark(thread, request)
        await free(graph(), place)
        await graph().summaries.edit(place, str(event.text), of=str(event.of))
        return str(event.editing)

    edited = panel.edit(edit, [tab.thread], [saved], **ONCE)
    edited.then(None, [saved], js="(editing) => lt.saved(editing)", **DIRECT)
    undone = panel.undo(undo, [tab.thread], None, **ONCE)
    return Summary(panel.again(again, [tab.thread], None, **ONCE), [undone, edited], panel)
