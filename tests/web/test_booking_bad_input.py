"""Bad input for a booking, by the page and by the API: a sentence at its field, and nothing half saved."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import booking_world
import pytest
import pytest_asyncio
from booking_browser import FORM, Client, client_of, copied_world, count
from rest_caller import caller, plan
from signed_in import World
from sqlalchemy import func, select

from directory.model import AuditEntry
from scheduler.model import Invitation, Meeting, Slot

EARLY = datetime.fromisoformat("2026-12-01T06:30+07:00")
LONG = "Xã " + "ệ" * 297
FORMULAS = ('=HYPERLINK("http://x","y")', "@SUM(1)", "\t=1+1", "-2+3")


@pytest_asyncio.fixture
async def pages(filled_city: Path, tmp_path: Path) -> AsyncIterator[booking_world.World]:
    """The city, with a secretary at its pages, and a meeting that is there already."""
    async with copied_world(filled_city, tmp_path) as pages:
        await pages.book(booking_world.plan(EARLY, 0.75))
        yield pages


@pytest_asyncio.fixture
async def client(pages: booking_world.World, built: Path) -> AsyncIterator[Client]:
    """At the pages."""
    async with client_of(pages, built) as client:
        yield client


async def rows(pages: booking_world.World) -> list[int]:
    """How much is stored."""
    return [await count(pages, table) for table in (Meeting, Invitation, Slot, AuditEntry)]


PAGE: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("impossible date", {"day": "31/04/2027"}, {"day": "không có trong lịch"}),
    ("30th of February", {"day": "30/02/2027"}, {"day": "không có trong lịch"}),
    ("29th of February", {"day": "29/02/2027"}, {"day": "không có trong lịch"}),
    ("a date of another age", {"day": "01/12/0026"}, {"day": "không có trong lịch"}),
    ("no hour", {"begin": "25:00"}, {"begin": "từ 00:00 đến 23:59"}),
    ("ends before it starts", {"minutes": "-30"}, {"minutes": "thời lượng"}),
    ("ends when it starts", {"minutes": "0"}, {"minutes": "thời lượng"}),
    ("longer than a day", {"minutes": "1441"}, {"minutes": "thời lượng"}),
    ("a title of 300", {"title": LONG}, {"title": "nhiều nhất 200"}),
    *((f"formula {text!r}", {"title": text}, {"title": "công thức bảng tính"}) for text in FORMULAS),
    ("a chair of 300", {"chair": LONG, "chair_id": ""}, {"chair": "Không có người chủ trì"}),
    (
        "a chair that is a formula",
        {"chair": FORMULAS[0], "chair_id": ""},
        {"chair": "Không có người chủ trì"},
    ),
    ("a site of 300", {"paste": LONG}, {"paste": "1 dòng"}),
    ("a site that is a formula", {"paste": "=1+1\n@SUM(1)"}, {"paste": "2 dòng"}),
    ("a site that is not there", {"sites": ["99999", "00004"]}, {"sites": "99999"}),
    ("10,000 lines", {"paste": "Xã Không Có\n" * 9_999 + "Xã Gì"}, {"paste": "10000 dòng"}),
    ("10,001 lines", {"paste": "00004\n" * 10_000 + "00004"}, {"paste": "nhiều nhất 10000 dòng"}),
    ("an agenda of 20,001", {"agenda": "x" * 20_001}, {"agenda": "nhiều nhất 20000"}),
    (
        "all at once",
        {"title": "", "day": "30/02/2027", "minutes": "-5", "paste": "=1+1"},
        {"title": "Nhập tên", "day": "không có trong lịch", "minutes": "thời lượng", "paste": "1 dòng"},
    ),
]


@pytest.mark.parametrize(("changes", "said"), [row[1:] for row in PAGE], ids=[row[0] for row in PAGE])
@pytest.mark.parametrize("do", ["draft", "publish"])
async def test_the_page_says_it_at_the_field(
    pages: booking_world.World, client: Client, do: str, changes: dict[str, Any], said: dict[str, str]
) -> None:
    before = await rows(pages)
    answer = await client.post("/meetings/new", {**FORM, "begin": "09:00", **changes, "do": do})
    assert answer.status == 422
    at_fields = dict(re.findall(r'id="f-(\w+)-error">.*?<span>([^<]*)</span>', answer.html, re.DOTALL))
    assert set(at_fields) == set(said)
    for name, words in said.items():
        assert words.lower() in at_fields[name].lower()
        # The list at the top leads to the field.
        assert f'href="#f-{name}"' in answer.html
    # What was written stays.
    for name, value in changes.items():
        if name not in ("minutes", "sites", "title", "chair_id"):
            assert answer.fields[name] == [value], name
    assert (await rows(pages), pages.changes) == (before, 0)


@pytest.mark.parametrize(("changes", "said"), [row[1:] for row in PAGE], ids=[row[0] for row in PAGE])
async def test_a_meeting_that_is_changed_stays_as_it_was(
    pages: booking_world.World, client: Client, changes: dict[str, Any], said: dict[str, str]
) -> None:
    before = await rows(pages)
    async with pages.database.read() as session:
        meeting = (await session.scalars(select(Meeting))).one()
    edit = await client.get(f"/meetings/{meeting.id}/edit")
    answer = await client.post(f"/meetings/{meeting.id}/edit", {**edit.sent(), **changes, "do": "save"})
    assert answer.status == 422
    assert set(re.findall(r'id="f-(\w+)-error"', answer.html)) == set(said)
    async with pages.database.read() as session:
        after = (await session.scalars(select(Meeting))).one()
    assert (after.version, after.title, after.starts_at) == (
        meeting.version,
        meeting.title,
        meeting.starts_at,
    )
    assert (await rows(pages), pages.changes) == (before, 0)


def day(text: str) -> dict[str, str]:
    """From nine to ten."""
    return {"starts_at": f"{text}T09:00:00+07:00", "ends_at": f"{text}T10:00:00+07:00"}


CALLS: list[tuple[str, dict[str, Any], set[str]]] = [
    ("impossible date", day("2027-04-31"), {"starts_at", "ends_at"}),
    ("30th of February", day("2027-02-30"), {"starts_at", "ends_at"}),
    ("a date of another age", day("0026-12-01"), {"starts_at", "ends_at"}),
    ("no zone", {"starts_at": "2027-12-01T09:00:00"}, {"starts_at"}),
    (
        "ends before it starts",
        {"starts_at": "2027-12-01T10:00:00+07:00", "ends_at": "2027-12-01T09:00:00+07:00"},
        {"ends_at"},
    ),
    (
        "longer than a day",
        {"starts_at": "2027-12-01T10:00:00+07:00", "ends_at": "2027-12-02T10:00:01+07:00"},
        {"ends_at"},
    ),
    ("a title of 300", {"title": LONG}, {"title"}),
    *((f"formula {text!r}", {"title": text}, {"title"}) for text in FORMULAS),
    ("no chair", {"chair": 999_999}, {"chair"}),
    ("a site of 300", {"site_list": LONG}, {"site_list"}),
    ("a site that is a formula", {"site_list": "=1+1\n@SUM(1)"}, {"site_list"}),
    ("a site that is not there", {"sites": ["99999"]}, {"sites.0"}),
    ("10,000 lines", {"site_list": "Xã Không Có\n" * 9_999 + "Xã Gì"}, {"site_list"}),
    ("10,001 lines", {"site_list": "00004\n" * 10_000 + "00004"}, {"site_list"}),
    ("an agenda of 20,001", {"agenda": "x" * 20_001}, {"agenda"}),
    (
        "all at once",
        {"title": "", "kind": "party", **day("2027-02-30")},
        {"title", "kind", "starts_at", "ends_at"},
    ),
]


async def test_the_api_says_it_at_the_field(world: World) -> None:
    """One service for all rows: each leaves what is stored as it was, by POST and by PUT."""
    await world.sites()
    wanted = await plan(world)
    async with caller(world, "secretary") as secretary:
        made = (await secretary.send("POST", "/meetings", wanted)).json()
        path = f"/meetings/{made['id']}"
        before = await stored(world)
        for name, changes, fields in CALLS:
            for method, where, version in (("POST", "/meetings", None), ("PUT", path, made["version"])):
                answer = await secretary.send(method, where, wanted | changes, version=version)
                assert answer.status_code == 422, (name, method, answer.text[:200])
                told = answer.json()["details"]["fields"]
                assert {one["field"] for one in told} == fields, (name, method)
                assert all(one["vi"] and one["en"] and one["vi"] != one["en"] for one in told), (name, method)
        assert await stored(world) == before
        assert (await secretary.get(path)).json() == made


async def stored(world: World) -> list[int]:
    async with world.database.read() as session:
        tables = (Meeting, Invitation, Slot, AuditEntry)
        return [await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]
