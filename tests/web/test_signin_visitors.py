"""Who asks, and whence forms come: cookies, tokens, redirects and refusals, for each kind of caller."""

from __future__ import annotations

import re

import httpx
import pytest
from signed_in import ROLES, World

from directory.access import sessions
from directory.errors import UnavailableError
from web import i18n
from web.visitors import MAX_FORM

EVERYBODY = frozenset({*ROLES, "site", ""})
PEOPLE = frozenset(ROLES)
OK = 200

PAGES = {
    "/home": PEOPLE | {"site"},
    "/account": PEOPLE,
    "/password": PEOPLE,
    "/people": {"chair", "secretary", "it_staff", "administrator"},
    "/people/1": {"chair", "secretary", "it_staff", "administrator"},
    "/people/new": {"administrator"},
    "/people/1/edit": {"administrator"},
    "/audit": {"administrator"},
}
"""Each page, and who may see it. All others are refused; who is not signed in is sent to the sign-in."""

FORMS = {
    "/people/new": {"administrator"},
    "/people/1/edit": {"administrator"},
    "/people/1/disable": {"administrator"},
    "/people/1/enable": {"administrator"},
    "/people/1/password": {"administrator"},
    "/people/1/end-sessions": {"administrator"},
}
"""Each form that changes something, and who may send it."""


@pytest.mark.parametrize("who", sorted(EVERYBODY), ids=lambda who: who or "nobody")
async def test_each_page_by_role(world: World, who: str) -> None:
    assert await world.person("first", roles=("administrator",)) == 1
    async with world.browser(who) as browser:
        seen = {path: (await browser.get(path)).status_code for path in PAGES}
    refused = 403 if who else 303
    assert seen == {path: OK if who in allowed else refused for path, allowed in PAGES.items()}


@pytest.mark.parametrize("who", sorted(EVERYBODY), ids=lambda who: who or "nobody")
async def test_each_form_by_role(world: World, who: str) -> None:
    """With a right token of one's own; who may not is refused, and nothing is changed."""
    await world.person("first", roles=("administrator",))
    await world.person("second", roles=("administrator",))
    async with world.browser(who) as browser:
        token = await browser.token("/home" if who else "/sign-in")
        assert token
        data = {"csrf": token, "version": "1", "name": "Người mới"}
        done = {}
        for path in FORMS:
            done[path] = (await browser.post(path, data=data)).status_code
    if who == "administrator":
        assert not {401, 403, 404} & set(done.values())
        return
    assert set(done.values()) == {403 if who else 303}
    async with world.browser("second") as other:
        page = await other.get("/audit?subject=person:1")
        assert page.text.count('role="rowheader"') == 1  # It was put on record, and no more.


@pytest.mark.parametrize("path", [*PAGES, *(f"{path} POST" for path in FORMS)])
async def test_what_nobody_gets_depends_on_who_asks(world: World, path: str) -> None:
    path, _, method = path.partition(" ")
    async with world.browser() as browser:
        page = await browser.request(method or "GET", path)
        assert page.status_code == 303
        assert page.headers["location"].startswith("/sign-in")
        assert page.headers["cache-control"] == "no-store"
        part = await browser.request(method or "GET", path, headers={"HX-Request": "true"})
        assert (part.status_code, part.text) == (401, "Xin đăng nhập trước.")
        program = await browser.request(method or "GET", path, headers={"Accept": "application/json"})
        assert (program.status_code, program.json()["code"]) == (401, "sign_in_needed")
        english = await browser.request(
            method or "GET", path, headers={"HX-Request": "true", "Accept-Language": "en"}
        )
        assert english.text == "Please sign in first."


async def test_a_refused_person_gets_a_page_with_a_way_on(world: World) -> None:
    async with world.browser("official") as browser:
        page = await browser.get("/audit")
        assert page.status_code == 403
        assert "Bạn không có quyền" in page.text
        assert 'href="/home"' in page.text
        assert "You may not" not in page.text
        part = await browser.get("/audit", headers={"HX-Request": "true"})
        assert (part.status_code, part.headers["content-type"]) == (403, "text/plain; charset=utf-8")


# -- tokens of forms ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "changes", "status"),
    [
        ({}, {}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, {}, 303),
        ({"Sec-Fetch-Site": "none", "Origin": "null"}, {}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, {}, 403),
        ({"Sec-Fetch-Site": "same-site"}, {}, 403),
        ({}, {"csrf": ""}, 403),
        ({}, {"csrf": "x" * 32}, 403),
        ({}, {"csrf": "é"}, 403),
        ({"Content-Type": "text/plain"}, {}, 415),
        ({"Content-Type": "application/json"}, {}, 415),
    ],
)
async def test_forms_of_other_sites_are_refused(
    world: World, headers: dict[str, str], changes: dict[str, str], status: int
) -> None:
    async with world.browser("official") as browser:
        data = {"csrf": await browser.token("/account"), **changes}
        answer = await browser.post("/account/end-others", data=data, headers=headers)
        assert answer.status_code == status
        if status == 403:
            assert "Content-Security-Policy".lower() in answer.headers


async def test_a_token_is_of_one_session(world: World) -> None:
    async with world.browser("official") as one, world.browser("chair") as two, world.browser() as nobody:
        tokens = [await one.token("/account"), await two.token("/account"), await nobody.token("/sign-in")]
        assert len(set(tokens)) == 3
        for token in tokens[1:]:
            answer = await one.post("/account/end-others", data={"csrf": token})
            assert answer.status_code == 403
            assert "không còn hiệu lực" in answer.text
        # It stays the same as long as the session does: a page in another tab goes on working.
        assert await one.token("/password") == tokens[0]


