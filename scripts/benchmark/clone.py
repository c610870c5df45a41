"""Rows like one that Longthread wrote: `clone`. It knows no column that it is not told to change."""

from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier

Connection = psycopg.Connection[Any]

_COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
  AND attidentity = '' AND attgenerated = ''
"""
_SEARCH = """
SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_class c JOIN pg_am ON pg_am.oid = c.relam
JOIN pg_index ON indexrelid = c.oid WHERE amname = 'gin' AND indrelid = %s::regclass
"""


def clone(conn: Connection, table: str, source: str, values: dict[str, Any], **changed: str) -> int:
    """Run `cloning` with the `values` of its parameters. How many rows it made."""
    return conn.execute(cloning(conn, table, source, **changed), values).rowcount


def cloning(conn: Connection, table: str, source: str, **changed: str) -> Composed:
    """A statement that inserts into `table` what `source` selects, a FROM clause whose `one` is a row of it.

    `changed`: columns that get an SQL expression instead of what `one` has.
    """
    columns = [row[0] for row in conn.execute(_COLUMNS, (table,))]
    given = [
        SQL(changed[column]) if column in changed else SQL("one.{}").format(Identifier(column))  # pyright: ignore[reportArgumentType]
        for column in columns
    ]
    head = SQL("INSERT INTO {} ({}) SELECT {} FROM ").format(
        Identifier(table), SQL(", ").join(map(Identifier, columns)), SQL(", ").join(given)
    )
    return head + SQL(source)  # pyright: ignore[reportArgumentType]


def search_indexes(conn: Connection, table: str) -> dict[str, str]:
    """The indexes that find words in a table: name → the statement that makes it."""
    return dict(conn.execute(_SEARCH, (table,)).fetchall())


def drop_indexes(conn: Connection, names: dict[str, str]) -> None:
    """Drop them; `conn.execute(names[name])` makes one again."""
    for name in names:
        conn.execute(SQL("DROP INDEX {}").format(Identifier(name)))
