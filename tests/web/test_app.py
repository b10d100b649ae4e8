"""The application as browsers and operators see it: headers, pages, errors, health, metrics."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from web.assembly import Service
from web.middleware import LINES_AT_ONCE, content_security_policy, host_of
from web.settings import Settings

SECURITY = (
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "x-frame-options",
)


@pytest_asyncio.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=service.asgi, raise_app_exceptions=False)  # type: ignore[attr-defined]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:7880") as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/meet/giao-ban",
        "/static/app/assets/main-1a2b.js",
        "/api/rooms",
        "/healthz",
        "/none",
        "/rtc/validate",
        "/rtc/v1",
        "/twirp/livekit.RoomService/ListRooms",
        "/metrics",
    ],
)
async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    for name in SECURITY:
        assert name in answer.headers, name
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "camera=(self)" in answer.headers["permissions-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/meet/giao-ban", "/api/rooms", "/healthz"])
async def test_only_livekits_endpoints_answer_other_origins(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path, headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in page.headers
    livekit = await client.get("/rtc/validate", headers={"Origin": "https://elsewhere.example"})
    assert livekit.headers["access-control-allow-origin"] == "*"


async def test_the_meeting_page_names_its_files_and_nothing_inline(client: httpx.AsyncClient) -> None:
    answer = await client.get("/meet/giao-ban?k=abc")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    text = answer.text
    assert 'src="/static/app/assets/main-1a2b.js"' in text
    assert 'href="/static/app/assets/main-3c4d.css"' in text
    assert 'data-title="Giao ban"' in text
    assert "abc" not in text
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)
    for address in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert address.startswith("/"), address


async def test_a_room_name_is_text_and_nothing_more(client: httpx.AsyncClient) -> None:
    answer = await client.get("/meet/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert answer.status_code == 404 or "<script>alert" not in answer.text
    answer = await client.get("/meet/%22%3E%3Cscript%3Ealert(1)")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    ("cookie", "accepts", "language"),
    [("", "vi", "vi"), ("", "en-GB,en", "en"), ("vi", "en", "vi"), ("en", "", "en")],
)
async def test_the_language_of_a_page(
    client: httpx.AsyncClient, cookie: str, accepts: str, language: str
) -> None:
    headers = {"Accept-Language": accepts, "Cookie": f"language={cookie}"}
    assert f'<html lang="{language}">' in (await client.get("/", headers=headers)).text


async def test_errors_are_said_in_the_language_of_who_asks(client: httpx.AsyncClient) -> None:
    pages = {}
    for language in ("vi", "en"):
        headers = {"Accept": "text/html", "Cookie": f"language={language}"}
        pages[language] = await client.get("/none", headers=headers)
        assert pages[language].status_code == 404
        assert f'<html lang="{language}">' in pages[language].text
        assert 'class="site-header"' in pages[language].text
    assert "<h1>Không có trang này</h1>" in pages["vi"].text
    assert "There is no such page" not in pages["vi"].text
    assert "<h1>There is no such page</h1>" in pages["en"].text
    api = await client.get("/api/none")
    assert api.json() == {"code": "not_found", "vi": "Không có trang này.", "en": "There is no such page."}
    method = await client.get("/api/join")
    assert (method.status_code, method.json()["code"]) == (405, "method_not_allowed")
    assert method.headers["allow"] == "POST"


async def test_an_error_of_ours_tells_nothing_of_the_inside(
    client: httpx.AsyncClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_(_room: str) -> int:
        raise RuntimeError("inside-detail")

    monkeypatch.setattr(service.relay, "people", break_)
    answer = await client.get("/api/rooms")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "inside-detail" not in answer.text
    assert "content-security-policy" in answer.headers


async def test_health_is_told_to_all_and_its_details_to_few(
    service: Service, client: httpx.AsyncClient
) -> None:
    near = (await client.get("/healthz")).json()
    assert near["status"] == "ok"
    assert near["path"] in ("python", "native")
    assert {"version", "loop_lag_ms", "rooms", "participants"} <= set(near)
    transport = httpx.ASGITransport(app=service.asgi, client=("203.0.113.5", 4000))  # type: ignore[attr-defined]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as far:
        assert (await far.get("/healthz")).json() == {"status": "ok"}
        assert (await far.get("/metrics")).status_code == 403


async def test_metrics_are_readable_and_bounded(client: httpx.AsyncClient, service: Service) -> None:
    body = {"room": "giao-ban", "name": "Hà Nội", "k": "wrong"}
    await client.post("/api/join", json=body)
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = answer.text
    for line in text.splitlines():
        assert re.fullmatch(
            r"# (HELP|TYPE) .*|[a-z_]+(\{[^}]*\})? [0-9.eE+-]+|[a-z_]+(\{[^}]*\})? [+]Inf", line
        ), line
    for name in (
        "diemcau_rooms 0.0",
        "diemcau_participants 0.0",
        'diemcau_join_answers_total{code="key_invalid"} 1.0',
        "diemcau_webhooks_lost_total 0.0",
        "diemcau_loop_lag_worst_seconds",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        'diemcau_build_info{path="python"',
    ):
        assert name in text, name
    assert "giao-ban" not in text


async def test_rooms_and_people_are_counted(client: httpx.AsyncClient, service: Service) -> None:
    service.relay.prepare("giao-ban", "person:a")
    assert "diemcau_rooms 1.0" in (await client.get("/metrics")).text
    rooms = (await client.get("/api/rooms")).json()
    assert rooms == {"rooms": [{"name": "giao-ban", "title": "Giao ban", "people": 0}]}


@pytest.mark.parametrize(
    ("host", "taken"),
    [
        ("localhost:7880", "localhost:7880"),
        ("[::1]:7880", "[::1]:7880"),
        ("hop.hanoi.example", "hop.hanoi.example"),
        ("a b", ""),
        ("x; script-src *", ""),
        ("x\r\ny", ""),
        ("", ""),
        ("a" * 400, ""),
    ],
)
def test_a_host_header_gets_into_the_policy_only_if_it_is_one(host: str, taken: str) -> None:
    scope = {"type": "http", "headers": [(b"host", host.encode("latin-1"))]}
    assert host_of(scope) == taken
    policy = content_security_policy(host_of(scope))
    assert (f"wss://{taken}" in policy) is bool(taken)
    assert policy.count("script-src") == 1


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("http://hop.example:7880/meet/giao-ban?k=a%20b", "https://hop.example:7443/meet/giao-ban?k=a%20b"),
        ("http://192.0.2.7:7880/", "https://192.0.2.7:7443/"),
        ("http://[2001:db8::7]:7880/", "https://[2001:db8::7]:7443/"),
        ("http://localhost:7880/", ""),
        ("http://127.0.0.1/", ""),
        ("http://[::1]:7880/", ""),
        ("https://hop.example/", ""),
        ("http://hop.example:7880/rtc/validate", ""),
        ("http://hop.example:7880/api/rooms", ""),
        ("http://hop.example:7880/healthz", ""),
    ],
)
async def test_pages_for_other_machines_move_to_https(service: Service, address: str, target: str) -> None:
    app = service.app(https_port=7443)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
        answer = await client.get(address)
    assert answer.headers.get("location", "") == target
    assert (answer.status_code == 307) is bool(target)


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "trusted"),
    [
        ([], "127.0.0.1", "203.0.113.9", True),
        (["127.0.0.0/8"], "127.0.0.1", "203.0.113.9", False),
        (["127.0.0.0/8"], "127.0.0.1", "10.1.2.3", True),
        (["10.0.0.0/8"], "203.0.113.9", "127.0.0.1", False),
    ],
)
async def test_only_named_proxies_say_who_calls(
    settings: Settings, built: Path, proxies: list[str], peer: str, forwarded: str, trusted: bool
) -> None:
    service = Service(settings.with_values({"proxy_from": proxies}), with_pages=True, built=built)
    transport = httpx.ASGITransport(app=service.app(), client=(peer, 4000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/healthz", headers={"X-Forwarded-For": forwarded})
    assert ("version" in answer.json()) is trusted


async def test_a_proxy_says_that_the_browser_came_by_https(settings: Settings, built: Path) -> None:
    service = Service(settings.with_values({"proxy_from": ["127.0.0.1/32"]}), with_pages=True, built=built)
    body = {"room": "giao-ban", "name": "a", "k": "chìa-khóa-phòng"}
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    transport = httpx.ASGITransport(app=service.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://hop.example") as client:
        assert (
            "; Secure" in (await client.post("/api/join", json=body, headers=headers)).headers["set-cookie"]
        )


async def test_refused_requests_do_not_flood_the_log(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(int(LINES_AT_ONCE) + 100):
        assert (await client.get("/api/join")).status_code == 405
    assert 0 < capsys.readouterr().out.count("path=/api/join") <= LINES_AT_ONCE + 20
