"""Roles by actions, each cell over the API and over the pages: who may, who may not, who does not even see.

A cell is the status of the answer. 404 is for what somebody may not know of.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rest_caller import Caller, basic, book, caller, leaders, plan, weekday_at
from serving_harness import running
from signed_in import NOW, PASSWORD, World
from small_city import fill
from sqlalchemy import select, update
from test_conference import meeting_now, signed_in

from directory import groups
from directory.access import credentials, owners, sessions
from directory.access.sessions import Visit
from directory.endpoints import by_code
from directory.model import Endpoint
from scheduler.model import AttendanceFact, Meeting
from web.rest.calls import PREFIX
from web.settings import Settings

COLUMNS = ["official", "chair", "secretary", "it_staff", "administrator", "site", "agent", "nobody"]

API = """
who am I                        200 200 200 200 200 200 200 401
list sites                      200 200 200 200 200 403 403 401
see a site                      200 200 200 200 200 403 403 401
change a site                   403 403 403 200 200 403 403 401
list units                      200 200 200 200 200 403 403 401
see a unit                      200 200 200 200 200 403 403 401
list districts                  200 200 200 200 200 403 403 401
list groups                     200 200 200 200 200 403 403 401
see a group                     200 200 200 200 200 403 403 401
create a group                  403 403 201 201 201 403 403 401
change a group                  403 403 200 200 200 403 403 401
remove a group                  403 403 204 204 204 403 403 401
list people                     403 200 200 200 200 403 403 401
see a person                    403 200 200 200 200 403 403 401
create a person                 403 403 403 403 201 403 403 401
change a person                 403 403 403 403 200 403 403 401
make oneself administrator      403 403 403 403 200 403 403 401
read the audit log              403 403 403 403 200 403 403 401
list meetings                   200 200 200 200 200 200 403 401
see a meeting of the own site   200 200 200 200 200 200 403 401
see a meeting of others         404 200 200 200 200 404 403 401
see a draft of others           404 404 200 404 404 404 403 401
create a meeting                403 403 201 403 403 403 403 401
change a meeting                403 403 200 403 403 403 403 401
publish a meeting               403 403 200 403 403 403 403 401
cancel a meeting                403 403 200 403 403 403 403 401
find free times                 403 403 200 403 403 403 403 401
see who attended                200 200 200 200 200 403 403 401
see who attended at others      404 200 200 200 200 403 403 401
read the attendance log         200 200 200 200 200 403 403 401
read the log of others          404 200 200 200 200 403 403 401
"""

BROWSERS_ONLY = """
join a meeting that is over     409 409 409 409 409 409 403 403
join a meeting of others        403 409 409 409 409 409 403 403
"""
"""Whoever is not invited may wait at the door of a meeting that is open; one that is not open has no door."""

PAGES = """
/home                           200 200 200 200 200 200 200 303
/account                        200 200 200 200 200 403 403 303
/meetings                       200 200 200 200 200 200 403 303
/meetings/week                  200 200 200 200 200 200 403 303
/meetings/{own}                 200 200 200 200 200 200 403 303
/meetings/{other}               404 200 200 200 200 404 403 303
/meetings/{draft}               404 404 200 404 404 404 403 303
/meetings/new                   403 403 200 403 403 403 403 303
/meetings/{own}/edit            403 403 200 403 403 403 403 303
/meetings/{own}/cancel          403 403 200 403 403 403 403 303
/directory                      200 200 200 200 200 403 403 303
/directory/import               403 403 403 200 200 403 403 303
/people                         403 200 200 200 200 403 403 303
/people/new                     403 403 403 403 200 403 403 303
/people/{person}                403 200 200 200 200 403 403 303
/people/{person}/edit           403 403 403 403 200 403 403 303
/audit                          403 403 403 403 200 403 403 303
"""


def read(table: str) -> dict[str, dict[str, int]]:
    """The cells by role and row."""
    rows = [line.rsplit(maxsplit=len(COLUMNS)) for line in table.strip().splitlines()]
    return {who: {row[0].strip(): int(row[at]) for row in rows} for at, who in enumerate(COLUMNS, start=1)}


@dataclass
class Stage:
    """A city with meetings: of the own site, of another one, a draft, one that is over."""

    world: World
    own: Meeting
    other: Meeting
    draft: Meeting
    closed: Meeting
    other_site: int
    other_code: str
    number: int = 0

    async def spare(self, *, publish: bool = False) -> Meeting:
        """A meeting that may be changed, at a time of its own."""
        self.number += 1
        start = weekday_at(8, 10 + 3 * self.number)
        return await book(self.world, start, frozenset({self.world.site_id}), publish=publish)

    async def group(self) -> groups.GroupView:
        """A group that may be changed."""
        self.number += 1
        async with self.world.database.write() as session:
            return await groups.create(
                session, f"Nhóm {self.number}", [self.world.site_id], by="cli:test", now=NOW
            )


@pytest.fixture
async def stage(world: World) -> Stage:
    await world.sites()
    async with world.database.read() as session:
        rows = await session.execute(
            select(Endpoint.id, Endpoint.code, Endpoint.unit_id).order_by(Endpoint.id).limit(2)
        )
        (first, _, unit), (second, code, _) = rows.all()
    assert first == world.site_id
    await leaders(world)
    others = [await world.person(f"{role}2", roles=(role,)) for role in ("chair", "secretary")]
    for role in ("it_staff", "administrator"):
        await world.person(role, roles=(role,), password=PASSWORD)
    await world.person("official", roles=("official",), unit_ids=(unit,), password=PASSWORD)
    mine, theirs = frozenset({first}), frozenset({second})
    own = await book(world, weekday_at(8), mine | theirs)
    other = await book(world, weekday_at(10), theirs, chair=others[0], secretary=others[1])
    draft = await book(world, weekday_at(14), mine, chair=others[0], secretary=others[1], publish=False)
    closed = await book(world, weekday_at(16), mine)
    now = dt.datetime.now(dt.UTC)
    async with world.database.write() as session:
        await session.execute(
            update(Meeting).where(Meeting.id == closed.id).values(state="closed", closed_at=now)
        )
        for at, site in enumerate((world.site_code, code)):
            session.add(
                AttendanceFact(
                    meeting_id=own.id,
                    at=now,
                    kind="joined",
                    identity=f"site:{site}:main",
                    key=f"joined:PA_{at}",
                    sid=f"PA_{at}",
                    room_sid="RM_1",
                    joined_at=now,
                )
            )
    return Stage(world, own, other, draft, closed, second, code)


@asynccontextmanager
async def as_role(world: World, who: str, how: str) -> AsyncIterator[Caller]:
    """Somebody of a role: by the cookie of a browser, or by the credential of another system."""
    if who == "nobody":
        async with caller(world) as found:
            yield found
    elif how == "credential" and who in ("site", "agent"):
        async with caller(world, authorization=f"Bearer {await device_key(world, who)}") as found:
            yield found
    elif how == "credential":
        async with caller(world, authorization=basic(who)) as found:
            yield found
    elif who == "agent":
        async with world.browser() as browser:
            key = await device_key(world, who)
            now = dt.datetime.now(dt.UTC)
            async with world.database.write() as session:
                opened = await sessions.open_session(session, key.partition(".")[0], Visit(now, 0.0))
            browser.cookies.set("diemcau_session", opened.cookie)
            me = await browser.get(f"{PREFIX}/me")
            yield Caller(browser, me.json()["csrf_token"])
    else:
        async with caller(world, who) as found:
            yield found


async def device_key(world: World, who: str) -> str:
    owner = owners.agent(world.site_id) if who == "agent" else owners.site_device(world.site_id)
    issued = await credentials.issue_key(world.database, world.hashing, owner, by="cli:test", now=NOW)
    return issued.secret


async def act(stage: Stage, who: Caller, row: str) -> int:
    """Do what a row says; the status of the answer."""
    world = stage.world
    own, other = f"/meetings/{stage.own.id}", f"/meetings/{stage.other.id}"
    reads = {
        "who am I": "/me",
        "list sites": "/sites",
        "see a site": f"/sites/{stage.other_code}",
        "list units": "/units",
        "see a unit": "/units/01",
        "list districts": "/districts",
        "list groups": "/groups",
        "list people": "/people",
        "see a person": f"/people/{world.people['chair']}",
        "read the audit log": "/audit",
        "list meetings": "/meetings",
        "see a meeting of the own site": own,
        "see a meeting of others": other,
        "see a draft of others": f"/meetings/{stage.draft.id}",
        "see who attended": f"{own}/attendance",
        "see who attended at others": f"{other}/attendance",
        "read the attendance log": f"{own}/attendance/facts",
        "read the log of others": f"{other}/attendance/facts",
    }
    if row in reads:
        return int((await who.get(reads[row])).status_code)
    return int((await change(stage, who, row)).status_code)


async def change(stage: Stage, who: Caller, row: str) -> Any:
    """The answer to a row that changes something."""
    world = stage.world
    stage.number += 1
    match row:
        case "change a site":
            async with world.database.read() as session:
                version = (await by_code(session, stage.other_code)).version
            body = {"contact_name": f"Chị {stage.number}"}
            return await who.send("PATCH", f"/sites/{stage.other_code}", body, version=version)
        case "create a group":
            return await who.send(
                "POST", "/groups", {"name": f"Mới {stage.number}", "sites": [world.site_code]}
            )
        case "see a group" | "change a group" | "remove a group":
            path = f"/groups/{(await stage.group()).id}"
            if row == "see a group":
                return await who.get(path)
            if row == "remove a group":
                return await who.send("DELETE", path, version=1)
            return await who.send("PATCH", path, {"name": f"Khác {stage.number}"}, version=1)
        case "create a person":
            return await who.send("POST", "/people", {"login": f"moi{stage.number}", "name": "Người mới"})
        case "change a person":
            number = await world.person(f"x{stage.number}")
            return await who.send("PATCH", f"/people/{number}", {"title": "Phó"}, version=1)
        case "make oneself administrator":
            me = (await who.get("/me")).json()
            number = me.get("id", 1) if me.get("kind") == "person" else world.people["official"]
            seen = await who.get(f"/people/{number}")
            version = seen.json()["version"] if seen.status_code == 200 else 1
            return await who.send("PATCH", f"/people/{number}", {"roles": ["administrator"]}, version=version)
        case "create a meeting":
            return await who.send("POST", "/meetings", await plan(world))
        case "find free times":
            return await who.send("POST", "/free-times", await plan(world))
        case "change a meeting":
            return await who.send(
                "PUT", f"/meetings/{(await stage.spare()).id}", await plan(world, title="Khác"), version=1
            )
        case "publish a meeting":
            return await who.send("POST", f"/meetings/{(await stage.spare()).id}/publish", version=1)
        case "cancel a meeting":
            meeting = await stage.spare(publish=True)
            return await who.send("POST", f"/meetings/{meeting.id}/cancel", {"reason": "Hoãn"}, version=2)
        case "join a meeting that is over":
            return await who.send("POST", f"/meetings/{stage.closed.id}/ticket")
        case "join a meeting of others":
            return await who.send("POST", f"/meetings/{stage.other.id}/ticket")
    raise AssertionError(f"no such row: {row}")


@pytest.mark.parametrize("how", ["browser", "credential"])
@pytest.mark.parametrize("who", COLUMNS)
async def test_each_cell_over_the_api(stage: Stage, who: str, how: str) -> None:
    expected = read(API)[who] | (read(BROWSERS_ONLY)[who] if how == "browser" else {})
    async with as_role(stage.world, who, how) as found:
        measured = {row: await act(stage, found, row) for row in expected}
    assert measured == expected


@pytest.mark.parametrize("who", COLUMNS)
async def test_each_cell_over_the_pages(stage: Stage, who: str) -> None:
    expected = read(PAGES)[who]
    names: dict[str, object] = {
        "own": stage.own.id,
        "other": stage.other.id,
        "draft": stage.draft.id,
        "person": stage.world.people["chair"],
    }
    async with as_role(stage.world, who, "browser") as found:
        measured = {row: (await found.browser.get(row.format_map(names))).status_code for row in expected}
    assert measured == expected


async def test_a_refused_change_changes_nothing(stage: Stage) -> None:
    async with as_role(stage.world, "chair", "browser") as found:
        spare = await stage.spare()
        answer = await found.send("POST", f"/meetings/{spare.id}/publish", version=1)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        number = stage.world.people["official"]
        await found.send("PATCH", f"/people/{number}", {"roles": ["administrator"]}, version=1)
        assert (await found.get(f"/people/{number}")).json()["roles"] == ["official"]
    async with stage.world.database.read() as session:
        state = await session.scalar(select(Meeting.state).where(Meeting.id == spare.id))
    assert state == "draft"


@pytest.mark.parametrize("who", ["site", "official"])
async def test_a_site_and_an_official_see_their_own_meetings_alone(stage: Stage, who: str) -> None:
    async with as_role(stage.world, who, "browser") as found:
        listed = await found.get("/meetings", since="2001-12-01T00:00:00+07:00", until="2002-01-01T00:00:00Z")
        assert listed.json()["items"] == []
        listed = await found.get("/meetings")
        assert {one["id"] for one in listed.json()["items"]} == {stage.own.id, stage.closed.id}
        page = await found.browser.get("/meetings")
        assert stage.own.id in page.text
        assert stage.other.id not in page.text
        assert stage.draft.id not in page.text


async def test_an_official_is_told_of_the_own_units_alone(stage: Stage) -> None:
    async with as_role(stage.world, "official", "browser") as found:
        own = (await found.get(f"/meetings/{stage.own.id}/attendance")).json()
        assert [line["site"] for line in own["lines"]] == [stage.world.site_code]
        facts = (await found.get(f"/meetings/{stage.own.id}/attendance/facts")).json()
        assert {fact["identity"] for fact in facts["items"]} == {f"site:{stage.world.site_code}:main"}
    async with as_role(stage.world, "chair", "browser") as found:
        whole = (await found.get(f"/meetings/{stage.own.id}/attendance")).json()
        assert {line["site"] for line in whole["lines"]} == {stage.world.site_code, stage.other_code}
        facts = (await found.get(f"/meetings/{stage.own.id}/attendance/facts")).json()
        assert len(facts["items"]) == 2


async def test_an_official_without_units_sees_no_meeting(stage: Stage) -> None:
    await stage.world.person("moi", roles=("official",), password=PASSWORD)
    async with caller(stage.world, authorization=basic("moi")) as found:
        assert (await found.get("/meetings")).status_code == 403
        assert (await found.get(f"/meetings/{stage.own.id}")).status_code == 403


async def test_a_role_that_is_taken_away_is_gone_with_the_next_request(stage: Stage) -> None:
    world = stage.world
    async with (
        as_role(world, "administrator", "browser") as admin,
        as_role(world, "secretary", "credential") as found,
    ):
        assert (await found.send("POST", "/meetings", await plan(world))).status_code == 201
        number = world.people["secretary"]
        taken = await admin.send("PATCH", f"/people/{number}", {"roles": ["official"]}, version=1)
        assert taken.status_code == 200
        assert (await found.send("POST", "/meetings", await plan(world))).status_code == 403
        kept_out = await admin.send("PATCH", f"/people/{number}", {"disabled": True}, version=2)
        assert kept_out.status_code == 200
        assert (await found.get("/me")).status_code == 401


async def test_a_token_of_a_closed_meeting_opens_nothing(settings: Settings, built: Path) -> None:
    async with running(settings, built) as served:
        assert served.service.records is not None
        await fill(served.service.records.database)
        meeting = await meeting_now(served, 1)
        site, chair = await signed_in(served, endpoint_id=1), await signed_in(served, person_id=1)
        async with site.channel(meeting) as door, chair.channel(meeting) as lead:
            await door.until(lambda: "site:00001" in door.roster)
            token = (await site.ticket(meeting)).json()["token"]
            asked = f"/rtc/validate?access_token={token}"
            assert b" 200 " in (await served.get(asked)).split(b"\r\n")[0]
            await lead.until(lambda: lead.last.get("type") == "welcome" or bool(lead.roster))
            await lead.say("end", reason="xong")
            await door.until(lambda: door.last.get("code") == "ended")
        assert b" 404 " in (await served.get(asked)).split(b"\r\n")[0]
        answer = await site.ticket(meeting)
        assert (answer.status_code, answer.json()["code"]) == (409, "meeting_over")
