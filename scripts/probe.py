# pyright: reportUnknownArgumentType=false, reportTypedDictNotRequiredAccess=false
# (Answers of HTTP are looked through as they come.)
"""Whether one person can see another's things: plain HTTP calls as the wrong one, and what came of them.

Every event of the page is called by index and by name, directly and through the queue, with another's thread,
checkpoint, Gradio session and event, and again with ones that never were: the answers must be the same.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx

from graph import Bookmark, Settings, open_graph
from tests.ui.site import Site
from ui.sign_in.people import People

WORD = "only for this probe"
MARKS = ("zarquon", "quillfeather", "mxyzptlk")
"""Words that are in the owner's messages, title and nowhere else."""
WRITES = ("send", "temporary")
"""Events that make a thread of whoever calls: asked last, and only looked through for the owner's words."""
OF_CHECKPOINTS = ("turn", "look")
"""Events whose `id` is a checkpoint's, not a thread's."""
Ids = dict[str, str]


@dataclass
class Found:
    """What the calls came to: how many of which kind, those that told of the owner's, those that differed."""

    kinds: Counter[str] = field(default_factory=Counter[str])
    leaks: list[str] = field(default_factory=list[str])
    differences: list[str] = field(default_factory=list[str])

    @property
    def calls(self) -> int:
        """All of them."""
        return self.kinds.total()


class Stage:
    """A database with an owner's thread in it, and a server for two people; `run` asks as the other."""

    def __init__(self, folder: Path, database: str | None = None) -> None:
        self.folder = folder
        people = People(folder / "users.json")
        self.owner, self.other = f"owner-{uuid4().hex[:8]}", f"other-{uuid4().hex[:8]}"
        for name in (self.owner, self.other):
            people.add(name, WORD)
        self.environment = {"LONGTHREAD_DATA": str(folder), "LONGTHREAD_SIGN_IN": "users"}
        self.environment |= {"LONGTHREAD_TOKEN_BUDGET": "600"}
        self.environment |= {"DATABASE_URL": database} if database else {}
        self.database = database

    def run(self, calls: int = 1000, *, check: bool = True) -> Found:
        """Ask that many times or a few more. Without `check` the server takes everybody for the owner."""
        site = Site(self.folder, **self.environment)
        with _serving(site, self.owner if not check else "") as url:
            theirs = asyncio.run(self._talk())
            with _signed_in(url, self.owner) as owner, _signed_in(url, self.other) as other:
                theirs |= _open_tab(owner, theirs)
                found = _ask(other, theirs, calls)
            self._unharmed(theirs, found)
        return found

    async def _talk(self) -> Ids:
        """A thread with an answer, a title, a summary, a past and another branch."""
        place = Bookmark(str(uuid4()), self.owner)
        settings = Settings.read(database_url=self.database, data=self.folder, token_budget=600)
        async with open_graph(settings) as graph:
            for number in range(6):
                said = f"Number {number}: the {MARKS[0]} is kept in the {MARKS[1]}. " + "It is so. " * 20
                await graph.ainvoke({"messages": [("user", said)]}, place.config)
            await graph.threads.rename(place, f"On {MARKS[2]}")
            moment = (await graph.aget_state(place.config)).config["configurable"]["checkpoint_id"]
            early = (await graph.threads.moments(place))[-1].checkpoint_id
            await graph.ainvoke({"messages": [("user", f"Or not the {MARKS[0]}")]}, place.at(early).config)
            other = (await graph.aget_state(place.config)).config["configurable"]["checkpoint_id"]
            await graph.threads.switch(place.at(moment))
        return {"thread": place.thread_id, "checkpoint": str(moment), "other": str(other)}

    def _unharmed(self, theirs: Ids, found: Found) -> None:
        """The owner's thread is as it was, and none of its branches has a name."""
        settings = Settings.read(database_url=self.database, data=self.folder, token_budget=600)
        place = Bookmark(theirs["thread"], self.owner)
        with open_graph(settings) as graph:
            try:
                now = graph.get_state(place.config).config["configurable"].get("checkpoint_id")
                named = any(bough.name for bough in asyncio.run(graph.threads.branches(place)))
            except LookupError:
                now, named = None, False
        if now != theirs["checkpoint"] or named:
            found.leaks.append("the owner's thread was changed")


