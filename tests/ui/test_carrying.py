"""A thread carried to a file and back, in a real browser."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.ui.conftest import Tab, Visit
from tests.ui.grave import grave
from tests.ui.test_acts import act as edit
from tests.ui.test_acts import versions
from tests.ui.test_threads import act, row_of

browser = pytest.mark.browser


@browser
def test_a_thread_is_exported_and_imported_with_its_versions(tab: Tab, tmp_path: Path) -> None:
    tab.say("Carry me").answered()
    edit(tab.mine.first, "edit")
    expect(tab.page.locator("#composer textarea")).to_have_value("Carry me")
    tab.say("Carry me instead").answered()
    expect(versions(tab.mine.first)).to_have_attribute("title", "2/2")
    said, thread = tab.page.locator("#chat .message-row").all_inner_texts(), tab.thread
    with tab.page.expect_download() as download:
        act(tab, row_of(tab, thread), "Export as JSON")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "Carry me.json" and len(json.loads(file.read_bytes())["branches"]) == 2
    tab.page.click("#left a.new")
    expect(tab.mine).to_have_count(0)
    with tab.page.expect_file_chooser() as chooser:
        tab.page.get_by_role("button", name="Import a conversation…").click()
    chooser.value.set_files(file)
    expect(tab.mine).to_have_text(["Carry me instead"])
    expect(versions(tab.mine.first)).to_have_attribute("title", "2/2")
    assert tab.page.locator("#chat .message-row").all_inner_texts() == said
    assert tab.thread not in ("", thread)
    expect(row_of(tab, tab.thread)).to_have_text("Carry me⋯")
    edit(tab.mine.first, "prev")
    expect(tab.mine).to_have_text(["Carry me"])


@browser
@pytest.mark.parametrize(("dark", "width"), [(False, 1440), (True, 390)])
def test_what_is_wrong_with_a_file_is_told_beside_the_button(
    visit: Visit, tmp_path: Path, dark: bool, width: int
) -> None:
    """While the server works that is shown; what was typed stays, and another file can be chosen."""
    tab = visit(dark=dark, size=(width, 844))
    tab.page.fill("#composer textarea", "Half a thought")
    if width < 1000:
        tab.page.click("[data-drawer=left]")
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    tab.page.route("**/import", hold)
    file = tmp_path / "other.json"
    file.write_text("{}")
    tab.page.set_input_files("#carry input", file)
    expect(tab.page.locator("#carry progress")).to_be_visible()
    assert not grave(tab.page)
    waiting[0].continue_()
    expect(tab.page.locator("#import-told")).to_contain_text("not a conversation of Longthread's")
    expect(tab.page.locator("#carry progress")).to_be_hidden()
    assert not grave(tab.page)
    tab.faults[:] = [fault for fault in tab.faults if "400" not in fault]
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(tab.page.locator("#composer textarea")).to_have_value("Half a thought")
    tab.page.unroute("**/import")
    tab.page.route("**/import", lambda route: route.abort())
    tab.page.set_input_files("#carry input", file)
    expect(tab.page.locator("#import-told")).to_contain_text("Nothing was stored")
    tab.faults[:] = [fault for fault in tab.faults if "ERR_FAILED" not in fault]
