"""Rows that somebody else wrote into the database: a typed error, never a call, never something else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import ormsgpack
import psycopg
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import empty_checkpoint

from graph import Bookmark, ForgedRow
from graph.checkpointers.packing import squeeze, unsqueeze
from graph.checkpointers.postgres import open_postgres

pytestmark = pytest.mark.anyio


def call(module: str, name: str, word: str) -> bytes:
    """Msgpack that asks to be loaded by calling `module.name(word)`."""
    return ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb((module, name, word))))


def forms(mark: Path) -> dict[str, tuple[str, bytes]]:
    """Stored forms that would make `mark` if anything were called."""
    word = f"touch {mark}"
    method = ormsgpack.Ext(3, ormsgpack.packb(("os", "system", word, "__call__")))
    nested = {"deep": [ormsgpack.Ext(2, ormsgpack.packb(("subprocess", "getoutput", {"cmd": word})))]}
    pickled = b"cos\nsystem\n(V" + word.encode() + b"\ntR."
    json = (
        b'{"lc": 2, "type": "constructor", "id": ["subprocess", "getoutput"], "args": ["'
        + word.encode()
        + b'"]}'
    )
    return {
        "a call": ("msgpack", call("subprocess", "getoutput", word)),
        "a method": ("msgpack", ormsgpack.packb(method)),
        "a call in depth": ("msgpack", ormsgpack.packb(nested)),
        "json": ("json", json),
        "old json": (
            "json",
            b'{"lc": 1, "type": "constructor", "id": ["langchain", "prompts", "PromptTemplate"]}',
        ),
        "pickle": ("pickle", pickled),
        "no form at all": ("yaml", b"!!python/object/apply:os.system [x]"),
    }


Forge = Callable[[psycopg.Connection[Any], tuple[str, bytes]], None]


def in_a_channel(conn: psycopg.Connection[Any], form: tuple[str, bytes]) -> None:
    """Put it in place of a channel's value."""
    body, id = conn.execute("SELECT body, id FROM longthread_checkpoint").fetchone()  # type: ignore[misc]
    parts = unsqueeze(body)
    parts[9]["other"] = ["v", *form]
    conn.execute("UPDATE longthread_checkpoint SET body = %s WHERE id = %s", (squeeze(parts), id))


def in_a_message(conn: psycopg.Connection[Any], form: tuple[str, bytes]) -> None:
    """Put it in place of a whole message."""
    conn.execute("UPDATE longthread_message SET body = %s", (b"\1" + ormsgpack.packb(form),))


def in_a_large_value(conn: psycopg.Connection[Any], form: tuple[str, bytes]) -> None:
    """Put it in place of a value with a row of its own."""
    conn.execute("UPDATE longthread_value SET body = %s", (ormsgpack.packb(["v", *form]),))


def in_a_write(conn: psycopg.Connection[Any], form: tuple[str, bytes]) -> None:
    """Put it in place of what a task wrote."""
    conn.execute("UPDATE longthread_write SET body = %s", (ormsgpack.packb(["v", *form]),))


@pytest.mark.parametrize("forge", [in_a_channel, in_a_message, in_a_large_value, in_a_write])
@pytest.mark.parametrize("name", forms(Path()))
async def test_a_forged_row_is_a_typed_error_and_calls_nothing(
    fresh_database: str, tmp_path: Path, name: str, forge: Forge
) -> None:
    """Whatever is forged, wherever: ForgedRow by every way to read it, and nothing was run."""
    mark = tmp_path / "called"
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    checkpoint = empty_checkpoint()
    values = {"messages": [HumanMessage("hi", id="1")], "other": {"a": 1}, "large": "x" * 5000}
    checkpoint["channel_values"], versions = values, dict.fromkeys(values, "1")
    checkpoint["channel_versions"] = dict(versions)
    async with open_postgres(fresh_database) as saver:
        stored = await saver.aput(config, checkpoint, {"source": "loop", "step": 0, "parents": {}}, versions)
        await saver.aput_writes(stored, [("other", {"a": 2})], str(uuid4()))
    with psycopg.connect(fresh_database, autocommit=True) as conn:
        forge(conn, forms(mark)[name])
    async with open_postgres(fresh_database) as saver:
        with pytest.raises(ForgedRow) as e:
            await saver.aget_tuple(config)
        assert str(mark) not in str(e.value)
        with pytest.raises(ForgedRow):
            await saver.aget_tuple(stored)
        with pytest.raises(ForgedRow):
            _ = [t async for t in saver.alist(config)]
    assert not mark.exists()


async def test_a_message_of_no_known_type_is_a_typed_error(fresh_database: str) -> None:
    """Not an error of the library's depths."""
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"messages": [AIMessage("hi", id="1")]}
    checkpoint["channel_versions"] = {"messages": "1"}
    async with open_postgres(fresh_database) as saver:
        await saver.aput(config, checkpoint, {"source": "loop", "step": 0, "parents": {}}, {"messages": "1"})
    with psycopg.connect(fresh_database, autocommit=True) as conn:
        conn.execute("UPDATE longthread_message SET type = 'marzipan'")
    async with open_postgres(fresh_database) as saver:
        with pytest.raises(ForgedRow, match="marzipan"):
            await saver.aget_tuple(Bookmark("t").config)


@pytest.mark.parametrize("table", ["checkpoint", "message", "write", "value"])
async def test_rubbish_in_a_row_is_a_typed_error(fresh_database: str, table: str) -> None:
    """Bytes that are nothing at all."""
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    checkpoint = empty_checkpoint()
    values = {"messages": [AIMessage("hi", id="1", name="n")], "large": "x" * 5000}
    checkpoint["channel_values"], versions = values, dict.fromkeys(values, "1")
    checkpoint["channel_versions"] = dict(versions)
    async with open_postgres(fresh_database) as saver:
        stored = await saver.aput(config, checkpoint, {"source": "loop", "step": 0, "parents": {}}, versions)
        await saver.aput_writes(stored, [("other", {"a": 2})], str(uuid4()))
    for rubbish in (b"\0\1\2rubbish", b"\xc1", b""):
        with psycopg.connect(fresh_database, autocommit=True) as conn:
            conn.execute(f"UPDATE longthread_{table} SET body = %s", (rubbish,))  # type: ignore[arg-type]
        async with open_postgres(fresh_database) as saver:
            with pytest.raises(ForgedRow):
                await saver.aget_tuple(config)
