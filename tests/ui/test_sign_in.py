"""Signing in: who is let in, for how long, and how fast one may guess."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect

from graph import LOCAL, Bookmark, open_graph
from tests.ui.grave import grave
from tests.ui.signing import WORD, served, sign_in, with_users
from tests.ui.site import Site
from ui.sign_in.people import People
from ui.sign_in.routes import inside
from ui.sign_in.session import Person, Sessions
from ui.sign_in.throttle import Throttle


def test_a_cookie_is_good_for_its_time_and_as_it_was_signed() -> None:
    clock = [1000.0]
    sessions = Sessions(b"s" * 32, 1, lambda: clock[0])
    token = sessions.begin(Person("ada", "Ada"), "m")
    assert sessions.read(token) == (Person("ada", "Ada"), "m")
    assert Sessions(b"t" * 32, 1, lambda: clock[0]).read(token) is None
    for forged in (
        "",
        ".",
        "é.x",
        token[:-1],
        token + "0",
        "A" + token,
        sessions.seal("away", ["ada", "", "m", "x"]),
    ):
        assert sessions.read(forged) is None
    clock[0] += 3600
    assert sessions.read(token) is None
    clock[0] -= 10
    sessions.end(token)
    assert sessions.read(token) is None


def test_waits_grow_and_are_forgotten() -> None:
    clock = [0.0]
    throttle = Throttle(lambda: clock[0])
    key = ("name", "ada")
    assert [throttle.begin(key) for _ in range(3)] == [0, 0, 0]
    waits: list[float] = []
    for _ in range(8):
        waits.append(throttle.begin(key))
        clock[0] += waits[-1]
        assert throttle.begin(key) == 0
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    throttle.right(key)
    assert throttle.begin(key) == 0


def test_only_a_path_of_this_site_is_gone_to() -> None:
    assert inside("/?thread=a") == "/?thread=a"
    for there in (
        "//evil.example",
        "https://evil.example",
        "/\\evil",
        "\\\\evil",
        "/\tx",
        "evil",
        "/sign-out",
        "",
    ):
        assert inside(there) == "/"


@pytest.mark.anyio
async def test_nobody_sees_the_page_unsigned_and_one_comes_back_to_where_one_was(
    database: str, tmp_path: Path
) -> None:
    async with served(with_users(database, tmp_path, "ada")) as client:
        away = await client.get("/?thread=abc")
        assert away.status_code == 303 and away.headers["location"] == "/sign-in?next=%2F%3Fthread%3Dabc"
        for path in (
            "/gradio_api/info",
            "/gradio_api/queue/data?session_hash=x",
            "/gradio_api/file=/etc/passwd",
        ):
            assert (await client.get(path)).status_code == 401
        assert (await client.post("/gradio_api/run/show", json={"data": []})).status_code == 401
        assert (await client.get("/config")).status_code == 303
        for path in ("/healthz", "/theme.css"):
            assert (await client.get(path)).status_code == 200
        wrong = await sign_in(client, "ada", "wrong")
        assert wrong.status_code == 403 and 'role="alert"' in wrong.text and not client.cookies
        unknown = await sign_in(client, "nobody", "wrong")
        assert unknown.text.replace("nobody", "ada") == wrong.text
        back = await sign_in(client, "ada", there="/?thread=abc")
        assert (back.status_code, back.headers["location"]) == (303, "/?thread=abc")
        cookie = back.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=lax" in cookie
        assert (await client.get("/?thread=abc")).status_code == 200


@pytest.mark.anyio
async def test_a_search_and_an_export_are_of_whoever_is_signed_in(database: str, tmp_path: Path) -> None:
    """Not of the local person, whose threads are there, too; and of nobody without a sign-in."""
    settings, ours = with_users(database, tmp_path, "ada", "bob"), f"t-{uuid4()}"
    async with open_graph(settings) as graph:
        for user in (LOCAL, "ada"):
            said = {"messages": [("user", f"The quincunx of {user}")]}
            await graph.ainvoke(said, Bookmark(ours, user).config)
    async with served(settings) as client:
        assert (await client.get("/found?q=quincunx")).status_code == 303
        for name, sees in (("ada", True), ("bob", False)):
            await sign_in(client, name)
            found, export = await client.get("/found?q=quincunx"), await client.get(f"/export/{ours}.md")
            assert found.status_code == 200 and "of local" not in found.text + export.text
            assert ("of ada" in found.text, "of ada" in export.text) == (sees, sees)
            assert export.status_code == (200 if sees else 404)
            whole, absent = [await client.get(f"/export/{of}.json") for of in (ours, f"t-{uuid4()}")]
            assert ("of ada" in whole.text, "of local" in whole.text) == (sees, False)
            assert sees or (whole.status_code, whole.text) == (absent.status_code, absent.text)
            assert absent.status_code == 404


@pytest.mark.anyio
async def test_a_session_ends_with_the_person_the_password_or_the_sign_out(
    database: str, tmp_path: Path
) -> None:
    settings = with_users(database, tmp_path, "ada", "bob")
    people = People(tmp_path / "users.json")
    async with served(settings) as client:
        await sign_in(client, "ada")
        people.add("ada", "another word", replace=True)
        assert (await client.get("/")).status_code == 303
        await sign_in(client, "ada", "another word")
        assert (await client.get("/")).status_code == 200
        people.remove("ada")
        assert (await client.get("/")).status_code == 303
        await sign_in(client, "bob")
        stolen = client.cookies["longthread"]
        assert (await client.get("/sign-out")).status_code in (404, 405)
        assert (await client.post("/sign-out")).headers["location"] == "/sign-in?said=out"
        client.cookies.set("longthread", stolen)
        assert (await client.get("/")).status_code == 303


@pytest.mark.anyio
async def test_guessing_is_slowed_for_a_name_and_for_a_peer(database: str, tmp_path: Path) -> None:
    async with served(with_users(database, tmp_path, "ada")) as client:
        for _ in range(3):
            assert (await sign_in(client, "ada", "wrong")).status_code == 403
        for name in ("ada", "somebody else"):  # the right word has to wait, too
            slow = await sign_in(client, name)
            assert slow.status_code == 429 and slow.headers["retry-after"] in ("1", "2")
            assert re.search(r"Wait \d seconds?, then", slow.text)


@pytest.fixture(scope="module")
def walled(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("walled")
    People(folder / "users.json").add("ada", WORD)
    site = Site(folder, DATABASE_URL=database, LONGTHREAD_DATA=str(folder), LONGTHREAD_SIGN_IN="users")
    with site.running():
        yield site


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["desktop", "phone"])
def test_the_sign_in_page_can_be_used_by_everybody(
    chromium: Browser, walled: Site, size: tuple[int, int], dark: bool
) -> None:
    viewport = {"width": size[0], "height": size[1]}
    context = chromium.new_context(viewport=viewport, color_scheme="dark" if dark else "light")
    page = context.new_page()
    page.goto(walled.url)
    expect(page).to_have_title(re.compile("Sign in"))
    assert not grave(page)
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("wrong word")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    assert not grave(page)
    expect(page.get_by_label("Password")).to_be_focused()
    page.get_by_label("Password").fill(WORD)
    page.keyboard.press("Enter")
    expect(page.locator("#composer textarea")).to_be_visible()
    context.close()


@pytest.mark.browser
def test_a_session_that_ends_elsewhere_is_told_and_the_draft_is_kept(chromium: Browser, walled: Site) -> None:
    context = chromium.new_context()
    page, other = context.new_page(), context.new_page()
    errors: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if "Content Security Policy" in m.text else None)

    def enter() -> None:
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill(WORD)
        page.get_by_role("button", name="Sign in").click()

    page.goto(walled.url)
    enter()
    expect(page.locator("#badge")).to_contain_text("ada")
    page.fill("#composer textarea", "The lighthouse")
    page.keyboard.press("Enter")
    expect(page.locator("#composer .submit-button")).to_be_visible()
    expect(page).to_have_url(re.compile("thread="))
    there = page.url
    expect(page.locator("#chat .bot-row").last).to_be_visible()
    page.fill("#composer textarea", "Half a thought")
    other.goto(walled.url)
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("status")).to_contain_text("signed out")
    page.keyboard.press("Enter")
    expect(page.locator("p.note")).to_contain_text("Your session has ended")
    enter()
    expect(page).to_have_url(there)
    expect(page.locator("#composer textarea")).to_have_value("Half a thought")
    expect(page.locator("#chat .user-row")).to_have_count(1)
    assert errors == []
    context.close()
