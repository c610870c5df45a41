"""The headers of every answer: `Guarded` adds those that keep other sites out and the page to itself."""

from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",  # Gradio evaluates its templates in the browser
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",  # a picture in an answer would tell its host who reads it
    "font-src": "'self' data:",
    "media-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    b"content-security-policy": "; ".join(f"{what} {where}" for what, where in POLICY.items()).encode(),
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}


TLS_ONLY = {b"strict-transport-security": b"max-age=31536000"}
"""Besides, where browsers reach the page by https."""


class Guarded:
    """An ASGI app with these headers on whatever it answers. Never holds a stream back."""

    def __init__(self, app: ASGIApp, secure: Callable[[Request], bool]) -> None:
        self.app, self.secure = app, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, with the headers."""

        tls = TLS_ONLY if scope["type"] == "http" and self.secure(Request(scope)) else {}
        headers = HEADERS | tls

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in headers.items() if name not in present),
                ]
            await send(message)

        await self.app(scope, receive, guarded)
