"""Sign-in, sign-out, the own password and the own sessions, over the application as browsers see it."""

from __future__ import annotations

import re

import httpx
import pytest
from signed_in import PASSWORD, Text, World
from starlette.requests import Request

from directory import people
from directory.access import sessions
from directory.access.throttle import LOGIN_FREE
from directory.errors import UnavailableError
from web import i18n
from web.assembly import Service
from web.signin import browser_of, wait_words
from web.visitors import now


def said(key: str, **values: object) -> str:
    return i18n.translate("vi", key, **values)


async def sign_in(
    browser: httpx.AsyncClient, login: str, password: str, path: str = "/sign-in"
) -> httpx.Response:
    return await browser.fill(path, {"login": login, "password": password})  # type: ignore[attr-defined,no-any-return]


async def test_a_person_comes_in_and_goes_out(world: World) -> None:
    await world.person("anh", "Nguyễn Hồng Ánh", roles=("secretary",), password=PASSWORD)
    async with world.browser() as browser:
        answer = await sign_in(browser, " Anh ", PASSWORD)
        assert (answer.status_code, answer.headers["location"]) == (303, "/home")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("diemcau_session=")
        for part in ("HttpOnly", "SameSite=lax", "Path=/"):
            assert part in cookie
        assert "Secure" not in cookie
        page = await browser.get("/account")
        assert page.status_code == 200
        assert "Nguyễn Hồng Ánh" in page.text
        assert page.headers["cache-control"] == "no-store"
        kept = browser.cookies["diemcau_session"]
        away = await browser.fill("/sign-out", {}, at="/account")
        assert (away.status_code, away.headers["location"]) == (303, "/sign-in")
        assert "diemcau_session" not in browser.cookies
        # The session is over, not only forgotten by this browser.
        browser.cookies.set("diemcau_session", kept)
        assert (await browser.get("/account")).headers["location"] == "/sign-in?next=%2Faccount"


async def test_over_https_the_cookie_is_bound_to_the_host(world: World) -> None:
    await world.person("anh", roles=("secretary",), password=PASSWORD)
    async with world.browser(base="https://hop.example") as browser:
        answer = await sign_in(browser, "anh", PASSWORD)
        assert answer.headers["set-cookie"].startswith("__Host-diemcau_session=")
        assert "Secure" in answer.headers["set-cookie"]
        assert "Domain" not in answer.headers["set-cookie"]
        assert (await browser.get("/account")).status_code == 200
        # A cookie that a page without TLS could have set opens nothing here.
        browser.cookies.set("diemcau_session", browser.cookies.pop("__Host-diemcau_session"))
        assert (await browser.get("/account")).status_code == 303


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("anh", "sai mật khẩu"),
        ("khong-co-ai", PASSWORD),
        ("kin", PASSWORD),
        ("moi", PASSWORD),
        ("x" * 300, "zzzz1234zzzz"),
    ],
    ids=["wrong password", "unknown", "disabled", "without password", "long"],
)
async def test_whatever_is_wrong_is_said_alike(world: World, login: str, password: str) -> None:

    await world.person("anh", roles=("secretary",), password=PASSWORD)
    await world.person("moi")
    kin = await world.person("kin", password=PASSWORD)
    async with world.database.write() as session:
        await people.disable(session, kin, version=1, by="cli:test", now=now())
    async with world.browser() as browser:
        answer = await sign_in(browser, login, password)
        assert answer.status_code == 422
        assert said("sign_in.wrong") in answer.text
        assert "diemcau_session" not in browser.cookies
        assert password not in answer.text


