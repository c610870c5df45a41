"""The outer wall: other sites, routes that the page does not need, headers, proxies; another's things."""

from pathlib import Path

import pytest

from graph import InvalidSettings, Settings
from scripts import probe
from tests.ui.signing import HERE, served, sign_in, with_users
from ui.app import _check_reach


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
                taken = await client.post("/import", content=b"{}", headers=headers)
                assert taken.status_code == 403
            assert (await client.post("/import", content=b"{}", headers=own)).status_code == 400
            followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
            assert (await client.get("/", headers=followed)).status_code == 200
    assert settings.sign_in == "none"
    async with served(settings) as client:  # a foreign name that was made to lead here
        assert (await client.get("/", headers={"host": "evil.example"})).status_code == 403


@pytest.mark.anyio
async def test_a_file_that_is_too_large_is_not_read_to_its_end(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.carrying.LARGEST", 1_000)
    sent: list[int] = []

    async def parts():
        for n in range(10):
            sent.append(n)
            yield b" " * 500

    async with served(Settings.read(database_url=database)) as client:
        answer = await client.post("/import", content=parts())
        assert answer.status_code == 413 and "too large" in answer.json()["error"]
        assert (await client.post("/import", content=b"{}")).status_code == 400, "another can be sent"


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


@pytest.fixture(scope="module")
def probed(database: str, tmp_path_factory: pytest.TempPathFactory) -> probe.Stage:
    return probe.Stage(tmp_path_factory.mktemp("probe"), database)


def test_foreign_things_are_as_if_they_were_not(probed: probe.Stage) -> None:
    found = probed.run(calls=240)
    assert found.calls >= 240 and found.leaks == [] and found.differences == []


def test_the_probe_finds_a_wall_that_is_down(probed: probe.Stage) -> None:
    found = probed.run(calls=240, check=False)
    assert found.leaks
