"""The list of threads in a real browser."""

import re

import pytest
from playwright.sync_api import Locator, Route, expect

from graph import OpenGraph
from tests.ui.conftest import Behind, Tab, Visit
from tests.ui.grave import grave

browser = pytest.mark.browser


@browser
def test_back_and_forward_walk_through_threads(tab: Tab) -> None:
    tab.say("First of two").answered()
    first = tab.thread
    tab.page.click("#left a.new")
    expect(tab.mine).to_have_count(0)
    tab.say("Second of two").answered()
    second = tab.thread
    tab.page.get_by_role("link", name="First of two").first.click()
    expect(tab.mine).to_have_text(["First of two"])
    assert tab.thread == first
    tab.page.go_back()
    expect(tab.mine).to_have_text(["Second of two"])
    assert tab.thread == second
    tab.page.go_forward()
    expect(tab.mine).to_have_text(["First of two"])


@browser
def test_ctrl_click_opens_a_thread_in_a_tab_of_its_own(tab: Tab) -> None:
    thread = tab.say("Open me beside").thread
    tab.answered().page.get_by_role("link", name="New chat").click()
    expect(tab.mine).to_have_count(0)
    with tab.page.context.expect_page() as opened:
        row_of(tab, thread).locator("a").click(modifiers=["ControlOrMeta"])
    expect(opened.value.locator("#chat .user-row")).to_have_text("Open me beside")
    assert not tab.thread


@browser
def test_an_unknown_thread_is_a_notice_and_a_new_chat(visit: Visit) -> None:
    tab = visit("nobody-has-this")
    expect(tab.page.locator(".toast-body")).to_contain_text("not here")
    assert not grave(tab.page)
    expect(tab.page.locator("h1")).to_have_text("New chat")
    expect(tab.page).to_have_url(re.compile("/$"))
    tab.say("Anything at all").answered()
    assert tab.thread != "nobody-has-this"


def row_of(tab: Tab, thread: str) -> Locator:
    return tab.page.locator(f"#threads li[data-id='{thread}']")


def act(tab: Tab, row: Locator, name: str) -> None:
    row.hover()
    row.locator(".dots").click()
    tab.page.get_by_role("menuitem", name=name, exact=True).click()


def shelf(tab: Tab, name: str) -> None:
    tab.page.locator("#threads .chips").get_by_role("button", name=name, exact=True).click()
    expect(tab.page.locator("#threads .chips button[aria-pressed=true]")).to_have_text(name)


@browser
def test_a_thread_is_renamed_in_place_and_its_title_is_everywhere(tab: Tab) -> None:
    tab.say("Working title").answered()
    row = row_of(tab, tab.thread)
    act(tab, row, "Rename")
    row.get_by_role("textbox", name="Title").fill("Final title")
    tab.page.keyboard.press("Enter")
    expect(row).to_contain_text("Final title")
    expect(tab.page.locator("h1")).to_have_text("Final title")


@browser
def test_what_is_moved_to_the_trash_is_gone_at_once_and_can_be_had_back(tab: Tab) -> None:
    tab.say("Trash me").answered()
    thread = tab.thread
    act(tab, row_of(tab, thread), "Move to trash")
    expect(row_of(tab, thread)).to_have_count(0)
    expect(tab.mine).to_have_count(0)
    undo = tab.page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    tab.page.keyboard.press("Enter")
    expect(row_of(tab, thread)).to_be_visible()
    expect(undo).to_have_count(0)


