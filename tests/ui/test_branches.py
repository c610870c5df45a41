"""The map of branches in a real browser: names in place, another branch current, two side by side."""

from uuid import uuid4

import pytest
from playwright.sync_api import Locator, expect

from graph import LOCAL, Bookmark, OpenGraph
from tests.openai_server import ModelServer
from tests.ui.conftest import Behind, Tab, Visit
from tests.ui.grave import grave
from tests.ui.test_acts import act

browser = pytest.mark.browser
EVIL = "<img src=x onerror=\"alert(1)\">\n</div>and a second line & 'more'"


def rows(tab: Tab) -> Locator:
    return tab.page.locator("#branches .go")


def current(tab: Tab) -> Locator:
    return tab.page.locator("#branches [aria-current=true]")


def pencil(tab: Tab, nth: int) -> Locator:
    return tab.page.locator("#branches [data-act=name]").nth(nth)


def parted(behind: Behind, first: str, *, turns: int = 1, owner: str = LOCAL, forks: int = 1) -> Bookmark:
    """A thread that goes on after its first answer with `turns` questions, and with as many others; of more
    `forks` each grew from the one before."""
    place = Bookmark(f"parted-{uuid4()}", owner)

    def say(graph: OpenGraph, text: str, at: str | None = None) -> str:
        graph.invoke({"messages": [("user", text)]}, place.at(at).config)
        return str(Bookmark.of(graph.get_state(place.config).config).checkpoint_id)

    def talk(graph: OpenGraph) -> None:
        tip = say(graph, first)
        for n in range(turns):
            say(graph, f"{first} on, {n}", tip if n == 0 else None)
        for n in range(forks):
            tip = say(graph, f"Fork {n} of many, told at some length", tip)
            for m in range(1, max(turns, min(forks, 2))):
                say(graph, f"Further {n}, {m}")

    behind(talk)
    return place


@browser
def test_the_map_comes_with_the_second_branch_and_names_stay(tab: Tab) -> None:
    tab.say("The kitchen").answered()
    tab.say("Green tiles").answered()
    expect(tab.page.locator("#spent")).to_contain_text("2 turns")
    expect(tab.page.locator("#branches nav")).to_have_count(0)
    act(tab.mine.last, "edit")
    expect(tab.page.locator("#composer textarea")).to_have_value("Green tiles")
    tab.say("New cupboards").answered()
    expect(rows(tab)).to_have_count(2)
    expect(rows(tab).first).to_contain_text("The kitchen")
    expect(rows(tab).last).to_contain_text("from message 3 · 4 messages")
    expect(current(tab)).to_contain_text("New cupboards current")
    pencil(tab, 1).click()
    tab.page.keyboard.type("never mind")
    tab.page.keyboard.press("Escape")
    expect(pencil(tab, 1)).to_be_focused()
    tab.page.keyboard.press("Enter")
    tab.page.keyboard.type("Oak & <b>brass</b>")
    tab.page.keyboard.press("Enter")
    expect(current(tab).locator(".name")).to_have_text("Oak & <b>brass</b>")
    tab.reload().say("And the floor?").answered()
    expect(current(tab)).to_contain_text("from message 3 · 6 messages")
    expect(current(tab).locator(".name")).to_have_text("Oak & <b>brass</b>")


@browser
def test_arrows_walk_the_map_and_a_row_makes_its_branch_current_unless_it_is_answering(
    visit: Visit, behind: Behind, model: ModelServer
) -> None:
    tab = visit(parted(behind, "Root").thread_id)
    expect(current(tab)).to_contain_text("Fork 0")
    rows(tab).first.focus()
    for key, nth in [("ArrowDown", 1), ("ArrowDown", 1), ("Home", 0), ("End", 1), ("ArrowUp", 0)]:
        tab.page.keyboard.press(key)
        expect(rows(tab).nth(nth)).to_be_focused()
    tab.page.keyboard.press("Enter")
    expect(tab.mine).to_have_text(["Root", "Root on, 0"])
    expect(current(tab)).to_contain_text("Root")
    expect(rows(tab).first).to_be_focused()
    model.delay, model.words = 0.05, 100
    tab.say("Talk for long")
    expect(tab.answers.last).to_contain_text("word1")
    rows(tab).last.click()
    expect(tab.page.locator(".toast-body")).to_contain_text("still answering")
    tab.answered()
    expect(tab.mine).to_have_text(["Root", "Root on, 0", "Talk for long"])


@browser
def test_a_name_that_is_being_typed_outlives_a_drawing(
    visit: Visit, behind: Behind, model: ModelServer
) -> None:
    tab = visit(parted(behind, "Root").thread_id)
    expect(current(tab)).to_contain_text("Fork 0")
    model.delay = 0.05
    tab.say("Further")
    pencil(tab, 0).click()
    tab.page.keyboard.type("The fir")
    expect(current(tab)).to_contain_text("6 messages")
    tab.answered()
    tab.page.keyboard.type("st")
    tab.page.keyboard.press("Enter")
    expect(rows(tab).first.locator(".name")).to_have_text("The first")


