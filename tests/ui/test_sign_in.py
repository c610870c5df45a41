"""Signing in: who is let in, by which door, for how long; and another's things are as if they were not."""

import re
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser, expect

from graph import LOCAL, Bookmark, InvalidInput, InvalidSettings, Settings, open_graph
from scripts import probe
from tests.ui.provider import CLIENT, Provider
from tests.ui.site import Site
from ui.app import _check_reach, create_app
from ui.sign_in.people import People
from ui.sign_in.routes import inside
from ui.sign_in.session import Person, Sessions
from ui.sign_in.throttle import Throttle

ROOT = Path(__file__).parents[2]
WORD = "correct horse"
HERE = "http://127.0.0.1"
SERIOUS = ("serious", "critical")


@asynccontextmanager
async def served(settings: Settings, *, peer: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    door = httpx.ASGITransport(app, client=(peer, 5000), raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=door, base_url=HERE) as client,
    ):
        yield client


def with_users(database: str, folder: Path, *names: str) -> Settings:
    people = People(folder / "users.json")
    for name in names:
        people.add(name, WORD)
    return Settings.read(
        database_url=database, data=folder, sign_in="users", users_file=folder / "users.json"
    )


async def sign_in(client: httpx.AsyncClient, name: str, word: str = WORD, there: str = "/") -> httpx.Response:
    return await client.post("/sign-in", data={"name": name, "password": word, "next": there})


# The users file


def test_the_users_file_keeps_hashes_for_its_owner_only(tmp_path: Path) -> None:
    people = People(tmp_path / "users.json")
    people.add("ada", WORD)
    text = people.file.read_text()
    assert WORD not in text and "$argon2id$" in text
    assert stat.S_IMODE(people.file.stat().st_mode) == 0o600
    assert people.check("ada", WORD) and not people.check("ada", "wrong") and not people.check("bob", WORD)
    with pytest.raises(InvalidInput):
        people.add("ada", WORD)
    for name, word in [("", WORD), ("a\nb", WORD), ("a\0b", WORD), ("x" * 300, WORD), ("bob", "short")]:
        with pytest.raises(InvalidInput):
            people.add(name, word)
    assert people.names() == ["ada"]


def test_the_command_adds_changes_lists_and_removes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGTHREAD_USERS_FILE", str(tmp_path / "people.json"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def user(*words: str, said: str = "") -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, ROOT / "scripts" / "user.py", *words],
            input=said,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    people = People(tmp_path / "people.json")
    assert user("add", "ada", "--stdin", said=f"{WORD}\n") == (0, "") and people.check("ada", WORD)
    assert user("passwd", "ada", "--stdin", said="another word\n") == (0, "")
    assert people.check("ada", "another word") and not people.check("ada", WORD)
    assert user("list") == (0, "ada\n")
    assert user("add", "ada", "--stdin", said=f"{WORD}\n")[0] == 2
    assert user("remove", "ada") == (0, "") and people.names() == []
    assert user("remove", "ada")[0] == 2


def test_a_broken_users_file_knows_nobody(tmp_path: Path) -> None:
    people = People(tmp_path / "users.json")
    people.add("ada", WORD)
    people.file.write_text("[]")
    assert people.hash_of("ada") is None


def test_unknown_names_take_as_long(tmp_path: Path) -> None:
    people = People(tmp_path / "users.json")
    people.add("ada", WORD)

    def took(name: str) -> float:
        began = time.perf_counter()
        people.check(name, "not the word")
        return time.perf_counter() - began

    known, unknown = (min(took(name) for _ in range(5)) for name in ("ada", "nobody"))
    assert 0.5 < known / unknown < 2


# The cookie and the throttle


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


# Over HTTP


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


