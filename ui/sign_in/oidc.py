# pyright: reportGeneralTypeIssues=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (Authlib has no types.)
"""An OpenID provider: discovery, the code flow with PKCE, and what its signed word must say. `Provider`."""

import hashlib
import logging
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from graph import InvalidSettings, Settings
from graph.bookmark import MAX_BYTES
from ui.sign_in.session import Person

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures by a key that only the provider has; never "none", never by a secret that is shared."""
FRESH = 600.0
"""Seconds for which what the provider says of itself is kept."""
LEEWAY = 60
"""Seconds by which two clocks may differ."""

log = logging.getLogger(__name__)


class ProviderRefused(Exception):
    """The sign-in did not come about; `key` names the words that say so. Caught in `ui.sign_in.routes`."""

    def __init__(self, key: str, why: str = "") -> None:
        super().__init__(why or key)
        self.key = key
        if why:
            log.warning("sign-in refused: %s", why)


class Provider:
    """The provider of the settings, asked over HTTP when somebody signs in. Raises `InvalidSettings`."""

    def __init__(self, settings: Settings) -> None:
        if not settings.oidc_issuer or not settings.oidc_client_id:
            missing = "OIDC_CLIENT_ID" if settings.oidc_issuer else "OIDC_ISSUER"
            raise InvalidSettings(f"LONGTHREAD_{missing}: must be set where LONGTHREAD_SIGN_IN=oidc.")
        self.issuer, self.client_id = settings.oidc_issuer, settings.oidc_client_id
        secret = settings.oidc_client_secret
        self._secret = secret.get_secret_value() if secret else None
        self._about: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    @property
    def name(self) -> str:
        """Its host, to show."""
        return urlsplit(self.issuer).hostname or self.issuer

    async def begin(self, back: str) -> tuple[str, list[str]]:
        """Where to send the browser, and what to keep for `finish`: state, nonce and verifier."""
        about = await self._discover()
        state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
        async with self._client(back) as client:
            url, _ = client.create_authorization_url(
                about["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url), [state, nonce, verifier]

    async def finish(self, said: Mapping[str, str], back: str, kept: tuple[str, str, str]) -> Person:
        """The person whom the provider signed in. Raises `ProviderRefused`."""
        state, nonce, verifier = kept
        if not state or not secrets.compare_digest(said.get("state", "").encode(), state.encode()):
            raise ProviderRefused("sign_in.stale")
        if said.get("iss", self.issuer) != self.issuer:
            raise ProviderRefused("sign_in.refused", "another issuer answered")
        if "code" not in said:
            raise ProviderRefused("sign_in.refused")
        about = await self._discover()
        try:
            async with self._client(back) as client:
                token = await client.fetch_token(
                    about["token_endpoint"], code=said["code"], code_verifier=verifier
                )
            return self._person(await self._read(str(token["id_token"]), nonce))
        except (AuthlibBaseError, JoseError, KeyError, TypeError, ValueError) as e:
            raise ProviderRefused("sign_in.refused", f"the provider's word: {type(e).__name__}") from e
        except httpx.HTTPError as e:
            raise ProviderRefused("sign_in.away", f"the provider: {type(e).__name__}") from e

    async def way_out(self) -> str:
        """Where one signs out of the provider, or ""."""
        try:
            return str((await self._discover()).get("end_session_endpoint", ""))
        except ProviderRefused:
            return ""

    def _client(self, back: str) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            self.client_id,
            self._secret,
            scope="openid profile",
            redirect_uri=back,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if self._secret else "none",
            timeout=10,
        )

    async def _discover(self) -> dict[str, Any]:
        if self._about and time.monotonic() - self._about[0] < FRESH:
            return self._about[1]
        about = await self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if about.get("issuer") != self.issuer:
            raise ProviderRefused("sign_in.away", "discovery names another issuer")
        if any(not isinstance(about.get(f"{what}_endpoint"), str) for what in ("authorization", "token")):
            raise ProviderRefused("sign_in.away", "discovery names no endpoints")
        self._about = time.monotonic(), about
        return about

    async def _get(self, url: str) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=10) as client:
                return dict((await client.get(url)).raise_for_status().json())
        except (httpx.HTTPError, ValueError, TypeError) as e:
            raise ProviderRefused("sign_in.away", f"{url}: {type(e).__name__}") from e

    async def _read(self, token: str, nonce: str) -> dict[str, Any]:
        """The claims, signed by the provider for us, now, and for this sign-in."""
        try:
            claims = jwt.decode(token, await self._keyring(fresh=False), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):  # perhaps its keys are new
            claims = jwt.decode(token, await self._keyring(fresh=True), algorithms=ALGORITHMS).claims
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(claims)
        if claims.get("azp", self.client_id) != self.client_id:
            raise ValueError("for another")
        return claims

    async def _keyring(self, *, fresh: bool) -> KeySet:
        if fresh or not self._keys or time.monotonic() - self._keys[0] > FRESH:
            found: Any = await self._get(str((await self._discover())["jwks_uri"]))
            self._keys = time.monotonic(), KeySet.import_key_set(found)
        return self._keys[1]

    def _person(self, claims: dict[str, Any]) -> Person:
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject.isprintable() or not subject.strip():
            raise ValueError("no subject")
        user = f"{self.issuer}#{subject}"
        if len(user.encode()) > MAX_BYTES:
            user = "oidc#" + hashlib.sha256(user.encode()).hexdigest()
        shown = next((c for n in ("name", "preferred_username", "email") if (c := claims.get(n))), subject)
        return Person(user, str(shown)[:200])
