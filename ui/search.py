"""Plain routes of the list of threads: `/found`, what a search finds, and `/export/…`, a thread as a file.

No events of Gradio's: the newest answer wins in the browser, and a file is streamed and never kept.
"""

from collections.abc import AsyncIterator
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.requests import Request

from graph import Bookmark, LongthreadError, ThreadNotFound
from graph.threads import Thread
from ui.render.search import found_list
from ui.render.text import text_of
from ui.tab import Graph, user_of, zone_of
from ui.words import words_of

MOST = 40
"""Hits that a search shows."""

PART = 200
"""Messages that an export reads at once."""


def searching(app: FastAPI, graph: Graph) -> None:
    """Add the routes."""

    async def found(request: Request, q: str = "", zone: str = "UTC") -> Response:
        hits = await graph().threads.search(user_of(request), q, limit=MOST)
        return HTMLResponse(found_list(hits, q, zone_of(zone), words_of(request)), headers=PRIVATE)

    async def export(request: Request, thread: str) -> Response:
        try:
            place = Bookmark(thread, user_of(request))
            row = await graph().threads.get(place)
        except ThreadNotFound as e:
            return PlainTextResponse(str(e), 404)
        except LongthreadError as e:
            return PlainTextResponse(str(e), 400)
        name = quote(f"{row.title or row.thread_id}.md", safe="")
        disposition = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        parts = _markdown(graph, place, row)
        return StreamingResponse(
            parts, media_type="text/markdown; charset=utf-8", headers=PRIVATE | disposition
        )

    app.add_api_route("/found", found)
    app.add_api_route("/export/{thread}.md", export)


PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


async def _markdown(graph: Graph, place: Bookmark, row: Thread) -> AsyncIterator[str]:
    """The active branch, oldest first, a page at a time."""
    yield f"# {row.title or row.thread_id}\n\n{row.created:%Y-%m-%d %H:%M} UTC\n"
    for start in range(0, max(row.messages, 1) + PART, PART):
        page = await graph().threads.transcript(place, limit=PART, before=start + PART)
        fresh = [entry for entry in page.entries if entry.seq >= start]
        for entry in fresh:
            role = {"human": "You", "ai": "Assistant", "tool": "Tool"}.get(entry.message.type, "Note")
            yield f"\n## {role}\n\n{text_of(entry.message)}\n"
        if not fresh:
            return
