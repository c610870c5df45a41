"""The page while the database or the model is away, and when they are back, in a real browser."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import anyio.from_thread
import pytest
from anyio.from_thread import BlockingPortal
from playwright.sync_api import expect

from graph import OpenGraph
from graph.circuit import FAILURES
from tests.checkpointers.wire import Wire
from tests.openai_server import Fault, ModelServer
from tests.ui.conftest import Tab
from tests.ui.grave import grave
from tests.ui.site import Site

pytestmark = pytest.mark.browser
Visit = Callable[..., Tab]
Behind = Callable[[Callable[[OpenGraph], object]], object]


class Line:
    """The way from the page's server to its database, which may be closed."""

    def __init__(self, portal: BlockingPortal, wire: Wire) -> None:
        self._portal, self._wire = portal, wire

    def close(self) -> None:
        """As if Postgres were stopped."""
        self._portal.call(self._wire.stop)

    def open(self) -> None:
        """As if it were started again."""
        self._portal.call(self._wire.start)


@pytest.fixture(scope="module")
def wire(database: str) -> Iterator[tuple[str, Line]]:
    with anyio.from_thread.start_blocking_portal() as portal:
        wire = Wire(database)
        with portal.wrap_async_context_manager(wire):
            yield wire.url, Line(portal, wire)


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], wire: tuple[str, Line]
) -> Iterator[Site]:
    """A page whose database may be away."""
    site = Site(tmp_path_factory.mktemp("site"), **(environment | {"DATABASE_URL": wire[0]}))
    with site.running():
        yield site


@pytest.fixture
def line(wire: tuple[str, Line]) -> Iterator[Line]:
    yield wire[1]
    wire[1].close()
    wire[1].open()


def banner(tab: Tab):
    return tab.page.locator("#away [role=status]")


def forgiven(tab: Tab) -> None:
    """The browser calls it an error that the server says what is the matter."""
    tab.faults[:] = [fault for fault in tab.faults if "503" not in fault]


def test_a_message_is_kept_while_the_database_is_away_and_the_page_goes_on(
    tab: Tab, line: Line, behind: Behind
) -> None:
    tab.say("Before the storm").answered()
    thread = tab.thread
    expect(banner(tab)).to_be_empty()
    line.close()
    expect(banner(tab)).to_contain_text("The database is not answering")
    tab.page.fill("#thread-search", "storm")
    expect(tab.page.locator("#thread-found")).to_contain_text("The search is not answering")
    tab.page.fill("#thread-search", "")
    tab.page.fill("#composer textarea", "In the storm")
    tab.page.keyboard.press("Enter")
    toasts = tab.page.get_by_test_id("toast-text")
    expect(toasts).to_contain_text("Postgres is not answering")
    tab.page.wait_for_timeout(5000)  # the drawing that followed has failed too
    assert toasts.count() == 1, "told once"
    expect(toasts).to_have_count(0)  # and so has what is around it
    expect(tab.page.locator("#composer textarea")).to_have_value("In the storm")
    expect(tab.mine).to_have_text(["Before the storm"])
    place = {"configurable": {"thread_id": thread}}
    behind(lambda graph: graph.invoke({"messages": [("user", "From elsewhere")]}, place))
    line.open()
    expect(banner(tab)).to_be_empty()
    expect(tab.mine).to_have_text(["Before the storm", "From elsewhere"])
    expect(tab.page.locator("#composer textarea")).to_have_value("In the storm")
    tab.page.wait_for_timeout(1500)
    assert toasts.count() == 0, "what went wrong meanwhile is over"
    tab.page.focus("#composer textarea")
    tab.page.keyboard.press("Enter")
    expect(tab.answers).to_have_count(3)
    expect(tab.page.locator("#composer textarea")).to_have_value("")
    expect(tab.mine.last).to_have_text("In the storm")
    forgiven(tab)


def test_a_page_that_came_too_early_is_drawn_when_the_database_is_back(
    visit: Visit, line: Line, behind: Behind
) -> None:
    thread = f"early-{uuid4()}"
    place = {"configurable": {"thread_id": thread}}
    behind(lambda graph: graph.invoke({"messages": [("user", "Long ago")]}, place))
    tab = visit()
    line.close()
    tab.go(f"/?thread={thread}")
    expect(banner(tab)).to_contain_text("The database is not answering")
    line.open()
    expect(banner(tab)).to_be_empty()
    expect(tab.mine).to_have_text(["Long ago"])
    assert tab.thread == thread
    forgiven(tab)


def test_a_model_that_is_away_is_said_and_the_question_can_be_tried_again(
    tab: Tab, model: ModelServer
) -> None:
    model.fault = Fault("status", 503)
    tab.say("Are you there?").answered()
    for _ in range(1, FAILURES):
        expect(tab.notes).to_have_text(["This message has no answer yet."])
        asked = len(model.requests)  # other tests have asked it, too
        tab.page.get_by_role("button", name="Try again").click()
        while len(model.requests) == asked:
            tab.page.wait_for_timeout(50)
        tab.answered()
    expect(banner(tab)).to_contain_text("The model is not answering")
    model.fault = None
    expect(banner(tab)).to_be_empty()
    tab.page.get_by_role("button", name="Try again").click()
    expect(tab.answers).to_contain_text("Are you there?")
    expect(tab.mine).to_have_count(1)


@pytest.mark.parametrize(
    ("size", "dark"),
    [((1440, 900), False), ((1440, 900), True), ((390, 844), False)],
    ids=["light", "dark", "phone"],
)
def test_the_line_is_there_for_everybody(visit: Visit, line: Line, size: tuple[int, int], dark: bool) -> None:
    tab = visit(size=size, dark=dark)
    line.close()
    expect(banner(tab)).to_contain_text("The database is not answering")
    expect(banner(tab)).to_be_in_viewport()
    assert not grave(tab.page)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= size[0]
    box, buttons = banner(tab).bounding_box(), tab.page.locator("#drawers").bounding_box()
    assert box and (not buttons or box["y"] >= buttons["y"] + buttons["height"])
    line.open()
    expect(banner(tab)).to_be_empty()
    forgiven(tab)


def test_a_hidden_page_asks_nothing(tab: Tab) -> None:
    asked: list[str] = []
    tab.page.on("request", lambda r: asked.append(r.url) if r.url.endswith("/readyz") else None)
    hide = "document.dispatchEvent(Object.defineProperty(new Event('visibilitychange'), 'x', {value: "
    hide += "Object.defineProperty(document, 'hidden', {value: %s, configurable: true})}))"
    tab.page.evaluate(hide % "true")
    tab.page.wait_for_timeout(6000)
    before = len(asked)
    tab.page.wait_for_timeout(6000)
    assert len(asked) == before <= 1
    tab.page.evaluate(hide % "false")
    tab.page.wait_for_timeout(500)
    assert len(asked) == before + 1, "at once, and only once"