@browser
def test_only_the_trash_deletes_for_good_and_asks_before(tab: Tab) -> None:
    tab.say("Delete me for good").answered()
    thread = tab.thread
    act(tab, row_of(tab, thread), "Move to trash")
    expect(row_of(tab, thread)).to_have_count(0)
    shelf(tab, "Trash")
    act(tab, row_of(tab, thread), "Delete for good…")
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("“Delete me for good”")
    tab.page.keyboard.press("Enter")  # by accident
    expect(dialog).to_have_count(0)
    expect(row_of(tab, thread)).to_be_visible()
    act(tab, row_of(tab, thread), "Delete for good…")
    dialog.get_by_role("button", name="Delete").click()
    expect(row_of(tab, thread)).to_have_count(0)
    expect(tab.page.locator("h1")).to_have_text("New chat")
    tab.go(f"/?thread={thread}").ready()
    expect(tab.page.locator(".toast-body")).to_contain_text("not here")


@browser
def test_pinned_threads_come_first_and_archived_ones_are_out_of_the_way(tab: Tab) -> None:
    tab.say("Pin this").answered()
    thread = tab.thread
    act(tab, row_of(tab, thread), "Pin")
    expect(tab.page.locator("#threads h3").first).to_have_text("Pinned")
    act(tab, row_of(tab, thread), "Unpin")
    expect(tab.page.locator("#threads h3").first).to_have_text("Today")
    act(tab, row_of(tab, thread), "Archive")
    expect(row_of(tab, thread)).to_have_count(0)
    shelf(tab, "Archive")
    act(tab, row_of(tab, thread), "Put back")
    expect(row_of(tab, thread)).to_have_count(0)
    shelf(tab, "Conversations")
    expect(row_of(tab, thread)).to_be_visible()


@browser
def test_a_tag_is_a_view_of_its_threads(tab: Tab) -> None:
    tab.say("Tag this").answered()
    thread = tab.thread
    act(tab, row_of(tab, thread), "Tags…")
    row_of(tab, thread).get_by_role("textbox").fill(f"t{thread[:6]}, Work")
    tab.page.keyboard.press("Enter")
    shelf(tab, f"#t{thread[:6]}")
    expect(tab.names).to_have_count(1)
    act(tab, row_of(tab, thread), "Tags…")
    row_of(tab, thread).get_by_role("textbox").fill("")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("#threads .empty")).to_contain_text("has this tag")


@browser
def test_what_goes_wrong_in_the_list_is_told_at_once(tab: Tab) -> None:
    tab.say("Tag this too often").answered()
    act(tab, row_of(tab, tab.thread), "Tags…")
    row_of(tab, tab.thread).get_by_role("textbox").fill(",".join(map(str, range(11))))
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator(".toast-body")).to_contain_text("at most 10 tags; these are 11")


@browser
def test_the_menu_works_from_the_keyboard_and_gives_the_focus_back(tab: Tab) -> None:
    tab.say("By keyboard").answered()
    dots = row_of(tab, tab.thread).locator(".dots")
    dots.focus()
    tab.page.keyboard.press("Enter")
    item = tab.page.get_by_role("menuitem", name="Rename")
    expect(item).to_be_focused()
    tab.page.keyboard.press("ArrowDown")
    expect(tab.page.get_by_role("menuitem", name="Pin", exact=True)).to_be_focused()
    tab.page.keyboard.press("Escape")
    expect(item).to_be_hidden()
    expect(dots).to_be_focused()


@browser
def test_ctrl_k_finds_titles_and_messages_and_opens_them(tab: Tab) -> None:
    tab.say("Quince marmalade for breakfast").answered()
    thread = tab.thread
    tab.page.click("#left a.new")
    expect(tab.mine).to_have_count(0)
    tab.page.keyboard.press("Control+k")
    expect(tab.page.locator("#thread-search")).to_be_focused()
    tab.page.keyboard.type("marmal")
    found = tab.page.locator("#thread-found")
    expect(found.locator("mark").first).to_have_text("marmal")
    expect(found.locator("small").first).to_contain_text("Title")
    hit = found.locator("li", has_text="You").first
    expect(hit.locator("q")).to_contain_text("Quince marmalade")
    tab.page.keyboard.press("ArrowDown")
    expect(found.locator("a").first).to_be_focused()
    hit.locator("a").click()
    expect(tab.mine).to_have_text(["Quince marmalade for breakfast"])
    assert tab.thread == thread
    expect(tab.page.locator("#chat .lt-found")).to_contain_text("Quince")
    tab.page.fill("#thread-search", "zebrazebra")
    expect(found.locator(".empty")).to_contain_text("Try fewer")
    tab.page.locator("#thread-search").press("Escape")
    expect(row_of(tab, thread)).to_be_visible()


