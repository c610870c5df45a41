"""What can be set of who may ask: `Entrance`, a part of `Settings`.

The agent reads none of it, but every program here reads the same environment, and must know each name in it.
"""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from graph.environment import Optional, named


class Entrance(BaseSettings):
    """How people sign in to the page, and what the page needs to know of its way to them."""

    sign_in: Literal["none", "users", "oidc", "proxy"] = Field(
        "none",
        validation_alias=named("LONGTHREAD_SIGN_IN"),
        description="who may use the page: none (one local person), users, oidc or proxy",
    )
    users_file: Annotated[Path | None, Optional] = Field(
        None,
        validation_alias=named("LONGTHREAD_USERS_FILE"),
        description="file of scripts/user; unset: users.json in the data folder",
    )
    session_secret: Annotated[SecretStr | None, Optional] = Field(
        None,
        validation_alias=named("LONGTHREAD_SESSION_SECRET"),
        description="signs the cookies, 32 characters or more; unset: made once, kept in the data folder",
    )
    session_hours: float = Field(
        168.0,
        gt=0,
        le=8760,
        validation_alias=named("LONGTHREAD_SESSION_HOURS"),
        description="hours until one has to sign in again",
    )
    public_url: Annotated[str | None, Optional] = Field(
        None,
        validation_alias=named("LONGTHREAD_PUBLIC_URL"),
        description="the page's address as browsers know it, where that is not the server's own",
    )
    oidc_issuer: Annotated[str | None, Optional] = Field(
        None, validation_alias=named("LONGTHREAD_OIDC_ISSUER"), description="URL of the OpenID provider"
    )
    oidc_client_id: Annotated[str | None, Optional] = Field(
        None, validation_alias=named("LONGTHREAD_OIDC_CLIENT_ID"), description="this page's name there"
    )
    oidc_client_secret: Annotated[SecretStr | None, Optional] = Field(
        None,
        validation_alias=named("LONGTHREAD_OIDC_CLIENT_SECRET"),
        description="its password there; unset: a public client, by PKCE alone",
    )
    proxy_header: str = Field(
        "X-Forwarded-User",
        min_length=1,
        validation_alias=named("LONGTHREAD_PROXY_HEADER"),
        description="header in which a trusted proxy names the person",
    )
    proxy_peers: Annotated[str | None, Optional] = Field(
        None,
        validation_alias=named("LONGTHREAD_PROXY_PEERS"),
        description="addresses or networks of trusted proxies, with commas; unset: none",
    )
    open_to_all: bool = Field(
        False,
        validation_alias=named("LONGTHREAD_OPEN_TO_ALL"),
        description="without a sign-in, listen beyond this machine all the same",
    )

    @field_validator("public_url", "oidc_issuer")
    @classmethod
    def _web(cls, value: str | None) -> str | None:
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
            raise ValueError("must be an http:// or https:// URL")
        return value

    @field_validator("session_secret")
    @classmethod
    def _long(cls, value: SecretStr | None) -> SecretStr | None:
        if value and len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters")
        return value
