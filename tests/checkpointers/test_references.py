"""What is stored instead of a value, a message, a checkpoint and a question, and what comes back of each."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import ormsgpack
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from langchain_core.messages import (
    BaseMessage,
    HumanMessage,
    SystemMessage,
)
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Send

from graph.bookmark import storable
from graph.checkpointers.asked import Asked
from graph.checkpointers.records import Record
from graph.checkpointers.references import Stored, give, messages_in, numbers_in, take
from graph.checkpointers.rows import Codec, MessageRow
from graph.checkpointers.runs import Runs
from graph.checkpointers.serializer import StrictSerializer
from tests.checkpointers.conftest import Scramble
from tests.checkpointers.strategies import CONTENTS, MESSAGES, NAMES, OBJECTS, PLAIN

SERDE = StrictSerializer()
CODEC = Codec(SERDE)
HIDING = Codec(EncryptedSerializer(Scramble(), JsonPlusSerializer(allowed_msgpack_modules=None)))


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists, tuples, dicts and Sends, each in each."""
    return st.recursive(
        leaf,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(NAMES | st.integers(-5, 5), inner, max_size=4)
            | st.builds(Send, st.just("node"), inner)
        ),
        max_leaves=12,
    )


VALUES = nested(PLAIN | OBJECTS | MESSAGES)
SILENT = nested(PLAIN | OBJECTS | st.sampled_from(["m", "o", "v", "h", "d"]))


class Numbers:
    """Gives every message a number of its own, from 7; notes go below 0."""

    def __init__(self) -> None:
        self.messages: dict[int, BaseMessage] = {}
        self.calls = 0

    def __call__(self, message: BaseMessage, spoken: bool) -> int:
        self.calls += 1
        number = self.calls + 6 if spoken else -self.calls - 6
        self.messages[number] = message
        return number


def as_the_stock_gives_it(value: Any) -> Any:
    """What a serializer keeps of a value: a tuple comes back as a list."""
    return SERDE.loads_typed(SERDE.dumps_typed(value))


def through_the_database(stored: Stored) -> Stored:
    """A stored value as its bytes give it back."""
    packed: Any = ormsgpack.unpackb(ormsgpack.packb(stored))
    return packed


# Values


@given(st.sampled_from(["messages", "notes"]), VALUES)
def test_any_value_comes_back_with_its_messages(channel: str, value: Any) -> None:
    """Whatever is nested in what; the messages travel by number, and the value is not touched."""
    numbers, before = Numbers(), copy.deepcopy(value)
    stored = through_the_database(take(channel, value, numbers, SERDE))
    assert give(stored, numbers.messages, SERDE) == as_the_stock_gives_it(value)
    assert value == before
    assert sorted(numbers_in(stored)) == sorted(numbers.messages)
    assert numbers.calls == len(list(messages_in(value))), "each message is asked for once"


@given(VALUES.filter(lambda value: any(messages_in(value))))
def test_no_message_is_copied_into_a_value(value: Any) -> None:
    """What is given back are the messages themselves, at every place where they were."""
    numbers = Numbers()
    stored = through_the_database(take("messages", value, numbers, SERDE))
    given_back = [message for _, message in messages_in(give(stored, numbers.messages, SERDE))]
    taken_out = [message for _, message in messages_in(value)]
    assert all(one is other for one, other in zip(given_back, taken_out, strict=True))


@given(st.integers(1, 3_000))
def test_a_list_of_messages_costs_its_runs(length: int) -> None:
    """A window of any length is a few bytes."""
    stored = take("messages", [HumanMessage("x")] * length, Numbers(), SERDE)
    assert stored == ["m", [7, length + 6]]
    assert len(ormsgpack.packb(stored)) <= 10


@given(SILENT)
def test_nothing_without_messages_points_at_any(value: Any) -> None:
    """Whatever a caller stores, however it looks, is given back with no message at hand."""
    stored = through_the_database(take("messages", value, Numbers(), SERDE))
    assert list(numbers_in(stored)) == []
    assert give(stored, {}, SERDE) == as_the_stock_gives_it(value)