@browser
def test_what_was_said_on_another_branch_is_found_where_it_was_said(tab: Tab) -> None:
    tab.say("Damson jelly").answered()
    tab.mine.first.hover()
    tab.mine.first.locator(".lt-do-edit").click()
    expect(tab.page.locator("#composer textarea")).to_have_value("Damson jelly")
    tab.say("Sloe gin").answered()
    tab.page.fill("#thread-search", "damson")
    tab.page.locator("#thread-found li", has_text="You").first.locator("a").click()
    expect(tab.page.locator("#chat .lt-found")).to_contain_text("Damson jelly")
    expect(tab.page.locator("#banner-text")).to_contain_text("read only")
    tab.page.click("#back")
    expect(tab.mine).to_have_text(["Sloe gin"])


@browser
def test_a_late_answer_to_an_older_search_does_not_show(tab: Tab) -> None:
    tab.say("Rhubarb crumble").answered()
    held = list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    tab.page.route(re.compile(r"found\?q=rhubarb&"), hold)
    tab.page.fill("#thread-search", "rhubarb")
    tab.page.wait_for_timeout(400)
    assert held
    tab.page.fill("#thread-search", "zebrazebra")
    expect(tab.page.locator("#thread-found .empty")).to_be_visible()
    held[0].continue_()
    tab.page.wait_for_timeout(500)
    expect(tab.page.locator("#thread-found .empty")).to_be_visible()


@browser
def test_more_threads_are_shown_below_and_the_list_stays_where_it_is(visit: Visit, behind: Behind) -> None:
    def talk(graph: OpenGraph) -> None:
        for n in range(51):
            graph.invoke(
                {"messages": [("user", f"One of many, {n}")]}, {"configurable": {"thread_id": f"many-{n}"}}
            )

    behind(talk)
    tab = visit()
    expect(tab.names).to_have_count(50)
    more, side = tab.page.locator("#threads .more"), tab.page.locator("#left")
    more.scroll_into_view_if_needed()
    there = side.evaluate("e => e.scrollTop")
    more.click()
    expect(row_of(tab, "many-0")).to_be_attached()
    assert there > 0 and abs(side.evaluate("e => e.scrollTop") - there) < 60


@browser
def test_a_new_thread_shows_in_the_persons_other_tab_within_seconds(visit: Visit) -> None:
    here, there = visit(), visit()
    here.say("Seen elsewhere").answered()
    expect(row_of(there, here.thread)).to_be_visible(timeout=4000)


@browser
def test_a_temporary_chat_says_so_and_is_gone_when_another_is_opened(tab: Tab) -> None:
    tab.page.get_by_role("button", name="Temporary chat").click()
    expect(tab.page.locator("h1")).to_contain_text("not kept")
    tab.say("Keep no word of this").answered()
    thread = tab.thread
    expect(row_of(tab, thread)).to_have_count(0)
    tab.page.click("#left a.new")
    expect(tab.mine).to_have_count(0)
    tab.go(f"/?thread={thread}").ready()
    expect(tab.page.locator(".toast-body")).to_contain_text("not here")


@browser
def test_a_thread_is_exported_as_markdown(tab: Tab) -> None:
    tab.say("Export me").answered()
    with tab.page.expect_download() as download:
        act(tab, row_of(tab, tab.thread), "Export as Markdown")
    text = download.value.path().read_text()
    assert text.startswith("# Export me\n") and "## You\n\nExport me\n" in text and "## Assistant" in text
    assert download.value.suggested_filename == "Export me.md"
