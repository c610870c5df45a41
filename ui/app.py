# pyright: basic
# (Gradio makes its events at run time.)
"""The page put together: panels, their cross-wiring, and the server that carries it. `python -m ui.app`."""

import argparse
import asyncio
import gc
import socket
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from gradio.themes import Default

from graph import InvalidSettings, LongthreadError, OpenGraph, Settings, open_graph
from ui.away import away
from ui.away import line as away_line
from ui.bell import Bell
from ui.beside import comparing
from ui.branches import branches
from ui.budget import budget
from ui.carrying import button, carrying
from ui.chat import chat
from ui.export import exporting
from ui.headers import Guarded
from ui.keys import dialog
from ui.render.threads import tools
from ui.search import searching
from ui.server import Server, introduction
from ui.sign_in.badge import badge
from ui.sign_in.door import Door
from ui.sign_in.house import House
from ui.sign_in.origin import LOOPBACK
from ui.sign_in.routes import add_routes
from ui.spent import spent as spent_line
from ui.tab import DIRECT, Graph, Tab, now
from ui.theme import COOKIE, theme
from ui.threads import thread_list
from ui.timeline import banner, timeline
from ui.usage import usage_page
from ui.words import Words, label, translated, words_of

BRAND = '<a class="brand" href="./">Longthread</a>'
ARRIVE = """() => [new URLSearchParams(location.search).get("thread") || "",
    Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC"]"""


def page(graph: Graph, *, demo: bool) -> gr.Blocks:
    """The whole page. `graph` is called when a handler runs, not before."""
    with gr.Blocks(title="Longthread", analytics_enabled=False) as blocks:
        tab, bell = Tab.make(), Bell.make()
        with gr.Row(elem_id="house"):
            with gr.Column(elem_id="left"):
                gr.HTML(BRAND, apply_default_css=False)
                names = thread_list(graph, tab)
                gr.HTML(
                    f'<a href="./usage">{label("usage.title")}</a>',
                    elem_id="to-usage",
                    apply_default_css=False,
                )
                listed = gr.HTML("", elem_id="keys", apply_default_css=False)
                badge(blocks)
            with gr.Column(elem_id="middle"):
                drawers = gr.HTML("", elem_id="drawers", apply_default_css=False)
                line, back = away(tab)
                above = banner()
                talk = chat(graph, tab)
                gr.HTML(f"<p>{label('page.demo')}</p>", elem_id="demo", visible=demo, apply_default_css=False)
            with gr.Column(elem_id="right"):
                spent = budget(graph, tab)
                used = spent_line(graph, tab)
                tree = branches(graph, tab)
                past = timeline(graph, tab, above)
        arrived = blocks.load(
            _arrive,
            [tab.thread, tab.zone],
            [*tab.place, tab.zone],
            js=ARRIVE,
            **DIRECT,
        )
        blocks.load(_furnishing(graph), None, [drawers, line, names.tools, listed], **DIRECT)
        blocks.unload(tab.views.forget)
        sides = [names.listing, tree.map, past.moments, spent.gauge, used]
        elsewhere = [arrived, names.opened, *names.changed, tree.turned, *past.moved]
        for event in [*elsewhere, *talk.moved, spent.trimmed, spent.summary.anew]:
            bell.after(event)
        for event in [*talk.kept, *spent.summary.changed, tree.named, back]:
            bell.after(event, keep=True)
        for event in [*names.moved, *talk.quiet]:
            bell.troubled(event, tab)
        for rung in (bell.draw, bell.keep):
            bell.settled(talk.drawing.after(rung, stay=rung is bell.keep), tab)
        talk.drawing.around(bell.settle)
        for side in sides:
            for rung in (bell.draw, bell.keep, bell.settle):
                side.after(rung)
    usage_page(graph, blocks)
    return blocks


def _arrive(thread: str, zone: str) -> tuple[Any, ...]:
    """The thread that the address names. Where it names none the boxes are left alone: a person who is quick
    may have begun one by the time that this arrives."""
    return (*(now(thread) if thread else [gr.skip()] * 4), zone)


def _furnishing(graph: Graph) -> Callable[[gr.Request], tuple[str, str, str, str]]:
    def furnish(request: gr.Request) -> tuple[str, str, str, str]:
        """What stands there whatever the tab shows, in the person's language: the buttons of the drawers, the
        line that says what is away, the tools of the list, and what stands below it."""
        words = words_of(request)
        imports = button(words) if graph().settings.imports else ""
        below = imports + dialog(words) + theme(request.cookies.get(COOKIE), words)
        return _drawers(words), away_line(words), tools(words), below

    return furnish


