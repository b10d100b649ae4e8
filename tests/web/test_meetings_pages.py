"""Pages of meetings against a city of 579 sites: booking, refusals, lists, weeks, rights, history."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio
from booking_world import (
    ADMIN,
    CHAIR,
    HOUR,
    NOW,
    OFFICIAL,
    OTHER,
    SECOND_CHAIR,
    SECRETARY,
    World,
    booking_world,
    plan,
)
from sqlalchemy import func, select

from directory.database import Database
from directory.model import AuditEntry, Endpoint
from scheduler.model import Invitation, Meeting, Slot

EARLY = datetime.fromisoformat("2026-12-01T06:30+07:00")
HOSTILE = 'Giao ban <b>tuần</b> & "quý" </td><a href=https://x>bấm</a> {{ 7*7 }}\r\nBcc: x@y\u202e'


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city's database, to be copied."""
    path = tmp_path_factory.mktemp("city") / "main.db"

    async def fill() -> None:
        async with booking_world(f"sqlite:///{path}"):
            pass

    asyncio.run(fill())
    return path


@pytest.fixture(autouse=True)
def server_in_utc() -> Iterator[None]:
    """FC-c10: the server's own zone says nothing."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest_asyncio.fixture
async def world(filled: Path, tmp_path: Path) -> AsyncIterator[World]:
    """The city, with a secretary at its pages."""
    shutil.copy(filled, tmp_path / "main.db")
    world = World(Database(f"sqlite:///{tmp_path / 'main.db'}"))
    world.sign_in(SECRETARY)
    yield world
    await world.database.close()


class Client:
    """A browser without scripts."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, language: str = "vi") -> Reader:
        """A page."""
        self._speak(language)
        return Reader(await self._http.get(path))

    async def post(self, path: str, fields: dict[str, Any], language: str = "vi") -> Reader:
        """What answers to a form."""
        body = urlencode({"csrf": "token", **fields}, doseq=True)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        self._speak(language)
        return Reader(await self._http.post(path, content=body, headers=headers))

    def _speak(self, language: str) -> None:
        jar = self._http.cookies.jar
        for cookie in [cookie for cookie in jar if cookie.name == "language"]:
            jar.clear(cookie.domain, cookie.path, cookie.name)
        self._http.cookies.set("language", language)


