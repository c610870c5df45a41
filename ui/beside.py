"""Two branches of a thread beside each other, at `/beside`: a plain route, as nothing else changes with it.

Reads what is stored and calls no model.
"""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from starlette.requests import Request

from graph import Bookmark, LongthreadError
from ui.render.beside import beside, further, refused
from ui.tab import PRIVATE, Graph, user_of
from ui.words import words_of

LIMIT = 20
"""Messages of each branch at first, and by how many "Show more" goes on."""


def comparing(app: FastAPI, graph: Graph) -> None:
    """Add the route."""

    async def show(request: Request, thread: str, one: str, other: str, skip: int = 0) -> Response:
        words, threads, skip = words_of(request), graph().threads, max(0, skip)
        try:
            place = Bookmark(thread, user_of(request))
            found = await threads.beside(place.at(one), other, limit=LIMIT, skip=skip)
            if skip:
                return HTMLResponse(further(found, words), headers=PRIVATE)
            known = {bough.tip: bough for bough in await threads.branches(place)}
        except LongthreadError as e:
            return HTMLResponse(refused(words.refusal(e), words), 404, headers=PRIVATE)
        pair = (known.get(one), known.get(other))
        return HTMLResponse(beside(found, (one, other), pair, words), headers=PRIVATE)

    app.add_api_route("/beside", show)
