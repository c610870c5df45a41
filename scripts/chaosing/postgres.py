"""All of Postgres' processes are killed again and again, while two processes write to it."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from graph.checkpointers.cluster import Cluster
from scripts.chaosing.hands import Child
from scripts.chaosing.history import LOST, STUCK, judge
from scripts.chaosing.proxy import Proxy, open_proxy
from scripts.chaosing.stage import Stage
from scripts.chaosing.verdict import Tally, Verdict

MUST = "0 acknowledged lost, answers in 2 s, no process restarted"
FULL, QUICK = 100, 4
WRITERS = 3
"""Threads that each of the two processes writes to at once."""

SOON = 2.0
LATE = "answer later than 2 s"
LAX = ("wal_writer_delay = '10s'", "wal_writer_flush_after = '1GB'")
"""Settings with which a commit that does not wait for the disk is long on its way there."""

TRIES = 200


async def run(stage: Stage, trials: int) -> Verdict:
    """On a cluster of its own; then some with commits that are acknowledged before their time."""
    tally, control = Tally(), Tally()
    folder = stage.folder / "killed"
    await asyncio.to_thread(folder.mkdir, 0o711)
    cluster = Cluster(folder)
    url = await asyncio.to_thread(cluster.start)
    try:
        await _load(stage, tally, cluster, url, trials)
        url = await asyncio.to_thread(cluster.url) or url
        await asyncio.to_thread(_relax, url)
        await _load(stage, control, cluster, f"{url}&options=-c%20synchronous_commit%3Doff", 3)
    finally:
        await asyncio.to_thread(cluster.stop)
    return Verdict("postgres", MUST, tally, control, (LOST,))


async def _load(stage: Stage, tally: Tally, cluster: Cluster, url: str, trials: int) -> None:
    # Through a proxy, for a server that starts again may find its port taken by somebody's connection.
    async with open_proxy(url, stage.random("postgres")) as proxy:
        await _Row(stage, tally, cluster, proxy).run(trials)


class _Row:
    """Kills under the load of two processes, whose acknowledgements are held against what is stored."""

    def __init__(self, stage: Stage, tally: Tally, cluster: Cluster, proxy: Proxy) -> None:
        self.stage, self.tally, self.cluster, self.proxy = stage, tally, cluster, proxy
        self.ended = False
        self.acked: dict[str, dict[str, str]] = {}
        self.asked: dict[str, list[str]] = {}
        self.answered = asyncio.Event()

    async def run(self, trials: int) -> None:
        """So many kills."""
        dice = self.stage.random("postgres")
        children = [await self.stage.child(url=self.proxy.url, turn_wait=5) for _ in range(2)]
        async with asyncio.TaskGroup() as group:
            for child in children:
                for _ in range(WRITERS):
                    group.create_task(self._write(child))
            with self.stage.bar("postgres", trials) as bar:
                for _ in range(trials):
                    await asyncio.sleep(dice.uniform(0.2, 0.8))
                    await self._kill()
                    bar.update()
            self.ended = True
        reader = await self.stage.child(url=self.proxy.url)
        for thread, asked in self.asked.items():
            judge(self.tally, await reader.look(thread), asked, self.acked[thread])
        for child in [*children, reader]:
            self.tally.must(not child.gone, "a process ended")
            await child.kill()

    async def _write(self, child: Child) -> None:
        """Turn after turn, each sent under its id until it is answered."""
        thread = self.stage.thread("postgres")
        asked, acked = self.asked.setdefault(thread, []), self.acked.setdefault(thread, {})
        while not self.ended:
            text = f"Load {len(asked)} of {thread}."
            asked.append(text)
            for _ in range(TRIES):
                reply = await child.turn(thread, text, f"{thread}-{len(asked)}")
                if "answer" in reply:
                    acked[text] = reply["answer"]
                    self.answered.set()
                    break
                self.tally.note(reply["error"])
                self.tally.must(reply["ours"], "foreign error", reply)
                await asyncio.sleep(0.05)  # as a client that tries again
            self.tally.must(text in acked, STUCK, text)
        self.tally.note("acknowledged", len(acked))

    async def _kill(self) -> None:
        self.tally.trials += 1
        await asyncio.to_thread(_kill_all, self.cluster)
        self.proxy.lead_to(await asyncio.to_thread(self.cluster.start))
        begin = time.monotonic()
        self.answered.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.answered.wait(), 30)
        took = time.monotonic() - begin
        self.tally.must(took <= SOON, LATE, f"{took:.1f} s")


def _kill_all(cluster: Cluster) -> None:
    """The postmaster and all of its children, at once: nothing is written any more."""
    parent = int(cluster.pidfile.read_text().split()[0])
    doomed = [parent, *_children(parent)]
    for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first: none may see another die and tidy up
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
    while any(_lives(pid) for pid in doomed):
        time.sleep(0.005)


def _children(parent: int) -> list[int]:
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            words = stat.read_text().rpartition(")")[2].split()
            if int(words[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def _lives(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def _relax(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        for setting in LAX:
            statement: Any = f"ALTER SYSTEM SET {setting}"
            conn.execute(statement)
        conn.execute("SELECT pg_reload_conf()")
