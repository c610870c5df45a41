"""The sign-in page as HTML; everything in it is escaped here."""

from html import escape
from pathlib import Path

from starlette.responses import HTMLResponse

from ui.words import Words

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
STYLE = (Path(__file__).parent / "form.css").read_text(encoding="utf-8")


def form(words: Words, there: str, *, name: str = "", note: str = "", error: str = "") -> str:
    """Name and password. `note` says why one is here, `error` what went wrong."""
    wrong = ' aria-invalid="true" aria-describedby="error"' if error else ""
    first, second = ("", " autofocus") if name else (" autofocus", "")
    return _page(
        words,
        note,
        error,
        f"""<form method="post" action="/sign-in">
<input type="hidden" name="next" value="{escape(there)}">
<label for="name">{escape(words("sign_in.name"))}</label>
<input id="name" name="name" value="{escape(name)}" autocomplete="username" autocapitalize="none"
 spellcheck="false" required maxlength="255"{wrong}{first}>
<label for="password">{escape(words("sign_in.password"))}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
 maxlength="1024"{wrong}{second}>
<button>{escape(words("sign_in.sign_in"))}</button>
</form>""",
    )


def elsewhere(words: Words, link: str, at: str, *, note: str = "", error: str = "", leave: str = "") -> str:
    """The way to a provider, and from it."""
    also = f'<a href="{escape(leave)}">{escape(words("sign_in.leave", at=at))}</a>' if leave else ""
    go = f'<a class="go" href="{escape(link)}">{escape(words("sign_in.continue", at=at))}</a>'
    return _page(words, note, error, go + also)


def answer(html: str, status: int = 200, **headers: str) -> HTMLResponse:
    """The page, kept by nobody."""
    return HTMLResponse(
        html, status, {"Cache-Control": "no-store", "Content-Security-Policy": POLICY, **headers}
    )


def _page(words: Words, note: str, error: str, body: str) -> str:
    title = escape(words("sign_in.title"))
    told = f'<p class="note" role="status">{escape(note)}</p>' if note else ""
    wrong = f'<p class="error" id="error" role="alert">{escape(error)}</p>' if error else ""
    return f"""<!doctype html>
<html lang="{escape(words.language)}"><head><meta charset="utf-8"><title>{title} · Longthread</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<style>{STYLE}</style></head>
<body><main><p class="brand">Longthread</p><h1>{title}</h1>{told}{wrong}{body}</main></body></html>"""