@contextmanager
def _serving(site: Site, as_owner: str) -> Iterator[str]:
    if not as_owner:
        with site.running():
            yield site.url
        return
    command = [sys.executable, __file__, "--unchecked", as_owner, str(site.port)]
    with site.log.open("ab") as log:
        process = subprocess.Popen(command, cwd=site.folder, env=site.environment, stdout=log, stderr=log)
        try:
            for _ in range(300):
                if _healthy(site.url):
                    break
                time.sleep(0.1)
            yield site.url
        finally:
            process.terminate()
            process.wait(timeout=15)


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def serve_unchecked(owner: str, port: int) -> int:
    """The page with its wall down: whoever has signed in is `owner`, sessions are named as they come."""
    from ui.app import main as serve
    from ui.sign_in.house import House
    from ui.sign_in.session import Person

    checked = House.who
    House.who = lambda self, request: Person(owner, owner) if checked(self, request) else None
    House.tag = lambda self, person: ""
    return serve(["--port", str(port)])


@contextmanager
def _signed_in(url: str, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=20) as client:
        answer = client.post("/sign-in", data={"name": name, "password": WORD, "next": "/"})
        if answer.status_code != 303:
            raise SystemExit(f"{name} cannot sign in: {answer.status_code}")
        yield client


def _open_tab(owner: httpx.Client, theirs: Ids) -> Ids:
    """A drawing of the owner's chat that waits in the queue: its session, and its event."""
    session = f"s{uuid4().hex[:10]}"
    draw = next(e for e in _events(owner) if e["queue"])
    body = {"fn_index": draw["id"], "data": _values(draw, theirs), "session_hash": session}
    joined = owner.post("/gradio_api/queue/join", json=body).raise_for_status().json()
    time.sleep(1)
    return {"session": session, "event": joined["event_id"]}


def _events(client: httpx.Client) -> list[dict[str, Any]]:
    config = client.get("/config").raise_for_status().json()
    boxes = {c["id"]: c for c in config["components"]}
    texts = [c["id"] for c in config["components"] if c["type"] == "textbox"]
    roles = dict(zip(texts, ["thread", "at", "mode", "zone"], strict=False))
    return [
        {
            "id": d["id"],
            "name": d["api_name"],
            "queue": d["queue"] is not False and d["backend_fn"],
            "inputs": [(boxes[i]["type"], roles.get(i, "")) for i in d["inputs"]],
        }
        for d in config["dependencies"]
        if d["backend_fn"]
    ]


def _values(event: dict[str, Any], ids: Ids) -> list[Any]:
    """Its inputs, with these ids where a thread or a checkpoint is asked for."""
    known = {"thread": ids["thread"], "at": ids.get("at", ""), "mode": "look" if ids.get("at") else "now"}
    known |= {"zone": "UTC"}
    return [known.get(role, 60 if kind == "number" else "hello") for kind, role in event["inputs"]]


