"""Threads kept in Postgres: the saver `PostgresCheckpointer`, and `open_postgres`.

It builds on the stock saver and reads its threads unchanged, and it keeps what it writes in another form:

- A message is a row, written once, in the transaction of the checkpoint or the write that first names it; a
  checkpoint is a small row that points at messages by number. So a turn costs what it says, at any length.
- Reading is one statement, writing is one statement; what this process remembers is not sent again.
- Every thread belongs to somebody (`Bookmark.key`), and of a caller's config only the known keys are kept.
- No lock is held around the pool, and calls may come from any event loop or thread.

Nothing is assumed of the graph: any state, subgraphs, interrupts, other people's nodes.
"""

from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar, cast

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol

from graph.admission import LEASE, Answered, Request, Wish
from graph.bookmark import Bookmark, configurable, with_places
from graph.bridge import Bridge
from graph.checkpointers.admitting import Admission, Admitting
from graph.checkpointers.attempts import Attempts
from graph.checkpointers.leases import Lease, Leases
from graph.checkpointers.listing import Listing
from graph.checkpointers.memory import Memory
from graph.checkpointers.migrations import migrate, up_to_date
from graph.checkpointers.moving import Moving
from graph.checkpointers.pool import Loan, Patient, Pool, open_pool
from graph.checkpointers.pruning import Pruning
from graph.checkpointers.reader import Found, Reader
from graph.checkpointers.records import ACT
from graph.checkpointers.rows import Codec
from graph.checkpointers.saves import Save
from graph.checkpointers.serializer import StrictSerializer
from graph.checkpointers.writer import Writer

KEPT_METADATA = ("run_id", "graph_id", "assistant_id", ACT)
"""What may be copied from a caller's config into a checkpoint's metadata, which is stored in clear."""

MIGRATION = 3600.0
"""Seconds that bringing the tables up to date may take: it rewrites them."""

P = ParamSpec("P")
R = TypeVar("R")


def _signed(method: Callable[P, R]) -> Callable[P, R]:
    """Note what a method takes: LangGraph asks in every run, and to work it out anew takes long."""
    cast("Any", method).__signature__ = signature(method)
    return method