@pytest.mark.anyio
async def test_foreign_origins_are_refused(database: str, tmp_path: Path) -> None:
    for settings in (with_users(database, tmp_path, "ada"), Settings.read(database_url=database)):
        async with served(settings) as client:
            await sign_in(client, "ada")
            path, sent = "/gradio_api/run/none", {"json": {"data": []}}
            own = {"origin": HERE, "sec-fetch-site": "same-origin"}
            assert (await client.post(path, **sent, headers=own)).status_code not in (401, 403)
            for headers in (
                {"origin": "https://evil.example"},
                {"origin": "null"},
                {"origin": f"{HERE}:81"},
                {"sec-fetch-site": "cross-site"},
                {"sec-fetch-site": "same-site"},
            ):
                assert (await client.post(path, **sent, headers=headers)).status_code == 403
                assert (await client.get("/", headers=headers)).status_code == 403
            followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
            assert (await client.get("/", headers=followed)).status_code == 200
    assert settings.sign_in == "none"
    async with served(settings) as client:  # a foreign name that was made to lead here
        assert (await client.get("/", headers={"host": "evil.example"})).status_code == 403


SHUT = [
    "upload",
    "upload_progress",
    "file=/etc/passwd",
    "file/etc/passwd",
    "proxy=http://127.0.0.1",
    "component_server",
    "cancel",
    "reset",
    "stream/x",
    "stream/x/close",
    "call/show",
    "call/show/x",
    "call/v2/show",
    "api/show",
    "info",
    "openapi.json",
    "token",
    "user",
    "login_check",
    "dev/reload",
    "runs",
    "run-history/records",
    "deep_link",
    "queue/status",
    "process_recording",
    "vibe-edit",
    "vibe-code",
    "mcp/sse",
    "mcp/",
    "profiling/traces",
]


@pytest.mark.anyio
async def test_what_the_page_does_not_need_is_not_there(database: str, tmp_path: Path) -> None:
    async with served(with_users(database, tmp_path, "ada")) as client:
        await sign_in(client, "ada")
        paths = [f"/gradio_api/{path}" for path in SHUT] + [
            "/login",
            "/logout",
            "/monitoring",
            "/pwa_icon/64",
        ]
        for path in paths:
            for answer in (await client.get(path), await client.post(path, json={"data": []})):
                assert (answer.status_code, answer.text) == (404, '{"detail":"Not Found"}'), path


@pytest.mark.anyio
async def test_headers_keep_others_out_and_tls_in(database: str, tmp_path: Path) -> None:
    settings = with_users(database, tmp_path, "ada")
    async with served(settings) as client:
        page = await client.get("/sign-in")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert "strict-transport-security" not in page.headers
    async with served(settings.model_copy(update={"public_url": "https://chat.example"})) as client:
        back = await sign_in(client, "ada")
        assert back.headers["set-cookie"].startswith("__Host-longthread=")
        assert "secure" in back.headers["set-cookie"].lower()
        assert "strict-transport-security" in back.headers


@pytest.mark.anyio
async def test_a_proxys_header_is_believed_from_the_proxy_only(database: str, tmp_path: Path) -> None:
    settings = Settings.read(database_url=database, data=tmp_path, sign_in="proxy", proxy_peers="10.0.0.0/30")
    for peer, name, status in [
        ("10.0.0.2", "ada", 200),
        ("10.0.0.2", "local", 401),
        ("10.0.0.2", " ", 401),
        ("10.0.0.9", "ada", 401),
        ("127.0.0.1", "ada", 401),
    ]:
        async with served(settings, peer=peer) as client:
            assert (await client.get("/")).status_code == 401
            headers = {"x-forwarded-user": name, "x-forwarded-for": "10.0.0.2"}
            assert (await client.get("/", headers=headers)).status_code == status
    async with served(with_users(database, tmp_path, "ada")) as client:
        assert (await client.get("/", headers={"x-forwarded-user": "ada"})).status_code == 303


