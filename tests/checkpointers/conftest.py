"""Every place where threads can be kept, each on a store of a test's own: `open_saver`, and `data`.

A new place adds a fixture and its name to `SAVERS`; every law then holds for it too.
`data` is a folder of the embedded Postgres.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from graph.checkpointers.pool import open_pool
from graph.checkpointers.postgres import PostgresCheckpointer, open_postgres
from tests.checkpointers.visiting import _copy, _visit

OpenSaver = Callable[[], AbstractAsyncContextManager[BaseCheckpointSaver[str]]]
"""Opens a saver on the test's store; a second one on the same store is another process to it."""

SAVERS = ["postgres", "postgres-encrypted"]
if os.environ.get("STOCK_SAVER"):  # to see which laws LangGraph's own saver breaks
    SAVERS.append("stock")


@pytest.fixture(params=SAVERS)
def open_saver(request: pytest.FixtureRequest) -> OpenSaver:
    """One of the places, empty."""
    place: OpenSaver = request.getfixturevalue(request.param)
    return place


@pytest.fixture(name="postgres")
def _postgres(fresh_database: str) -> OpenSaver:
    return lambda: open_postgres(fresh_database)


@pytest.fixture(name="postgres-encrypted")
def _postgres_encrypted(fresh_database: str) -> OpenSaver:
    @asynccontextmanager
    async def opened() -> AsyncIterator[BaseCheckpointSaver[str]]:
        async with open_pool(fresh_database) as pool:
            saver = PostgresCheckpointer(
                pool, serde=EncryptedSerializer(Scramble(), JsonPlusSerializer(allowed_msgpack_modules=None))
            )
            await saver.setup()
            yield saver

    return opened


@pytest.fixture(name="stock")
def _stock(fresh_database: str) -> OpenSaver:
    @asynccontextmanager
    async def opened() -> AsyncIterator[BaseCheckpointSaver[str]]:
        async with open_pool(fresh_database) as pool:
            pooled: Any = pool
            saver = AsyncPostgresSaver(pooled, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
            await saver.setup()
            yield saver

    return opened


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a cluster, to copy instead of running initdb for each test."""
    data = tmp_path_factory.mktemp("made")
    asyncio.run(_visit(data))
    return data


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    """A stopped cluster of this test's own."""
    return _copy(made, tmp_path / "data")


class Scramble:
    """A cipher that needs no package and keeps no secret: it makes the stored bytes illegible."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        """The name of the cipher, and the bytes in its hand."""
        return "scramble", b"~" + plaintext.translate(_TURNED)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        """What `encrypt` was given."""
        assert ciphername == "scramble"
        assert ciphertext[:1] == b"~"
        return ciphertext[1:].translate(_TURNED)


_TURNED = bytes(byte ^ 0x5A for byte in range(256))
