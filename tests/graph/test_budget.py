"""What the budget promises for any history at all: property tests, and the few cases worth an example."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from graph.budget import (
    Budget,
    Fold,
    choose_fold,
    clip,
    compose,
    fits,
    portion,
)
from graph.errors import MessageOverBudget
from graph.exchanges import CUT_OFF, exchanges, is_cut_off
from graph.tokens import correction, count, count_all, count_text

WORDS = (
    "the bakery on the corner opens at seven; ask for Ingrid. ",
    "Die Versicherungsunterlagen liegen im Arbeitszimmer. ",
    "去年春天我们搬到了海边。",
    "角のパン屋が懐かしいです。",
    "바닷가로 이사했습니다. ",
    "ما زلت أشتاق إلى المخبز. ",
    "👍🎉🥐",
    'for n in range(9):\n    print(f"{n:>4}")\n',
    '{"id": 17, "paid": true}',
    "8f3a9c0e77",
)
plain = st.lists(st.sampled_from(WORDS), max_size=12).map("".join)
text = st.one_of(
    plain,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(WORDS).map(lambda word: word * 150),
)
content = st.one_of(
    text,
    st.lists(st.one_of(text, st.builds(lambda t: {"type": "text", "text": t}, text)), max_size=3),
    st.just([{"type": "image_url", "image_url": {"url": "https://nowhere.invalid/a.png"}}]),
)


@st.composite
def groups(draw: st.DrawFn, texts: st.SearchStrategy[Any] = content) -> list[BaseMessage]:
    """One message, or a tool-calling one with results, some maybe missing, doubled or strangers."""
    kind = draw(st.sampled_from(["human", "human", "ai", "ai", "system", "calls", "calls", "stranger"]))
    said = draw(texts)
    if kind == "stranger":
        return [ToolMessage(said, tool_call_id=draw(st.sampled_from("xyz")))]
    if kind != "calls":
        return [{"human": HumanMessage, "ai": AIMessage, "system": SystemMessage}[kind](said)]
    ids = draw(st.lists(st.sampled_from("abc"), min_size=1, unique=True))
    results = draw(st.one_of(st.just(ids), st.lists(st.sampled_from("abcx"), max_size=4)))
    calls = [{"name": "look", "args": {"for": i}, "id": i} for i in ids]
    answers: list[BaseMessage] = [ToolMessage(draw(texts), tool_call_id=i) for i in results]
    return [AIMessage(said, tool_calls=calls), *answers]


@st.composite
def windows(draw: st.DrawFn, texts: st.SearchStrategy[Any] = content) -> list[BaseMessage]:
    """A history, every message with an id of its own."""
    found = [m for group in draw(st.lists(groups(texts), max_size=12)) for m in group]
    return [m.model_copy(update={"id": str(n)}) for n, m in enumerate(found)]


@st.composite
def reports(draw: st.DrawFn, window: list[BaseMessage]) -> list[BaseMessage]:
    """The same history, whose answers say what their prompts really held."""
    return [
        m.model_copy(
            update={
                "usage_metadata": {
                    "input_tokens": draw(st.integers(1, 900)),
                    "output_tokens": 1,
                    "total_tokens": 2,
                },
                "response_metadata": {"longthread_estimate": draw(st.integers(1, 900))},
            }
        )
        if isinstance(m, AIMessage)
        else m
        for m in window
    ]


histories = st.one_of(windows(), windows().flatmap(reports))
budgets = st.builds(lambda prompt: Budget(prompt + 100, 100), st.integers(64, 4_000))
summaries = st.one_of(st.none(), text.map(lambda t: SystemMessage(t, id="summary")))
SYSTEM = SystemMessage("Be brief.", id="system")
many = settings(deadline=None, max_examples=150)


def ids(messages: Sequence[BaseMessage]) -> list[str | None]:
    return [m.id for m in messages]


@many
@given(histories, summaries, budgets)
def test_a_prompt_is_never_above_its_budget(
    window: list[BaseMessage], summary: SystemMessage | None, budget: Budget
) -> None:
    """By our count times the correction, rounded up; what does not fit is refused with both numbers."""
    scale = correction(window)
    try:
        prompt = compose(SYSTEM, summary, window, budget)
    except MessageOverBudget as refused:
        assert refused.tokens > refused.limit == budget.prompt  # noqa: PT017 either is a law
        return
    assert prompt.estimate == count_all(prompt.messages)
    assert prompt.tokens == math.ceil(round(prompt.estimate * scale, 6)) <= budget.prompt
    assert prompt.sent + prompt.left_out == len(window)
    assert prompt.tokens <= prompt.system + prompt.summary + prompt.window <= prompt.tokens + 2


@many
@given(windows(st.one_of(plain, st.sampled_from(WORDS).map(lambda word: word * 150))), budgets)
def test_a_prompt_is_never_above_its_budget_by_the_real_vocabulary(
    window: list[BaseMessage], budget: Budget
) -> None:
    """Before any answer has told what its prompt held."""
    vocabulary = pytest.importorskip("bpe_openai").get_encoding("o200k_base")
    try:
        prompt = compose(SYSTEM, None, window, budget)
    except MessageOverBudget:
        return
    assert sum(len(vocabulary.encode_ordinary(str(m.text))) + 3 for m in prompt.messages) + 3 <= budget.prompt


@many
@given(histories, summaries, budgets)
def test_a_prompt_keeps_the_order(
    window: list[BaseMessage], summary: SystemMessage | None, budget: Budget
) -> None:
    """System, summary, then messages of the window as they came, the newest exchange among them."""
    try:
        sent = compose(SYSTEM, summary, window, budget).messages
    except MessageOverBudget:
        return
    head = ids(sent)[: 2 if "summary" in ids(sent) else 1]
    assert head in (["system"], ["system", "summary"])
    body = [m for m in sent[len(head) :] if not is_cut_off(m)]
    places = [int(m.id or "") for m in body]
    assert places == sorted(set(places))
    assert [window[place] for place in places] == body
    humans = [m for m in window if isinstance(m, HumanMessage)]
    assert not humans or humans[-1] in body
    assert len(body) == 0 or len(exchanges(body)) >= len(exchanges(window[places[0] :])) - 1


@many
@given(histories, summaries, budgets)
def test_no_call_without_its_results_and_no_result_without_its_call(
    window: list[BaseMessage], summary: SystemMessage | None, budget: Budget
) -> None:
    """A model refuses either."""
    try:
        sent = compose(SYSTEM, summary, window, budget).messages
    except MessageOverBudget:
        return
    due: set[str | None] = set()
    for message in sent:
        if isinstance(message, ToolMessage):
            assert message.tool_call_id in due
            due.remove(message.tool_call_id)
            continue
        assert not due
        if isinstance(message, AIMessage):
            due = {call["id"] for call in message.tool_calls}
    assert not due


@many
@given(histories, summaries, budgets, st.booleans())
def test_a_fold_parts_the_window_between_two_exchanges(
    window: list[BaseMessage], summary: SystemMessage | None, budget: Budget, force: bool
) -> None:
    """Every message once, in order, and the last exchange is kept."""
    fold = choose_fold(SYSTEM, summary, window, budget, force=force)
    parts = exchanges(window)
    assert [m for part in parts for m in part] == window
    if fold is None:
        room = math.floor(budget.summary / correction(window))
        sent = [SystemMessage(clip(summary.text, room))] if summary else []  # as it would be sent
        whole = count_all([SYSTEM, *sent, *window]) * correction(window)
        assert len(parts) < 2 or (not force and whole <= budget.mark)
        return
    assert fold.fold + fold.keep == window
    assert exchanges(fold.fold) + exchanges(fold.keep) == parts
    assert fold.fold and fold.keep
    assert not force or exchanges(fold.keep) == parts[-1:]


@many
@given(windows(), budgets)
def test_folding_comes_to_an_end(window: list[BaseMessage], budget: Budget) -> None:
    """One fold, with the largest summary it may have, is enough, unless only one exchange is left."""
    summary = SystemMessage(clip("word " * 3_000, budget.summary))
    fold = choose_fold(SYSTEM, None, window, budget)
    if fold is None:
        return
    remains = count_all([SYSTEM, summary, *fold.keep])
    assert remains <= budget.target or len(exchanges(fold.keep)) == 1
    assert choose_fold(SYSTEM, summary, fold.keep, budget) is None


@many
@given(histories, st.integers(0, 3_000))
def test_a_portion_takes_at_least_one_exchange(window: list[BaseMessage], room: int) -> None:
    """And more only while they fit; what is left is the rest."""
    part, rest = portion(window, room)
    assert part + rest == window
    assert bool(part) == bool(window)
    assert len(exchanges(part)) <= 1 or sum(map(count, part)) <= room
    assert not rest or exchanges(part) + exchanges(rest) == exchanges(window)
    assert not rest or sum(map(count, [*part, *exchanges(rest)[0]])) > room


@many
@given(text, st.integers(0, 400))
def test_a_clipped_text_has_its_size(long: str, room: int) -> None:
    """Begin and end stay; a text that fits stays as it is."""
    short = clip(long, room)
    assert count_text(short) <= room
    if count_text(long) <= room:
        assert short == long
    elif short:
        before, after = short.split(" […] ", 1) if long.count("[…]") == 0 else ("", "")
        assert long.startswith(before) and long.endswith(after)


def test_a_clipped_text_fills_its_room() -> None:
    """A middle is taken out, not most of the text."""
    short = clip("".join(WORDS) * 40, 300)
    assert 280 <= count_text(short) <= 300


def test_the_newest_exchange_keeps_its_question_and_newest_calls() -> None:
    """When it does not fit whole, older steps are left out, and the summary only if nothing else helps."""
    call = [{"name": "look", "args": {}, "id": "a"}]
    old = [AIMessage("", tool_calls=call), ToolMessage("word " * 400, tool_call_id="a")]
    new = [AIMessage("", tool_calls=call), ToolMessage("word " * 40, tool_call_id="a")]
    window = [HumanMessage("Before?"), AIMessage("Before."), HumanMessage("Which?"), *old, *new]
    summary = SystemMessage("We spoke of bread.")
    prompt = compose(SYSTEM, summary, window, Budget(400, 100))
    assert prompt.messages == [SYSTEM, summary, window[2], *new]
    assert (prompt.sent, prompt.left_out) == (3, 4)
    tight = [HumanMessage("word " * 150)]
    room = Budget(count_all([SYSTEM, *tight]) + 100, 100)
    assert compose(SYSTEM, summary, tight, room).messages == [SYSTEM, *tight]


def test_a_message_too_large_is_refused_with_both_numbers() -> None:
    """What it needs with the system prompt, and what a prompt may hold."""
    large = HumanMessage("word " * 900)
    for ask in (
        lambda: compose(SYSTEM, None, [large], Budget(400, 100)),
        lambda: fits(SYSTEM, large, Budget(400, 100)),
    ):
        with pytest.raises(MessageOverBudget) as refused:
            ask()
        assert (refused.value.tokens, refused.value.limit) == (count_all([SYSTEM, large]), 300)
    fits(SYSTEM, HumanMessage("hello"), Budget(400, 100))


def test_a_correction_makes_the_prompt_smaller() -> None:
    """An answer that cost three times our estimate leaves a third of the room."""
    said = AIMessage("yes", response_metadata={"longthread_estimate": 100})
    said.usage_metadata = {"input_tokens": 300, "output_tokens": 1, "total_tokens": 301}
    window = [m for n in range(40) for m in (HumanMessage(f"question {n}, of some length"), said)]
    plain_answers = [AIMessage("yes") if m is said else m for m in window]
    budget = Budget(700, 100)
    corrected, plainly = compose(SYSTEM, None, window, budget), compose(SYSTEM, None, plain_answers, budget)
    assert corrected.estimate * 3 == corrected.tokens <= budget.prompt
    assert 2 * corrected.sent < plainly.sent


def test_an_empty_window_is_a_prompt_too() -> None:
    """System and summary alone; nothing to fold."""
    summary = SystemMessage("We spoke of bread.")
    assert compose(SYSTEM, summary, [], Budget(400, 100)).messages == [SYSTEM, summary]
    assert choose_fold(SYSTEM, summary, [], Budget(400, 100), force=True) is None
    assert exchanges([]) == [] and portion([], 10) == ([], [])


def test_a_summary_too_large_is_clipped() -> None:
    """To its own share, whatever else would fit."""
    budget = Budget(1_100, 100)
    prompt = compose(SYSTEM, SystemMessage("word " * 900, id="s"), [HumanMessage("hi")], budget)
    assert count_text(str(prompt.messages[1].text)) <= budget.summary == 200
    assert prompt.messages[1].id == "s"


def test_a_fold_leaves_room_for_the_largest_summary() -> None:
    """Else the next turn would be due for a fold again."""
    budget = Budget(1_100, 100)
    window: list[BaseMessage] = [HumanMessage("word " * 20, id=str(n)) for n in range(60)]
    fold = choose_fold(SYSTEM, None, window, budget)
    assert fold is not None
    remains = count_all([SYSTEM, SystemMessage(clip("word " * 900, budget.summary)), *fold.keep])
    assert 0.9 * budget.target <= remains <= budget.target


def test_a_second_result_to_one_call_is_left_out() -> None:
    """And the first goes with its call."""
    call = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "a"}])
    window = [HumanMessage("Which?"), call, *(ToolMessage(t, tool_call_id="a") for t in ("this", "that"))]
    assert compose(SYSTEM, None, window, Budget(400, 100)).messages == [SYSTEM, *window[:3]]


def test_a_call_that_was_cut_off_is_told_so() -> None:
    """Its message stays in the prompt, and the model learns that it has no result."""
    calls = [{"name": "look", "args": {}, "id": id} for id in ("a", "b")]
    there = [HumanMessage("Which?"), AIMessage("", tool_calls=calls), ToolMessage("this", tool_call_id="a")]
    window = [*there, HumanMessage("And?")]
    prompt = compose(SYSTEM, None, window, Budget(400, 100))
    (mark,) = [m for m in prompt.messages if is_cut_off(m)]
    assert isinstance(mark, ToolMessage) and (mark.tool_call_id, mark.status) == ("b", "error")
    assert mark.text == CUT_OFF
    assert prompt.messages == [SYSTEM, *there, mark, window[3]]
    assert (prompt.sent, prompt.left_out) == (4, 0)
    assert prompt.estimate == count_all(prompt.messages)


def test_a_call_without_an_id_is_left_out() -> None:
    """No result can name it."""
    call = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": None}])
    prompt = compose(SYSTEM, None, [HumanMessage("Which?"), call, HumanMessage("And?")], Budget(400, 100))
    assert call not in prompt.messages
    assert prompt.left_out == 1


def test_trimming_now_folds_all_but_the_last_exchange() -> None:
    """Also far below the mark."""
    window: list[BaseMessage] = [
        HumanMessage("one"),
        AIMessage("1"),
        HumanMessage("two"),
        AIMessage("2"),
        HumanMessage("three"),
    ]
    assert choose_fold(SYSTEM, None, window, Budget(8_000, 1_000)) is None
    assert choose_fold(SYSTEM, None, window, Budget(8_000, 1_000), force=True) == Fold(window[:4], window[4:])


def test_the_shares_of_a_budget() -> None:
    """What the answer leaves, three quarters, half, and a fifth up to 2,000."""
    budget = Budget(8_000, 1_000)
    assert (budget.prompt, budget.mark, budget.target, budget.summary) == (7_000, 5_250, 3_500, 1_400)
    assert Budget(1_000_000, 1_000).summary == 2_000


def test_a_system_prompt_without_room_is_refused_by_numbers() -> None:
    """More than half of the prompt, or a prompt of less than 64."""
    Budget(8_000, 1_000).check("Be brief.")
    with pytest.raises(
        ValueError, match=r"8,000 tokens leave 7,000 for a prompt, but the system prompt needs 9,\d\d\d"
    ):
        Budget(8_000, 1_000).check("word " * 9_100)
    with pytest.raises(ValueError, match="leave 63 for a prompt"):
        Budget(163, 100).check("")
