"""The sign-in page's routes: /sign-in, the way to a provider and back, and /sign-out."""

import math
from urllib.parse import parse_qsl, quote, urlsplit

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from graph import InvalidInput
from ui.sign_in.form import answer, elsewhere, form
from ui.sign_in.house import House
from ui.sign_in.oidc import ProviderRefused
from ui.sign_in.people import clean
from ui.sign_in.session import Person
from ui.words import words_of

SAID = ("ended", "out")
"""What the page may say on arrival."""
AWAY, MINUTES = "longthread-away", 10
"""The cookie of one who is at the provider, and how long it is good."""
FORM = 16 * 1024
"""Bytes of the form."""


def add_routes(app: FastAPI, house: House) -> None:
    """Make them, for the kinds of sign-in that have a page."""
    if house.kind not in ("users", "oidc"):
        return
    desk = Desk(house)
    app.get("/sign-in")(desk.show)
    app.post("/sign-out")(desk.leave)
    if house.kind == "users":
        app.post("/sign-in")(desk.check)
    else:
        app.get("/sign-in/go")(desk.go)
        app.get("/sign-in/back")(desk.back)


def inside(there: str) -> str:
    """Where to go after the sign-in: a path of this site, else the page."""
    plain = there.isprintable() and "\\" not in there and there.startswith("/") and there[1:2] != "/"
    return there if plain and urlsplit(there)[:2] == ("", "") and not there.startswith("/sign-") else "/"


class Desk:
    """Answers at the routes."""

    def __init__(self, house: House) -> None:
        self.house, self.checking = house, CapacityLimiter(2)

    async def show(self, request: Request) -> Response:
        """The page; who is signed in goes on."""
        there = inside(request.query_params.get("next", "/"))
        if self.house.who(request):
            return RedirectResponse(there, 303)
        words, said = words_of(request), request.query_params.get("said", "")
        note = words(f"sign_in.{said}") if said in SAID else ""
        if self.house.kind == "users":
            return answer(form(words, there, note=note))
        return await self._elsewhere(request, there, note=note, leaving=said == "out")

    async def check(self, request: Request) -> Response:
        """Name and password."""
        fields = await _form(request)
        words, there = words_of(request), inside(fields.get("next", "/"))
        name, password = fields.get("name", "")[:255], fields.get("password", "")
        try:
            known = clean(name)
        except InvalidInput:
            known = ""
        keys = ("name", known), ("peer", self.house.origin.peer(request))
        if wait := math.ceil(self.house.throttle.begin(*keys)):
            told = form(words, there, name=name, error=words("sign_in.wait", count=wait))
            return answer(told, 429, **{"Retry-After": str(wait)})
        people = self.house.people
        if not await to_thread.run_sync(people.check, known, password, limiter=self.checking):
            return answer(form(words, there, name=name, error=words("sign_in.wrong")), 403)
        self.house.throttle.right(*keys)
        return self._enter(request, Person(known, known), there)

    async def leave(self, request: Request) -> Response:
        """Sign out."""
        response = RedirectResponse("/sign-in?said=out", 303, {"Cache-Control": "no-store"})
        self.house.end(request, response)
        return response

    async def go(self, request: Request) -> Response:
        """To the provider, with what has to come back kept in a cookie."""
        there = inside(request.query_params.get("next", "/"))
        assert self.house.provider  # noqa: S101 else there is no such route
        try:
            url, kept = await self.house.provider.begin(self._back(request))
        except ProviderRefused as refused:
            return await self._elsewhere(request, there, error=words_of(request)(refused.key))
        response = RedirectResponse(url, 303, {"Cache-Control": "no-store"})
        token = self.house.sessions.seal("away", [*kept, there])
        self.house.set(request, response, AWAY, token, MINUTES * 60)
        return response

    async def back(self, request: Request) -> Response:
        """From the provider."""
        assert self.house.provider  # noqa: S101 else there is no such route
        kept = self.house.sessions.unseal("away", request.cookies.get(AWAY, ""), MINUTES * 60)
        *secrets, there = kept or ["", "", "", "/"]
        try:
            person = await self.house.provider.finish(
                request.query_params, self._back(request), (secrets[0], secrets[1], secrets[2])
            )
        except ProviderRefused as refused:
            response = await self._elsewhere(request, there, error=words_of(request)(refused.key))
        else:
            response = self._enter(request, person, there)
        self.house.set(request, response, AWAY, "", 0)
        return response

    def _enter(self, request: Request, person: Person, there: str) -> Response:
        response = RedirectResponse(there, 303, {"Cache-Control": "no-store"})
        self.house.begin(request, response, person)
        return response

    def _back(self, request: Request) -> str:
        return f"{self.house.origin.address(request)}/sign-in/back"

    async def _elsewhere(
        self, request: Request, there: str, *, note: str = "", error: str = "", leaving: bool = False
    ) -> Response:
        provider = self.house.provider
        assert provider  # noqa: S101 the other kinds have no way there
        link = f"/sign-in/go?next={quote(there, safe='')}"
        leave = await provider.way_out() if leaving else ""
        html = elsewhere(words_of(request), link, provider.name, note=note, error=error, leave=leave)
        return answer(html, 403 if error else 200)


async def _form(request: Request) -> dict[str, str]:
    """What was sent, or nothing of it where it is too long, or too slow."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    raw = bytearray()
    with anyio.move_on_after(20):
        async for part in request.stream():
            raw += part
            if len(raw) > FORM:
                return {}
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True))
    except (UnicodeError, ValueError):
        return {}
