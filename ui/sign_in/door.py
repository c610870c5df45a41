"""The page's outer wall: `Door` lets in whom the house knows, and lets each see what is theirs.

Gradio's `session_hash` is chosen by the browser. Here each gets its person's tag before Gradio sees it, so a
foreign one, guessed or stolen, is one that is not there.
"""

import json
from collections.abc import Callable, MutableMapping
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.sign_in import paths
from ui.sign_in.house import House
from ui.sign_in.session import Person
from ui.words import words_of

PERSON = "longthread.person"
"""Where in the scope of a request its person stands, whom only the door puts there."""

LARGEST = 8 * 1024 * 1024
"""Bytes of a request's body."""

PROBES = ("/healthz", "/readyz")


class Door:
    """An ASGI app that answers those who may ask."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self.app, self.house = app, house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, or refuse."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._enter(Request(scope), receive, send)

    async def _enter(self, request: Request, receive: Receive, send: Send) -> None:
        path: str = request.scope["path"]
        person = self.house.who(request)
        refused = self._refused(request, path, person)
        if refused is None and person:
            request.scope[PERSON] = person
            if paths.api(path) and self.house.kind != "none":
                own = await self._own(request, receive, person)
                refused, receive = own if isinstance(own, tuple) else (own, receive)
                send = _while(send, lambda: self.house.who(request) is not None)
        app = refused or self.app
        await app(request.scope, receive, send)

    def _refused(self, request: Request, path: str, person: Person | None) -> Response | None:
        if path in PROBES:
            return None
        if self.house.origin.foreign(request):
            return JSONResponse({"error": words_of(request)("sign_in.foreign")}, 403)
        if person is None and not paths.free(path):
            return self._unknown(request, path)
        return None if paths.wanted(path) else JSONResponse({"detail": "Not Found"}, 404)

    def _unknown(self, request: Request, path: str) -> Response:
        words = words_of(request)
        if self.house.kind == "proxy":
            return JSONResponse({"error": words("sign_in.proxy")}, 401)
        if paths.api(path) or request.method not in ("GET", "HEAD"):
            return JSONResponse({"error": words("sign_in.ended")}, 401, {"Cache-Control": "no-store"})
        query = request.url.query
        there = quote(path + (f"?{query}" if query else ""), safe="")
        return RedirectResponse(f"/sign-in?next={there}", 303, {"Cache-Control": "no-store"})

    async def _own(
        self, request: Request, receive: Receive, person: Person
    ) -> tuple[Response | None, Receive] | Response:
        """The request with its Gradio session made the person's own."""
        scope, tag = request.scope, self.house.tag(person)
        before, found, name = scope["path"].partition("/heartbeat/")
        if found:
            scope["path"] = f"{before}{found}{tag}{name}"
            scope["raw_path"] = scope["path"].encode()
        query = parse_qsl(request.url.query, keep_blank_values=True)
        scope["query_string"] = urlencode(
            [(k, tag + v if k == "session_hash" else v) for k, v in query]
        ).encode()
        if request.method != "POST":
            return None, receive
        return await self._own_body(request, receive, tag)

    async def _own_body(
        self, request: Request, receive: Receive, tag: str
    ) -> tuple[Response | None, Receive] | Response:
        raw = bytearray()
        async for part in Request(request.scope, receive).stream():
            raw += part
            if len(raw) > LARGEST:
                return JSONResponse({"detail": "Too large"}, 413)
        try:
            body: Any = json.loads(raw)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return JSONResponse({"detail": "Not an object of JSON"}, 400)
        own = cast("dict[str, Any]", body)
        own["session_hash"] = tag + str(own.get("session_hash") or "")
        return None, _again(request.scope, json.dumps(own).encode(), receive)


def _again(scope: Scope, body: bytes, receive: Receive) -> Receive:
    """A request with this body instead; what follows it is as it was."""
    kept = [(k, v) for k, v in scope["headers"] if k not in (b"content-length", b"content-type")]
    length = (b"content-length", str(len(body)).encode())
    scope["headers"] = [*kept, length, (b"content-type", b"application/json")]
    given = False

    async def told() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return told


def _while(send: Send, still: Callable[[], bool]) -> Send:
    """`send`, until the person is signed out or was taken out: the stream ends there."""
    over = False

    async def sent(message: MutableMapping[str, Any]) -> None:
        nonlocal over
        if over:
            raise OSError("signed out")  # what a server says of a browser that is gone
        if message["type"] == "http.response.body" and message.get("more_body") and not still():
            over = True
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    return sent
