"""Meetings over the API: the life of one, versions, conflicts with both names, free times, lists."""

from __future__ import annotations

import datetime as dt

import pytest
from rest_caller import HOUR, book, caller, leaders, plan, weekday_at
from signed_in import World
from sqlalchemy import select

from directory import audit
from directory.model import Endpoint


@pytest.fixture
async def city(world: World) -> World:
    await world.sites()
    return world


async def codes(world: World, count: int) -> list[str]:
    async with world.database.read() as session:
        return list(await session.scalars(select(Endpoint.code).order_by(Endpoint.id).limit(count)))


async def test_a_meeting_is_saved_published_moved_and_cancelled(city: World) -> None:
    sent = await plan(city, agenda="Việc 1\r\nViệc 2\n", title="  Giao   ban tuần ")
    async with caller(city, "secretary") as secretary:
        made = await secretary.send("POST", "/meetings", sent)
        assert made.status_code == 201, made.text
        assert made.headers["etag"] == '"1"'
        meeting = made.json()
        path = f"/meetings/{meeting['id']}"
        assert made.headers["location"] == f"/api/v1{path}"
        assert (meeting["state"], meeting["title"]) == ("draft", "Giao ban tuần")
        assert meeting["agenda"] == "Việc 1\nViệc 2"
        assert meeting["sites"] == [city.site_code]
        assert meeting["starts_at"].endswith("+07:00")
        assert dt.datetime.fromisoformat(meeting["starts_at"]) == dt.datetime.fromisoformat(sent["starts_at"])

        published = await secretary.send("POST", f"{path}/publish", version=1)
        assert (published.status_code, published.json()["state"]) == (200, "published")
        later = weekday_at(14).isoformat(), weekday_at(15).isoformat()
        moved = await secretary.send(
            "PUT",
            path,
            sent | {"starts_at": later[0], "ends_at": later[1], "reason": "Trùng lịch"},
            version=2,
        )
        assert (moved.status_code, moved.json()["version"]) == (200, 3)
        assert moved.json()["reason"] == "Trùng lịch"
        # The same plan changes nothing, not even the version.
        again = await secretary.send(
            "PUT", path, sent | {"starts_at": later[0], "ends_at": later[1]}, version=3
        )
        assert (again.status_code, again.headers["etag"]) == (200, '"3"')
        cancelled = await secretary.send("POST", f"{path}/cancel", {"reason": "Hoãn"}, version=3)
        assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
        refused = await secretary.send("POST", f"{path}/publish", version=4)
        assert (refused.status_code, refused.json()["code"]) == (409, "state")
        assert refused.json()["details"]["state"] == "cancelled"
        shown = await secretary.get(path)
        assert shown.json() == cancelled.json()
    async with city.database.read() as session:
        lines = await audit.entries(session, subject=f"meeting:{meeting['id']}")
    assert [line.action for line in lines] == [
        "meeting.cancel",
        "meeting.change",
        "meeting.publish",
        "meeting.create",
    ]
    assert {line.actor for line in lines} == {f"person:{city.people['secretary']}"}


async def test_who_has_read_an_old_version_is_refused_and_told(city: World) -> None:
    sent = await plan(city)
    async with caller(city, "secretary") as secretary:
        meeting = (await secretary.send("POST", "/meetings", sent)).json()
        path = f"/meetings/{meeting['id']}"
        await secretary.send("PUT", path, sent | {"title": "Tên khác"}, version=1)
        answer = await secretary.send("PUT", path, sent | {"title": "Tên thứ ba"}, version=1)
        assert (answer.status_code, answer.json()["code"]) == (409, "meeting_changed")
        assert answer.json()["details"]["version"] == 2
        for version, status, code in (
            (None, 428, "version_needed"),
            ("3", 400, "version_malformed"),
            ("*", 400, "version_malformed"),
            ('W/"2"', 400, "version_malformed"),
            ('"2", "3"', 400, "version_malformed"),
            ('"99999999999"', 400, "version_malformed"),
        ):
            answer = await secretary.send("PUT", path, sent, version=version)
            assert (answer.status_code, answer.json()["code"]) == (status, code), version
        assert (await secretary.get(path)).json()["title"] == "Tên khác"


