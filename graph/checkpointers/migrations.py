"""The tables brought up to date: the stock saver's migrations, then ours.

A database without tables of ours gets `schema/fresh.sql`; an older one the numbered scripts that it lacks.
A test holds that both end in the same tables.
"""

from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from graph.errors import StoreUnavailable

_DONE = """
SELECT (SELECT max(v) FROM checkpoint_migrations) AS stock, array_agg(name) AS ours FROM longthread_migration
"""
OLDEST = 140_000
"""The oldest Postgres that knows all that the tables and statements are made of."""

FRESH = "fresh.sql"
LOCK = 0x10_7E_AD  # of these migrations, among the database's advisory locks


async def up_to_date(conn: AsyncConnection[DictRow], stock: Sequence[str]) -> bool:
    """Whether nothing is missing, which costs two statements to see."""
    made = "SELECT to_regclass(%s) IS NOT NULL AND to_regclass(%s) IS NOT NULL AS made"
    row = await (await conn.execute(made, ("checkpoint_migrations", "longthread_migration"))).fetchone()
    if not row or not row["made"]:
        return False
    row = await (await conn.execute(_DONE)).fetchone()
    return row is not None and row["stock"] == len(stock) - 1 and set(row["ours"] or ()) >= set(_numbered())


async def migrate(conn: AsyncConnection[DictRow], stock: Sequence[str]) -> None:
    """Apply what is missing, inside the caller's transaction; others who try meanwhile wait for it."""
    await conn.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    encoding = await (await conn.execute("SHOW server_encoding")).fetchone()
    if encoding and encoding["server_encoding"] != "UTF8":
        raise StoreUnavailable("The database is not in UTF-8. Make one with ENCODING 'UTF8'.")
    if conn.info.server_version < OLDEST:
        raise StoreUnavailable(f"This Postgres is too old: it takes version {OLDEST // 10_000} or newer.")
    await _migrate_stock(conn, stock)
    await _migrate_ours(conn)


async def _migrate_stock(conn: AsyncConnection[DictRow], migrations: Sequence[str]) -> None:
    await conn.execute(migrations[0].encode())
    row = await (await conn.execute("SELECT max(v) AS v FROM checkpoint_migrations")).fetchone()
    done = -1 if row is None or row["v"] is None else int(row["v"])
    for version, statement in enumerate(migrations):
        if version > done:
            # The stock builds indexes concurrently, which no transaction can; here a lock keeps others out.
            await conn.execute(statement.replace("CONCURRENTLY ", "").encode())
            await conn.execute("INSERT INTO checkpoint_migrations (v) VALUES (%s)", (version,))


async def _migrate_ours(conn: AsyncConnection[DictRow]) -> None:
    await conn.execute(
        "CREATE TABLE IF NOT EXISTS longthread_migration "
        "(name varchar(63) PRIMARY KEY, applied timestamptz DEFAULT now())"
    )
    done = {r["name"] async for r in await conn.execute("SELECT name FROM longthread_migration")}
    numbered = _numbered()
    for name in [n for n in numbered if n not in done] if done else [FRESH]:
        await conn.execute(_schema().joinpath(name).read_bytes())
    for name in numbered:
        await conn.execute(
            "INSERT INTO longthread_migration (name) VALUES (%s) ON CONFLICT DO NOTHING", (name,)
        )


def _schema() -> Traversable:
    return files("graph.checkpointers").joinpath("schema")


def _numbered() -> list[str]:
    """The names of the numbered scripts, in their order."""
    names = (file.name for file in _schema().iterdir())
    return sorted(name for name in names if name[:3].isdecimal() and name.endswith(".sql"))
