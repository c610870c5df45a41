"""Threads kept in Postgres: `PostgresCheckpointer`, the saver, and the pool it stands on.

It has the stock saver's tables and format: threads which the stock wrote open here unchanged. It differs
where the stock fails: every thread belongs to somebody (the key is `Bookmark.key`), each message and each
moment is also a row of its own, written in the transaction of the checkpoint that first names it, no
process-wide lock is held around the pool, it may be used from any event loop, and of a caller's config only
the known keys are kept.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from importlib.resources import files
from typing import Any, ParamSpec, TypeVar, cast

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.postgres.base import PRUNE_DELETE_THREADS_SQL
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg import AsyncConnection, AsyncCursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from graph.bookmark import Bookmark, configurable, with_places
from graph.bridge import Bridge
from graph.checkpointers.rows import catalogue_rows
from graph.errors import StoreUnavailable

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]
KEPT_METADATA = ("run_id", "graph_id", "assistant_id")
"""What may be copied from a caller's config into a checkpoint's metadata, which is stored in clear."""

_LOCK = 0x10_7E_AD  # of the migrations, among the database's advisory locks

_UPSERT_MESSAGE = """
INSERT INTO longthread_message (key, id, parent, seq, role, text, type, body)
VALUES (%(key)s, %(id)s, %(parent)s, %(seq)s, %(role)s, %(text)s, %(type)s, %(body)s)
ON CONFLICT (key, id) DO UPDATE
SET role = excluded.role, text = excluded.text, type = excluded.type, body = excluded.body
WHERE longthread_message.body <> excluded.body
"""
_UPSERT_MOMENT = """
INSERT INTO longthread_moment (key, checkpoint_id, parent, step, kind, message, preview)
VALUES (%(key)s, %(checkpoint_id)s, %(parent)s, %(step)s, %(kind)s, %(message)s, %(preview)s)
ON CONFLICT (key, checkpoint_id) DO UPDATE SET
    kind = excluded.kind, message = excluded.message, preview = excluded.preview
"""
_UPSERT_THREAD = """
INSERT INTO longthread_thread AS thread (key, owner, thread_id, title, messages, head)
VALUES (%(key)s, %(owner)s, %(thread_id)s, %(title)s, %(messages)s, %(head)s)
ON CONFLICT (key) DO UPDATE SET
    title = coalesce(nullif(thread.title, ''), excluded.title),
    updated = now(),
    messages = excluded.messages,
    head = greatest(thread.head, excluded.head)
"""
_HEAD = """WHERE thread_id = %s AND checkpoint_ns = '' AND checkpoint_id = coalesce(
    (SELECT head FROM longthread_thread WHERE key = %s),
    (SELECT max(checkpoint_id COLLATE "C") FROM checkpoints WHERE thread_id = %s AND checkpoint_ns = ''))"""
_FORGET = (
    "DELETE FROM longthread_moment WHERE key = ANY(%s)",
    "DELETE FROM longthread_message WHERE key = ANY(%s)",
    "DELETE FROM longthread_thread WHERE key = ANY(%s)",
)
_REHEAD = """
UPDATE longthread_thread t SET head = c.latest
FROM (SELECT thread_id, max(checkpoint_id COLLATE "C") AS latest FROM checkpoints
      WHERE checkpoint_ns = '' AND thread_id = ANY(%s) GROUP BY thread_id) c
WHERE t.key = c.thread_id AND NOT EXISTS (
    SELECT 1 FROM checkpoints h
    WHERE h.thread_id = t.key AND h.checkpoint_ns = '' AND h.checkpoint_id = t.head)
"""

P = ParamSpec("P")
R = TypeVar("R")


def _at_home(method: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Run a method on the loop that the pool belongs to, whichever loop the caller is on."""

    @wraps(method)
    async def crossing(*args: P.args, **kwargs: P.kwargs) -> R:
        saver = cast("PostgresCheckpointer", args[0])
        return await saver.bridge.cross(lambda: method(*args, **kwargs))

    return crossing


