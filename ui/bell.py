# pyright: basic
# (Gradio makes its events at run time.)
"""What has the page drawn anew: a `Bell`, rung by whatever changed something.

Each panel listens to the bell and not to each event of each other panel: every page is sent a description of
every pair.
"""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr
from gradio.events import Dependency

from ui.tab import DIRECT, Tab

DRAW, KEEP, SETTLE = "draw", "keep", "settle"


@dataclass(frozen=True)
class Bell:
    """`draw`: something else is to be seen, from its newest message; `keep`: more, where the reader is;
    `settle`: an answer that was followed is over."""

    draw: Dependency
    keep: Dependency
    settle: Dependency

    @classmethod
    def make(cls) -> "Bell":
        """A bell, inside the current `gr.Blocks`."""
        bell = gr.HTML(
            "",
            js_on_load=f'lt.bell(trigger, ["{DRAW}", "{KEEP}", "{SETTLE}"])',
            elem_id="bell",
            apply_default_css=False,
        )
        heard = {"fn": None, "inputs": None, "outputs": None, "js": "() => {}"} | DIRECT
        return cls(bell.draw(**heard), bell.keep(**heard), bell.settle(**heard))

    def after(self, event: Dependency, *, keep: bool = False) -> None:
        """Ring when `event` is over."""
        event.then(None, None, None, js=f'() => lt.ring("{KEEP if keep else DRAW}")', **DIRECT)

    def settled(self, drawn: Dependency, tab: Tab) -> None:
        """Ring when a drawing is over that has followed an answer: most have not, and nothing is new then."""
        _when(tab.views.news, drawn, SETTLE)

    def troubled(self, event: Dependency, tab: Tab) -> None:
        """Ring when `event`, which nothing is drawn after, went wrong: a drawing tells of it."""
        _when(tab.views.trouble, event, KEEP)


def _when(asked: Callable[[gr.Request], int], event: Dependency, ring: str) -> None:
    news = gr.Number(0, visible=False)
    told = event.then(asked, None, [news], **DIRECT)
    told.then(None, [news], js=f'(news) => news && lt.ring("{ring}")', **DIRECT)