def _ask(other: httpx.Client, theirs: Ids, calls: int) -> Found:
    """Every way, round and round, each with the owner's ids and with absent ones."""
    found = Found()
    events = sorted(_events(other), key=lambda e: e["name"] in WRITES)
    absent = {name: str(uuid4()) for name in ("thread", "checkpoint", "other")}
    absent |= {"session": "s0123456789", "event": "0" * 32}
    ways = [*((kind, e, at) for e in events for kind in KINDS for at in (False, True))]
    quiet = [w for w in ways if w[1]["name"] not in WRITES]
    loud = [w for w in ways if w not in quiet]
    Random(calls).shuffle(quiet)  # noqa: S311 no secret: a mixture
    for kind, event, at in [
        *_sessions(),
        *islice(cycle(quiet), max(0, calls // 2 - len(loud) - len(_sessions()))),
        *loud,
    ]:
        told = [
            _call(other, kind, event, ids | ({"at": ids["checkpoint"]} if at else {}))
            for ids in (theirs, absent)
        ]
        found.kinds[kind] += 2
        what = f"{kind} {event['name'] if event else ''}"
        found.leaks += [what for text in told if any(mark in text.lower() for mark in MARKS)]
        same = _plain(told[0], theirs) == _plain(told[1], absent)
        if not same and (event is None or event["name"] not in WRITES):
            found.differences.append(what)
    return found


KINDS = (
    "run by index",
    "run by name",
    "api by name",
    "queue by index",
    "queue in their session",
    "call by name",
)


def _sessions() -> list[tuple[str, None, bool]]:
    kinds = (
        "read session",
        "heartbeat",
        "cancel",
        "reset",
        "stream event",
        "call's event",
        "export",
        "export as JSON",
        "found",
        "beside",
        "import",
    )
    return [(kind, None, False) for kind in kinds]


def _call(other: httpx.Client, kind: str, event: dict[str, Any] | None, ids: Ids) -> str:
    """One call, as the status and the text of the answer."""
    api = "/gradio_api"
    own = f"o{uuid4().hex[:10]}"
    if event is None:
        named = {"session_hash": ids["session"], "event_id": ids["event"], "fn_index": 0}
        streamed = {
            "read session": f"{api}/queue/data?session_hash={ids['session']}",
            "heartbeat": f"{api}/heartbeat/{ids['session']}",
            "call's event": f"{api}/call/show/{ids['event']}",
        }
        if kind == "import":
            told = other.post("/import", json={"format": ids["thread"], "messages": [ids["checkpoint"]]})
            return _told(told)
        if kind in ("export", "export as JSON", "found", "beside"):
            pair = f"one={ids['checkpoint']}&other={ids['other']}"
            where = {
                "beside": f"/beside?thread={ids['thread']}&{pair}",
                "export": f"/export/{ids['thread']}.md",
                "export as JSON": f"/export/{ids['thread']}.json",
                "found": f"/found?q={WORD.rsplit(maxsplit=1)[-1]}",
            }
            return _told(other.get(where[kind]))
        if kind in streamed:
            return _read(other, streamed[kind])
        where = f"stream/{ids['event']}" if kind == "stream event" else kind
        return _told(other.post(f"{api}/{where}", json=named | {"data": []}))
    data = {"id": ids["other"] if event["name"] in OF_CHECKPOINTS else ids["thread"], "title": "x"}
    data |= {
        "at": ids["checkpoint"],
        "checkpoint": ids["checkpoint"],
        "first": "0",
        "name": "x",
        "branch": "",
    }
    body = {"data": _values(event, ids), "event_data": data, "session_hash": own}
    if kind.startswith("queue"):
        body["session_hash"] = ids["session"] if kind.endswith("session") else own
        joined = other.post(f"{api}/queue/join", json=body | {"fn_index": event["id"]})
        return _told(joined) + _read(other, f"{api}/queue/data?session_hash={body['session_hash']}")
    by = {} if kind.endswith("name") else {"fn_index": event["id"]}
    return _told(other.post(f"{api}/{kind.split(maxsplit=1)[0]}/{event['name']}", json=body | by))


def _told(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.text}"


def _read(other: httpx.Client, path: str) -> str:
    """A stream, to its end or its first sign of life."""
    text = ""
    try:
        with other.stream("GET", path, timeout=4) as answer:
            text = f"{answer.status_code} "
            for line in answer.iter_lines():
                text += line + "\n"
                if "ALIVE" in line or "close_stream" in line:
                    break
    except httpx.HTTPError:
        pass  # Gradio breaks off a stream of a session that is not there
    return text


_CHANGES = re.compile(
    r'"(?:[a-z_]*duration|avg_time|eta|rank_eta|time_limit|queue_size|rank)":\s*[^,}]+|[0-9a-f]{32}'
)


def _plain(text: str, ids: Ids) -> str:
    """An answer without what differs by itself: the ids that were asked for, times, names of events."""
    for name, value in ids.items():
        text = text.replace(value, name)
    return _CHANGES.sub("", text)


def main() -> int:
    """0 when nothing leaks and the control finds what it should."""
    parser = argparse.ArgumentParser(prog="scripts/probe", description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--unchecked", nargs=2, metavar=("OWNER", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.unchecked:
        return serve_unchecked(options.unchecked[0], int(options.unchecked[1]))
    for name in [n for n in os.environ if n.startswith(("LONGTHREAD_", "OPENAI_", "DATABASE_"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="longthread-probe-") as folder:
        stage = Stage(Path(folder))
        found, control = stage.run(options.calls), stage.run(200, check=False)
    print(json.dumps(dict(found.kinds), indent=2).strip("{}\n").replace('"', "").replace(",\n", "\n"))
    print(f"\n  {'calls':<26}{found.calls:>6,}\n  {'leaks':<26}{len(found.leaks):>6}")
    print(f"  {'foreign unlike absent':<26}{len(found.differences):>6}")
    print(f"  {'control, the wall down':<26}{len(control.leaks):>6} leaks in {control.calls:,}")
    for what in sorted({*found.leaks, *found.differences}):
        print(f"  ! {what}")
    return 0 if not found.leaks and not found.differences and control.leaks else 1


if __name__ == "__main__":
    sys.exit(main())