class PostgresCheckpointer(AsyncPostgresSaver):
    """A LangGraph checkpointer over a pool of autocommitting connections with dict rows (see `open_pool`).

    Make it inside the event loop that the pool lives on. Raises `StoreUnavailable` when Postgres is away.
    """

    def __init__(self, pool: Pool, serde: SerializerProtocol | None = None) -> None:
        super().__init__(pool, serde=serde or JsonPlusSerializer(allowed_msgpack_modules=None))
        self.pool = pool
        self.bridge = Bridge(self.loop)

    async def setup(self) -> None:
        """Bring the tables up to date; any number of processes may do so at once."""
        async with self.connection() as conn, conn.transaction():
            await conn.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            await _migrate_stock(conn, self.MIGRATIONS)
            await _migrate_ours(conn)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[DictRow]]:
        """A checked connection; errors that mean "no database" become `StoreUnavailable`."""
        try:
            async with self.pool.connection() as conn:
                yield conn
        except (psycopg.OperationalError, PoolTimeout) as e:
            raise StoreUnavailable(f"Postgres is not answering ({type(e).__name__}). Is it running?") from e

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:
        # Replaces the stock's, which holds one lock around the whole pool.
        async with self.connection() as conn:
            if not pipeline:
                async with conn.cursor(binary=True, row_factory=dict_row) as cur:
                    yield cur
                return
            async with (
                conn.pipeline(),
                conn.transaction(),
                conn.cursor(binary=True, row_factory=dict_row) as cur,
            ):
                yield cur

    @_at_home
    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The checkpoint that `config` names, else the tip of the thread's active branch."""
        place = Bookmark.of(config)
        namespace = configurable(config).get("checkpoint_ns") or ""
        found: CheckpointTuple | None
        if place.checkpoint_id or namespace:
            found = await super().aget_tuple(with_places(config, thread_id=place.key))
        else:
            async with self._cursor() as cur:
                await cur.execute(self.SELECT_SQL + _HEAD, (place.key,) * 3, binary=True)
                row = await cur.fetchone()
            found = await self._load(row) if row else None
        return _named(found, place) if found else None

    async def _load(self, row: DictRow) -> CheckpointTuple:
        if row["checkpoint"]["v"] >= 4:
            return await self._load_checkpoint_tuple(row)
        # An old format, which the stock's own read knows how to migrate.
        old = {"thread_id": row["thread_id"], "checkpoint_ns": "", "checkpoint_id": row["checkpoint_id"]}
        return cast("CheckpointTuple", await super().aget_tuple({"configurable": old}))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Checkpoints of a thread (of every thread when `config` is None), newest first."""
        place = Bookmark.of(config) if config else None
        keyed = with_places(config, thread_id=place.key) if config and place else None
        stock = super().alist(keyed, filter=filter, before=before, limit=limit)
        async for found in self.bridge.cross_each(stock):
            yield _named(found, place or Bookmark.at_key(configurable(found.config)["thread_id"]))

    @_at_home
    async def aput(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint and, with it, the messages and the moment that it adds to the thread."""
        place = Bookmark.of(config)
        namespace = configurable(config).get("checkpoint_ns") or ""
        stored = _stored_config(config, place.key, namespace)
        async with self._cursor(pipeline=True) as cur:
            await _Joined(self, cur).aput(stored, checkpoint, metadata, new_versions)
            if not namespace:
                rows = catalogue_rows(place, checkpoint, metadata, new_versions, self.serde)
                if rows.messages:
                    await cur.executemany(_UPSERT_MESSAGE, rows.messages)
                await cur.execute(_UPSERT_MOMENT, rows.moment)
                await cur.execute(_UPSERT_THREAD, rows.thread)
        return with_places(
            {},
            thread_id=place.thread_id,
            user_id=place.user_id,
            checkpoint_ns=namespace,
            checkpoint_id=checkpoint["id"],
        )

    @_at_home
    async def aput_writes(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote, before its step is complete."""
        keyed = with_places(config, thread_id=Bookmark.of(config).key)
        await super().aput_writes(keyed, writes, task_id, task_path)

    @_at_home
    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As the stock's, for threads of the local user; what it deletes whole leaves the catalogue too.

        Messages stay in the transcript when only checkpoints are dropped.
        """
        if isinstance(thread_ids, str):
            raise TypeError("thread_ids must be a sequence of thread IDs, not a str")
        keys = [Bookmark(str(t)).key for t in thread_ids]
        await super().aprune(keys, strategy=strategy)
        async with self._cursor(pipeline=True) as cur:
            for statement in _FORGET if strategy == "delete" else (_REHEAD,):
                await cur.execute(statement, (keys,))

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete all there is of a thread of the local user; for other people's there is `adelete`."""
        await self.adelete(Bookmark(str(thread_id)))

    @_at_home
    async def adelete(self, place: Bookmark) -> None:
        """Delete all there is of a thread: checkpoints, messages and catalogue, in one transaction."""
        async with self._cursor(pipeline=True) as cur:
            for statement in (*PRUNE_DELETE_THREADS_SQL, *_FORGET):
                await cur.execute(statement, ([place.key],))


class _Joined(AsyncPostgresSaver):
    """The stock saver writing through a cursor that is already in a transaction."""

    def __init__(self, saver: PostgresCheckpointer, cursor: AsyncCursor[DictRow]) -> None:
        self.serde = saver.serde
        self._joined = cursor

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:
        yield self._joined


def _named(found: CheckpointTuple, place: Bookmark) -> CheckpointTuple:
    """`found`, whose configs name the thread as its owner does and not by its key."""
    names = {"thread_id": place.thread_id, "user_id": place.user_id}
    return found._replace(
        config=with_places(found.config, **names),
        parent_config=with_places(found.parent_config, **names) if found.parent_config else None,
    )


def _stored_config(config: RunnableConfig, key: str, namespace: str) -> RunnableConfig:
    places = configurable(config)
    known = {"thread_id": key, "checkpoint_ns": namespace, "checkpoint_id": places.get("checkpoint_id")}
    offered = {**places, **(config.get("metadata") or {})}
    return {"configurable": known, "metadata": {k: offered[k] for k in KEPT_METADATA if k in offered}}


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
        "(name text PRIMARY KEY, applied timestamptz DEFAULT now())"
    )
    done = {r["name"] async for r in await conn.execute("SELECT name FROM longthread_migration")}
    schema = files("graph.checkpointers").joinpath("schema")
    for script in sorted(schema.iterdir(), key=lambda f: f.name):
        if script.name.endswith(".sql") and script.name not in done:
            await conn.execute(script.read_bytes())
            await conn.execute("INSERT INTO longthread_migration (name) VALUES (%s)", (script.name,))


