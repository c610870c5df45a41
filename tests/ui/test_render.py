"""What the page shows, as values: escaping, the divider, the groups, the meter, the difference."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zlib import compress
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from graph.asking import FALLBACK
from graph.branches import Branch
from graph.budget import Budget, Prompt
from graph.history import Difference
from graph.searching import Hit
from graph.sending import Part
from graph.summarize import HEADING
from graph.threads import Thread
from graph.timeline import Moment
from graph.transcript import Entry
from graph.turns import ContextView
from ui.render import budget, chat, search, summary, text, threads, timeline
from ui.words import Words

WORDS = Words("en")
EVIL = """<img src=x onerror="alert(1)">'${1}{{2}}"""
NOON = datetime(2026, 5, 9, 12, tzinfo=UTC)
SUMMARY = SystemMessage(
    "Earlier: <b>tea</b>",
    additional_kwargs={"longthread": {"count": 38, "before": 6120, "after": 410, "through": "m1"}},
)


def entries(*messages: HumanMessage | AIMessage | ToolMessage) -> list[Entry]:
    return [Entry(f"m{i}", i, m) for i, m in enumerate(messages)]


def view(*, sent: int = 2, left_out: int = 0, summary: SystemMessage | None = None) -> ContextView:
    prompt = Prompt([SystemMessage("")], 500, 480, 40, 60, 400, sent, left_out)
    return ContextView(prompt, summary, Budget(1500, 500))


def words(rows: list[chat.Bubble]) -> list[str]:
    """What the rows say, without the marks and buttons of messages."""
    return [re.sub(r"\n\n<div class=\"lt-m .*?</div>", "", row["content"][0]["text"]) for row in rows]


def thread(thread_id: str, title: str, at: datetime) -> Thread:
    return Thread(1, thread_id, title, at, at, 2, "c", pinned=False, archived=False, trashed=None)


def moment(**changes: object) -> Moment:
    values = {
        "checkpoint_id": "c",
        "parent": None,
        "step": 3,
        "kind": "answer",
        "created": NOON,
        "preview": "Tea",
    }
    return Moment(**{**values, "active": True, "tip": True, **changes})


def test_html_is_shown_and_code_is_left_alone() -> None:
    assert text.markdown("a <b>x</b> 1 < 2") == "a &lt;b>x&lt;/b> 1 < 2"
    assert text.markdown("`<b>` and\n```html\n<i>\n```\n<i>") == "`<b>` and\n```html\n<i>\n```\n&lt;i>"
    assert text.markdown("see <https://example.org>") == "see <https://example.org>"
    assert text.markdown("```\n<b>") == "```\n<b>"


@given(st.text(alphabet="<>ab/!`~\n ", max_size=60))
def test_markdown_outside_code_never_opens_a_tag(said: str) -> None:
    if "`" not in said and "~" not in said:
        assert not any(f"<{c}" in text.markdown(said) for c in "ab/!")
    assert text.markdown(said).replace("&lt;", "<") == said


def test_the_divider_stands_after_the_newest_folded_message() -> None:
    talk = entries(HumanMessage("a"), AIMessage("b"), HumanMessage("c"), AIMessage("d"))
    rows = words(chat.conversation(talk, view(summary=SUMMARY), WORDS))
    assert [r for r in rows if "lt-" not in r] == ["a", "b", "c", "d"]
    assert "38 messages summarised, 6,120 → 410 tokens" in rows[2]


def test_what_is_left_out_of_the_prompt_is_said_above_what_is_sent() -> None:
    talk = entries(HumanMessage("a"), AIMessage("b"), HumanMessage("c"), AIMessage("d"))
    rows = words(chat.conversation(talk, view(sent=2, left_out=2), WORDS))
    assert "2 messages above left out" in rows[2] and rows[3] == "c"


def test_a_stopped_answer_is_marked() -> None:
    rows = words(chat.message(AIMessage("half", response_metadata={"stopped": True}), WORDS))
    assert rows[0] == "half" and "Stopped" in rows[1]


def test_an_answer_says_which_model_stood_in() -> None:
    rows = words(chat.message(AIMessage("done", response_metadata={FALLBACK: "<b>second"}), WORDS))
    assert rows[0] == "done" and "Answered by &lt;b&gt;second" in rows[1]


def test_only_a_branch_that_goes_on_can_be_changed() -> None:
    talk = entries(HumanMessage("a"), AIMessage("b"), HumanMessage("c"), AIMessage("d"))
    now, then = (list(map(_raw, chat.conversation(talk, None, WORDS, now=n))) for n in (True, False))
    can = [[re.findall(r"lt-can-(\w+)", text) for text in texts] for texts in (now, then)]
    assert can == [[["ce"], ["ca"], ["ceu"], ["ca"]], [["c"]] * 4]
    assert len({chat.mark(entry) for entry in talk}) == 4


