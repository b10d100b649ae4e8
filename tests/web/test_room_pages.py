"""The room of a booked meeting: who is let in, who is told what instead, and where the ways to it stand."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from signed_in import Browser, Text, World

from directory.errors import UnavailableError
from directory.model import Endpoint, Unit
from scheduler import booking
from scheduler.booking import Plan
from scheduler.rows import get_meeting
from web import i18n
from web.room_pages import room_address

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
HOSTILE = 'Giao ban <b>tuần</b> & "quý" </td><a href=https://x>bấm</a> {{ 7*7 }}\u202e'


class Stage:
    """People who book and chair, and meetings in any state."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def meeting(
        self,
        state: str = "published",
        begins: timedelta = HOUR / 2,
        *,
        title: str = "Giao ban tuần",
        sites: tuple[int, ...] = (),
        reason: str = "",
    ) -> str:
        """One that stands at ``state`` now."""
        now = datetime.now(UTC)
        people, start = self.world.people, now + begins
        chosen = frozenset(sites or (self.world.site_id,))
        plan = Plan(
            title,
            "briefing",
            people["chair"],
            people["secretary"],
            start,
            start + HOUR,
            "Asia/Ho_Chi_Minh",
            "",
            chosen,
        )
        early = now - 3 * HOUR
        async with self.world.database.write() as session:
            made = await booking.create(session, plan, by="person:1", now=early)
            if state != "draft":
                await booking.publish(session, made.id, version=1, by="person:1", now=early)
            row = await get_meeting(session, made.id)
            row.state, row.reason = state, reason
        return made.id

    async def told(self, who: str, meeting: str, query: str = "") -> tuple[int, str]:
        """Status and page for this visitor."""
        async with self.world.browser(who) as browser:
            answer = await browser.get(room_address(meeting) + query)
            return answer.status_code, answer.text


@pytest.fixture
async def stage(world: World) -> Stage:
    await world.sites()
    for who in ("chair", "secretary"):
        await world.person(who, f"Bà {who}", roles=(who,))
    return Stage(world)


def said(key: str, **values: object) -> str:
    return i18n.translate("vi", key, **values)


def attributes(page: str) -> dict[str, str]:
    """What the page tells its script."""
    body = re.search(r"<body ([^>]*)>", page)
    assert body is not None
    return {name: unescape(value) for name, value in re.findall(r'data-(\w+)="([^"]*)"', body[1])}


@pytest.mark.parametrize(
    ("who", "name", "kind"),
    [("chair", "Bà chair", "person"), ("secretary", "Bà secretary", "person"), ("site", "", "site")],
)
async def test_who_takes_part_gets_the_room(stage: Stage, who: str, name: str, kind: str) -> None:
    meeting = await stage.meeting("open", -MINUTE)
    status, page = await stage.told(who, meeting)
    assert status == 200
    given = attributes(page)
    assert (given["meeting"], given["title"], given["kind"], given["home"]) == (
        meeting,
        "Giao ban tuần",
        kind,
        "/home",
    )
    assert given["csrf"]
    assert name in given["name"]
    assert "assets/room-1e2f.js" in page
    assert "assets/room-3a4b.css" in page


async def test_its_proof_gets_a_ticket_from_the_page_alone(stage: Stage) -> None:
    meeting = await stage.meeting("open", -MINUTE)
    async with stage.world.browser("chair") as browser:
        proof = attributes((await browser.get(room_address(meeting))).text)["csrf"]
        address = f"/api/v1/meetings/{meeting}/ticket"
        # Not admitted by the channel yet: the proof itself was good.
        answer = await browser.post(address, headers={"X-CSRF-Token": proof})
        assert (answer.status_code, answer.json()["code"]) == (409, "not_admitted")
        answer = await browser.post(address, headers={"X-CSRF-Token": "x" + proof})
        assert (answer.status_code, answer.json()["code"]) == (403, "form_refused")