@asynccontextmanager
async def open_postgres(url: str) -> AsyncIterator[PostgresCheckpointer]:
    """A checkpointer over a pool on `url`, its tables up to date. Raises `StoreUnavailable`."""
    await _answers(url)
    pool: Pool = AsyncConnectionPool(
        url,
        connection_class=AsyncConnection[DictRow],
        kwargs={
            "autocommit": True,  # without it nothing is stored
            "row_factory": dict_row,
            "prepare_threshold": None,  # prepared statements break behind poolers
            "connect_timeout": 5,
            "keepalives_idle": 30,
            "tcp_user_timeout": 10_000,
        },
        min_size=1,
        max_size=10,
        timeout=10,
        check=AsyncConnectionPool[Any].check_connection,  # without it the pool dies with the database
        open=False,
    )
    async with pool:
        saver = PostgresCheckpointer(pool)
        await saver.setup()
        yield saver


async def _answers(url: str) -> None:
    """Raise `StoreUnavailable` in seconds, with the reason, where the pool would retry for long."""
    try:
        conn = await asyncio.wait_for(AsyncConnection.connect(url, connect_timeout=5), 10)
        await conn.close()
    except (psycopg.Error, OSError, TimeoutError) as e:
        where: dict[str, Any] = conninfo_to_dict(url) if isinstance(e, psycopg.OperationalError) else {}
        place = f"{where.get('host', 'localhost')}:{where.get('port', 5432)}"
        reason = str(e).strip().splitlines()[-1].strip() if str(e).strip() else type(e).__name__
        raise StoreUnavailable(f"No Postgres at {place}: {reason}. Check DATABASE_URL.") from e
