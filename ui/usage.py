# pyright: basic
# (Gradio makes its events at run time.)
"""The page `/usage`: what a person used by day and thread, and how the database is.

A page of its own, so that what draws plots is loaded only here.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import gradio as gr
import pandas as pd

from graph import LongthreadError
from graph.usage import Day, Used
from ui.render.usage import biggest, counting, database, totals
from ui.tab import EVENT, Graph, tell, user_of, zone_of
from ui.words import Words, label, words_of

RANGES = (7, 30, 90)
COLOURS = ("#6366f1", "#d97706")
"""Of tokens to the model and from it: told apart on light and on dark, and by who sees no red."""

ZONE = """days => [days, Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC"]"""


def usage_page(graph: Graph, blocks: gr.Blocks) -> None:
    """Add the page to `blocks`, outside of its context."""
    with blocks.route("Usage", "/usage", show_in_navbar=False), gr.Column(elem_id="usage"):
        # One text of Gradio's translating a part.
        back = f'<a href="./">{label("usage.back")}</a>'
        gr.HTML(back, elem_id="usage-back", apply_default_css=False)
        gr.HTML(f"<h1>{label('usage.title')}</h1>", elem_id="usage-head", apply_default_css=False)
        choices = [(label(f"usage.last_{days}"), days) for days in RANGES]
        days = gr.Radio(choices, value=30, label=label("usage.range"), elem_id="usage-range")
        zone = gr.Textbox("UTC", visible=False)
        top = gr.HTML("", elem_id="usage-totals", apply_default_css=False)
        with gr.Row(elem_id="usage-plots"):
            plots = [_plot(name) for name in ("turns", "tokens", "money", "bytes")]
        table = gr.HTML("", elem_id="usage-threads", apply_default_css=False)
        health = gr.HTML("", elem_id="usage-database", apply_default_css=False)

        async def show(days: int, zone: str, request: gr.Request):
            words, user, usage = words_of(request), user_of(request), graph().usage
            days = days if days in RANGES else 30
            place = zone_of(zone)
            try:
                async for done, of in usage.count(user):
                    yield counting(done, of, words), *[gr.skip()] * 6
                today = datetime.now(place).date()
                since = today - timedelta(days - 1)
                found = await usage.days(user, since, place.key)
                big = await usage.threads(user, 20)
                state = await graph().vitals.look()
            except LongthreadError as error:
                tell(error, words)
                yield [gr.skip()] * 7
                return
            currency = usage.prices.currency
            total = sum((day.used for day in found), Used(money=0.0 if usage.prices.known else None))
            drawn = _drawn(_each_day(found, since, days), bool(found), usage.prices.known, words)
            yield (
                totals(total, currency, words, f"{words.day(since)} – {words.day(today)}"),
                *drawn,
                biggest(big, currency, words),
                database(state, words),
            )

        outputs = [top, *plots, table, health]
        blocks.load(show, [days, zone], outputs, js=ZONE, **EVENT)
        days.input(show, [days, zone], outputs, js=ZONE, **EVENT)


def _plot(name: str) -> gr.BarPlot:
    return gr.BarPlot(
        None,
        x="day",
        y="value",
        label=label(f"usage.{name}_name"),
        x_title=" ",
        y_title=" ",
        height=220,
        color_title=" ",
        visible=False,
        elem_id=f"usage-{name}",
        buttons=[],
        color="kind" if name == "tokens" else None,
    )


def _each_day(found: Sequence[Day], since: date, days: int) -> list[Day]:
    known = {day.day: day for day in found}
    each = [since + timedelta(n) for n in range(days)]
    return [known.get(day, Day(day, Used())) for day in each]


def _drawn(days: Sequence[Day], any_used: bool, priced: bool, words: Words) -> list[Any]:
    """The four plots, those shown that have something to show."""
    if not any_used:
        return [gr.BarPlot(visible=False)] * 4
    sent, said = words("usage.sent_name"), words("usage.said_name")
    tokens = [(day, sent, float(day.used.sent)) for day in days]
    tokens += [(day, said, float(day.used.said)) for day in days]
    few = len(days) <= 7  # more names than that stand on each other
    axis: dict[str, Any] = {
        "visible": True,
        "x_axis_labels_visible": few,
    }
    hidden: dict[str, Any] = {**axis, "visible": priced}
    colours: dict[str, str] = dict(zip((sent, said), COLOURS, strict=True))
    return [
        gr.BarPlot(_table([(d, "", float(d.used.turns)) for d in days]), **axis),
        gr.BarPlot(_table(tokens), color="kind", color_map=colours, **axis),
        gr.BarPlot(_table([(d, "", d.used.money or 0.0) for d in days]), **hidden),
        gr.BarPlot(_table([(d, "", float(d.used.bytes)) for d in days]), **axis),
    ]


def _table(rows: Sequence[tuple[Day, str, float]]) -> pd.DataFrame:
    named = [(day.day.isoformat()[5:], kind, value) for day, kind, value in rows]
    return pd.DataFrame(named, columns=["day", "kind", "value"])
