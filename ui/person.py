"""Whose a plain request is: `person`."""

from collections.abc import Mapping
from typing import Any

from graph import LOCAL


def person(scope: Mapping[str, Any]) -> str:
    """The user that a sign-in put into the ASGI scope, or the one person of an installation without."""
    user: Any = scope.get("user")
    return str(getattr(user, "identity", user) or LOCAL)
