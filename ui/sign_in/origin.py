"""Where a request comes from: `Origin` says if another site sent it, from which address, and how."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from starlette.requests import Request

from graph import InvalidSettings, Settings

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
SAFE = {"GET", "HEAD", "OPTIONS"}


class Origin:
    """Reads `Origin`, `Sec-Fetch-*` and `Host`; and `X-Forwarded-*`, from trusted peers only.

    Raises `InvalidSettings` for peers that are no addresses.
    """

    def __init__(self, settings: Settings) -> None:
        self.public = settings.public_url and settings.public_url.rstrip("/")
        self.local = settings.sign_in == "none" and not settings.open_to_all
        try:
            self.peers = [ip_network(p.strip()) for p in (settings.proxy_peers or "").split(",") if p.strip()]
        except ValueError as e:
            raise InvalidSettings(f"LONGTHREAD_PROXY_PEERS: {e}.") from None

    def trusted(self, request: Request) -> bool:
        """Whether the connection itself comes from a trusted proxy."""
        return bool(request.client) and self._ours(request.client.host)

    def _ours(self, address: str) -> bool:
        try:
            return any(ip_address(address) in network for network in self.peers)
        except ValueError:
            return False

    def peer(self, request: Request) -> str:
        """The address that asks: behind trusted proxies, the last that none of them is."""
        own = request.client.host if request.client else ""
        if not self.trusted(request):
            return own
        said = [a.strip() for line in request.headers.getlist("x-forwarded-for") for a in line.split(",")]
        return next((a for a in reversed(said) if not self._ours(a)), own)

    def address(self, request: Request) -> str:
        """Scheme and host as the browser knows them."""
        if self.public:
            return self.public
        said: Mapping[str, str] = request.headers if self.trusted(request) else {}
        scheme = said.get("x-forwarded-proto", request.url.scheme).split(",")[-1].strip()
        host = said.get("x-forwarded-host", request.headers.get("host", "")).split(",")[-1].strip()
        return f"{scheme}://{host}"

    def secure(self, request: Request) -> bool:
        """Whether the browser speaks TLS."""
        return self.address(request).startswith("https:")

    def foreign(self, request: Request) -> bool:
        """Whether another site has sent this, or reads it. A link from anywhere may be followed."""
        here = urlsplit(self.address(request))
        if self.local and here.hostname not in {*LOOPBACK, urlsplit(self.public or "").hostname}:
            return True  # a name of somebody's that leads to this machine
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin)[:2] != here[:2]:
            return True
        site = request.headers.get("sec-fetch-site", "none")
        followed = request.method in SAFE and request.headers.get("sec-fetch-mode") == "navigate"
        return site not in ("same-origin", "none") and not followed
