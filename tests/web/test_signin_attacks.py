"""Sign-in and sessions with an attacker's eyes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from signed_in import NOW, PASSWORD, Browser, World

from directory import people
from directory.access.throttle import ADDRESS_FREE, LOGIN_FREE
from web.assembly import Service
from web.rendering import local_path
from web.rest.calls import PREFIX
from web.settings import Settings


async def token_of(browser: Browser) -> str:
    """The token for forms, as a page's script learns it."""
    answer = await browser.get(f"{PREFIX}/me")
    return str(answer.json()["csrf_token"])


@pytest.mark.parametrize("path", ["/account/end-others", "/account/end"])
async def test_a_site_ends_no_session_of_the_person_with_its_number(world: World, path: str) -> None:
    """Sites and people are numbered from one alike."""
    await world.sites()
    logins = [f"nguoi{number}" for number in range(1, world.site_id + 1)]
    for login in logins:
        await world.person(login, roles=("official",))
    victim = next(login for login in logins if world.people[login] == world.site_id)
    async with world.browser(victim) as person, world.browser("site") as site:
        account = await person.get("/account")
        shown = account.text.split('name="session" value="')
        session = shown[1].partition('"')[0] if len(shown) > 1 else "0" * 64
        answer = await site.post(path, data={"csrf": await token_of(site), "session": session})
        assert answer.status_code == 403
        assert (await person.get("/home")).status_code == 200