def _at_home(method: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Run a method on the loop that the pool belongs to, whichever loop the caller is on."""

    @wraps(method)
    async def crossing(*args: P.args, **kwargs: P.kwargs) -> R:
        saver = cast("PostgresCheckpointer", args[0])
        return await saver.bridge.cross(lambda: method(*args, **kwargs))

    return _signed(crossing)


class PostgresCheckpointer(AsyncPostgresSaver):
    """A LangGraph checkpointer over a pool of autocommitting connections with dict rows (see `open_pool`).

    Make it inside the event loop that the pool lives on. With a `serde` of your own everything that is said
    goes through it and nothing of it can be searched. Raises `StoreUnavailable` when Postgres is away.
    """

    def __init__(self, pool: Pool, serde: SerializerProtocol | None = None) -> None:
        super().__init__(pool, serde=serde or StrictSerializer())
        self.pool = pool
        self.bridge = Bridge(self.loop)
        self._memory = Memory()
        self._leases = Leases(self, readable=isinstance(self.serde, StrictSerializer))
        self._allowing: dict[frozenset[tuple[str, ...]], PostgresCheckpointer] = {}
        self._furnish()

    def _furnish(self) -> None:
        self.codec = Codec(self.serde)
        self._reader = Reader(self, self._memory, self.codec, self.following)
        attempts = Attempts(self, self._memory, self._reader)
        self._writer = Writer(self._memory, self.codec, self._reader, attempts)
        self._admitting = Admitting(self._memory, self.codec, self._reader, attempts, self._leases)
        self._listing = Listing(self, self._reader)
        self.pruning = Pruning(Patient(self.pool), self._memory)
        self.moving = Moving(Patient(self.pool), self._memory, self._reader, self._writer)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> "PostgresCheckpointer":
        """The same saver for a graph with types of its own; LangGraph asks for it at every call."""
        types = frozenset(extra_allowlist)
        if types not in self._allowing:
            clone = cast("PostgresCheckpointer", super().with_allowlist(extra_allowlist))
            if clone is not self:
                clone._furnish()  # noqa: SLF001 it is ourselves
            self._allowing[types] = clone
        return self._allowing[types]

    async def setup(self) -> None:
        """Bring the tables up to date; any number of processes may do so at once."""
        async with self.connection() as conn:
            if await up_to_date(conn, self.MIGRATIONS):
                return
        async with Loan(self.pool, MIGRATION) as conn, conn.transaction():
            await migrate(conn, self.MIGRATIONS)

    def connection(self) -> Loan:
        """A checked connection of the pool. Raises `StoreUnavailable`."""
        return Loan(self.pool)

    def close(self) -> None:
        """Renew no lease any more; the pool is whoever's opened it."""
        self._leases.close()

    def following(self, current: Any) -> Any:
        """The version of a channel after this one."""
        return self.get_next_version(current, None)

    # Reading

    @_at_home
    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The checkpoint that `config` names, else the tip of the thread's active branch."""
        place, namespace = Bookmark.of(config), _namespace(config)
        found = await self._reader.find(place, namespace, place.checkpoint_id)
        return await self._reader.as_tuple(place, found) if found else None

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
        places = configurable(config)
        older = configurable(before).get("checkpoint_id")
        found = self._listing.tuples(
            place, places.get("checkpoint_ns"), filter=filter, before=older, limit=limit
        )
        async for each in self.bridge.cross_each(found):
            yield each

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> dict[str, DeltaChannelHistory]:
        """As LangGraph's own walk along the parents; the stock's statements know only its tables."""
        walk = cast("Any", BaseCheckpointSaver).aget_delta_channel_history
        return dict(await walk(self, config=config, channels=channels))

    # Writing

    @_at_home
    async def aput(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint and, with it, the messages that it adds to the thread. Raises `StaleWriter`."""
        place, namespace, lease = Bookmark.of(config), _namespace(config), configurable(config).get(LEASE)
        kept = get_serializable_checkpoint_metadata(_kept(config), metadata)
        save = Save(namespace, checkpoint, cast("dict[str, Any]", kept), new_versions)
        await self._writer.save(place, save, lease)
        if lease and lease.last and not namespace:
            self._leases.drop(lease)
        names = {"thread_id": place.thread_id, "user_id": place.user_id}
        return with_places({}, **names, checkpoint_ns=namespace, checkpoint_id=checkpoint["id"])

    @_at_home
    async def aput_writes(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote, before its step is complete. Raises `StaleWriter`."""
        lease = configurable(config).get(LEASE)
        place, namespace = Bookmark.of(config), _namespace(config)
        await self._writer.note(place, namespace, writes, (task_id, task_path), lease)

    # Turns: see `Admits`

    @_at_home
    async def admit(self, place: Bookmark, request: Request) -> "AdmittedTurn | Answered | None":
        """One round trip where this process remembers the thread, else one more to read it."""
        admitted = await self._admitting.admit(place, request)
        return AdmittedTurn(self, admitted, request) if isinstance(admitted, Admission) else admitted

    @_at_home
    async def take(self, place: Bookmark, request: Request | None) -> Lease | Answered:
        """One round trip where this process knows the thread, else one more to read it."""
        return await self._admitting.take(place, request)

    @_at_home
    async def end(self, lease: Lease) -> None:
        """Nothing, where the lease ended with the last write of its turn."""
        await self._leases.end(lease)

    @_at_home
    async def undo(self, place: Bookmark, turn: "AdmittedTurn") -> None:
        """What waited before the turn waits on."""
        await self._admitting.undo(place, turn.lease, turn.own)

    @_at_home
    async def refuse(self, place: Bookmark, turn: "AdmittedTurn") -> None:
        """They wait on, and are not asked with others."""
        await self._admitting.refuse(place, turn.lease, turn.own)

    @_at_home
    async def withdraw(self, place: Bookmark) -> Sequence[BaseMessage]:
        """One round trip to take the thread, one to read it, one to write."""
        return await self._admitting.withdraw(place)

    @_at_home
    async def wish(self, place: Bookmark, wish: Wish) -> bool:
        """Heard in a second, in another process."""
        return await self._leases.wish(place, wish)

    @_at_home
    async def under_way(self, place: Bookmark) -> str | None:
        """As of a second ago, in another process."""
        return await self._leases.under_way(place)

    @_at_home
    async def abandoned(self, limit: int = 100) -> list[Bookmark]:
        """Looks at every thread: not for often."""
        return await self._leases.abandoned(limit)

    @_at_home
    async def locate(self, place: Bookmark) -> Found | None:
        """The stored checkpoint at the bookmark, or the tip of the active branch, as it is kept."""
        return await self._reader.find(place, "", place.checkpoint_id)

    # Whole threads

    @_at_home
    async def aprune(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, thread_ids: Sequence[str], *, strategy: str = "keep_latest", turns: int = 100
    ) -> None:
        """Drop checkpoints of threads of the local user; of other people's, `pruning.prune`.

        `keep_latest`: all but the newest of each namespace. `keep_forks`: each branch's tip stays, and one
        checkpoint a turn for its last `turns`. `delete`: the whole thread. No message of a conversation goes
        with its checkpoint. Raises `ValueError` for another strategy.
        """
        if isinstance(thread_ids, str):
            raise TypeError("thread_ids must be a sequence of thread IDs, not a str")
        await self.pruning.prune([Bookmark(str(t)) for t in thread_ids], strategy, turns)

    @_at_home
    async def asweep(self, trash_days: int) -> int:
        """Delete for good what is in the trash for so long, and what was not to be kept; how many threads."""
        return await self.pruning.sweep(trash_days)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete all there is of a thread of the local user; for other people's there is `adelete`."""
        await self.adelete(Bookmark(str(thread_id)))

    @_at_home
    async def adelete(self, place: Bookmark, *, for_good: bool = False) -> None:
        """Delete all there is of a thread: checkpoints, messages and catalogue, in one transaction.

        `for_good`: nothing can be written under its id any more, by a turn that comes late or by a new one.
        """
        await self.pruning.delete([place], for_good=for_good)

    @_at_home
    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Delete the checkpoints that these runs made, with their writes; what was said stays."""
        await self.pruning.delete_runs([str(run) for run in run_ids])

    @_at_home
    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Copy a thread of the local user, whole, to an id that has none yet."""
        await self.pruning.copy(Bookmark(str(source_thread_id)), Bookmark(str(target_thread_id)))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """As `adelete_for_runs`."""
        self.bridge.wait("delete_for_runs", lambda: self.adelete_for_runs(run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """As `acopy_thread`."""
        self.bridge.wait("copy_thread", lambda: self.acopy_thread(source_thread_id, target_thread_id))


class AdmittedTurn(PostgresCheckpointer):
    """The saver of one turn, which has read already: the first reading of the thread's tip costs nothing.

    `questions` are the turn's own, after earlier ones that nobody answered.
    """

    def __init__(  # pyright: ignore[reportMissingSuperCall]
        self,
        saver: PostgresCheckpointer,
        admission: Admission,
        request: Request,
    ) -> None:
        vars(self).update(vars(saver))
        self.own = list(request.questions)
        self.questions = [*admission.waiting, *self.own]
        self.lease = admission.lease
        self.afterwards: Sequence[str] = ()
        self._base = admission.base
        self._fresh = True
        self._failed = False
        self._wakes = request.wakes
        self._waiting: set[str] = set()

    def waits(self) -> bool:
        """Whether what was stored last waits for one of the nodes `afterwards`."""
        return any(f"branch:to:{node}" in self._waiting for node in self.afterwards)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> "AdmittedTurn":
        """Itself: the graph's types were allowed when the saver was chosen."""
        return self

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """What was read when the turn was admitted, the first time; then as the saver's."""
        if self._fresh and not _namespace(config):
            self._fresh = False
            return self._base
        return await super().aget_tuple(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As the saver's; the lease ends with it, unless something is to come afterwards.

        Nothing, where the turn failed before it had an answer: its questions wait already.
        """
        self._waiting = set(checkpoint["channel_values"])
        if self._waiting.intersection(self._wakes):
            self._failed = True
            return with_places(config, checkpoint_id=checkpoint["id"])
        self.lease.last = not self.waits()
        return await super().aput(config, checkpoint, metadata, new_versions)

    @_signed
    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """As the saver's; nothing, where the turn failed and has no checkpoint."""
        if not self._failed:
            await super().aput_writes(config, writes, task_id, task_path)


def _namespace(config: RunnableConfig) -> str:
    return configurable(config).get("checkpoint_ns") or ""


def _kept(config: RunnableConfig) -> RunnableConfig:
    offered = {**configurable(config), **(config.get("metadata") or {})}
    return {"metadata": {k: offered[k] for k in KEPT_METADATA if k in offered}}


@asynccontextmanager
async def open_postgres(
    url: str, serde: SerializerProtocol | None = None
) -> AsyncIterator[PostgresCheckpointer]:
    """A checkpointer over a pool on `url`, its tables up to date. Raises `StoreUnavailable`."""
    async with open_pool(url) as pool:
        saver = PostgresCheckpointer(pool, serde)
        await saver.setup()
        try:
            yield saver
        finally:
            saver.close()
