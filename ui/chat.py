# pyright: basic
# (Gradio makes its events at run time.)
"""The middle of the page: the conversation and the composer."""

from dataclasses import dataclass
from uuid import uuid4

import gradio as gr
from gradio.events import Dependency

from ui.acts import Acts, acts
from ui.drawing import Drawing
from ui.render.chat import AGAIN
from ui.tab import DIRECT, EDIT, FORK, ONCE, WINDOW, Graph, Tab, bookmark, now
from ui.words import label


@dataclass(frozen=True)
class Chat:
    """What others may listen to: a message went in, its answer was asked for again or is to stop, older ones
    are wanted, an edit was left, or something was done with one message."""

    sent: Dependency
    asked: Dependency
    stopped: Dependency
    grown: Dependency
    left: Dependency
    acts: Acts
    drawing: Drawing

    @property
    def moved(self) -> list[Dependency]:
        """Those after which the newest message is to be seen."""
        return [self.sent, self.asked, self.left, *self.acts.moved, *self.acts.taken]

    @property
    def kept(self) -> list[Dependency]:
        """Those after which the reader stays where they are."""
        return [self.grown, *self.acts.pinned]

    @property
    def quiet(self) -> list[Dependency]:
        """Those after which there is nothing else to be seen."""
        return [self.stopped, self.acts.copied]


def chat(graph: Graph, tab: Tab) -> Chat:
    """Make the panel."""
    heading = gr.HTML("", elem_id="heading", apply_default_css=False)
    earlier = gr.Button("", elem_id="earlier", size="sm", visible=False)
    log = gr.Chatbot(
        elem_id="chat",
        label=label("chat.conversation"),
        show_label=False,
        placeholder=str(label("chat.welcome")),
        buttons=[],
        feedback_options=None,
        group_consecutive_messages=False,
    )
    with gr.Row(elem_id="editing", visible=False) as editing:
        gr.HTML(f'<p role="status">{label("chat.editing")}</p>', apply_default_css=False)
        leave = gr.Button(label("chat.cancel"), size="sm", elem_id="leave-edit")
    composer = gr.Textbox(
        label=label("chat.message"),
        placeholder=str(label("chat.write")),
        elem_id="composer",
        show_label=False,
        lines=1,
        max_lines=10,
        submit_btn=True,
        autofocus=True,
    )
    drawing = Drawing(graph, tab, heading, earlier, log, editing, composer)
    left = leave.click(lambda thread: ("", *now(thread)), [tab.thread], [composer, *tab.place], **DIRECT)
    left.then(None, [tab.thread], js="(thread) => lt.draft(thread)", **DIRECT)
    grown = earlier.click(_grow, [tab.shown], [tab.shown], **DIRECT)
    sent, asked = _sending(graph, tab, composer), _asking(graph, tab, log)
    stopped = _stopping(graph, tab, composer)
    return Chat(sent, asked, stopped, grown, left, acts(graph, tab, composer), drawing)


def _grow(shown: float) -> int:
    return int(shown) + WINDOW


def _sending(graph: Graph, tab: Tab, composer: gr.Textbox) -> Dependency:
    @tab.views.told
    async def send(text: str, thread: str, at: str, mode: str, request: gr.Request):
        place = bookmark(thread or str(uuid4()), request, at if mode in (FORK, EDIT) else "")
        tab.views.leave(request, await graph().turns.start(place, text))
        return "", *now(place.thread_id)

    inputs = [composer, tab.thread, tab.at, tab.mode]
    sent = composer.submit(send, inputs, [composer, *tab.place], **ONCE)
    sent.then(None, [tab.thread], js="(thread) => lt.sent(thread)", **DIRECT)
    return sent


def _stopping(graph: Graph, tab: Tab, composer: gr.Textbox) -> Dependency:
    @tab.views.told
    async def stop(thread: str, request: gr.Request):
        await graph().turns.stop(bookmark(thread, request))

    return composer.stop(stop, [tab.thread], **DIRECT)


def _asking(graph: Graph, tab: Tab, log: gr.Chatbot) -> Dependency:
    @tab.views.told
    async def again(thread: str, request: gr.Request, event: gr.SelectData):
        place, turns = bookmark(thread, request), graph().turns
        turn = await (turns.resume(place) if event.value == AGAIN else turns.approve(place, str(event.value)))
        if turn:
            tab.views.leave(request, turn)

    return log.option_select(again, [tab.thread], **DIRECT)
