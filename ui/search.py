"""What a search finds, at `/found`: a plain route, so that the newest answer wins in the browser."""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.requests import Request

from graph import LongthreadError
from ui.render.search import found_list
from ui.tab import PRIVATE, Graph, user_of, zone_of
from ui.words import words_of

MOST = 40
"""Hits that a search shows."""


def searching(app: FastAPI, graph: Graph) -> None:
    """Add the route."""

    async def found(request: Request, q: str = "", zone: str = "UTC") -> Response:
        try:
            hits = await graph().threads.search(user_of(request), q, limit=MOST)
        except LongthreadError as e:
            return PlainTextResponse(words_of(request).refusal(e), 503, PRIVATE)
        return HTMLResponse(found_list(hits, q, zone_of(zone), words_of(request)), headers=PRIVATE)

    app.add_api_route("/found", found)