async def test_a_sign_in_form_belongs_to_the_browser_that_got_it(world: World) -> None:
    """Else another site could sign a person in as somebody else, and see what is then written."""
    await world.person("anh", roles=("official",), password="một câu dễ nhớ 27")
    async with world.browser() as attacker, world.browser() as victim:
        token = await attacker.token("/sign-in")
        data = {"csrf": token, "login": "anh", "password": "một câu dễ nhớ 27"}
        assert (await victim.post("/sign-in", data=data)).status_code == 403
        assert (await victim.post("/sign-in", data={**data, "csrf": ""})).status_code == 403
        assert (await attacker.post("/sign-in", data=data)).status_code == 303


async def test_tokens_of_forms_outlive_a_restart_and_a_header_may_carry_them(world: World) -> None:
    async with world.browser("official") as browser:
        token = await browser.token("/account")
        answer = await browser.post(
            "/account/end-others",
            content=b"",
            headers={"X-CSRF-Token": token, "Content-Type": "application/x-www-form-urlencoded"},
        )
        assert answer.status_code == 303
    assert (world.service.state.path / "forms.secret").exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"a=" + b"x" * MAX_FORM, 413),
        (b"&".join(b"a%d=1" % number for number in range(3_000)), 400),
        (b"a=%ff%fe", 400),
        (b"\xff\xfe=1", 400),
        (b"", 403),
    ],
)
async def test_forms_that_are_none(world: World, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with world.browser("official") as browser:
        answer = await browser.post("/account/end-others", content=body, headers=headers)
        assert answer.status_code == status


# -- the database --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/static/app/assets/main-1a2b.js",
        "/healthz",
        "/metrics",
        "/rtc/validate",
        "/twirp/livekit.RoomService/ListRooms",
        "/api/rooms",
        "/meet/giao-ban",
    ],
)
async def test_what_serves_everybody_alike_asks_no_database(
    world: World, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async with world.browser("official") as browser:
        asked = count_look_ups(monkeypatch)
        await browser.get(path)
        assert asked == []
        await browser.get("/account")
        assert len(asked) == 1


def count_look_ups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    look_up = sessions.look_up

    async def counted(database, cookie, *more):  # type: ignore[no-untyped-def]
        asked.append(cookie)
        return await look_up(database, cookie, *more)

    monkeypatch.setattr("web.visitors.sessions.look_up", counted)
    return asked


async def test_without_a_cookie_the_database_is_not_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.browser() as browser:
        asked = count_look_ups(monkeypatch)
        for path in ("/", "/sign-in", "/home"):
            await browser.get(path)
        assert asked == []


async def test_a_database_that_is_gone_keeps_the_open_room_and_tells_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> None:
        raise UnavailableError("gone")

    async with world.browser("official") as browser:
        token = await browser.token("/account")
        monkeypatch.setattr("web.visitors.sessions.look_up", gone)
        assert (await browser.get("/")).status_code == 200
        page = await browser.get("/account")
        assert (page.status_code, page.headers["retry-after"]) == (503, "6")
        assert "Dịch vụ tạm thời" in page.text
        assert (await browser.post("/account/end-others", data={"csrf": token})).status_code == 503


async def test_a_database_that_goes_in_the_middle_of_a_request_is_no_fault_of_the_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object, **__: object) -> None:
        raise UnavailableError("gone")

    async with world.browser("administrator") as browser:
        monkeypatch.setattr("web.audit_pages.audit.entries", gone)
        page = await browser.get("/audit")
        assert (page.status_code, page.headers["retry-after"]) == (503, "6")
        assert "Dịch vụ tạm thời" in page.text


@pytest.mark.parametrize("cookie", ["", "x", "é", "a" * 43, "a" * 5_000, '"; DROP TABLE session'])
async def test_any_cookie_is_somebody_or_nobody(world: World, cookie: str) -> None:
    async with world.browser() as browser:
        answer = await browser.get("/account", headers={b"Cookie": f"diemcau_session={cookie}".encode()})
        assert answer.status_code == 303


# -- pages around ------------------------------------------------------------------------------


async def test_the_start_page_is_for_those_who_are_not_signed_in(world: World) -> None:
    async with world.browser() as nobody, world.browser("chair") as chair:
        assert (await nobody.get("/")).status_code == 200
        answer = await chair.get("/")
        assert (answer.status_code, answer.headers["location"]) == (303, "/home")


async def test_every_page_speaks_one_language(world: World) -> None:
    vi, en = i18n.catalogue("vi"), i18n.catalogue("en")
    words = {key for key in vi if key.startswith(("people.", "audit.", "account.", "home.", "nav.", "role."))}
    await world.person("first", "Nguyễn Văn A", roles=("administrator",))
    for language, other in ((vi, en), (en, vi)):
        strange = {other[key] for key in words} - set(language.values())
        async with world.browser("administrator") as browser:
            browser.cookies.set("language", "vi" if language is vi else "en")
            for path in PAGES:
                page = (await browser.get(path)).text
                found = {text for text in strange if "{" not in text and f">{text}<" in page}
                assert found == set(), path


async def test_pages_have_nothing_inline(world: World) -> None:

    async with world.browser("administrator") as browser:
        for path in (*PAGES, "/sign-in", "/sign-in/site"):
            page = await browser.get(path)
            assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", page.text), (
                path
            )


@pytest.mark.parametrize("path", ["/sign-in", "/home", "/people", "/audit?who=a", "/account"])
async def test_pages_of_other_machines_move_to_https(world: World, path: str) -> None:
    app = world.service.app(https_port=7443)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
        answer = await client.get(f"http://hop.example:7880{path}")
        assert answer.headers["location"] == f"https://hop.example:7443{path}"
