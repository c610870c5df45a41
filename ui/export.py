"""A thread as a file, at `/export/…`: streamed a page at a time, and kept nowhere."""

from collections.abc import AsyncIterator
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from starlette.requests import Request

from graph import Bookmark, LongthreadError, ThreadNotFound
from graph.threads import Thread
from ui.render.text import text_of
from ui.tab import PRIVATE, Graph, user_of
from ui.words import Words, words_of

PART = 200
"""Messages that an export reads at once."""

ROLES = ("human", "ai", "tool")


def exporting(app: FastAPI, graph: Graph) -> None:
    """Add the route."""

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
        parts = _markdown(graph, place, row, words_of(request))
        return StreamingResponse(
            parts, media_type="text/markdown; charset=utf-8", headers=PRIVATE | disposition
        )

    app.add_api_route("/export/{thread}.md", export)


async def _markdown(graph: Graph, place: Bookmark, row: Thread, words: Words) -> AsyncIterator[str]:
    """The active branch, oldest first, a page at a time."""
    yield f"# {row.title or row.thread_id}\n\n{row.created:%Y-%m-%d %H:%M} UTC\n"
    for start in range(0, max(row.messages, 1) + PART, PART):
        page = await graph().threads.transcript(place, limit=PART, before=start + PART)
        fresh = [entry for entry in page.entries if entry.seq >= start]
        for entry in fresh:
            role = words(f"export.{entry.message.type if entry.message.type in ROLES else 'note'}")
            yield f"\n## {role}\n\n{text_of(entry.message)}\n"
        if not fresh:
            return