async def test_too_many_tries_wait_and_are_told_how_long(world: World) -> None:
    await world.person("anh", roles=("secretary",), password=PASSWORD)
    async with world.browser() as browser:
        for _ in range(LOGIN_FREE):
            assert (await sign_in(browser, "anh", "sai mật khẩu")).status_code == 422
        answer = await sign_in(browser, "anh", PASSWORD)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert said("sign_in.too_many", wait=said("wait.second", count=1)) in answer.text
        # Somebody else at the same address is not kept out.
        await world.person("binh", roles=("official",), password=PASSWORD)
        assert (await sign_in(browser, "binh", PASSWORD)).status_code == 303


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 giây"), (2, "2 giây"), (59, "59 giây"), (60, "1 phút"), (61, "2 phút"), (300, "5 phút")],
)
def test_waits_in_words(service: Service, seconds: int, words: str) -> None:

    request = Request({"type": "http", "headers": [], "method": "GET", "path": "/"})
    assert wait_words(service.renderer, request, seconds) == words


@pytest.mark.parametrize(
    ("wish", "goal"),
    [
        ("/meetings?week=48", "/meetings?week=48"),
        ("", "/home"),
        ("/", "/home"),
        ("/sign-in", "/home"),
        ("/sign-out", "/home"),
        ("https://evil.example/", "/home"),
        ("//evil.example/", "/home"),
        ("/\\evil.example", "/home"),
        ("/\t/evil.example", "/home"),
        ("javascript:alert(1)", "/home"),
        ("/" + "a" * 3000, "/home"),
    ],
)
async def test_next_leads_to_our_own_pages_only(world: World, wish: str, goal: str) -> None:
    await world.person("anh", roles=("secretary",), password=PASSWORD)
    async with world.browser() as browser:
        path = str(httpx.URL("/sign-in", params={"next": wish}))
        assert (await sign_in(browser, "anh", PASSWORD, path)).headers["location"] == goal
        assert (await browser.get(path)).headers["location"] == goal


async def test_an_own_password_comes_first(world: World) -> None:
    await world.person("anh", roles=("administrator",), password="tam-thoi-123", must_change=True)
    async with world.browser() as browser:
        answer = await sign_in(browser, "anh", "tam-thoi-123")
        assert answer.headers["location"] == "/password?next=%2Fhome"
        for path in ("/home", "/people", "/audit", "/account"):
            assert (await browser.get(path)).headers["location"] == "/password"
        page = await browser.get("/password")
        assert said("password.due") in Text(page.text).all
        assert 'href="/people"' not in page.text
        values = {"current": "tam-thoi-123", "password": PASSWORD, "again": PASSWORD}
        before = browser.cookies["diemcau_session"]
        changed = await browser.fill("/password", values)
        assert (changed.status_code, changed.headers["location"]) == (303, "/home")
        assert browser.cookies["diemcau_session"] != before
        assert (await browser.get("/people")).status_code == 200
    async with world.browser() as other:
        assert (await sign_in(other, "anh", "tam-thoi-123")).status_code == 422
        assert (await sign_in(other, "anh", PASSWORD)).status_code == 303


@pytest.mark.parametrize(
    ("current", "new", "again", "field", "key", "count"),
    [
        ("", "mật khẩu mới 1", "mật khẩu mới 1", "current", "password.current.empty", None),
        (PASSWORD, "", "", "password", "password.empty", None),
        (PASSWORD, "mật khẩu mới 1", "khác", "again", "password.again.differs", None),
        ("sai", "mật khẩu mới 1", "mật khẩu mới 1", "current", "password.wrong", None),
        (PASSWORD, "ngắn", "ngắn", "password", "password.too_short", 10),
        (PASSWORD, "d" + "ài" * 100, "d" + "ài" * 100, "password", "password.too_long", 200),
        (PASSWORD, "a\x07bcdefghijk", "a\x07bcdefghijk", "password", "password.characters", None),
        (PASSWORD, "password123", "password123", "password", "password.common", None),
        (PASSWORD, "hong-anh-ba-dinh", "hong-anh-ba-dinh", "password", "password.is_login", None),
        (PASSWORD, PASSWORD, PASSWORD, "password", "password.same", None),
    ],
)
async def test_a_password_that_cannot_be_is_told_at_its_field(
    world: World, current: str, new: str, again: str, field: str, key: str, count: int | None
) -> None:
    await world.person("hong-anh-ba-dinh", roles=("official",), password=PASSWORD)
    async with world.browser() as browser:
        await sign_in(browser, "hong-anh-ba-dinh", PASSWORD)
        answer = await browser.fill("/password", {"current": current, "password": new, "again": again})
        assert answer.status_code == 422
        assert said(key, count=count) in answer.text
        assert f'id="f-{field}-error"' in answer.text
        fields = re.findall(r'type="password" value="([^"]*)"', answer.text)
        assert fields == ["", "", ""]