async def test_a_conflict_names_both_meetings_and_the_nearest_free_times(city: World) -> None:
    first, second, third = await codes(city, 3)
    other_chair = await city.person("dung", "Trần Thị Dung", roles=("chair",))
    async with caller(city, "secretary") as secretary:
        one = await secretary.send(
            "POST", "/meetings", await plan(city, title="Họp thứ nhất", sites=[first, second])
        )
        await secretary.send("POST", f"/meetings/{one.json()['id']}/publish", version=1)
        start = weekday_at(9, minute=30)
        wanted = await plan(
            city,
            title="Họp thứ hai",
            chair=other_chair,
            sites=[second, third],
            starts_at=start.isoformat(),
            ends_at=(start + HOUR).isoformat(),
        )
        two = (await secretary.send("POST", "/meetings", wanted)).json()
        answer = await secretary.send("POST", f"/meetings/{two['id']}/publish", version=1)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        told = answer.json()
        for language in ("vi", "en"):
            assert "Họp thứ nhất" in told[language]
            assert "Họp thứ hai" in told[language]
        [conflict] = told["details"]["conflicts"]
        assert (conflict["meeting"], conflict["title"]) == (one.json()["id"], "Họp thứ nhất")
        assert told["details"]["free_after"]["starts_at"] == weekday_at(10).isoformat()
        assert told["details"]["free_before"]["starts_at"] == weekday_at(8).isoformat()

        asked = await secretary.send("POST", "/free-times", wanted | {"meeting": two["id"]})
        assert asked.status_code == 200
        assert asked.json()["free"] is False
        assert asked.json()["after"] == told["details"]["free_after"]
        free = told["details"]["free_after"]
        moved = await secretary.send("PUT", f"/meetings/{two['id']}", wanted | free, version=1)
        assert moved.status_code == 200
        assert (await secretary.send("POST", f"/meetings/{two['id']}/publish", version=2)).status_code == 200
        back = await secretary.send("PUT", f"/meetings/{two['id']}", wanted, version=3)
        assert (back.status_code, back.json()["code"]) == (409, "conflict")
        assert (await secretary.get(f"/meetings/{two['id']}")).json()["version"] == 3


async def test_sites_by_district_by_group_and_by_a_pasted_list(city: World) -> None:
    async with caller(city, "secretary") as secretary:
        districts = (await secretary.get("/districts")).json()["items"]
        sites = (await secretary.get("/sites", per_page=1000)).json()["items"]
        some = [site["code"] for site in sites[:3]]
        group = await secretary.send("POST", "/groups", {"name": "Miền núi", "sites": some})
        assert group.status_code == 201
        listed = await secretary.send(
            "POST",
            "/meetings",
            await plan(
                city, sites=[], groups=[group.json()["id"]], site_list=f"1\u00a0không\n{sites[4]['code']} x\n"
            ),
        )
        assert listed.status_code == 422
        problem = listed.json()
        assert problem["field"] == "site_list"
        assert [line["line"] for line in problem["details"]["lines"]] == [1]
        made = await secretary.send(
            "POST",
            "/meetings",
            await plan(city, sites=[], groups=[group.json()["id"]], site_list=f"\n{sites[4]['code']}\n"),
        )
        assert made.status_code == 201, made.text
        assert sorted(made.json()["sites"]) == sorted([*some, sites[4]["code"]])
        wrong = await secretary.send(
            "POST",
            "/meetings",
            await plan(city, sites=["nirgends", city.site_code], districts=["zz"], groups=[999]),
        )
        assert {one["field"] for one in wrong.json()["details"]["fields"]} == {
            "sites.0",
            "districts.0",
            "groups.0",
        }
        if districts:
            whole = await secretary.send(
                "POST", "/meetings", await plan(city, sites=[], districts=[districts[0]["code"]])
            )
            expected = [s["code"] for s in sites if s["district"] == districts[0]["code"]]
            assert sorted(whole.json()["sites"]) == sorted(expected)


async def test_lists_are_by_span_state_kind_words_and_mine(city: World) -> None:
    await leaders(city)
    ids = frozenset({city.site_id})
    soon = await book(city, weekday_at(8), ids, title="Giao ban sáng")
    far = await book(city, weekday_at(8, 60), ids, title="Sơ kết năm")
    draft = await book(city, weekday_at(11), ids, title="Nháp", publish=False)
    async with caller(city, "secretary") as secretary:

        async def found(**query: object) -> set[str]:
            answer = await secretary.get("/meetings", **query)
            assert answer.status_code == 200, answer.text
            items = answer.json()["items"]
            assert answer.json()["count"] >= len(items)
            return {one["id"] for one in items}

        assert await found() == {soon.id, draft.id}
        until = (weekday_at(8, 60) + HOUR).isoformat()
        assert await found(until=until) == {soon.id, far.id, draft.id}
        assert await found(until=until, state="published") == {soon.id, far.id}
        assert await found(until=until, state=["published", "draft"], q="nhap") == {draft.id}
        assert await found(until=until, kind="training") == set()
        assert await found(mine="true") == {soon.id, draft.id}
        assert await found(per_page=1, page=2) == {draft.id}
        assert await found(per_page=1, page=3) == set()
        too_long = await secretary.get("/meetings", until=weekday_at(8, 500).isoformat())
        assert (too_long.status_code, too_long.json()["field"]) == (422, "until")
    async with caller(city, "it_staff") as staff:
        assert {one["id"] for one in (await staff.get("/meetings")).json()["items"]} == {soon.id}
        assert (await staff.get("/meetings", mine="true")).json()["items"] == []
