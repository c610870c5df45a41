"""Signing in by an OpenID provider, and the words of it that are not believed."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from graph import Settings
from tests.ui.provider import CLIENT, Provider
from tests.ui.signing import served
from ui.sign_in.session import Person, Sessions


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def by_oidc(database: str, tmp_path: Path, provider: Provider) -> Settings:
    provider.claims, provider.state, provider.issuer = {}, "", provider.url
    provider.signs_with = provider.key
    return Settings.read(
        database_url=database, data=tmp_path, sign_in="oidc", oidc_issuer=provider.url, oidc_client_id=CLIENT
    )


async def through(client: httpx.AsyncClient) -> httpx.Response:
    """To the provider and back, as a browser goes."""
    go = await client.get("/sign-in/go?next=/?thread=abc")
    if go.status_code != 303:
        return go
    async with httpx.AsyncClient() as browser:
        back = await browser.get(go.headers["location"])
    return await client.get(back.headers["location"])


@pytest.mark.anyio
async def test_a_provider_signs_in_by_issuer_and_subject(by_oidc: Settings, provider: Provider) -> None:
    assert by_oidc.data
    async with served(by_oidc) as client:
        assert "/sign-in/go?next=" in (await client.get("/sign-in")).text
        back = await through(client)
        assert (back.status_code, back.headers["location"]) == (303, "/?thread=abc")
        assert (await client.get("/")).status_code == 200
        read = Sessions((by_oidc.data / "session-secret").read_bytes(), 1).read(client.cookies["longthread"])
        assert read and read[0] == Person(f"{provider.url}#ada", "Ada L.")
        again = await client.get("/sign-in/back?code=x&state=y")  # what was used once
        assert again.status_code == 403
        out = await client.post("/sign-out")
        assert f"{provider.url}/end_session" in (await client.get(out.headers["location"])).text


LIES: dict[str, dict[str, Any]] = {
    "nonce": {"nonce": "another"},
    "expired": {"exp": int(time.time()) - 3600},
    "issuer": {"iss": "https://evil.example"},
    "audience": {"aud": "another-page"},
    "for another": {"azp": "another-page"},
    "no subject": {"sub": ""},
}


@pytest.mark.anyio
async def test_a_word_that_is_not_the_providers_for_us_now_is_refused(
    by_oidc: Settings, provider: Provider
) -> None:
    async with served(by_oidc) as client:
        for lie in [*LIES, "state", "signature"]:
            provider.claims, provider.issuer = LIES.get(lie, {}), provider.url
            provider.state = "another" if lie == "state" else ""
            if lie == "signature":
                provider.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
            await _refused(client, lie)


@pytest.mark.anyio
async def test_a_provider_that_says_it_is_another_is_refused(by_oidc: Settings, provider: Provider) -> None:
    provider.claims, provider.state, provider.issuer = {}, "", "https://evil.example"
    async with served(by_oidc) as client:
        await _refused(client, "discovery")


async def _refused(client: httpx.AsyncClient, lie: str) -> None:
    back = await through(client)
    assert back.status_code == 403 and 'role="alert"' in back.text, lie
    assert "longthread" not in client.cookies, lie
    assert (await client.get("/")).status_code == 303, lie
