"""Databases that an earlier version made, brought up to date."""

import hashlib

import psycopg
import pytest

from graph.checkpointers.postgres import open_postgres

pytestmark = pytest.mark.anyio

EARLIER = """
DROP TABLE longthread_request;
CREATE TABLE longthread_request (
    thread bigint NOT NULL, request text NOT NULL, message text NOT NULL, PRIMARY KEY (thread, request)
);
INSERT INTO longthread_request VALUES (1, 'r', 'm');
ALTER TABLE longthread_draft SET UNLOGGED;
DELETE FROM longthread_migration WHERE name LIKE '005%';
"""


@pytest.mark.parametrize("times", [1, 2])
async def test_names_that_were_kept_as_said_become_digests(fresh_database: str, times: int) -> None:
    """Once: what is a digest already stays what it is."""
    async with open_postgres(fresh_database):
        pass
    with psycopg.connect(fresh_database, autocommit=True) as conn:
        conn.execute(EARLIER)
        for time in range(times):
            if time:
                conn.execute("ALTER TABLE longthread_request DROP COLUMN asked")
                conn.execute("DELETE FROM longthread_migration WHERE name LIKE '005%'")
            async with open_postgres(fresh_database):
                pass
        row = conn.execute("SELECT replace(request::text, '-', ''), message, asked FROM longthread_request")
        assert row.fetchone() == (hashlib.sha256(b"r").hexdigest()[:32], "m", None)
        kind = conn.execute("SELECT relpersistence FROM pg_class WHERE relname = 'longthread_draft'")
        assert kind.fetchone() == ("p",)
