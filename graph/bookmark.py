"""A place in a thread: `Bookmark`, and the only file that spells LangGraph's `"configurable"`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote

from langchain_core.runnables import RunnableConfig

from graph.errors import InvalidInput

LOCAL = "local"
"""The user when none is named: the one person of an installation without sign-in."""

SERVED = "langgraph_auth_user_id"
"""Where LangGraph's server says whom it signed in."""

MAX_BYTES = 255
"""Length of an id in UTF-8; two of them, escaped, must fit a Postgres index entry."""


@dataclass(frozen=True)
class Bookmark:
    """A thread of a user, now (`checkpoint_id` is None) or at one of its moments.

    The same `thread_id` of two users names two threads. Raises `InvalidInput` for ids that cannot be stored.
    """

    thread_id: str
    user_id: str = LOCAL
    checkpoint_id: str | None = None

    def __post_init__(self) -> None:
        _check("thread_id", self.thread_id)
        _check("user_id", self.user_id)
        if self.checkpoint_id is not None:
            _check("checkpoint_id", self.checkpoint_id)

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> "Bookmark":
        """The place that a LangGraph config names. Raises `InvalidInput` when it names none."""
        places = configurable(config)
        if places.get("thread_id") is None:
            raise InvalidInput('Name a thread: {"configurable": {"thread_id": "…"}}.')
        _check_path(places.get("checkpoint_ns", ""), places.get("checkpoint_map", {}))
        user, moment = _user_of(places), places.get("checkpoint_id")
        return cls(str(places["thread_id"]), user, str(moment) if moment else None)

    @classmethod
    def at_key(cls, key: str) -> "Bookmark":
        """The thread that is stored under `key`; the inverse of `Bookmark.key`."""
        if not key.startswith("~"):
            return cls(key)
        user, thread = key[1:].split("~", 1)
        return cls(thread, unquote(user) or LOCAL)

    @property
    def key(self) -> str:
        """What the thread is stored under. No two (user, thread) share one, and the local user's is plain,
        so threads that the stock saver wrote are found under their own name."""
        if self.user_id != LOCAL:
            return f"~{quote(self.user_id, safe='').replace('~', '%7E')}~{self.thread_id}"
        return f"~~{self.thread_id}" if self.thread_id.startswith("~") else self.thread_id

    @property
    def config(self) -> RunnableConfig:
        """This place as a LangGraph config."""
        places = {"thread_id": self.thread_id, "user_id": self.user_id}
        if self.checkpoint_id is not None:
            places["checkpoint_id"] = self.checkpoint_id
        return {"configurable": places}

    def at(self, checkpoint_id: str | None) -> "Bookmark":
        """The same thread at another moment, or now."""
        return replace(self, checkpoint_id=checkpoint_id)


def configurable(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """The `configurable` part of a config, which may be absent."""
    return dict((config or {}).get("configurable") or {})


def with_places(config: Mapping[str, Any], **places: Any) -> RunnableConfig:
    """`config` with some of its places replaced."""
    return {**config, "configurable": {**configurable(config), **places}}  # pyright: ignore[reportReturnType]


def storable(text: str) -> bool:
    """Whether Postgres can hold `text`: no NUL, no half of a surrogate pair."""
    if text.isascii():
        return "\0" not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _user_of(places: Mapping[str, Any]) -> str:
    user = places.get("user_id")
    if SERVED in places:
        # Studio's server: whom it signed in is beyond a client's word, and nobody is an empty name there.
        user = places[SERVED] or user or None
    return LOCAL if user is None else str(user)


def _check_path(namespace: object, moments: object) -> None:
    """Of what LangGraph says to its own subgraphs, which a caller may send too."""
    if namespace is not None and not (isinstance(namespace, str) and storable(namespace)):
        raise InvalidInput("checkpoint_ns is a text, without a NUL or half of a surrogate pair.")
    if not isinstance(moments, Mapping):
        raise InvalidInput("checkpoint_map is a mapping.")


def _check(name: str, value: str) -> None:
    if not value.strip():
        raise InvalidInput(f"{name} must not be blank.")
    if not storable(value):
        raise InvalidInput(f"{name} must not hold a NUL or half of a surrogate pair.")
    if len(value.encode()) > MAX_BYTES:
        raise InvalidInput(f"{name} may have {MAX_BYTES} bytes; this one has {len(value.encode()):,}.")
