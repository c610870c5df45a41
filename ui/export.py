"""A thread as a file, at `/export/…`, Markdown or JSON: streamed a page at a time, and kept nowhere."""

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
    """Add the routes."""

    async def markdown(request: Request, thread: str) -> Response:
        return await _file(graph, request, thread, "md")

    async def json(request: Request, thread: str) -> Response:
        return await _file(graph, request, thread, "json")

    app.add_api_route("/export/{thread}.md", markdown)
    app.add_api_route("/export/{thread}.json", json)


async def _file(graph: Graph, request: Request, thread: str, form: str) -> Response:
    words = words_of(request)
    try:
        place = Bookmark(thread, user_of(request))
        row = await graph().threads.get(place)
    except ThreadNotFound as e:
        return PlainTextResponse(words.refusal(e), 404)
    except LongthreadError as e:
        return PlainTextResponse(words.refusal(e), 400)
    name = quote(f"{row.title or row.thread_id}.{form}", safe="")
    disposition = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    markdown = form == "md"
    parts = _markdown(graph, place, row, words) if markdown else graph().archives.export(place)
    kind = "text/markdown; charset=utf-8" if markdown else "application/json"
    return StreamingResponse(parts, media_type=kind, headers=PRIVATE | disposition)


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
