"""Every state of the page, light, dark and on a phone: nothing serious for axe, and no scrolling sideways."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.openai_server import ModelServer
from tests.ui.conftest import Visit
from tests.ui.states import states


@pytest.mark.browser
@pytest.mark.parametrize(("dark", "size"), [(False, (1440, 900)), (True, (1440, 900)), (True, (390, 844))])
def test_every_state_is_for_everybody(
    visit: Visit, model: ModelServer, dark: bool, size: tuple[int, int]
) -> None:
    tab, axe = visit(dark=dark, size=size), Axe()
    page = tab.page

    @contextmanager
    def slowly() -> Iterator[None]:
        model.delay, model.words = 0.05, 400
        yield
        model.delay, model.words = 0.0, None

    faults = list[tuple[str, str, str]]()
    for state in states(page, slowly):
        for found in axe.run(page).response["violations"]:
            if found["impact"] in ("serious", "critical"):
                faults += [(state, found["id"], node["html"][:200]) for node in found["nodes"]]
        wide = page.evaluate("document.documentElement.scrollWidth")
        faults += [(state, "scrolls sideways", str(wide))] * (wide > size[0])
    tab.left()
    assert not faults