def _drawers(words: Words) -> str:
    names = {"left": words("page.conversations"), "right": words("page.aside")}
    return "".join(
        f'<button type="button" data-drawer="{side}" aria-controls="{side}" aria-expanded="false" '
        f'aria-label="{escape(name)}"><i></i></button>'
        for side, name in names.items()
    )


def create_app(settings: Settings) -> FastAPI:
    """The page on FastAPI, `/healthz` (this process lives) and `/readyz` (the database answers it).

    The graph is opened when the server starts and closed when it stops; a server that cannot start has the
    reason in `app.state.refused`.
    """
    opened: list[OpenGraph] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with open_graph(settings) as graph:
                opened.append(graph)
                gc.freeze()  # what is loaded stays: to look through it again takes an eighth of a turn's time
                recovering = asyncio.create_task(graph.turns.recover())
                try:
                    yield
                finally:
                    recovering.cancel()
        except LongthreadError as error:
            app.state.refused = error
            raise

    app = FastAPI(title="Longthread", lifespan=lifespan, openapi_url=None)
    app.state.refused = None
    house = House(settings)
    app.add_middleware(Door, house=house)
    app.add_middleware(Guarded, secure=house.origin.secure)  # the last is the outermost
    add_routes(app, house)

    _probes(app, lambda: opened[-1])
    searching(app, lambda: opened[-1])
    exporting(app, lambda: opened[-1])
    comparing(app, lambda: opened[-1])
    if settings.imports:
        carrying(app, lambda: opened[-1])
    with warnings.catch_warnings():
        # Of what is off below, and would be off anyway for several pages.
        warnings.filterwarnings("ignore", "SSR mode is not supported")
        return gr.mount_gradio_app(
            app,
            page(lambda: opened[-1], demo=settings.demo),
            path="/",
            head=f"<style>{_joined('style')}</style><script>{_joined('page')}</script>",
            i18n=translated(),
            theme=Default(
                primary_hue="indigo",
                neutral_hue="slate",
                font=["system-ui", "sans-serif"],
                font_mono=["ui-monospace", "monospace"],
            ),
            footer_links=[],
            run_history=False,
            ssr_mode=False,
            show_error=True,
        )


def _probes(app: FastAPI, graph: Graph) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        now = await graph().health.look()
        well = now.database == "ok"  # without a model threads can be read
        told = {"status": now.database, "database": now.database, "model": now.model}
        why = {} if well else {"reasons": now.reasons}
        return JSONResponse(told | why, 200 if well else 503, {"Cache-Control": "no-store"})


def _joined(folder: str) -> str:
    """The files of a folder, a panel each, in the order of their names."""
    return "\n".join(
        path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / folder).iterdir())
    )


def main(arguments: list[str] | None = None) -> int:
    """Serve the page until Ctrl+C. 0 when stopped, 2 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m ui.app", description="Serve Longthread's page.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (7860)")
    options = parser.parse_args(arguments)
    try:
        settings = Settings.read()
        _check_reach(settings, options.host)
        return _serve(settings, options.host, options.port)
    except (InvalidSettings, OSError) as error:
        return _refuse(error)


def _check_reach(settings: Settings, host: str) -> None:
    """Refuse to give everybody the one local person's threads. Raises `InvalidSettings`."""
    if settings.sign_in == "none" and not settings.open_to_all and host not in LOOPBACK:
        raise InvalidSettings(
            f"LONGTHREAD_SIGN_IN: whoever reaches {host} could read and write every thread. Set it to users "
            "(then scripts/user add NAME), oidc or proxy; or, where only people you trust reach it, "
            "LONGTHREAD_OPEN_TO_ALL=true"
        )


def _serve(settings: Settings, host: str, port: int) -> int:
    with socket.create_server((host, port)) as listener:
        app = create_app(settings)
        shown = f"[{host}]" if ":" in host else host
        server = Server(app, introduction(settings, f"http://{shown}:{listener.getsockname()[1]}"))
        with suppress(KeyboardInterrupt, SystemExit):  # uvicorn's words for "stopped" and "could not start"
            server.run(sockets=[listener])
    return _refuse(app.state.refused) if app.state.refused else 0


def _refuse(error: Exception) -> int:
    print(f"longthread: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