class Reader(HTMLParser):
    """An answer: its words, its fields as a browser would send them, its elements."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.status = answer.status_code
        self.location = answer.headers.get("location", "")
        self.html = answer.text
        self.text = ""
        self.fields: dict[str, list[str]] = {}
        self.buttons: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self._select = self._area = ""
        self.feed(answer.text)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        name, value = got.get("name", ""), got.get("value", "")
        if tag == "button" and name == "do":
            self.buttons.append((value, got.get("data-at", "")))
        elif tag == "select":
            self._select = name
            self.fields.setdefault(name, [])
        elif tag == "option" and self._select and ("selected" in got or not self.fields[self._select]):
            self.fields[self._select] = [value]
        elif tag == "textarea":
            self._area = name
            self.fields[name] = [""]
        elif tag == "input" and name and (got.get("type") not in ("checkbox", "radio") or "checked" in got):
            self.fields.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            # The first line end in it is not part of the text.
            self.fields[self._area] = [self.fields[self._area][0].removeprefix("\n")]
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area][0] += data
        else:
            self.text += " " + data

    def sent(self, **changes: Any) -> dict[str, Any]:
        """What the form would send, with changes."""
        mine = {
            name: [value.replace("\n", "\r\n") for value in values]
            for name, values in self.fields.items()
            if name not in ("next", "q", "csrf", "") and not name.startswith("language")
        }
        return {**mine, **{name: value for name, value in changes.items() if value is not None}}


@pytest_asyncio.fixture
async def client(world: World, built: Path) -> AsyncIterator[Client]:
    """At the pages of the world."""
    transport = httpx.ASGITransport(app=world.app(built))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        yield Client(http)


FORM: dict[str, Any] = {
    "title": "Họp chuyên đề",
    "kind": "thematic",
    "chair": "",
    "chair_id": str(SECOND_CHAIR),
    "secretary": str(SECRETARY),
    "day": "01/12/2026",
    "begin": "06:30",
    "minutes": "45",
    "sites": ["00004"],
    "do": "publish",
}


async def only(world: World) -> Meeting:
    """The one meeting there is."""
    async with world.database.read() as session:
        return (await session.scalars(select(Meeting))).one()


async def count(world: World, table: type[Any]) -> int:
    async with world.database.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


# -- booking ----------------------------------------------------------------------------------


async def test_a_district_is_booked_with_one_tick(world: World, client: Client) -> None:
    new = await client.get("/meetings/new")
    assert new.status == 200
    assert new.fields["secretary"] == [str(SECRETARY)]
    assert new.fields["day"] == ["01/12/2026"]
    form = new.sent(title="Giao ban quận", chair_id=str(CHAIR), district=["001"], do="publish")
    answer = await client.post("/meetings/new", form)
    assert answer.status == 303
    meeting = await only(world)
    assert answer.location == f"/meetings/{meeting.id}"
    assert (meeting.state, meeting.title, meeting.created_by) == ("published", "Giao ban quận", "person:2")
    assert (await count(world, Invitation), await count(world, Slot)) == (14, 15)
    assert world.changes == 1


async def test_a_draft_takes_no_time_and_can_be_published_from_its_page(world: World, client: Client) -> None:
    answer = await client.post("/meetings/new", {**FORM, "do": "draft"})
    assert (answer.status, await count(world, Slot)) == (303, 0)
    page = await client.get(answer.location)
    assert "Bản nháp" in page.text
    published = await client.post(f"{answer.location}/publish", {"version": page.fields["version"]})
    assert (published.status, (await only(world)).state, await count(world, Slot)) == (303, "published", 2)


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_bad_input_stays_in_the_form_with_its_sentence(
    world: World, client: Client, language: str
) -> None:
    form = {
        **FORM,
        "title": "",
        "chair": "<b>ai đó",
        "chair_id": "",
        "day": "30/02/2027",
        "begin": "25h",
        "minutes": "0",
        "paste": "Xã Không Có\nPhường Phúc Xá",
        "agenda": "1. Báo cáo\n2. </textarea><b>",
        "district": ["271"],
        "group": ["1"],
    }
    answer = await client.post("/meetings/new", form, language)
    assert (answer.status, await count(world, Meeting)) == (422, 0)
    for name in ("title", "chair", "day", "begin", "agenda", "group", "district"):
        assert answer.fields[name] == [form[name]] if isinstance(form[name], str) else form[name], name
    assert answer.fields["paste"] == [form["paste"]]
    links = re.findall(r'<li><a href="#(f-\w+)">', answer.html)
    assert links == ["f-title", "f-chair", "f-day", "f-begin", "f-minutes", "f-paste"]
    assert len(answer.fields["sites"]) == 32, "those of the district, and the one"
    assert "b" not in answer.tags
    assert ("Dòng 1: Xã Không Có" if language == "vi" else "Line 1: Xã Không Có") in answer.text


async def test_what_was_written_survives_a_change_of_language(client: Client) -> None:
    form = {**FORM, "title": "", "day": "30/02/2027", "do": "publish", "paste": "Xã gì"}
    first = await client.post("/meetings/new", form)
    assert first.html.count('form="booking" formaction="/meetings/new"') == 2
    again = await client.post("/meetings/new", first.sent(language="en"))
    assert again.status == 200
    assert '<html lang="en">' in again.html
    assert {name: again.fields[name] for name in ("day", "begin", "sites", "paste", "chair_id")} == {
        "day": ["30/02/2027"],
        "begin": ["06:30"],
        "sites": ["00004"],
        "paste": ["Xã gì"],
        "chair_id": [str(SECOND_CHAIR)],
    }


async def test_a_name_that_two_have_is_asked_for(client: Client) -> None:
    answer = await client.post("/meetings/new", {**FORM, "chair": "tran dung", "chair_id": "", "do": "find"})
    assert answer.status == 422
    assert "Trần Văn Dũng" in answer.text
    assert "Trần Thị Dung" in answer.text
    assert answer.fields.get("chair_id", []) == []
    found = await client.get("/meetings/chairs?chair=tran+thi")
    assert "Trần Thị Dung" in found.text
    assert "Trần Văn Dũng" not in found.text
    nobody = await client.get("/meetings/chairs?chair=%3Cb%3Ex")
    assert "b" not in nobody.tags


async def test_a_list_of_ten_thousand_lines(world: World, client: Client) -> None:
    lines = [f"{number:05}" for number in world.site_ids.values()]
    async with world.database.read() as session:
        codes = list(await session.scalars(select(Endpoint.code)))
    lines = [codes[number % len(codes)] for number in range(9_999)] + ["Xã Ở Đâu Đó"]
    answer = await client.post("/meetings/check", {**FORM, "sites": [], "paste": "\r\n".join(lines)})
    assert answer.status == 200
    assert "Đã chọn 579 điểm cầu" in answer.text
    assert "Dòng 10000: Xã Ở Đâu Đó" in answer.text
    too_long = await client.post("/meetings/new", {**FORM, "paste": "a\n" * 10_000})
    assert (too_long.status, await count(world, Meeting)) == (422, 0)
    assert "nhiều nhất 10000 dòng" in too_long.text


# -- conflicts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "word"), [("vi", "trùng lịch với"), ("en", "is in conflict with")])
async def test_fc_c10_a_conflict_names_both_with_hanoi_s_time(
    world: World, client: Client, language: str, word: str
) -> None:
    await world.book(plan(EARLY, 0.75))
    form = {**FORM, "begin": "06:45", "sites": [], "district": ["001"]}
    answer = await client.post("/meetings/new", form, language)
    assert (answer.status, await count(world, Meeting)) == (409, 1)
    assert f"“Họp chuyên đề” {word} “Giao ban tuần” (01/12/2026 06:30–07:15)" in answer.text
    assert "Phường Phúc Xá, Quận Ba Đình" in answer.text
    assert "UTC" not in answer.text.replace("UTC+7", "")
    proposals = [button for button in answer.buttons if button[0].startswith("at:")]
    assert [shown for _, shown in proposals] == ["30/11/2026 17:15–18:00", "01/12/2026 07:15–08:00"]
    taken = await client.post("/meetings/new", answer.sent(do=proposals[1][0]), language)
    assert (taken.status, taken.fields["day"], taken.fields["begin"]) == (200, ["01/12/2026"], ["07:15"])
    booked = await client.post("/meetings/new", taken.sent(do="publish"), language)
    assert (booked.status, await count(world, Meeting)) == (303, 2)


async def test_the_check_tells_before_saving(world: World, client: Client) -> None:
    await world.book(plan(EARLY, 0.75))
    free = await client.post("/meetings/check", {**FORM, "title": "", "begin": "07:15", "district": ["001"]})
    assert "Đã chọn 14 điểm cầu" in free.text
    assert "Không trùng lịch" in free.text
    taken = await client.post("/meetings/check", {**FORM, "title": "", "district": ["001"]})
    assert "“Cuộc họp này” trùng lịch với “Giao ban tuần” (01/12/2026 06:30–07:15)" in taken.text
    early = await client.post("/meetings/check", {**FORM, "day": "", "sites": [], "group": ["1"]})
    assert "Đã chọn 3 điểm cầu" in early.text
    assert await count(world, Meeting) == 1


async def test_fc_c10_a_meeting_over_midnight_conflicts_with_a_quarter_past(
    world: World, client: Client
) -> None:
    await world.book(plan(datetime.fromisoformat("2026-12-01T22:00+07:00"), 2.5))
    answer = await client.post(
        "/meetings/new", {**FORM, "day": "02/12/2026", "begin": "00:15", "district": ["001"]}
    )
    assert answer.status == 409
    assert "(01/12/2026 22:00–02/12/2026 00:30)" in answer.text


async def test_a_draft_in_conflict_is_told_when_it_is_published(world: World, client: Client) -> None:
    await world.book(plan(EARLY, 0.75))
    draft = await world.book(plan(EARLY, 0.5, title="Bản khác", chair_id=SECOND_CHAIR), publish=False)
    answer = await client.post(f"/meetings/{draft.id}/publish", {"version": 1})
    assert answer.status == 409
    assert "“Bản khác” trùng lịch với “Giao ban tuần”" in answer.text


async def test_fc_c10_today_is_hanoi_s_day(world: World, client: Client) -> None:
    """At 23:50 in Hanoi, when it is 16:50 of the same day in UTC and already 01:50 in Tokyo."""
    world.now = datetime.fromisoformat("2026-12-01T23:50+07:00")
    assert "hôm nay" in (await client.get("/meetings/week")).text
    assert "01/12/2026 hôm nay" in (await client.get("/meetings/week")).text
    answer = await client.post("/meetings/new", {**FORM, "begin": "23:55"})
    assert answer.status == 303
    assert (await only(world)).starts_at.isoformat() == "2026-12-01T16:55:00+00:00"
    past = await client.post("/meetings/new", {**FORM, "begin": "23:45", "chair_id": str(CHAIR)})
    assert past.status == 422
    assert "đã qua" in past.text


# -- changing ----------------------------------------------------------------------------------


async def test_fc_c10_an_unchanged_save_changes_nothing(world: World, client: Client) -> None:
    """Neither the instant nor the version, and no line in the log."""
    start = EARLY + timedelta(seconds=17, microseconds=5)
    agenda = "1. Báo cáo\n\n2. <b>Thảo luận</b>\n"
    meeting = await world.book(plan(start, 0.77, title="Giao ban  <b>", agenda=agenda))
    lines = await count(world, AuditEntry)
    edit = await client.get(f"/meetings/{meeting.id}/edit")
    assert (edit.fields["day"], edit.fields["begin"]) == (["01/12/2026"], ["06:30"])
    answer = await client.post(f"/meetings/{meeting.id}/edit", edit.sent(do="save"))
    assert answer.status == 303
    after = await only(world)
    assert (after.starts_at, after.ends_at, after.version, after.agenda, after.title) == (
        meeting.starts_at,
        meeting.ends_at,
        meeting.version,
        agenda,
        "Giao ban  <b>",
    )
    assert (await count(world, AuditEntry), world.changes) == (lines, 0)
    assert "Không có gì thay đổi" in (await client.get(answer.location)).text


async def test_a_meeting_is_moved_with_its_times(world: World, client: Client) -> None:
    meeting = await world.book(plan(EARLY, 0.75))
    edit = await client.get(f"/meetings/{meeting.id}/edit")
    form = edit.sent(begin="14h", reason="Trùng lễ", do="save")
    assert (await client.post(f"/meetings/{meeting.id}/edit", form)).status == 303
    async with world.database.read() as session:
        starts = set(await session.scalars(select(Slot.starts_at)))
    assert starts == {datetime.fromisoformat("2026-12-01T14:00+07:00")}
    page = await client.get(f"/meetings/{meeting.id}")
    assert "Trùng lễ" in page.text
    assert "01/12/2026 06:30 → 01/12/2026 14:00" in page.text
    assert page.text.count("Nguyễn Thị Hồng Ánh · sửa cuộc họp") == 1


async def test_who_else_changed_it_is_told_and_nothing_is_lost(world: World, client: Client) -> None:
    meeting = await world.book(plan(EARLY, 0.75))
    edit = await client.get(f"/meetings/{meeting.id}/edit")
    world.now = NOW + timedelta(minutes=5)
    await world.change(meeting.id, OTHER, meeting.version, title="Tên của người khác")
    form = edit.sent(title="Tên của tôi", do="save")
    refused = await client.post(f"/meetings/{meeting.id}/edit", form)
    assert refused.status == 422
    assert "Lê Văn Đức đã sửa cuộc họp này lúc 30/11/2026 09:05" in refused.text
    assert refused.fields["title"] == ["Tên của tôi"]
    assert (await only(world)).title == "Tên của người khác"
    again = await client.post(f"/meetings/{meeting.id}/edit", refused.sent(do="save"))
    assert (again.status, (await only(world)).title) == (303, "Tên của tôi")


async def test_a_meeting_is_called_off_with_a_reason(world: World, client: Client) -> None:
    meeting = await world.book(plan(EARLY, 0.75))
    form = await client.get(f"/meetings/{meeting.id}/cancel")
    none = await client.post(f"/meetings/{meeting.id}/cancel", form.sent(reason=" "))
    assert none.status == 422
    assert "Nhập lý do." in none.text
    long = await client.post(f"/meetings/{meeting.id}/cancel", form.sent(reason="x" * 401))
    assert (long.status, "nhiều nhất 400" in long.text) == (422, True)
    done = await client.post(f"/meetings/{meeting.id}/cancel", form.sent(reason="Bão số 9"))
    assert (done.status, await count(world, Slot)) == (303, 0)
    page = await client.get(done.location)
    assert "Đã hủy" in page.text
    assert "Bão số 9" in page.text
    assert f"/meetings/{meeting.id}/edit" not in page.html
    late = await client.post(f"/meetings/{meeting.id}/cancel", form.sent(reason="Nữa"))
    assert (late.status, "đã bị hủy" in late.text) == (422, True)


async def test_a_stale_cancel_names_who_changed_it(world: World, client: Client) -> None:
    meeting = await world.book(plan(EARLY, 0.75))
    form = await client.get(f"/meetings/{meeting.id}/cancel")
    await world.change(meeting.id, OTHER, meeting.version, title="Khác")
    answer = await client.post(f"/meetings/{meeting.id}/cancel", form.sent(reason="Bão"))
    assert answer.status == 422
    assert "Lê Văn Đức đã sửa cuộc họp này" in answer.text
    assert answer.fields["reason"] == ["Bão"]


async def test_a_site_that_went_out_of_use_stays_in_its_meeting(world: World, client: Client) -> None:
    meeting = await world.book(plan(EARLY, 0.75))
    async with world.database.write() as session:
        gone = (await session.scalars(select(Endpoint).where(Endpoint.id == 3))).one()
        gone.retired_at = NOW
    edit = await client.get(f"/meetings/{meeting.id}/edit")
    assert "nay không còn hoạt động" in edit.text
    same = await client.post(f"/meetings/{meeting.id}/edit", edit.sent(do="save"))
    assert (same.status, await count(world, Invitation)) == (303, 3)
    renamed = await client.post(f"/meetings/{meeting.id}/edit", edit.sent(title="Khác", do="save"))
    assert renamed.status == 422
    assert "không còn hoạt động. Bỏ đánh dấu" in renamed.text


# -- lists and rights ----------------------------------------------------------------------------


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


async def test_two_saves_at_once_book_once(world: World, client: Client) -> None:
    """Two secretaries press at the same moment: one is booked, the other is told why."""
    forms = [{**FORM, "title": f"Họp {number}", "chair_id": str(CHAIR + number)} for number in (0, 1)]
    answers = await asyncio.gather(*(client.post("/meetings/new", form) for form in forms))
    assert sorted(answer.status for answer in answers) == [303, 409]
    refused = next(answer for answer in answers if answer.status == 409)
    assert re.search(r"“Họp \d” trùng lịch với “Họp \d” \(01/12/2026 06:30–07:15\)", refused.text)
    assert await count(world, Meeting) == 1