def test_the_open_page_does_not_leave_this_machine() -> None:
    _check_reach(Settings.read(), "127.0.0.1")
    _check_reach(Settings.read(open_to_all=True), "0.0.0.0")
    _check_reach(Settings.read(sign_in="users"), "0.0.0.0")
    with pytest.raises(InvalidSettings, match="scripts/user add"):
        _check_reach(Settings.read(), "0.0.0.0")


# OpenID Connect


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def by_oidc(database: str, tmp_path: Path, provider: Provider) -> Settings:
    provider.claims, provider.state, provider.issuer = {}, "", provider.url
    provider.signs_with = provider.key
    return Settings.read(
        database_url=database, data=tmp_path, sign_in="oidc", oidc_issuer=provider.url, oidc_client_id=CLIENT
    )


async def through(client: httpx.AsyncClient) -> httpx.Response:
    """To the provider and back, as a browser goes."""
    go = await client.get("/sign-in/go?next=/?thread=abc")
    if go.status_code != 303:
        return go
    async with httpx.AsyncClient() as browser:
        back = await browser.get(go.headers["location"])
    return await client.get(back.headers["location"])


@pytest.mark.anyio
async def test_a_provider_signs_in_by_issuer_and_subject(by_oidc: Settings, provider: Provider) -> None:
    assert by_oidc.data
    async with served(by_oidc) as client:
        assert "/sign-in/go?next=" in (await client.get("/sign-in")).text
        back = await through(client)
        assert (back.status_code, back.headers["location"]) == (303, "/?thread=abc")
        assert (await client.get("/")).status_code == 200
        read = Sessions((by_oidc.data / "session-secret").read_bytes(), 1).read(client.cookies["longthread"])
        assert read and read[0] == Person(f"{provider.url}#ada", "Ada L.")
        again = await client.get("/sign-in/back?code=x&state=y")  # what was used once
        assert again.status_code == 403
        out = await client.post("/sign-out")
        assert f"{provider.url}/end_session" in (await client.get(out.headers["location"])).text


LIES: dict[str, dict[str, Any]] = {
    "nonce": {"nonce": "another"},
    "expired": {"exp": int(time.time()) - 3600},
    "issuer": {"iss": "https://evil.example"},
    "audience": {"aud": "another-page"},
    "for another": {"azp": "another-page"},
    "no subject": {"sub": ""},
}


@pytest.mark.anyio
async def test_a_word_that_is_not_the_providers_for_us_now_is_refused(
    by_oidc: Settings, provider: Provider
) -> None:
    async with served(by_oidc) as client:
        for lie in [*LIES, "state", "signature"]:
            provider.claims, provider.issuer = LIES.get(lie, {}), provider.url
            provider.state = "another" if lie == "state" else ""
            if lie == "signature":
                provider.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
            await _refused(client, lie)


@pytest.mark.anyio
async def test_a_provider_that_says_it_is_another_is_refused(by_oidc: Settings, provider: Provider) -> None:
    provider.claims, provider.state, provider.issuer = {}, "", "https://evil.example"
    async with served(by_oidc) as client:
        await _refused(client, "discovery")


async def _refused(client: httpx.AsyncClient, lie: str) -> None:
    back = await through(client)
    assert back.status_code == 403 and 'role="alert"' in back.text, lie
    assert "longthread" not in client.cookies, lie
    assert (await client.get("/")).status_code == 303, lie


# Another's things


@pytest.fixture(scope="module")
def probed(database: str, tmp_path_factory: pytest.TempPathFactory) -> probe.Stage:
    return probe.Stage(tmp_path_factory.mktemp("probe"), database)


def test_foreign_things_are_as_if_they_were_not(probed: probe.Stage) -> None:
    found = probed.run(calls=240)
    assert found.calls >= 240 and found.leaks == [] and found.differences == []


def test_the_probe_finds_a_wall_that_is_down(probed: probe.Stage) -> None:
    found = probed.run(calls=240, check=False)
    assert found.leaks


# In the browser


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
    found = Axe().run(page).response["violations"]
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("wrong word")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    found += Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in SERIOUS] == []
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
