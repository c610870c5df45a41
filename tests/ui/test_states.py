"""Every state of the page, light, dark and on a phone: nothing serious for axe, and no scrolling sideways."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.openai_server import ModelServer
from tests.ui.conftest import Visit
from tests.ui.grave import grave
from tests.ui.states import states


@pytest.mark.browser
@pytest.mark.parametrize(("dark", "size"), [(False, (1440, 900)), (True, (1440, 900)), (True, (390, 844))])
def test_every_state_is_for_everybody(
    visit: Visit, model: ModelServer, dark: bool, size: tuple[int, int]
) -> None:
    tab = visit(dark=dark, size=size)
    page = tab.page

    @contextmanager
    def slowly() -> Iterator[None]:
        model.delay, model.words = 0.05, 400
        yield
        model.delay, model.words = 0.0, None

    faults = list[tuple[str, str, str]]()
    for state in states(page, slowly):
        faults += [(state, *found) for found in grave(page)]
        wide = page.evaluate("document.documentElement.scrollWidth")
        faults += [(state, "scrolls sideways", str(wide))] * (wide > size[0])
    tab.left()
    assert not faults
