"""The embedded Postgres itself: its files, its process, and how it is made, started, found alive and stopped.

Nothing here is safe to run twice at once: `embedded.py` holds the locks. Everything blocks.
"""

import os
import random
import secrets
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from graph.checkpointers.lodging import MAJOR, USER, let_through, server_user, tools
from graph.errors import StoreUnavailable

PATIENCE = 60.0  # seconds for a start, a stop or a recovery; measured: 0.6 cold, 0.1 warm
LOG_LIMIT = 5_000_000  # bytes of postgres.log above which a start begins a new one
QUIET = range(20_000, 32_768)  # ports below those that systems give to outgoing connections
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    # A log line carries no word of a conversation: neither statements nor the values in an error's detail.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class Cluster:
    """The server's files and its process. Every call needs `start.lock`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.folder = data / "postgres"
        self.password = data / "password"
        self.log = data / "postgres.log"
        self.pidfile = self.folder / "postmaster.pid"

    def url(self) -> str | None:
        """The URL of the server if it runs and lets us in, waiting while it starts; None when it is dead."""
        deadline = time.monotonic() + PATIENCE
        while found := self._pid_and_port():
            pid, port = found
            if port and self._answers(port):
                return self._address(port)
            if not _is_postgres(pid, self.folder):
                return None
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"The embedded Postgres (pid {pid}) does not answer. See {self.log}.")
            time.sleep(0.05)
        return None

    def start(self) -> str:
        """Start a server that is known to be dead, making the cluster first if there is none."""
        if not self.folder.exists():
            self._create()
        self._check()
        owner = self.folder.stat()
        programs = tools(self.data, owner.st_uid, owner.st_gid)
        _, port = self._pid_and_port() or (0, 0)
        self.pidfile.unlink(missing_ok=True)
        deadline = time.monotonic() + PATIENCE
        while True:
            port = _free_port(port)  # the port of before where we can: uses of a killed server then recover
            if self._launch(programs, port) and self._answers(port):
                return self._address(port)
            # Another program took the port, or children of a killed server are still on their way out.
            if " in use" not in self._last_words() or time.monotonic() > deadline:
                raise StoreUnavailable(f"The embedded Postgres does not start. See {self.log}.")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server, rolling back what is under way. A server that is dead already is fine."""
        if not (found := self._pid_and_port()) or not _is_postgres(found[0], self.folder):
            return
        programs = tools(self.data, self.folder.stat().st_uid, self.folder.stat().st_gid)
        for mode in (
            "fast",
            "immediate",
        ):  # `immediate` loses nothing that was committed; the next start recovers
            if self._run([programs / "pg_ctl", "stop", "-s", "-w", "-m", mode, "-t", f"{PATIENCE:.0f}"]):
                return
        raise StoreUnavailable(f"The embedded Postgres (pid {found[0]}) does not stop. See {self.log}.")

    def _create(self) -> None:
        """initdb beside its place and move it there whole, so that a crash leaves no half of a cluster."""
        uid, gid = server_user()
        staging = self.data / "postgres.new"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        password = secrets.token_urlsafe(24)
        for path in (self.password, staging / "password"):
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            path.write_text(password)
        for path in (staging, staging / "password"):
            os.chown(path, uid, gid)
        programs = tools(self.data, uid, gid)
        # The builtin locale needs none of the system's: a bare machine has only C.
        words = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-locale", "--encoding=UTF8"]
        words += ["-U", USER, "-A", "scram-sha-256", f"--pwfile={staging / 'password'}"]
        if not self._run([programs / "initdb", *words], folder=staging / "cluster"):
            raise StoreUnavailable(f"No Postgres cluster could be made in {self.data}. See {self.log}.")
        (staging / "cluster").rename(self.folder)
        shutil.rmtree(staging)

    def _check(self) -> None:
        """Refuse a cluster that these binaries or this password cannot open."""
        if not self.password.exists():
            raise StoreUnavailable(f"{self.password} is missing. Restore it beside {self.folder}.")
        found = (self.folder / "PG_VERSION").read_text().strip()
        if found != MAJOR:
            raise StoreUnavailable(
                f"{self.folder} is of Postgres {found}. Bring it to {MAJOR} with pg_upgrade."
            )

    def _launch(self, programs: Path, port: int) -> bool:
        settings = SETTINGS | {"port": str(port)}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        return self._run([programs / "pg_ctl", "start", "-s", "-w", "-t", f"{PATIENCE:.0f}", "-o", options])

    def _run(self, command: list[str | Path], *, folder: Path | None = None) -> bool:
        """Run one of Postgres' programs as the cluster's owner, its words into the log; whether it worked."""
        folder = folder or self.folder
        owner = (folder if folder.exists() else folder.parent).stat()
        lent = os.geteuid() == 0
        let_through(folder.parent, owner.st_uid, owner.st_gid)
        # Not the whole environment: the server outlives us, and our keys are none of its user's business.
        environment = {name: os.environ[name] for name in ("PATH", "TZ", "TMPDIR") if name in os.environ}
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_APPEND
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            flags |= os.O_TRUNC
        out = os.open(self.log, flags, 0o600)
        try:
            done = subprocess.run(
                [*command, "-D", folder],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd="/",
                env=environment | {"LC_ALL": "C"},
                user=owner.st_uid if lent else None,
                group=owner.st_gid if lent else None,
                extra_groups=[] if lent else None,
                umask=0o077,
                start_new_session=True,  # Ctrl+C in a terminal is for us: the server goes last
                timeout=3 * PATIENCE,
                check=False,
            )
        finally:
            os.close(out)
        return done.returncode == 0

    def _pid_and_port(self) -> tuple[int, int] | None:
        """What `postmaster.pid` says; port 0 while the server has not written it yet."""
        try:
            lines = self.pidfile.read_text().splitlines()
            return int(lines[0]), int(lines[3]) if len(lines) > 3 else 0
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def _address(self, port: int) -> str:
        return f"postgresql://{USER}:{self.password.read_text()}@127.0.0.1:{port}/postgres?sslmode=disable"

    def _answers(self, port: int) -> bool:
        """Whether the server on `port` is ours and lets us in: no other one knows this password."""
        with suppress(psycopg.OperationalError, FileNotFoundError):
            psycopg.connect(self._address(port), connect_timeout=5).close()
            return True
        return False

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


def _is_postgres(pid: int, folder: Path) -> bool:
    """Whether `pid` is a living Postgres, of this folder where that can be told. A zombie is dead."""
    process = Path("/proc") / str(pid)
    try:
        if Path("/proc/self/stat").exists():
            name, _, rest = process.joinpath("stat").read_text().rpartition(")")
            alive = name.endswith("(postgres") and rest.split()[0] not in "ZX"
            with suppress(PermissionError):
                alive = alive and (process / "cwd").samefile(folder)
            return alive
        listing = ["ps", "-o", "state=,comm=", "-p", str(pid)]
        state, _, name = (
            subprocess.run(listing, capture_output=True, text=True, check=False).stdout.strip().partition(" ")
        )
        return not state.startswith("Z") and name.strip().endswith("postgres")
    except OSError:
        return False


def _free_port(wanted: int) -> int:
    """The port `wanted`, if it is free and not 0, or another that no outgoing connection is given: such a
    one might take it while the server is away, and who knows the server by its port would not find it."""
    others = random.sample(QUIET, 100)
    for port in (*filter(None, [wanted]), *others, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise StoreUnavailable("No free port on 127.0.0.1.")
