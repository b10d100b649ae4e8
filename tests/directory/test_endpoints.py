"""Endpoints, places, devices: made, changed by compare-and-swap, retired; each change has its line."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest

from directory import endpoints
from directory.audit import entries
from directory.commissioning import STEPS, may_step
from directory.database import Database
from directory.devices import add_device, devices_of, remove_device
from directory.endpoints import Details, EndpointView, NewEndpoint
from directory.errors import ChangedError, DirectoryError, InvalidError, NotFoundError, TakenError
from directory.model import AuditEntry
from directory.model.sites import COMMISSIONING
from directory.places import PlaceDetails, places_of_unit
from directory.seed import REFORM, SINCE_2021, load_hanoi_units, load_main_sites
from directory.sites import all_sites, find
from directory.units import unit_by_code

NOW = datetime(2026, 11, 25, 22, 30, tzinfo=UTC)
"""Half past five in the morning of the 26th in Hanoi."""
BY = "person:1"


async def log(database: Database, subject: str = "") -> list[AuditEntry]:
    async with database.read() as session:
        return list(await entries(session, subject=subject, limit=500))


async def unit_id(database: Database, code: str) -> int:
    async with database.read() as session:
        return (await unit_by_code(session, code, SINCE_2021)).id


@pytest.fixture
async def city(database: Database) -> Database:
    """The units of Hanoi, no sites."""
    async with database.write() as session:
        await load_hanoi_units(session)
    return database


async def made(city: Database, code: str = "00004", **more: object) -> EndpointView:
    unit = await unit_id(city, code[:5])
    async with city.write() as session:
        new = NewEndpoint(code, unit, Details("Phường Trúc Bạch"), **more)  # type: ignore[arg-type]
        return await endpoints.create(session, new, by=BY, now=NOW)


async def test_a_new_site_is_in_its_units_office_and_logged(city: Database) -> None:
    site = await made(city, main=True)
    assert site.place == PlaceDetails("UBND Phường Trúc Bạch", "office", "")
    assert (site.version, site.commissioning, site.main) == (1, "planned", True)
    (line,) = await log(city, "endpoint:00004")
    assert (line.action, line.actor, line.before) == ("endpoint.create", BY, None)
    assert line.after is not None
    assert line.after["name"] == "Phường Trúc Bạch"
    async with city.read() as session:
        sites = await all_sites(session)
    assert [s.code for s in find(sites, "truc bach ba dinh")] == ["00004"]


@pytest.mark.parametrize(
    ("new", "field", "problem"),
    [
        (NewEndpoint("a:b", 1, Details("x")), "code", "code"),
        (NewEndpoint("", 1, Details("x")), "code", "code"),
        (NewEndpoint("a b", 1, Details("x")), "code", "code"),
        (NewEndpoint("a" * 33, 1, Details("x")), "code", "code"),
        (NewEndpoint("a", 1, Details(" ")), "name", "missing"),
        (NewEndpoint("a", 1, Details("x" * 201)), "name", "too_long"),
        (NewEndpoint("a", 1, Details("x\u202etxt")), "name", "characters"),
        (NewEndpoint("a", 1, Details("x", "copper")), "line_type", "unknown"),
        (NewEndpoint("a", 1, Details("x", "wan", "copper")), "backup_line_type", "unknown"),
        (NewEndpoint("a", 1, Details("x", contact_phone="123")), "contact_phone", "phone"),
        (NewEndpoint("a", 1, Details("x"), PlaceDetails("y", "castle")), "place_kind", "unknown"),
        (NewEndpoint("a", 1, Details("x"), PlaceDetails("")), "place_name", "missing"),
        (NewEndpoint("a", 1, Details("x"), commissioning="done"), "commissioning", "unknown"),
    ],
)
async def test_what_cannot_be_is_refused_by_field(
    city: Database, new: NewEndpoint, field: str, problem: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        async with city.write() as session:
            await endpoints.create(session, new, by=BY, now=NOW)
    assert (caught.value.details["field"], caught.value.details["problem"]) == (field, problem)
    assert await log(city) == []


async def test_codes_and_units(city: Database) -> None:
    await made(city, main=True)
    with pytest.raises(TakenError) as taken:
        await made(city)
    assert taken.value.details["code"] == "00004"
    with pytest.raises(TakenError) as twice:
        await made(city, "00004-2", main=True)
    assert twice.value.details["field"] == "main"
    with pytest.raises(NotFoundError):
        async with city.write() as session:
            await endpoints.create(session, NewEndpoint("x", 10**6, Details("x")), by=BY, now=NOW)
    two = [NewEndpoint("y", 1, Details("x")), NewEndpoint("y", 1, Details("z"))]
    with pytest.raises(TakenError):
        async with city.write() as session:
            await endpoints.create_many(session, two, by=BY, now=NOW)
    assert len(await log(city, "endpoint:")) == 1


async def test_a_change_is_compare_and_swap_and_logs_what_differs(city: Database) -> None:
    site = await made(city)
    details = Details("Điểm cầu Trúc Bạch", "tslcd", None, "Nguyễn Văn A", "0912 345 670")
    async with city.write() as session:
        after = await endpoints.change(session, site.id, version=1, details=details, by=BY, now=NOW)
        again = await endpoints.change(session, site.id, version=2, details=details, by=BY, now=NOW)
    assert (after.version, again.version) == (2, 2)
    assert after.details.contact_phone == "+84912345670"
    line, _ = await log(city, "endpoint:00004")
    assert line.before == {
        "name": "Phường Trúc Bạch",
        "line_type": "unknown",
        "contact_name": "",
        "contact_phone": "",
    }
    with pytest.raises(ChangedError):
        async with city.write() as session:
            await endpoints.change(session, site.id, version=1, main=True, by=BY, now=NOW)
    async with city.read() as session:
        sites = await all_sites(session)
    for query in ("diem cau", "phuong truc bach", "00004"):
        assert len(find(sites, query)) == 1, query


async def test_two_who_change_at_once_one_is_told(city: Database) -> None:
    site = await made(city)

    async def rename(name: str) -> str:
        try:
            async with city.write() as session:
                await endpoints.change(session, site.id, version=1, details=Details(name), by=BY, now=NOW)
        except ChangedError:
            return "changed"
        return "saved"

    assert sorted(await asyncio.gather(rename("A"), rename("B"))) == ["changed", "saved"]
    assert len(await log(city, "endpoint:00004")) == 2


async def test_a_units_main_site_is_swapped_in_one_transaction(city: Database) -> None:
    first = await made(city, main=True)
    second = await made(city, "00004-2")
    async with city.write() as session:
        await endpoints.change(session, second.id, version=1, main=True, by=BY, now=NOW)
    async with city.read() as session:
        views = await endpoints.views(session)
    assert [(view.main, view.version) for view in views] == [(False, 2), (True, 2)]
    assert (await log(city, first.subject))[0].after == {"main": False}
    with pytest.raises(ChangedError):
        async with city.write() as session:
            await endpoints.change(session, first.id, version=1, main=True, by=BY, now=NOW)


async def test_many_swap_the_main_site_at_once_and_one_is_main(city: Database) -> None:
    sites = [await made(city, f"00004-{number}") for number in range(6)]

    async def take(site: EndpointView) -> None:
        for _ in range(20):
            try:
                async with city.write() as session:
                    now_is = await endpoints.get(session, site.id)
                    await endpoints.change(
                        session, site.id, version=now_is.version, main=True, by=BY, now=NOW
                    )
                return
            except ChangedError:
                continue

    await asyncio.gather(*map(take, sites))
    async with city.read() as session:
        assert sum(view.main for view in await endpoints.views(session)) == 1


def test_steps_of_commissioning() -> None:
    allowed = {(a, b) for a in COMMISSIONING for b in COMMISSIONING if a != b and may_step(a, b)}
    assert allowed == {
        ("planned", "installed"),
        ("installed", "planned"),
        ("installed", "accepted"),
        ("accepted", "installed"),
        ("accepted", "in_use"),
        ("in_use", "installed"),
    }
    assert allowed == {(a, b) for a, after in STEPS.items() for b in after}
    assert may_step("planned", "in_use", through=True)
    assert not may_step("in_use", "planned", through=True)
    assert all(may_step(state, state) for state in COMMISSIONING)
    assert not may_step("planned", "ready", through=True)


async def test_a_site_comes_into_use_step_by_step_on_the_day_of_the_city(city: Database) -> None:
    site = await made(city)
    with pytest.raises(InvalidError) as caught:
        async with city.write() as session:
            await endpoints.change(session, site.id, version=1, commissioning="in_use", by=BY, now=NOW)
    assert caught.value.details["problem"] == "step"
    async with city.write() as session:
        for version, state in enumerate(COMMISSIONING[1:], 1):
            site = await endpoints.change(
                session, site.id, version=version, commissioning=state, by=BY, now=NOW
            )
    assert (site.commissioning, site.commissioned_on) == ("in_use", date(2026, 11, 26))


async def test_a_retired_site_is_out_of_lists_and_comes_back(city: Database) -> None:
    site = await made(city, main=True)
    async with city.write() as session:
        gone = await endpoints.retire(session, site.id, version=1, by=BY, now=NOW)
        same = await endpoints.retire(session, site.id, version=2, by=BY, now=NOW)
    assert (gone.retired_at, same.version) == (NOW, 2)
    async with city.read() as session:
        assert await all_sites(session) == []
    with pytest.raises(InvalidError):
        async with city.write() as session:
            await endpoints.change(session, site.id, version=2, main=True, by=BY, now=NOW)
    other = await made(city, "00004-2", main=True)
    async with city.write() as session:
        await endpoints.restore(session, site.id, version=2, by=BY, now=NOW)
        await endpoints.change(session, site.id, version=3, main=True, by=BY, now=NOW)
    async with city.read() as session:
        assert (await endpoints.get(session, other.id)).main is False
    assert [line.action for line in await log(city, site.subject)] == [
        "endpoint.update",
        "endpoint.restore",
        "endpoint.retire",
        "endpoint.create",
    ]


async def test_places_are_found_by_name_renamed_alone_and_shared(city: Database) -> None:
    first = await made(city)
    second = await made(city, "00004-2")
    assert first.place_id == second.place_id

    async def move(site: EndpointView, version: int, place: PlaceDetails) -> EndpointView:
        async with city.write() as session:
            return await endpoints.change(session, site.id, version=version, place=place, by=BY, now=NOW)

    hall = PlaceDetails("Nhà văn hóa tổ 5", "residential_group", "12 Ngũ Xã")
    moved = await move(second, 1, hall)
    assert moved.place_id != first.place_id
    renamed = await move(moved, 2, PlaceDetails("Nhà văn hóa tổ 6", hall.kind, hall.address))
    assert renamed.place_id == moved.place_id
    assert renamed.version == 3
    back = await move(renamed, 3, PlaceDetails("UBND Phường Trúc Bạch", "office", "1 Trúc Bạch"))
    assert back.place_id == first.place_id
    async with city.read() as session:
        assert (await endpoints.get(session, first.id)).place.address == "1 Trúc Bạch"
        assert len(await places_of_unit(session, first.unit_id)) == 2


async def test_devices_count_as_changes_of_their_site(city: Database) -> None:
    site = await made(city)
    async with city.write() as session:
        camera = await add_device(session, site.id, "camera", "Rally", "S1", version=1, by=BY, now=NOW)
        with pytest.raises(TakenError):
            await add_device(session, site.id, "camera", "Rally", version=2, by=BY, now=NOW)
    refused: list[tuple[str, int, type[DirectoryError]]] = [
        ("camera", 1, ChangedError),
        ("radio", 3, InvalidError),
    ]
    for kind, version, error in refused:
        with pytest.raises(error):
            async with city.write() as session:
                await add_device(session, site.id, kind, "x", version=version, by=BY, now=NOW)
    async with city.read() as session:
        version = (await endpoints.get(session, site.id)).version
        assert [device.serial for device in await devices_of(session, site.id)] == ["S1"]
    async with city.write() as session:
        await remove_device(session, site.id, camera, version=version, by=BY, now=NOW)
    with pytest.raises(NotFoundError):
        async with city.write() as session:
            await remove_device(session, site.id, camera, version=version + 1, by=BY, now=NOW)
    assert [line.action for line in await log(city, site.subject)][:2] == ["device.delete", "device.create"]


async def test_sites_of_the_new_units_are_found_by_the_old_names(city: Database) -> None:
    async with city.write() as session:
        await load_main_sites(session, REFORM)
    async with city.read() as session:
        site = next(view for view in await endpoints.views(session) if view.details.name == "Phường Ba Đình")
    async with city.write() as session:
        renamed = Details("Điểm cầu số 1")
        await endpoints.change(session, site.id, version=1, details=renamed, by=BY, now=NOW)
    async with city.read() as session:
        sites = await all_sites(session)
    for query in ("truc bach", "00040", "diem cau so 1", "phuong ba dinh"):
        assert "Điểm cầu số 1" in [found.name for found in find(sites, query)], query
