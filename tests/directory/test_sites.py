"""Hanoi's units and sites on record, in both lists; found by code, name, district, and old names."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from directory.database import Database
from directory.errors import InvalidError, NotFoundError
from directory.hanoi import hanoi_new_units, hanoi_units
from directory.model import Endpoint, Unit, UnitSuccessor
from directory.seed import REFORM, SINCE_2021, load_hanoi_units, load_main_sites
from directory.sites import Site, all_sites, find, read_pasted, site_by_code
from directory.units import UnitEntry, add_units, children, districts, forerunners, successors, unit_by_code


async def hanoi(database: Database) -> list[Site]:
    async with database.write() as session:
        await load_hanoi_units(session)
        await load_main_sites(session, SINCE_2021)
    async with database.read() as session:
        return await all_sites(session)


async def test_both_lists_of_hanoi_and_again_without_doubles(database: Database) -> None:
    async with database.write() as session:
        assert await load_hanoi_units(session) == 1 + 30 + 579 + 1 + 126
        assert await load_hanoi_units(session) == 0
        assert await load_main_sites(session, SINCE_2021) == 579
        assert await load_main_sites(session, SINCE_2021) == 0
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Endpoint)) == 579
        links = await session.scalar(select(func.count()).select_from(UnitSuccessor))
        assert links == sum(len(unit.old_codes) for unit in hanoi_new_units())


async def test_a_code_means_the_unit_of_its_day(database: Database) -> None:
    await hanoi(database)
    async with database.read() as session:
        old = await unit_by_code(session, "00004", SINCE_2021)
        new = await unit_by_code(session, "00004", REFORM)
        assert (old.name, new.name) == ("Phường Trúc Bạch", "Phường Ba Đình")
        assert new in list(await successors(session, old.id))
        assert old in list(await forerunners(session, new.id))
        with pytest.raises(NotFoundError):
            await unit_by_code(session, "00001", REFORM)


async def test_districts_and_what_they_have(database: Database) -> None:
    await hanoi(database)
    async with database.read() as session:
        found = await districts(session, SINCE_2021)
        assert len(found) == 30
        assert sum([len(await children(session, unit.id, SINCE_2021)) for unit in found]) == 579
        assert await districts(session, REFORM) == []
        city = await unit_by_code(session, "01", REFORM)
        assert len(await children(session, city.id, REFORM)) == 126


async def test_names_and_codes_are_those_of_the_list(database: Database) -> None:
    sites = {site.code: site for site in await hanoi(database)}
    for unit in hanoi_units():
        site = sites[unit.code]
        assert (site.name, site.kind, site.district) == (unit.name, unit.kind, unit.district)
        assert site.district_code == unit.district_code


async def test_sites_of_equal_name_are_told_apart(database: Database) -> None:
    sites = await hanoi(database)
    titles = [site.title for site in sites]
    assert len({site.name for site in sites}) < 579
    assert len(set(titles)) == 579


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("o cho dua", ["00190"]),
        ("truc bach ba dinh", ["00004"]),
        ("TRÚC BẠCH", ["00004"]),
        ("00004", ["00004"]),
        ("khong co", []),
    ],
)
async def test_searching(database: Database, query: str, codes: list[str]) -> None:
    assert [site.code for site in find(await hanoi(database), query)] == codes


async def test_sites_of_today_are_found_by_old_code_and_name(database: Database) -> None:
    async with database.write() as session:
        await load_hanoi_units(session)
        assert await load_main_sites(session, REFORM) == 126
    async with database.read() as session:
        sites = await all_sites(session)
    assert "00004" in [site.code for site in find(sites, "trúc bạch")]
    assert "00004" in [site.code for site in find(sites, "00013")]
    assert all(site.district == "" for site in sites)


async def test_one_site_by_its_code(database: Database) -> None:
    await hanoi(database)
    async with database.read() as session:
        assert (await site_by_code(session, "00004")).title == "Phường Trúc Bạch, Quận Ba Đình"
        with pytest.raises(NotFoundError):
            await site_by_code(session, "4")


async def test_a_pasted_list(database: Database) -> None:
    sites = await hanoi(database)
    twins = [site for site in sites if sum(other.name == site.name for other in sites) > 1]
    twin = twins[0]
    text = f"""00004
      - Phường Trúc Bạch;
    {twin.name}
    {twin.name}, {twin.district}
    phuong o cho dua
    Xã Không Có

    00004 Phường Trúc Bạch"""
    pasted = read_pasted(sites, text)
    assert [site.code for site in pasted.sites] == ["00004", twin.code, "00190"]
    assert pasted.unknown == ((6, "Xã Không Có"),)
    assert [(line, name) for line, name, _ in pasted.ambiguous] == [(3, twin.name)]
    assert twin in pasted.ambiguous[0][2]


async def test_a_pasted_list_of_ten_thousand_lines(database: Database) -> None:
    sites = await hanoi(database)
    lines = [f"{sites[number % 579].title}" if number % 2 else f"x{number}" for number in range(10_000)]
    pasted = read_pasted(sites, "\n".join(lines))
    assert len(pasted.unknown) == 5_000
    assert len(pasted.sites) == 579


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (UnitEntry("1", "A", "planet"), "kind"),
        (UnitEntry("1", "A", "xa", "nobody"), "parent"),
        (UnitEntry("1", "A", "xa", "", ("nobody",)), "forerunner"),
    ],
)
async def test_lists_that_cannot_be_are_refused_whole(
    database: Database, entry: UnitEntry, field: str
) -> None:
    async def add() -> None:
        async with database.write() as session:
            await add_units(session, [UnitEntry("2", "B", "xa"), entry], SINCE_2021)

    with pytest.raises(InvalidError) as found:
        await add()
    assert found.value.details["field"] == field
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Unit)) == 0
