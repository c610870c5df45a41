"""What axe finds serious or critical on a page, `grave`: its rule and where."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def grave(page: Page) -> list[tuple[str, str]]:
    """A rule and the HTML that breaks it, for each place; none is as it must be."""
    found = Axe().run(page).response["violations"]
    serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    return [(rule["id"], node["html"][:200]) for rule in serious for node in rule["nodes"]]
