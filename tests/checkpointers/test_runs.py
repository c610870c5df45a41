"""Numbers as runs, against plain lists; and the line of a checkpoint, against a slow reading of its rule."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from graph.checkpointers.records import Record
from graph.checkpointers.runs import Runs, carried_on

NUMBERS = st.lists(st.integers(-9, 25), max_size=30)
DISTINCT = (
    st.lists(st.integers(0, 25), max_size=25, unique=True)
    | st.sets(st.integers(0, 25), max_size=25).map(sorted)
    | st.integers(0, 25).map(lambda length: list(range(length)))
)


def said_in_order(draw: st.DrawFn) -> list[int]:
    """Mostly ascending, as conversations are, with a few leaps."""
    numbers: list[int] = []
    for _ in range(draw(st.integers(0, 4))):
        first = draw(st.integers(-9, 25))
        numbers += range(first, first + draw(st.integers(1, 8)))
    return numbers


SEQUENCES = NUMBERS | st.composite(said_in_order)()


@given(SEQUENCES)
def test_a_sequence_comes_back_in_its_order(numbers: list[int]) -> None:
    """Also where it does not ascend, and where a number comes twice."""
    runs = Runs.of(numbers)
    assert list(runs) == numbers
    assert runs.length == len(numbers)
    assert runs.last == (numbers[-1] if numbers else None)
    assert Runs(runs.flat) == runs, "what is stored says it all"
    assert all(first <= last for first, last in runs.spans)


@given(SEQUENCES)
def test_neighbours_are_one_run(numbers: list[int]) -> None:
    """There are as many runs as there are places where a number does not follow the one before."""
    leaps = sum(one + 1 != other for one, other in pairwise(numbers))
    assert len(Runs.of(numbers).spans) == (leaps + 1 if numbers else 0)


@given(SEQUENCES, st.integers(-10, 40))
def test_a_number_stands_where_it_stands_in_the_list(numbers: list[int], number: int) -> None:
    """The first time, if it comes twice; None where it is not."""
    runs = Runs.of(numbers)
    assert (number in runs) == (number in numbers)
    assert runs.position(number) == (numbers.index(number) if number in numbers else None)


@given(SEQUENCES, st.integers(0, 40), st.integers(0, 40))
def test_a_cut_is_a_slice(numbers: list[int], start: int, stop: int) -> None:
    """From a position up to another, whichever of them lies beyond the end."""
    assert list(Runs.of(numbers).cut(start, stop)) == numbers[start:stop]


@given(SEQUENCES, SEQUENCES)
def test_what_is_added_comes_after(numbers: list[int], further: list[int]) -> None:
    """As one list after the other, in as few runs as the whole has."""
    assert Runs.of(numbers).then(further) == Runs.of([*numbers, *further])


@given(SEQUENCES, SEQUENCES)
def test_what_is_taken_out_leaves_the_others_in_order(numbers: list[int], unwanted: list[int]) -> None:
    """Every number that is not among the others, as often as it was there."""
    left = Runs.of(numbers).without(Runs.of(unwanted))
    assert left == [number for number in numbers if number not in unwanted]


@given(SEQUENCES)
def test_the_literal_is_an_array_of_postgres(numbers: list[int]) -> None:
    """Braces, commas, numbers; nothing else."""
    literal = Runs.of(numbers).literal()
    assert literal[0] + literal[-1] == "{}"
    assert [int(n) for n in literal[1:-1].split(",") if n] == list(Runs.of(numbers).flat)


def slowly(line: Sequence[int], window: Sequence[int], edited: Mapping[int, int]) -> list[int]:
    """The rule of `carried_on` word by word."""
    before = list(line)
    for new, old in edited.items():
        if old in before and new not in before:
            before[before.index(old)] = new
    new_ones = [number for number in window if number not in before]
    while any(number in window for number in before) and before[-1] not in window:
        before.pop()
    return before + new_ones


@st.composite
def windows(draw: st.DrawFn) -> tuple[list[int], list[int], dict[int, int]]:
    """A line, a window that followed, and what was edited meanwhile."""
    line = draw(DISTINCT)
    stays = [number for number in line if draw(st.booleans())]
    new = draw(st.lists(st.integers(26, 40), max_size=6, unique=True))
    edited = {number: draw(st.sampled_from(line)) for number in new if line and draw(st.booleans())}
    window = draw(st.permutations(stays + new)) if draw(st.booleans()) else stays + new
    return line, [n for n in window if n not in edited.values()], edited


@given(windows())
@example(([0, 1, 2, 3], [2, 3, 4], {}))
@example(([0, 1, 2, 3], [0, 1], {}))
@example(([0, 1, 2, 3], [], {}))
@example(([0, 1, 2, 3], [3, 0], {}))
def test_a_line_is_carried_on_by_its_rule(case: tuple[list[int], list[int], dict[int, int]]) -> None:
    """As the slow reading of the rule, for any line and window of distinct numbers."""
    line, window, edited = case
    carried = carried_on(Runs.of(line), Runs.of(window), edited)
    assert list(carried) == slowly(line, window, edited)
    assert set(window) <= set(carried), "what is in the window is in the line"
    assert len(set(carried)) == carried.length, "and once"


@given(DISTINCT, st.data())
def test_what_is_trimmed_stays_in_the_line(line: list[int], data: st.DataObject) -> None:
    """Whatever leaves the front or the middle: the last message stays, and so does all before it."""
    window = [number for number in line[:-1] if data.draw(st.booleans())] + line[-1:]
    assert list(carried_on(Runs.of(line), Runs.of(window), {})) == line


@given(DISTINCT, st.integers(1, 25), st.lists(st.integers(30, 40), max_size=4, unique=True))
def test_what_is_taken_back_leaves_the_line(line: list[int], left: int, new: list[int]) -> None:
    """Whatever leaves the end, and what is said instead comes after what is left."""
    window = line[:left]
    assert list(carried_on(Runs.of(line), Runs.of(window + new), {})) == window + new


@given(DISTINCT.filter(bool), st.data())
def test_an_edited_message_takes_the_place_of_the_old_one(line: list[int], data: st.DataObject) -> None:
    """One number for another; the line is as long as before."""
    at = data.draw(st.integers(0, len(line) - 1))
    window = [99 if number == line[at] else number for number in line]
    first = data.draw(st.integers(0, at))
    carried = carried_on(Runs.of(line), Runs.of(window[first:]), {99: line[at]})
    assert list(carried) == window


def record(line: Runs, window: Runs, folds: int) -> Record:
    """A checkpoint of a plain turn, with a summary once something was folded."""
    versions = {"__start__": f"{line.length:032}.0", "messages": f"{line.length:032}.5"}
    values: dict[str, Any] = {"messages": ["m", list(window.flat)]}
    if folds:
        values["summary"] = ["o", -folds]
    return Record(
        id="1f000000-0000-6000-8000-000000000000",
        parent=None,
        ns="",
        kind="answer",
        metadata={"source": "loop", "step": line.length, "parents": {}},
        checkpoint={"v": 4, "channel_versions": versions, "versions_seen": {"answer": versions}},
        values=values,
        line=line,
    )


def test_ten_thousand_messages_in_order_are_one_run() -> None:
    """With a fold every twenty: a checkpoint at 10,000 messages has a few bytes more than one at 10."""
    line, window, folds = Runs(), Runs(), 0
    bytes_at: dict[int, int] = {}
    for number in range(10_000):
        window = window.then([number])
        if window.length == 20:
            window, folds = window.cut(14, 20), folds + 1
        line = carried_on(line, window, {})
        bytes_at[number + 1] = len(record(line, window, folds).body())
    assert line == Runs((0, 9_999))
    assert bytes_at[10_000] - bytes_at[10] <= 40
    assert bytes_at[10_000] - bytes_at[100] <= 24
