"""A thread from a JSON file, at `/import`: the button, and the route that takes the file's bytes."""

from html import escape

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.requests import Request

from graph import LongthreadError, StoreUnavailable
from graph.document import LARGEST
from ui.tab import PRIVATE, Graph, user_of
from ui.words import Words, words_of


def carrying(app: FastAPI, graph: Graph) -> None:
    """Add the route. It answers `{"thread": id}`, or with another status `{"error": words}`."""
    busy = set[str]()

    async def take(request: Request) -> JSONResponse:
        user, words = user_of(request), words_of(request)
        if user in busy:
            return _no(429, words("import.busy"))
        busy.add(user)
        try:
            data = await _body(request)
            if data is None:
                return _no(413, words("import.large", megabytes=LARGEST // 2**20))
            place = await graph().archives.load(user, data)
        except StoreUnavailable as e:
            return _no(503, words.refusal(e))
        except LongthreadError as e:
            return _no(400, words.refusal(e))
        finally:
            busy.discard(user)
        return JSONResponse({"thread": place.thread_id}, headers=PRIVATE)

    app.add_api_route("/import", take, methods=["POST"])


async def _body(request: Request) -> bytes | None:
    """The file; None as soon as it is too large."""
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > LARGEST:
            return None
    return bytes(raw)


def _no(status: int, words: str) -> JSONResponse:
    return JSONResponse({"error": words}, status, PRIVATE)


def button(words: Words) -> str:
    """What a person chooses a file with, and where they are told what comes of it."""
    large = words("import.large", megabytes=LARGEST // 2**20)
    choose, under_way = escape(words("import.choose")), escape(words("import.under_way"))
    told = f'data-most="{LARGEST}" data-large="{escape(large)}" data-away="{escape(words("import.away"))}"'
    return (
        f'<div id="carry"><button type="button" id="to-import" {told}>{choose}</button>'
        f'<input type="file" accept="application/json,.json" hidden aria-label="{choose}">'
        f'<progress hidden aria-label="{under_way}"></progress><p id="import-told" role="status"></p></div>'
    )
