"""The page of a site and what it asks: by the device's session alone, about its own site alone."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import httpx
import pytest
from rest_caller import HOUR, book
from signed_in import Text, World
from sqlalchemy import select, update

from directory.access import credentials
from directory.errors import UnavailableError
from directory.model import Credential, Endpoint
from scheduler.model import Meeting
from scheduler.states import OPEN
from web import i18n
from web.assembly import Service
from web.assets import AssetsMissing
from web.site_pages import KIOSK, NEXT, SitePages

JSON = {"Accept": "application/json"}


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


async def ask(browser: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await browser.get(NEXT, headers=JSON | headers)


async def told(browser: httpx.AsyncClient) -> dict[str, Any]:
    answer = await ask(browser)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def book_here(world: World, start: dt.datetime, title: str = "Giao ban") -> str:
    """A meeting of an hour to which the site is invited; its id."""
    return (await book(world, start, frozenset({world.site_id}), title=title)).id


async def open_now(world: World, meeting: str) -> None:
    async with world.database.write() as session:
        await session.execute(update(Meeting).where(Meeting.id == meeting).values(state=OPEN))


async def other_site(world: World) -> int:
    async with world.database.read() as session:
        found = await session.scalar(select(Endpoint.id).where(Endpoint.id != world.site_id).limit(1))
    assert found is not None
    return found


# -- the page ----------------------------------------------------------------------------


async def test_a_device_without_a_session_is_led_to_its_sign_in_and_from_there_to_the_page(
    world: World,
) -> None:
    key = await world.site_key()
    async with world.browser() as browser:
        away = await browser.get(KIOSK)
        assert (away.status_code, away.headers["location"]) == (303, "/sign-in/site?next=%2Fkiosk")
        assert away.headers["cache-control"] == "no-store"
        words = Text((await browser.get(away.headers["location"])).text).all
        assert i18n.translate("vi", "sign_in.site.lead") in words
        assert i18n.translate("vi", "sign_in.key.hint") in words
        come = await browser.fill(away.headers["location"], {"key": key})
        assert (come.status_code, come.headers["location"]) == (303, KIOSK)
        assert (await browser.get(KIOSK)).status_code == 200


async def test_a_device_that_wants_nothing_else_comes_to_its_page(world: World) -> None:
    key = await world.site_key()
    async with world.browser() as browser:
        come = await browser.fill("/sign-in/site", {"key": key})
        assert come.headers["location"] == KIOSK
        assert (await browser.get("/sign-in/site")).headers["location"] == KIOSK
    async with world.browser("chair") as browser:
        assert (await browser.get("/sign-in/site")).headers["location"] == "/home"


async def test_the_page_has_its_words_for_the_script_and_is_never_kept(world: World) -> None:
    async with world.browser("site") as browser:
        before = now().timestamp() * 1000
        page = await browser.get(KIOSK)
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        data = dict(re.findall(r'data-([a-z]+)="([^"]*)"', page.text))
        assert before - 1 <= int(data["now"]) <= now().timestamp() * 1000 + 1
        assert data["site"]
        assert data["script"] == (await told(browser))["release"]
        assert f'src="{data["script"]}"' in page.text
        # The token is that of this session's forms: what the page asks for with it is not refused as forged.
        answer = await browser.post(
            "/api/v1/meetings/0123456789ab/ticket", headers=JSON | {"X-CSRF-Token": data["token"]}
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "no_meeting")


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_the_page_speaks_the_language_that_was_chosen(world: World, language: str) -> None:
    async with world.browser("site") as browser:
        browser.cookies.set("language", language)
        page = await browser.get(KIOSK)
        assert f'<html lang="{language}">' in page.text
        assert i18n.translate(language, "kiosk.title") in page.text  # type: ignore[arg-type]


async def test_no_dialog_and_nothing_inline(world: World) -> None:
    async with world.browser("site") as browser:
        page = await browser.get(KIOSK)
        assert "<dialog" not in page.text
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|<style", page.text)
        assert "script-src 'self'" in page.headers["content-security-policy"]


async def test_people_have_pages_of_their_own(world: World) -> None:
    async with world.browser("administrator") as browser:
        assert (await browser.get(KIOSK)).status_code == 403
        assert (await ask(browser)).status_code == 403


# -- what comes next -----------------------------------------------------------------------


async def test_nothing_is_booked(world: World) -> None:
    async with world.browser("site") as browser:
        what = await told(browser)
        assert (what["meeting"], what["later"]) == (None, [])
        assert what["site"]["code"] == world.site_code
        assert what["site"]["name"]
        # Units of today belong to no district.
        assert what["site"]["district"] == ""


async def test_the_next_meeting_and_those_after_it_in_order(world: World) -> None:
    await world.sites()
    start = now().replace(microsecond=0)
    times = [start + hours * HOUR for hours in (5, 1, 3, 24, 7)]
    ids = [await book_here(world, at, f"Họp {number}") for number, at in enumerate(times)]
    beyond = start + 8 * 24 * HOUR
    await book_here(world, beyond, "Tuần sau nữa")
    async with world.browser("site") as browser:
        what = await told(browser)
        assert what["meeting"]["id"] == ids[1]
        assert [one["id"] for one in what["later"]] == [ids[2], ids[0], ids[4]]
        assert what["meeting"]["starts_at"] == int(times[1].timestamp() * 1000)
        assert what["meeting"]["ends_at"] == int((times[1] + HOUR).timestamp() * 1000)
        assert what["meeting"]["state"] == "published"
        assert what["meeting"]["chair"]
        await open_now(world, ids[2])
        what = await told(browser)
        assert (what["meeting"]["id"], what["meeting"]["state"]) == (ids[2], "open")
        assert ids[2] not in [one["id"] for one in what["later"]]


async def test_meetings_of_others_are_not_told(world: World) -> None:
    await world.sites()
    start = now() + HOUR
    elsewhere = frozenset({await other_site(world)})
    meeting = (await book(world, start, elsewhere)).id
    await open_now(world, meeting)
    async with world.browser("site") as browser:
        assert (await told(browser))["meeting"] is None
        # Nothing in the question names another site.
        for query in (f"?site={next(iter(elsewhere))}", "?endpoint_id=2", "?code=00004"):
            answer = await browser.get(NEXT + query, headers=JSON)
            assert answer.json()["meeting"] is None
            assert answer.json()["site"]["code"] == world.site_code


async def test_the_same_answer_is_sent_once_and_always_with_the_servers_time(world: World) -> None:
    await world.sites()
    async with world.browser("site") as browser:
        first = await ask(browser)
        again = await ask(browser, **{"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        for answer in (first, again):
            assert abs(int(answer.headers["x-server-time"]) - now().timestamp() * 1000) < 60_000
            assert answer.headers["cache-control"] == "private, no-cache"
        start = now() + HOUR
        meeting = await book_here(world, start)
        changed = await ask(browser, **{"If-None-Match": first.headers["etag"]})
        assert (changed.status_code, changed.json()["meeting"]["id"]) == (200, meeting)


@pytest.mark.parametrize("who", ["", "chair"])
async def test_who_is_no_site_is_told_nothing(world: World, who: str) -> None:
    async with world.browser(who) as browser:
        answer = await ask(browser)
        assert answer.status_code == (403 if who else 401)
        assert "meeting" not in answer.json()


async def test_a_revoked_key_ends_the_page_at_its_next_question(world: World) -> None:
    async with world.browser("site") as browser:
        assert (await ask(browser)).status_code == 200
        async with world.database.write() as session:
            (credential,) = await session.scalars(
                select(Credential).where(Credential.endpoint_id.is_not(None))
            )
            await credentials.revoke(session, credential.id, by="cli:test", now=now())
        assert (await ask(browser)).status_code == 401
        assert (await browser.get(KIOSK)).headers["location"] == "/sign-in/site?next=%2Fkiosk"


async def test_without_its_database_the_page_comes_again_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.browser("site") as browser:

        def away(*_: object) -> None:
            raise UnavailableError("away")

        monkeypatch.setattr(world.database, "read", away)
        page = await browser.get(KIOSK)
        # Nobody is there to press "again", and a device must not be asked for its key for this.
        assert page.status_code == 503
        assert int(page.headers["refresh"]) <= 10
        answer = await ask(browser)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1


async def test_fc_e07_a_title_that_is_markup_is_text(world: World) -> None:
    title = 'Giao ban <b>tuần</b> & "quý" <img src=x onerror=alert(1)> {{ 7*7 }} \u202edcba'
    await world.sites()
    name = 'Tổ 5 <img src=x onerror=alert(1)> "><script>{{ 7*7 }}'
    async with world.database.write() as session:
        await session.execute(update(Endpoint).where(Endpoint.id == world.site_id).values(name=name))
    start = now() + HOUR
    await book_here(world, start, title)
    async with world.browser("site") as browser:
        page = await browser.get(KIOSK)
        assert "<img" not in page.text
        assert "<script>" not in page.text
        assert "49" not in re.sub(r'data-(now|token)="[^"]*"', "", page.text)
        answer = await ask(browser)
        assert answer.headers["content-type"] == "application/json"
        meeting = answer.json()["meeting"]
        assert meeting["title"] == title.replace("\u202e", "")
        assert answer.json()["site"]["name"] == name


# -- the page's stand-in -----------------------------------------------------------------------


async def test_the_stand_in_for_a_server_that_is_away_speaks_all_languages(service: Service) -> None:
    async with World(service).browser() as browser:
        script = await browser.get("/kiosk-worker.js")
        assert script.status_code == 200
        assert script.headers["content-type"].startswith("text/javascript")
        assert script.headers["cache-control"] == "no-cache"
        words, _, rest = script.text.partition("\n")
        assert "addEventListener" in rest
        for language in i18n.LANGUAGES:
            said = i18n.translate(language, "kiosk.unreached")
            assert json.dumps([language, said]) in words


def test_pages_that_are_not_built_stop_the_start(world: World, tmp_path: Any) -> None:
    with pytest.raises(AssetsMissing):
        SitePages(world.database, tmp_path)
