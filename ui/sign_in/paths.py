"""What may be asked for: `free` of a sign-in, `wanted` by the page, or shut: Gradio brings it along
and the page has no use for it (uploads, files, proxying, calls by name, cancelling by id, monitoring, …)."""

import re

_FREE = re.compile(
    r"/(healthz|readyz|theme\.css|favicon\.ico|robots\.txt|manifest\.json)|/(static|assets|svelte)/.+|/sign-in(/.*)?"
)
_API = re.compile(
    r"/gradio_api/(queue/(join|data)|run/[\w-]+|heartbeat/[\w-]+|startup-events|app_id|theme\.css)"
)
_SHUT = re.compile(r"/(login|logout|monitoring|pwa_icon|openapi\.json|docs|redoc)(/.*)?")


def free(path: str) -> bool:
    """Whether anybody may have it: how the server is, and what is the same for all."""
    return _FREE.fullmatch(path) is not None


def api(path: str) -> bool:
    """Whether a program and not a person asks."""
    return path.startswith("/gradio_api")


def wanted(path: str) -> bool:
    """Whether the page, or what we serve beside it, needs it."""
    if api(path):
        return _API.fullmatch(path) is not None
    return "//" not in path and not _SHUT.fullmatch(path)
