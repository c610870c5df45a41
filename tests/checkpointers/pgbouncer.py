"""A real PgBouncer on 127.0.0.1, in transaction mode and with few connections: `PgBouncer`."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict

from graph.checkpointers.lodging import let_through, server_user

PROGRAM = shutil.which("pgbouncer", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
MISSING = (
    "No PgBouncer here. Install it (Debian: apt-get install pgbouncer), or leave out the tests marked "
    '"pooler": scripts/test --no-pooler.'
)
SETTINGS = """
[databases]
* = host={host} port={server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 200
"""


class PgBouncer:
    """A pooler in front of the server at `url`, with `connections` to it; `url` leads through it.

    `with` starts and stops it; it may be started again, on the port that it had.
    """

    def __init__(self, folder: Path, url: str, *, connections: int = 2) -> None:
        server = conninfo_to_dict(url)
        self.folder = folder
        self.port = _free_port()
        self.url = url.replace(f":{server['port']}/", f":{self.port}/")
        self.log = folder / "pgbouncer.log"
        self._process: subprocess.Popen[bytes] | None = None
        settings = SETTINGS.format(
            host=server["host"], server=server["port"], port=self.port, folder=folder, connections=connections
        )
        folder.mkdir(mode=0o700)
        (folder / "pgbouncer.ini").write_text(settings)
        (folder / "users").write_text('"{user}" "{password}"\n'.format(**server))

    def start(self) -> None:
        """Start it and wait until it answers."""
        assert PROGRAM, MISSING
        root = os.geteuid() == 0
        user, group = server_user()  # PgBouncer refuses root, as Postgres does
        if root:
            let_through(self.folder.parent, user, group)
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, user, group)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, self.folder / "pgbouncer.ini"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=user if root else None,
                group=group if root else None,
                extra_groups=[] if root else None,
            )
        deadline = time.monotonic() + 20
        while True:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url, connect_timeout=5).close()
                return
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it at once, cutting its connections."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
