"""Lists, weeks and rights of the pages of meetings, against a city of 579 sites."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio
from booking_browser import FORM, Client, client_of, copied_world, count, only
from booking_world import ADMIN, CHAIR, HOUR, NOW, OFFICIAL, OTHER, SECOND_CHAIR, SECRETARY, World, plan
from sqlalchemy import select

from directory.model import Endpoint
from scheduler.model import Meeting

pytestmark = pytest.mark.usefixtures("server_in_utc")
EARLY = datetime.fromisoformat("2026-12-01T06:30+07:00")
HOSTILE = 'Giao ban <b>tuần</b> & "quý" </td><a href=https://x>bấm</a> {{ 7*7 }}\r\nBcc: x@y\u202e'


@pytest_asyncio.fixture
async def world(filled_city: Path, tmp_path: Path) -> AsyncIterator[World]:
    """The city, with a secretary at its pages."""
    async with copied_world(filled_city, tmp_path) as world:
        yield world


@pytest_asyncio.fixture
async def client(world: World, built: Path) -> AsyncIterator[Client]:
    """At the pages of the world."""
    async with client_of(world, built) as client:
        yield client


async def test_lists_by_view_kind_and_words(world: World, client: Client) -> None:
    await world.book(plan(EARLY, 0.75))
    await world.book(plan(EARLY + HOUR, 0.5, title="Tập huấn", kind="training", secretary_id=OTHER))
    await world.book(plan(EARLY, 1, title="Nháp của tôi"), publish=False)
    over = await world.book(plan(NOW + HOUR, 0.5, title="Đã họp rồi"))
    world.now = NOW + 2 * HOUR
    assert over.ends_at < world.now

    async def titles(query: str) -> list[str]:
        page = await client.get("/meetings" + query)
        return re.findall(r'<a href="/meetings/[0-9a-f]{12}">([^<]*)</a>', page.html)

    assert await titles("") == ["Giao ban tuần", "Tập huấn"]
    assert await titles("?view=mine") == ["Giao ban tuần"]
    assert await titles("?view=drafts") == ["Nháp của tôi"]
    assert await titles("?view=past") == ["Đã họp rồi"]
    assert await titles("?kind=training") == ["Tập huấn"]
    assert await titles("?q=tap") == ["Tập huấn"]
    assert await titles("?view=past&q=da+hop") == ["Đã họp rồi"]
    assert await titles("?q=khong&kind=xx&page=99999999999&view=../") == []
    assert await titles("?page=2") == []


async def test_long_lists_have_pages(world: World, client: Client) -> None:
    for number in range(23):
        await world.book(plan(EARLY + number * HOUR, 1, title=f"Họp {number:02}"))
    second = await client.get("/meetings?page=2")
    assert len(re.findall(r'<th role="rowheader"', second.html)) == 3
    assert "Họp 22" in second.text
    assert "Có 23 cuộc họp" in second.text
    found = await client.get("/meetings?q=hop&page=2")
    assert "Họp 22" in found.text


async def test_fc_c10_the_week_has_a_night_s_meeting_twice(world: World, client: Client) -> None:
    await world.book(plan(datetime.fromisoformat("2026-12-01T22:00+07:00"), 2.5, title="Trực đêm"))
    called_off = await world.book(plan(EARLY, 0.5, title="Không họp nữa"), publish=False)
    async with world.database.write() as session:
        (await session.scalars(select(Meeting).where(Meeting.id == called_off.id))).one().state = "cancelled"
    page = await client.get("/meetings/week?day=06/12/2026")
    assert page.text.count("Trực đêm") == 2
    assert "22:00–24:00 Trực đêm kéo sang hôm sau" in page.text
    assert "00:00–00:30 Trực đêm tiếp từ hôm trước" in page.text
    assert "Không họp nữa" not in page.text
    other = await client.get("/meetings/week?day=07/12/2026")
    assert "Trực đêm" not in other.text
    assert (await client.get("/meetings/week?day=99/99/9999")).status == 200


BOOKING_PATHS = ("/meetings/new", "/meetings/chairs", "/meetings/{id}/edit", "/meetings/{id}/cancel")


@pytest.mark.parametrize(
    ("who", "books", "drafts"),
    [(SECRETARY, True, True), (CHAIR, False, True), (SECOND_CHAIR, False, False), (ADMIN, False, False)],
)
async def test_who_may_book(world: World, client: Client, who: int, books: bool, drafts: bool) -> None:
    """The table of rights decides; a draft is seen by those who book, its chair and its secretary."""
    meeting = await world.book(plan(EARLY, 0.75))
    draft = await world.book(plan(EARLY, 0.5, title="Bản nháp kín"), publish=False)
    world.sign_in(who)
    for path in BOOKING_PATHS:
        assert (await client.get(path.format(id=meeting.id))).status == (200 if books else 403), path
    for path in ("/meetings/new", "/meetings/check", f"/meetings/{meeting.id}/edit"):
        assert ((await client.post(path, FORM)).status == 403) is not books, path
    if not books:
        for what in ("publish", "cancel"):
            answer = await client.post(f"/meetings/{meeting.id}/{what}", {"version": 2, "reason": "x"})
            assert answer.status == 403
    assert (await client.get(f"/meetings/{meeting.id}")).status == 200
    assert (await client.get(f"/meetings/{draft.id}")).status == (200 if drafts else 404)
    assert ("Bản nháp kín" in (await client.get("/meetings/week?day=01/12/2026")).text) is drafts
    page = await client.get(f"/meetings/{meeting.id}")
    assert (f"/meetings/{meeting.id}/edit" in page.html) is books


async def test_an_official_sees_what_concerns_own_units(world: World, client: Client) -> None:
    async with world.database.read() as session:
        units = dict((await session.execute(select(Endpoint.id, Endpoint.unit_id))).all())
    mine = await world.book(plan(EARLY, 0.5))
    other = await world.book(plan(EARLY + HOUR, 0.5, title="Quận khác", endpoint_ids=frozenset({99})))
    draft = await world.book(plan(EARLY, 0.5, title="Chưa công bố"), publish=False)
    world.sign_in(OFFICIAL, reach=frozenset({units[2]}))
    assert (await client.get(f"/meetings/{mine.id}")).status == 200
    assert (await client.get(f"/meetings/{other.id}")).status == 404
    assert (await client.get(f"/meetings/{draft.id}")).status == 404
    assert (await client.get("/meetings/ffffffffffff")).status == 404
    for path in ("/meetings", "/meetings/week?day=01/12/2026"):
        page = await client.get(path)
        assert ("Giao ban tuần" in page.text, "Quận khác" in page.text) == (True, False)
        assert "Chưa công bố" not in page.text
    world.sign_in(OFFICIAL, reach=frozenset({units[99]}))
    assert (await client.get(f"/meetings/{mine.id}")).status == 404


async def test_fc_e07_names_that_are_markup_stay_text(world: World, client: Client) -> None:
    async with world.database.write() as session:
        (
            await session.scalars(select(Endpoint).where(Endpoint.id == 1))
        ).one().name = "Tổ 5 <img src=x onerror=alert(1)>"
    answer = await client.post("/meetings/new", {**FORM, "title": HOSTILE, "district": ["001"]})
    assert answer.status == 303
    meeting = await only(world)
    assert "\n" not in meeting.title
    assert "\u202e" not in meeting.title
    clash = await client.post("/meetings/new", {**FORM, "title": "{{ 7*7 }}<img>", "district": ["001"]})
    assert clash.status == 409
    pages = [clash, await client.post("/meetings/check", {**FORM, "district": ["001"], "paste": "<img>"})]
    ways = ("", "/edit", "/cancel")
    paths = ["/meetings", "/meetings/week?day=01/12/2026", *(f"/meetings/{meeting.id}{way}" for way in ways)]
    pages += [await client.get(path) for path in paths]
    for page in pages:
        assert not page.tags & {"img", "b"}
        assert "https://x" not in re.findall(r'href="([^"]*)"', page.html)
        assert " 49 " not in page.text
        assert "\u202e" not in page.html
    assert any("Tổ 5 &lt;img" in page.html for page in pages)


async def test_a_form_without_its_token_does_nothing(world: World, client: Client) -> None:
    assert (await client.post("/meetings/new", {**FORM, "csrf": "other"})).status == 403
    assert (await client.post("/meetings/new", {**FORM, "agenda": "x" * 8_100_000})).status == 413
    assert await count(world, Meeting) == 0