@pytest.mark.parametrize(
    "value",
    [
        ["m", [0, 1]],
        ["o", 0],
        ["d", b"0" * 16, [0, 1]],
        ["v", "msgpack", b"\x90"],
        ["h", "msgpack", b"\x91\xc0", [[[0], 0]]],
        {"m": [0, 1]},
        [["m", [0, 1]], ["o", 0]],
        ("m", [0, 1]),
        None,
        [],
    ],
    ids=repr,
)
def test_what_looks_like_a_reference_is_none(value: Any) -> None:
    """Alone, or beside a message, it comes back as it is."""
    message = HumanMessage("hi")
    for given_value in (value, [value, message], {"a": value, "b": message}, (message, value, None)):
        numbers = Numbers()
        stored = through_the_database(take("messages", given_value, numbers, SERDE))
        assert set(numbers_in(stored)) == set(numbers.messages)
        assert give(stored, numbers.messages, SERDE) == as_the_stock_gives_it(given_value)


def test_only_what_is_said_counts_as_said() -> None:
    """Messages of the conversation, and those handed to a node as its input; not what stands beside them."""
    said, note = HumanMessage("said"), SystemMessage("note")
    for channel, value in (
        ("messages", [said]),
        ("messages", said),
        ("tasks", Send("node", {"messages": [said], "summary": note})),
        ("__start__", {"messages": [said]}),
        ("summary", note),
        ("scratch", [note]),
    ):
        numbers = Numbers()
        take(channel, value, numbers, SERDE)
        assert all((number >= 0) == (message is said) for number, message in numbers.messages.items())


# Messages


@given(MESSAGES)
def test_a_message_comes_back_equal(message: BaseMessage) -> None:
    """Of the same class, as the stock serializer would give it back; its row can be stored."""
    row = CODEC.row(message)
    assert all(text is None or storable(text) for text in (row.type, row.id, row.text))
    back = CODEC.message(row)
    assert type(back) is type(message)
    assert back == SERDE.loads_typed(SERDE.dumps_typed(message)) == message


@given(MESSAGES)
def test_what_a_person_reads_stands_in_the_text(message: BaseMessage) -> None:
    """Where it can be searched; nothing of it is stored twice."""
    row = CODEC.row(message)
    assert row.text == str(message.text).replace("\0", "")
    if type(message) is HumanMessage and message == HumanMessage(str(message.text), id=message.id):
        assert row.body is None or not storable(str(message.text)) or not storable(message.id or "")


@given(MESSAGES, st.text("abcdefgh", min_size=12, max_size=20))
def test_a_serializer_that_hides_hides_all(message: BaseMessage, word: str) -> None:
    """With a caller's own there is no text beside it, and the message comes back."""
    secret = message.model_copy(update={"content": word})
    row = HIDING.row(secret)
    assert row.text is None
    assert word.encode() not in (row.body or b"")
    assert HIDING.message(row) == secret


# Checkpoints

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


# Questions

QUESTIONS = st.lists(
    st.builds(HumanMessage, content=CONTENTS, id=st.text(min_size=1, max_size=8), name=st.none() | NAMES),
    max_size=4,
    unique_by=lambda message: message.id,
)


@given(QUESTIONS, st.lists(NAMES, max_size=3), st.none() | st.just("parent"))
def test_what_was_asked_comes_back(questions: list[BaseMessage], wakes: list[str], on: str | None) -> None:
    """The questions and who is woken by them, from the bytes that the thread's row keeps."""
    asked = Asked(tuple(map(CODEC.row, questions)), "id", on, tuple(wakes))
    back = Asked.unpack(asked.pack(), "id", on)
    assert back == asked
    assert [CODEC.message(row) for row in back.rows] == questions


@given(QUESTIONS.map(lambda all_of_them: [m for m in all_of_them if storable(m.id or "")]), st.data())
def test_what_was_answered_waits_no_longer(questions: list[BaseMessage], data: st.DataObject) -> None:
    """Those that are there go; the others wait, in their order, on another parent; None if none is left."""
    there = [question for question in questions if data.draw(st.booleans())]
    asked = Asked(tuple(map(CODEC.row, questions)), "id", "old", ("wake",))
    left = asked.without([*there, HumanMessage("not asked")], "new")
    still = tuple(CODEC.row(question) for question in questions if question not in there)
    assert left == (Asked(still, "id", "new", ("wake",)) if still else None)


def test_a_forged_row_is_no_message() -> None:
    """A type that LangChain does not have is refused, not called."""
    with pytest.raises(Exception, match="of an unknown type"):
        CODEC.message(MessageRow("os.system", None, "x", None))
