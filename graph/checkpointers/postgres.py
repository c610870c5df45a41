"""Threads kept in Postgres: the saver `PostgresCheckpointer`, and `open_postgres`.

It has the stock saver's tables and format: threads which the stock wrote open here unchanged. It differs
where the stock fails: every thread belongs to somebody (the key is `Bookmark.key`), each message and each
moment is also a row of its own, written in the transaction of the checkpoint that first names it, no
process-wide lock is held around the pool, it may be used from any event loop, and of a caller's config only
the known keys are kept.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.postgres.base import PRUNE_DELETE_THREADS_SQL
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import DictRow, dict_row

from graph.bookmark import Bookmark, configurable, with_places
from graph.bridge import Bridge
from graph.checkpointers.migrations import migrate
from graph.checkpointers.pool import Pool, checked, open_pool
from graph.checkpointers.rows import catalogue_rows

KEPT_METADATA = ("run_id", "graph_id", "assistant_id")
"""What may be copied from a caller's config into a checkpoint's metadata, which is stored in clear."""

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
    -- Ids follow clocks, and clocks differ: what goes on from the head is the head, else the newest is.
    head = CASE WHEN thread.head = %(parent)s THEN excluded.head ELSE greatest(thread.head, excluded.head) END
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
            await migrate(conn, self.MIGRATIONS)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[DictRow]]:
        """A checked connection of the pool. Raises `StoreUnavailable`."""
        async with checked(self.pool) as conn:
            yield conn

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


@asynccontextmanager
async def open_postgres(url: str) -> AsyncIterator[PostgresCheckpointer]:
    """A checkpointer over a pool on `url`, its tables up to date. Raises `StoreUnavailable`."""
    async with open_pool(url) as pool:
        saver = PostgresCheckpointer(pool)
        await saver.setup()
        yield saver