async def test_own_sessions_are_listed_and_ended(world: World) -> None:
    await world.person("anh", roles=("official",), password=PASSWORD)
    await world.person("binh", roles=("official",), password=PASSWORD)
    async with world.browser() as here, world.browser() as there, world.browser() as stranger:
        there.headers["user-agent"] = "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/144.0"
        for browser, login in ((here, "anh"), (there, "anh"), (stranger, "binh")):
            assert (await sign_in(browser, login, PASSWORD)).status_code == 303
        page = await here.get("/account")
        assert "Firefox, Windows" in page.text
        assert page.text.count('/account/end"') == 1
        async with world.database.read() as session:
            mine = await sessions.of_person(session, world.people["anh"], now())
            [his] = await sessions.of_person(session, world.people["binh"], now())
        [other] = [info for info in mine if "Firefox" in info.agent]
        # Nobody ends a session of somebody else.
        await here.fill("/account/end", {"session": his.id}, at="/account")
        assert (await stranger.get("/account")).status_code == 200
        await here.fill("/account/end", {"session": other.id}, at="/account")
        assert (await there.get("/account")).status_code == 303
        assert said("flash.session_ended") in (await here.get("/account")).text
        assert (await sign_in(there, "anh", PASSWORD)).status_code == 303
        await here.fill("/account/end-others", {}, at="/account")
        assert (await there.get("/account")).status_code == 303
        assert (await here.get("/account")).status_code == 200


async def test_a_site_comes_in_by_its_key(world: World) -> None:
    key = await world.site_key()
    async with world.browser() as browser:
        wrong = await browser.fill("/sign-in/site", {"key": key[:-1] + "?"})
        assert wrong.status_code == 422
        assert said("sign_in.key.wrong") in wrong.text
        assert key[:-1] not in wrong.text
        empty = await browser.fill("/sign-in/site", {"key": " "})
        assert said("sign_in.key.empty") in empty.text
        answer = await browser.fill("/sign-in/site", {"key": f"  {key} "})
        assert answer.status_code == 303
        page = await browser.get("/home")
        assert page.status_code == 200
        assert said("role.site") in page.text
        for path in ("/account", "/password", "/people", "/audit"):
            assert (await browser.get(path)).status_code == 403
        out = await browser.fill("/sign-out", {}, at="/home")
        assert out.headers["location"] == "/sign-in"


async def test_the_language_of_a_person_without_choice(world: World) -> None:

    number = await world.person("ann", roles=("official",), password=PASSWORD)
    async with world.database.write() as session:
        details = people.Details("Ann", language="en")
        await people.change(session, number, version=1, by="cli:test", now=now(), details=details)
    async with world.browser() as browser:
        await sign_in(browser, "ann", PASSWORD)
        assert browser.cookies["language"] == "en"
    async with world.browser() as browser:
        browser.cookies.set("language", "vi")
        await sign_in(browser, "ann", PASSWORD)
        assert browser.cookies["language"] == "vi"


async def test_without_a_database_it_is_told_to_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world.browser() as browser:
        token = await browser.token("/sign-in")

        def gone() -> None:
            raise UnavailableError("gone")

        monkeypatch.setattr(world.database, "read", gone)
        answer = await browser.post("/sign-in", data={"csrf": token, "login": "anh", "password": PASSWORD})
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
        assert "Dịch vụ tạm thời" in answer.text


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36", "Chrome, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/142.0 Safari/537.36 Edg/142.0", "Edge, Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/142.0 Mobile Safari/537.36", "Chrome, Android"),
        ("curl/8.0", ""),
        ("", ""),
    ],
)
def test_browsers_by_name(agent: str, words: str) -> None:
    assert browser_of(agent) == words