@pytest.mark.parametrize("who", ["it_staff", "administrator"])
async def test_who_looks_after_meetings_may_come_to_the_door(stage: Stage, who: str) -> None:
    assert (await stage.told(who, await stage.meeting("open", -MINUTE)))[0] == 200


async def test_a_site_that_is_not_invited_waits_without_learning_what_it_is(stage: Stage) -> None:
    meeting = await stage.meeting("open", -MINUTE, title="Họp kín", sites=(stage.world.site_id + 1,))
    status, page = await stage.told("site", meeting)
    assert status == 200
    assert "Họp kín" not in page
    assert attributes(page)["title"] == said("room.untitled")
    assert "Họp kín" not in (await stage.told("site", await stage.meeting("closed", -2 * HOUR)))[1]


@pytest.mark.parametrize("state", ["open", "published", "closed", "cancelled"])
async def test_who_is_not_of_the_meeting_is_told_whom_to_ask(stage: Stage, state: str) -> None:
    meeting = await stage.meeting(state, -MINUTE, title="Họp kín")
    status, page = await stage.told("official", meeting)
    assert status == 403
    assert said("room.away.strange.text") in Text(page).all
    assert "Họp kín" not in page
    assert f"/meetings/{meeting}" not in page.replace(room_address(meeting), "")
    assert "src/room" not in page
    assert "assets/room" not in page


@pytest.mark.parametrize("who", ["official", "chair", "secretary", "site"])
async def test_there_is_no_room_without_a_meeting(stage: Stage, who: str) -> None:
    assert (await stage.told(who, "khong-co"))[0] == 404


async def test_of_a_draft_only_who_may_see_it_is_told(stage: Stage) -> None:
    draft = await stage.meeting("draft", 2 * HOUR)
    status, page = await stage.told("secretary", draft)
    assert status == 409
    assert said("room.away.draft") in Text(page).all
    for who, wanted in (("official", 404), ("it_staff", 404), ("site", 404)):
        assert (await stage.told(who, draft))[0] == wanted, who


@pytest.mark.parametrize(
    ("state", "begins", "reason", "status", "title", "also"),
    [
        ("published", 3 * HOUR, "", 409, "room.away.early", ""),
        ("closed", -2 * HOUR, "", 410, "room.away.closed", ""),
        ("cancelled", HOUR, "Mưa bão", 410, "room.away.cancelled", "Mưa bão"),
        ("skipped", -2 * HOUR, "end_passed", 410, "room.away.skipped", ""),
    ],
)
async def test_at_another_time_a_page_says_what_is(
    stage: Stage, state: str, begins: timedelta, reason: str, status: int, title: str, also: str
) -> None:
    meeting = await stage.meeting(state, begins, reason=reason)
    found, page = await stage.told("chair", meeting)
    text = Text(page).all
    assert found == status
    assert said(title) in text
    assert said(f"{title}.text") in text
    assert "Giao ban tuần" in text
    assert also in text
    assert reason not in text or reason == also
    assert f'href="/meetings/{meeting}"' in page
    assert 'href="/home"' in page
    assert ("?wait" in page) == (state == "published")


@pytest.mark.parametrize(
    ("begins", "query", "waits"),
    [(3 * HOUR, "", False), (3 * HOUR, "?wait", True), (59 * MINUTE, "", True), (61 * MINUTE, "", False)],
)
async def test_the_room_waits_from_an_hour_before_or_when_asked(
    stage: Stage, begins: timedelta, query: str, waits: bool
) -> None:
    status, page = await stage.told("site", await stage.meeting("published", begins), query)
    assert status == (200 if waits else 409)
    assert ("data-meeting" in page) == waits
    if waits:
        given = attributes(page)
        assert re.fullmatch(r"\d\d:\d\d", given["time"])
        assert re.fullmatch(r"\d\d/\d\d/\d{4}", given["date"])


async def test_the_time_that_is_told_is_hanois(stage: Stage) -> None:
    meeting = await stage.meeting("published", HOUR / 2)
    async with stage.world.database.read() as session:
        starts = (await get_meeting(session, meeting)).starts_at
    given = attributes((await stage.told("chair", meeting))[1])
    assert f"{given['date']} {given['time']}" == (starts + 7 * HOUR).strftime("%d/%m/%Y %H:%M")