def test_versions_are_counted_and_the_arrows_end() -> None:
    branches = [Branch(0, "x", current=False), Branch(2, "y", current=True)]
    (row,) = chat.conversation([Entry("m", 0, HumanMessage("a"), branches)], None, WORDS, now=True)
    assert 'title="2/2"' in _raw(row) and 'lt-do-next lt-end"' in _raw(row)
    assert 'lt-do-prev"' in _raw(row)


def test_a_tool_is_one_row_with_its_name_and_time_and_nothing_of_it_is_html() -> None:
    call = {"name": EVIL, "args": {"of": EVIL}, "id": "c1"}
    talk = [
        Entry("a", 0, AIMessage("", tool_calls=[call]), created=NOON),
        Entry("b", 1, ToolMessage("```\n" + EVIL, tool_call_id="c1"), created=NOON + timedelta(seconds=2.25)),
        Entry("c", 2, ToolMessage("of no call", tool_call_id="c9", name="other"), created=NOON),
    ]
    tool, alone = chat.conversation(talk, None, WORDS)
    assert tool["metadata"] == {"title": EVIL, "status": "done", "duration": 2.2}
    assert "````\n```\n" in _raw(tool)
    assert alone["metadata"]["title"] == "Result of other"


def _raw(row: chat.Bubble) -> str:
    return row["content"][0]["text"]


def test_only_a_question_at_the_end_can_be_tried_again() -> None:
    asked = entries(HumanMessage("a"))
    assert chat.unanswered(asked, WORDS)[0]["options"][0]["value"] == chat.AGAIN
    assert not chat.unanswered([*asked, *entries(AIMessage("b"))], WORDS) and not chat.unanswered([], WORDS)


def test_parts_that_are_not_text_are_named() -> None:
    picture = HumanMessage(
        [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "x"}}]
    )
    assert words(chat.message(picture, WORDS)) == ["look\n\n[image_url]"]


@pytest.mark.parametrize(
    ("day", "group"),
    [
        (date(2026, 5, 9), "Today"),
        (date(2026, 5, 10), "Today"),  # a clock ahead of ours
        (date(2026, 5, 8), "Yesterday"),
        (date(2026, 5, 2), "Previous 7 days"),
        (date(2026, 4, 9), "Previous 30 days"),
        (date(2026, 4, 8), "April 2026"),
    ],
)
def test_threads_are_grouped_by_age(day: date, group: str) -> None:
    assert threads.period(day, NOON.date(), WORDS) == group


def test_a_thread_is_listed_under_the_readers_own_day() -> None:
    late = datetime(2026, 5, 8, 23, tzinfo=UTC)
    listed = thread("t", "Tea", late)
    lisbon, tokyo = (NOON.astimezone(ZoneInfo(z)) for z in ("Europe/Lisbon", "Asia/Tokyo"))
    for now in (lisbon, tokyo):  # 00:00 of the ninth in Lisbon
        assert "Today" in threads.thread_list([listed], threads.View(), {}, now, WORDS)[1]
    assert "Yesterday" in threads.thread_list([listed], threads.View(), {}, NOON, WORDS)[1]


def test_the_list_marks_the_running_and_escapes_all() -> None:
    listed = [thread(EVIL, EVIL, NOON), thread("b", "", NOON)]
    view = threads.View(running=[EVIL], more=True)
    _, html = threads.thread_list(listed, view, {EVIL: 1}, NOON, WORDS)
    assert "<img" not in html and '"alert' not in html
    assert html.count('class="running"') == 1
    assert "Untitled" in html and "Show more" in html


@pytest.mark.parametrize(
    ("shelf", "tag", "said"),
    [
        ("kept", "", "Write a message to begin one"),
        ("archived", "", "Archive a conversation in its menu"),
        ("trashed", "", "deleted for good after a while"),
        ("kept", "work", "Choose Conversations to see all"),
    ],
)
def test_an_empty_shelf_says_what_to_do(shelf: str, tag: str, said: str) -> None:
    assert said in threads.thread_list([], threads.View(shelf, tag), {}, NOON, WORDS)[1]


def test_fifty_rows_are_a_small_answer() -> None:
    """A look at the list is cheap: under ten kilobytes, as it is sent."""
    name = "{:08}-1111-2222-3333-444455556666".format
    listed = [thread(name(n), f"A title of some words {n}", NOON) for n in range(50)]
    _, html = threads.thread_list(listed, threads.View(), {"work": 3}, NOON, WORDS)
    assert len(compress(html.encode())) < 10_000


def test_what_was_looked_for_is_marked_and_all_is_escaped() -> None:
    hit = Hit(1, EVIL, EVIL, "id", "human", 3, NOON, f"Tea, teapot and steam {EVIL}")
    html = search.found_list([hit], "tea img", UTC, WORDS)
    assert "<mark>Tea</mark>, <mark>tea</mark>pot and steam" in html and "<img" not in html and "You" in html
    titles = search.found_list([hit, replace(hit, message_id=None)], "x", UTC, WORDS)
    assert titles.index(">Title ·") < titles.index(">You ·")
    assert "Try fewer" in search.found_list([], "zebra", UTC, WORDS)