@browser
def test_two_branches_side_by_side_are_read_and_nothing_is_asked(
    visit: Visit, behind: Behind, model: ModelServer
) -> None:
    tab = visit(parted(behind, EVIL, turns=12).thread_id)
    expect(rows(tab)).to_have_count(2)
    asked = len(model.requests)
    opener = tab.page.locator("#branches [data-act=beside]")
    opener.click()
    dialog = tab.page.get_by_role("dialog", name="Side by side")
    expect(dialog.locator("label.one")).to_contain_text("Fork 0 of many, told at some length")
    expect(dialog.locator("label.one em")).to_have_text("current")
    expect(dialog.locator("label.other")).to_contain_text("<img src=x")
    expect(dialog.locator(".shared")).to_contain_text("They share 2 messages")
    said = dialog.locator("li.human div")
    expect(said.first).to_have_text(EVIL, use_inner_text=True)
    expect(dialog.locator("div.one li")).to_have_count(20)
    expect(dialog.locator("div.other li").first).to_contain_text("on, 0")
    dialog.get_by_role("button", name="Show more (4)").click()
    for side, last in (("one", "Further 0, 11"), ("other", "on, 11")):
        expect(dialog.locator(f"div.{side} li")).to_have_count(24)
        expect(dialog.locator(f"div.{side} li.human").last).to_contain_text(last)
        expect(dialog.locator(f"div.{side}")).to_contain_text("This branch ends here")
    expect(tab.page.locator("#beside img, #branches img")).to_have_count(0)
    tab.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    opener.click()
    dialog.get_by_role("button", name="Make this the current branch").click()
    expect(dialog).to_have_count(0)
    expect(current(tab)).to_contain_text("<img")
    expect(tab.mine.last).to_contain_text("on, 11")
    assert len(model.requests) == asked


@browser
def test_of_anothers_branches_there_is_nothing(visit: Visit, behind: Behind) -> None:
    theirs, mine = parted(behind, "Zarquon", owner="somebody else"), parted(behind, "Mine")
    tips: dict[str, list[str]] = {}

    def look(graph: OpenGraph) -> None:
        for place in (theirs, mine):
            tips[place.thread_id] = [
                str(Bookmark.of(s.config).checkpoint_id) for s in graph.get_state_history(place.config)
            ]

    behind(look)
    tab = visit(theirs.thread_id)
    expect(tab.page.locator(".toast-body")).to_be_visible()
    expect(tab.page.locator("#branches nav")).to_have_count(0)

    def beside(thread: str, *ids: str) -> tuple[int, str]:
        asked = {"thread": thread, "one": ids[0], "other": ids[1]}
        answer = tab.page.request.get(f"{tab.site.url}/beside", params=asked)
        assert answer.headers["cache-control"] == "no-store"
        return answer.status, answer.text()

    one, other, *_ = tips[theirs.thread_id]
    assert beside(mine.thread_id, *tips[mine.thread_id][:2])[0] == 200
    absent = beside(str(uuid4()), str(uuid4()), str(uuid4()))
    assert absent[0] == 404 and beside(theirs.thread_id, one, other) == absent
    assert "Zarquon" not in beside(mine.thread_id, tips[mine.thread_id][0], other)[1]


@pytest.fixture(scope="module")
def deep(behind: Behind) -> str:
    """A thread of 25 branches, each grown from the one before."""
    return parted(behind, "Root", forks=24).thread_id


@browser
@pytest.mark.parametrize(
    ("size", "dark"),
    [((1440, 900), False), ((1440, 900), True), ((390, 844), False)],
    ids=["light", "dark", "phone"],
)
def test_many_branches_deep_have_room_and_nothing_serious(
    visit: Visit, deep: str, size: tuple[int, int], dark: bool
) -> None:
    tab = visit(deep, size=size, dark=dark)
    phone = size[0] < 1000
    if phone:
        tab.page.get_by_role("button", name="Context and timeline").click()
    expect(rows(tab)).to_have_count(20)
    tab.page.get_by_role("button", name="Show all 25 branches").click()
    expect(rows(tab)).to_have_count(25)
    _well(tab, "#right")
    tab.page.locator("#branches [data-act=beside]").first.click()
    expect(tab.page.locator("#beside")).to_be_visible()
    _well(tab, "#beside")
    if phone:
        expect(tab.page.locator("#beside div.other")).to_be_hidden()
        tab.page.locator("#beside label.other").click()
        expect(tab.page.locator("#beside div.other")).to_be_visible()
        expect(tab.page.locator("#beside div.one")).to_be_hidden()


def _well(tab: Tab, part: str) -> None:
    """Nothing serious for axe, and nothing beside the screen or the part."""
    assert not grave(tab.page)
    wide = (
        "p => [document.documentElement, document.querySelector(p)].map(e => e.scrollWidth - e.clientWidth)"
    )
    assert tab.page.evaluate(wide, part) == [0, 0]
    if tab.page.evaluate("innerWidth") < 1000:
        low = "all => all.map(b => b.offsetHeight).filter(height => height && height < 44)"
        assert tab.page.locator(f"{part} .go, {part} .act, #beside button").evaluate_all(low) == []
