"""Pages that book, change and call off meetings, against a city of 579 sites."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from booking_browser import FORM, Client, client_of, copied_world, count, only
from booking_world import CHAIR, NOW, OTHER, SECOND_CHAIR, SECRETARY, World, plan
from sqlalchemy import select

from directory.model import AuditEntry, Endpoint
from scheduler.model import Invitation, Meeting, Slot

pytestmark = pytest.mark.usefixtures("server_in_utc")
EARLY = datetime.fromisoformat("2026-12-01T06:30+07:00")


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


async def test_fc_c03_a_site_by_group_by_name_and_by_list_is_one_site(world: World, client: Client) -> None:
    async with world.database.read() as session:
        found = select(Endpoint).where(Endpoint.id.in_((10, 11, 12))).order_by(Endpoint.id)
        members = list(await session.scalars(found))
    await world.book(plan(EARLY, 0.75, endpoint_ids=frozenset({10})))
    form = {**FORM, "sites": [members[0].code], "group": ["1"], "paste": members[0].code}
    refused = await client.post("/meetings/new", form)
    assert refused.status == 409
    [said] = re.findall(r"trùng lịch với “Giao ban tuần” \([^)]*\): ([^.]*)\.", refused.text)[:1]
    assert said.count(members[0].name) == 1
    booked = await client.post("/meetings/new", {**form, "begin": "07:15"})
    assert booked.status == 303
    async with world.database.read() as session:
        mine = select(Invitation.endpoint_id).where(
            Invitation.meeting_id == booked.location.rpartition("/")[2]
        )
        assert sorted(await session.scalars(mine)) == [10, 11, 12]


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


async def test_two_saves_at_once_book_once(world: World, client: Client) -> None:
    """Two secretaries press at the same moment: one is booked, the other is told why."""
    forms = [{**FORM, "title": f"Họp {number}", "chair_id": str(CHAIR + number)} for number in (0, 1)]
    answers = await asyncio.gather(*(client.post("/meetings/new", form) for form in forms))
    assert sorted(answer.status for answer in answers) == [303, 409]
    refused = next(answer for answer in answers if answer.status == 409)
    assert re.search(r"“Họp \d” trùng lịch với “Họp \d” \(01/12/2026 06:30–07:15\)", refused.text)
    assert await count(world, Meeting) == 1
