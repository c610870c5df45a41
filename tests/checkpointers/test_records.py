"""The row that keeps a checkpoint, and the checkpoint that comes back."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from graph.checkpointers.records import Record
from graph.checkpointers.references import Stored
from graph.checkpointers.runs import Runs
from tests.checkpointers.strategies import NAMES

STOCK_VERSIONS = st.builds(
    lambda n, tail: f"{n:032}.{tail:016}", st.integers(0, 10**9), st.floats(0, 1, exclude_max=True)
)
ODD_VERSIONS = (
    st.integers(0, 2**53) | st.text(max_size=40) | st.from_regex(r"[0-9]{32}\.[0-9]+", fullmatch=True)
)
CHANNELS = st.sampled_from(["__start__", "messages", "branch:to:answer", "summary", "ü\0"])
NODES = st.sampled_from(["__input__", "__start__", "answer"])


def seen(versions: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Versions by channel and, of those seen, by node."""
    by_channel = st.dictionaries(CHANNELS, versions, max_size=4)
    return st.tuples(by_channel, st.dictionaries(NODES, by_channel, max_size=3))


METADATA = st.fixed_dictionaries(
    {},
    optional={
        "source": st.sampled_from(["input", "loop", "update", "fork", "odd"]),
        "step": st.integers(-1, 10**6),
        "parents": st.dictionaries(st.sampled_from(["", "sub:1"]), NAMES, max_size=2),
        "run_id": NAMES,
    },
)
OTHER_TIMES = ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05+02:00", "20260102T030405+0000", "2026-01-02"]
TIMES = (
    st.none()
    | NAMES
    | st.sampled_from(OTHER_TIMES)
    | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
)
LINES = st.lists(st.integers(0, 2**31 - 1), max_size=6).map(Runs.of)


def record_of(
    versions: Any,
    seen: Any,
    metadata: dict[str, Any],
    ts: str | None,
    line: Runs,
    **values: Stored,
) -> Record:
    """A record of a checkpoint that is like LangGraph's, with the conversation and `values`."""
    checkpoint: Any = {
        "v": 4,
        "id": "1f000000-0000-6000-8000-000000000000",
        "ts": ts,
        "channel_values": {"not": "stored here"},
        "channel_versions": versions,
        "versions_seen": seen,
        "updated_channels": sorted({"messages", *values}),
        "pending_sends": [],
    }
    kind = {"loop": "answer", "odd": "fold"}.get(metadata.get("source", "loop"), metadata.get("source"))
    stored: dict[str, Stored] = {"messages": ["m", list(line.flat)], **values}
    return Record.of(checkpoint, metadata, parent=None, ns="", kind=kind, values=stored, line=line)


def read_again(record: Record) -> Record:
    """The record of the row that `record` makes."""
    metadata = json.loads(json.dumps(record.extra))
    return Record.read(id=record.id, parent=None, ns="", body=record.body(), metadata=metadata)


def without_tails(versions: dict[str, str]) -> dict[str, str]:
    """Versions of the stock's, which count before the dot and draw lots behind it."""
    return {channel: f"{version.split('.')[0]}.0" for channel, version in versions.items()}


@given(seen(STOCK_VERSIONS), METADATA, TIMES, LINES)
def test_a_checkpoint_comes_back(versions: Any, metadata: dict[str, Any], ts: str | None, line: Runs) -> None:
    """Metadata, time, line and values as they were; of versions what tells the older from the newer."""
    record = record_of(*versions, metadata, ts, line, x=["v", "msgpack", b"\x01"])
    back = read_again(record)
    assert (back.metadata, back.kind, back.line, back.values) == (metadata, record.kind, line, record.values)
    assert back.holds == Runs.of(sorted(set(line)))
    known = back.as_checkpoint({"a": 1})
    assert (known["id"], known["ts"], known["v"], known["channel_values"]) == (record.id, ts, 4, {"a": 1})
    assert known["channel_versions"] == without_tails(versions[0])
    assert known["versions_seen"] == {node: without_tails(each) for node, each in versions[1].items()}
    assert known["updated_channels"] == ["messages", "x"]


@given(seen(STOCK_VERSIONS | ODD_VERSIONS))
def test_versions_of_another_make_come_back_as_they_are(versions: Any) -> None:
    """Whole numbers, any words, and digits beyond any counter: one that is not the stock's, and all stay."""
    every = [v for each in (versions[0], *versions[1].values()) for v in each.values()]
    assume(any(not isinstance(v, str) or not v[:33].replace(".", "", 1).isdecimal() for v in every))
    known = read_again(record_of(*versions, {}, None, Runs())).as_checkpoint({})
    assert (known["channel_versions"], known["versions_seen"]) == versions


@given(seen(ODD_VERSIONS))
def test_no_version_is_too_odd_to_be_stored(versions: Any) -> None:
    """32 digits and a dot are stored too, however large the number: its order stays."""
    known = read_again(record_of(*versions, {}, None, Runs())).as_checkpoint({})
    assert known["channel_versions"].keys() == versions[0].keys()


@given(st.integers(0, 10**7))
def test_a_plain_turn_is_a_small_checkpoint(turn: int) -> None:
    """Below 200 bytes, at any length of the thread, with nothing but what is beside it in its columns."""
    one, two = (f"{turn * 2 + n:032}.0{7**15 + n}" for n in (1, 2))
    record = record_of(
        {"__start__": one, "messages": two, "branch:to:answer": two},
        {"__input__": {}, "__start__": {"__start__": one}, "answer": {"branch:to:answer": two}},
        {"source": "loop", "step": turn * 2, "parents": {}},
        datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC).isoformat(),
        Runs((0, turn * 2 + 1)),
    )
    body = record.body()
    assert isinstance(body, bytes)
    assert len(body) < 200
    assert record.extra is None
