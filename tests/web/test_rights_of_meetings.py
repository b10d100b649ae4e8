"""Rights that depend on the meeting and on the moment: own meetings alone, roles that are taken away."""

from __future__ import annotations

import pytest
from rest_caller import basic, caller, plan
from rights_stage import Stage, as_role, set_up
from signed_in import PASSWORD, World
from sqlalchemy import select

from scheduler.model import Meeting


@pytest.fixture
async def stage(world: World) -> Stage:
    return await set_up(world)


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