def test_the_meter_adds_up_and_says_what_is_sent_and_folded() -> None:
    html = budget.meter(view(sent=96, summary=SUMMARY), WORDS)
    assert 'role="meter"' in html and 'aria-valuenow="500"' in html and "50 %" in html
    assert "96 of 134 messages sent, 38 folded." in html
    assert 'class="mark" style="left:75.00%"' in html and "Summarises above <b>750</b>" in html
    assert "2 left out" in budget.meter(view(left_out=2), WORDS)
    assert "&lt;" in budget.meter(None, WORDS, EVIL)


def test_a_summary_says_what_it_stands_for_and_only_now_can_be_changed() -> None:
    told = {**SUMMARY.additional_kwargs["longthread"], "by_hand": True}
    evil = SystemMessage(HEADING + EVIL, id=EVIL, additional_kwargs={"longthread": told})
    html = summary.summary(view(summary=evil), EVIL, WORDS, now=True)
    assert "38 messages, 6,120 → 410 tokens" in html and "edited by hand" in html
    assert "<img" not in html and HEADING not in html and html.count("data-do=") == 4
    assert "data-do" not in summary.summary(view(summary=SUMMARY), "t", WORDS, now=False)
    assert summary.summary(view(), "t", WORDS, now=True) == ""


def test_a_change_of_the_summary_is_named_and_counted_in_the_persons_language() -> None:
    fold = moment(kind="fold", folded=1200)
    taken = moment(kind="fold", act="undo")
    html = timeline.timeline([fold, taken, moment(kind="fold", act=EVIL)], "c", UTC, WORDS, more=False)
    assert ">Summarised<" in html and "1,200 messages summarised" in html
    assert "Fold taken back" in html and "No message is summarised" in html and "<img" not in html
    german = timeline.timeline([fold], "c", UTC, Words("de"), more=False)
    assert "1.200 Nachrichten zusammengefasst" in german


def test_the_timeline_marks_where_one_looks_and_the_tips_of_other_branches() -> None:
    other = moment(checkpoint_id="d", active=False, preview=EVIL)
    html = timeline.timeline([moment(), other], "c", UTC, WORDS, more=True)
    assert html.count('aria-current="step"') == 1 and html.count("other branch") == 1
    assert "<img" not in html and "Load older steps" in html and "12:00" in html
    early = moment(created=NOON - timedelta(days=1), tokens=(1200, 30), nodes=(EVIL,))
    html = timeline.timeline([moment(), moment(), early], "c", UTC, WORDS, more=False)
    assert re.findall("<h3>(.*?)</h3>", html) == ["9 May 2026", "8 May 2026"] and html.count("<ol>") == 2
    assert "1,200 + 30 tokens" in html and "<img" not in html


def test_a_difference_shows_what_came_what_left_and_the_summaries() -> None:
    change = Difference(
        [HumanMessage(EVIL)], [AIMessage("old")], [(AIMessage("x"), AIMessage("y"))], None, SUMMARY
    )
    html = timeline.difference("5", change, WORDS)
    assert html.count('class="added"') == 2 and html.count('class="removed"') == 1
    assert html.count("<del>") == html.count("<ins>") == 1
    assert "<img" not in html and "&lt;b&gt;tea" in html
    later = Difference([], [], [], SystemMessage(f"Tea {EVIL} now"), SystemMessage(f"Tea {EVIL} then"))
    html = timeline.difference("5", later, WORDS, since="2")
    assert "From step 2 to step 5" in html and "now</del>" in html and "then</ins>" in html
    assert "<img" not in html and html.count("<ins>") == 1
    assert "Nothing" in timeline.difference("5", Difference([], [], [], SUMMARY, SUMMARY), WORDS)


@pytest.mark.parametrize(
    ("said", "after"),
    [
        ("a", "a"),
        ("```\na", "```\na\n```"),
        ("```\na\n```", "```\na\n```"),
        ("~~~~ x\na\n~~~", "~~~~ x\na\n~~~\n~~~~"),
        ("````\n```\na", "````\n```\na\n````"),
        ("``` a ` b\nc", "``` a ` b\nc"),
    ],
)
def test_what_follows_a_message_is_not_in_its_code(said: str, after: str) -> None:
    assert text.closed(said) == after


def test_a_message_that_is_left_out_says_why_and_nothing_of_it_is_html() -> None:
    part = Part(ToolMessage(EVIL, tool_call_id="c", id=EVIL), "message", 7, "call")
    drawn = budget.listing([part], WORDS)
    assert 'class="out"' in drawn and "a result without its call" in drawn and "7 tokens" in drawn
    assert "<img" not in drawn
