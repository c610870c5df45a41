"""How a setting is spelled outside: its `PREFIX`, `named`, and that a blank one is unset (`Optional`)."""

from typing import Any

from pydantic import AliasChoices, BeforeValidator

PREFIX = "LONGTHREAD_"


def _blank_is_unset(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


Optional = BeforeValidator(_blank_is_unset)


def named(name: str) -> AliasChoices:
    """A field by its own name in code and by `name` in the environment."""
    return AliasChoices(name.removeprefix(PREFIX).lower(), name)