@pytest.mark.parametrize(
    ("wish", "goal"),
    [
        ("/meetings?week=1", "/meetings?week=1"),
        ("/meetings\n", "/"),
        ("/meetings\r\nSet-Cookie: a=b", "/"),
        ("/\x00", "/"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\\..\\evil", "/"),
        ("\\\\evil.example", "/"),
        ("https:evil.example", "/"),
        ("/họp", "/"),
        ("", "/"),
    ],
)
def test_only_a_plain_path_of_ours_is_gone_to(wish: str, goal: str) -> None:
    assert local_path(wish) == goal


async def try_in(browser: Browser, login: str, password: str) -> int:
    """The status after a try on the page."""
    return (await browser.fill("/sign-in", {"login": login, "password": password})).status_code


async def test_a_cookie_that_was_planted_is_not_the_session(world: World) -> None:
    """Session fixation: whoever plants a cookie learns nothing of the one to come."""
    await world.person("anh", roles=("secretary",), password=PASSWORD)
    async with world.browser() as browser:
        planted = "A" * 43
        browser.cookies.set("diemcau_session", planted)
        before = await browser.token("/sign-in")
        assert await try_in(browser, "anh", PASSWORD) == 303
        kept = [one.value for one in browser.cookies.jar if one.name == "diemcau_session"]
        assert planted not in kept[-1:]
        assert len(kept[-1] or "") == 43
        browser.cookies.delete("diemcau_session")
        browser.cookies.set("diemcau_session", kept[-1] or "")
        assert (await browser.get("/account")).status_code == 200
        # Nor does the token of before serve a form of now.
        assert (await browser.post("/account/end-others", data={"csrf": before})).status_code == 403


async def test_another_session_each_time_and_the_old_one_ends_with_the_sign_out(world: World) -> None:
    await world.person("anh", roles=("secretary",), password=PASSWORD)
    seen = []
    async with world.browser() as browser:
        for _ in range(2):
            assert await try_in(browser, "anh", PASSWORD) == 303
            seen.append(browser.cookies["diemcau_session"])
            await browser.post("/sign-out", data={"csrf": await token_of(browser)})
            async with world.browser() as thief:
                thief.cookies.set("diemcau_session", seen[-1])
                assert (await thief.get("/account")).status_code == 303
    assert seen[0] != seen[1]


async def test_a_browser_cannot_say_whence_it_comes(world: World) -> None:
    """Without a proxy of ours X-Forwarded-For says nothing: tries of one address count together."""
    async with world.browser() as browser:
        token = await browser.token("/sign-in")
        statuses = []
        for number in range(ADDRESS_FREE + 1):
            answer = await browser.post(
                "/sign-in",
                data={"csrf": token, "login": f"nobody{number}", "password": "x"},
                headers={"X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": f"10.1.0.{number}"},
            )
            statuses.append(answer.status_code)
    assert statuses == [422] * ADDRESS_FREE + [429]


@pytest.mark.parametrize("login", ["anh", "khong-co", "tat", "khong mat khau", "x" * 300])
async def test_nobody_learns_which_logins_there_are(world: World, login: str) -> None:
    await world.person("anh", roles=("secretary",), password=PASSWORD)
    number = await world.person("tat", roles=("secretary",), password=PASSWORD)
    async with world.database.write() as session:
        await people.disable(session, number, version=1, by="cli:test", now=NOW)
    pages = []
    async with world.browser() as browser:
        for name in (login, "someone"):
            answer = await browser.fill("/sign-in", {"login": name, "password": "sai mật khẩu"})
            assert (answer.status_code, "set-cookie" in answer.headers) == (422, False)
            pages.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert pages[0] == pages[1]


async def test_strangers_who_block_a_login_do_not_block_its_browser(world: World) -> None:
    await world.person("anh", roles=("secretary",), password=PASSWORD)
    async with world.browser() as mine, world.browser(address="10.9.9.9") as stranger:
        assert await try_in(mine, "anh", PASSWORD) == 303
        await mine.post("/sign-out", data={"csrf": await token_of(mine)})
        for _ in range(LOGIN_FREE):
            assert await try_in(stranger, "anh", "sai mật khẩu") == 422
        assert await try_in(stranger, "anh", PASSWORD) == 429
        # Neither does the cookie serve another login, nor one with a changed name or proof.
        cookie = mine.cookies["diemcau_known"]
        stranger.cookies.set("diemcau_known", cookie[:-1] + ("A" if cookie[-1] != "A" else "B"))
        assert await try_in(stranger, "anh", PASSWORD) == 429
        assert await try_in(mine, "anh", PASSWORD) == 303


async def test_a_known_browser_guesses_no_more_than_others(world: World) -> None:
    await world.person("anh", roles=("secretary",), password=PASSWORD)
    async with world.browser() as browser:
        assert await try_in(browser, "anh", PASSWORD) == 303
        await browser.post("/sign-out", data={"csrf": await token_of(browser)})
        statuses = [await try_in(browser, "anh", "sai mật khẩu") for _ in range(LOGIN_FREE + 1)]
    assert statuses == [422] * LOGIN_FREE + [429]


async def test_another_host_is_nowhere_in_what_is_answered(world: World) -> None:
    """But in the policy, which lets the page speak to the host from which it came."""
    async with world.browser("secretary") as browser:
        for path in ("/", "/home", "/sign-in", "/account", "/kiosk", "/nothing", "/meetings"):
            answer = await browser.get(path, headers={"Host": "evil.example"})
            assert "evil.example" not in answer.text
            assert "evil.example" not in answer.headers.get("location", "")


async def test_behind_a_proxy_the_address_that_the_proxy_saw_counts(settings: Settings, built: Path) -> None:
    """What the browser wrote before it into X-Forwarded-For is passed over."""
    service = Service(settings.with_values({"proxy_from": ["127.0.0.1"]}), with_pages=True, built=built)
    app = service.app()
    async with app.router.lifespan_context(app):
        service.asgi = app  # type: ignore[attr-defined]
        async with Browser(service) as browser:
            token = await browser.token("/sign-in")

            async def status(login: str, forwarded: str) -> int:
                answer = await browser.post(
                    "/sign-in",
                    data={"csrf": token, "login": login, "password": "x"},
                    headers={"X-Forwarded-For": forwarded},
                )
                return answer.status_code

            for number in range(ADDRESS_FREE):
                assert await status(f"nobody{number}", f"10.0.0.{number}, 203.0.113.5") == 422
            assert await status("nobody", "10.0.0.99, 203.0.113.5") == 429
            # Another one behind the same proxy is not kept waiting.
            assert await status("nobody", "203.0.113.5, 203.0.113.6") == 422
