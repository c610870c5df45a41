"""Who asks: `House`, which knows by cookie or by a proxy's header, as the settings say."""

from starlette.requests import Request
from starlette.responses import Response

from graph import LOCAL, InvalidInput, InvalidSettings, Settings
from ui.sign_in.oidc import Provider
from ui.sign_in.origin import Origin
from ui.sign_in.people import People, clean
from ui.sign_in.place import users_file
from ui.sign_in.session import Person, Sessions, secret_of
from ui.sign_in.throttle import Throttle


class House:
    """All that a sign-in needs, made once from the settings. Raises `InvalidSettings`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.kind = settings.sign_in
        self.origin = Origin(settings)
        self.people = People(users_file(settings))
        self.throttle = Throttle()
        self.sessions = Sessions(secret_of(settings) if self.kind != "none" else b"", settings.session_hours)
        self.provider = Provider(settings) if self.kind == "oidc" else None
        if self.kind == "proxy" and not self.origin.peers:
            raise InvalidSettings("LONGTHREAD_PROXY_PEERS: name the proxy's address; no other is believed.")

    def who(self, request: Request) -> Person | None:
        """The person that asks; None: nobody we know."""
        if self.kind == "none":
            return Person(LOCAL, "")
        if self.kind == "proxy":
            return self._named(request)
        read = self.sessions.read(self.cookie(request))
        if read is None or read[1] != self._mark(read[0].user):
            return None
        return read[0]

    def cookie(self, request: Request) -> str:
        """The session's cookie as it came, or ""."""
        return request.cookies.get(self._cookie_name(request), "")

    def begin(self, request: Request, response: Response, person: Person) -> None:
        """Sign somebody in."""
        token = self.sessions.begin(person, self._mark(person.user) or "")
        self.set(request, response, self._cookie_name(request), token, self.sessions.seconds)

    def end(self, request: Request, response: Response) -> None:
        """Sign out whoever asks."""
        self.sessions.end(self.cookie(request))
        self.set(request, response, self._cookie_name(request), "", 0)

    def set(self, request: Request, response: Response, name: str, value: str, seconds: int) -> None:
        """A cookie that no script reads and no other site sends."""
        secure = self.origin.secure(request)
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax"
        )

    def tag(self, person: Person) -> str:
        """What stands before a Gradio session's name, so that nobody's is another's."""
        return self.sessions.mark("tab", person.user)

    def _cookie_name(self, request: Request) -> str:
        return "__Host-longthread" if self.origin.secure(request) else "longthread"

    def _mark(self, user: str) -> str | None:
        """What must still be so: a user's password, the others' provider. None: nobody any more."""
        if self.kind == "oidc":
            return self.sessions.mark("oidc", self.settings.oidc_issuer or "")
        stored = self.people.hash_of(user)
        return stored and self.sessions.mark("users", stored)

    def _named(self, request: Request) -> Person | None:
        names = request.headers.getlist(self.settings.proxy_header)
        if not self.origin.trusted(request) or len(names) != 1:
            return None
        try:
            name = clean(names[0].encode("latin-1").decode())
        except (InvalidInput, UnicodeError):
            return None
        return None if name == LOCAL else Person(name, name)