async def test_nobody_is_sent_to_sign_in_and_comes_back(stage: Stage) -> None:
    meeting = await stage.meeting("open", -MINUTE)
    async with Browser(stage.world.service) as browser:
        answer = await browser.get(room_address(meeting))
    assert answer.status_code == 303
    assert answer.headers["location"].endswith(f"next=%2Fmeetings%2F{meeting}%2Froom")


async def test_the_page_is_never_kept(stage: Stage) -> None:
    meeting = await stage.meeting("open", -MINUTE)
    async with stage.world.browser("chair") as browser:
        answer = await browser.get(room_address(meeting))
    assert answer.headers["cache-control"] == "no-store"
    assert "Cookie" in answer.headers["vary"]


async def test_without_a_database_it_says_to_wait(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = await stage.meeting("open", -MINUTE)

    async def gone(*_: object, **__: object) -> None:
        raise UnavailableError("gone")

    monkeypatch.setattr("web.room_pages.get_meeting", gone)
    assert (await stage.told("chair", meeting))[0] == 503


async def test_fc_e07_a_title_that_is_markup(stage: Stage) -> None:
    opened = await stage.meeting("open", -MINUTE, title=HOSTILE)
    over = await stage.meeting("closed", -2 * HOUR, title=HOSTILE)
    for meeting in (opened, over):
        page = (await stage.told("chair", meeting))[1]
        assert "<b>tuần" not in page
        assert "https://x>" not in page
        assert "49" not in Text(page).all
        assert "\u202e" not in page
    assert attributes((await stage.told("chair", opened))[1])["title"] == HOSTILE.replace("\u202e", "")


@pytest.mark.parametrize(
    ("state", "begins", "word"),
    [
        ("open", -MINUTE, "room.enter"),
        ("published", 3 * HOUR, "room.enter.early"),
        ("closed", -2 * HOUR, ""),
        ("cancelled", HOUR, ""),
        ("draft", HOUR, ""),
    ],
)
async def test_the_meetings_page_leads_to_its_room(
    stage: Stage, state: str, begins: timedelta, word: str
) -> None:
    meeting = await stage.meeting(state, begins)
    async with stage.world.browser("secretary") as browser:
        page = (await browser.get(f"/meetings/{meeting}")).text
    assert (f'href="{room_address(meeting)}"' in page) == bool(word)
    if word:
        assert said(word) in Text(page).all


async def test_home_and_list_lead_into_what_is_open(stage: Stage) -> None:
    opened = await stage.meeting("open", -MINUTE, title="Đang mở")
    later = await stage.meeting("published", 3 * HOUR, title="Chiều nay")
    for who, path in (("chair", "/home"), ("site", "/home"), ("chair", "/meetings"), ("site", "/meetings")):
        async with stage.world.browser(who) as browser:
            page = (await browser.get(path)).text
        assert f'href="{room_address(opened)}"' in page, (who, path)
        assert room_address(later) not in page, (who, path)


async def test_nobody_is_led_where_the_door_is_closed(stage: Stage) -> None:
    """An official of the unit above sees the meeting of a site below, but does not speak for it."""
    async with stage.world.database.read() as session:
        site = await session.get_one(Endpoint, stage.world.site_id)
        above = (await session.get_one(Unit, site.unit_id)).parent_id
    assert above is not None
    await stage.world.person("quan", "Ông Quận", roles=("official",), unit_ids=(above,))
    opened = await stage.meeting("open", -MINUTE)
    for path in ("/home", "/meetings", f"/meetings/{opened}"):
        async with stage.world.browser("quan") as browser:
            answer = await browser.get(path)
        assert answer.status_code == 200
        assert "Giao ban tuần" in answer.text, path
        assert room_address(opened) not in answer.text, path
    status, page = await stage.told("quan", opened)
    assert status == 403
    # Who may see the meeting is told which one it is.
    assert "Giao ban tuần" in page
