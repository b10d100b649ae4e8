"""Import of units from tables: both lists of Hanoi, districts and communes of one file, errors."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select

from directory.audit import entries
from directory.database import Database
from directory.errors import ChangedError
from directory.hanoi import hanoi_new_units, hanoi_units
from directory.imports import ImportKind, apply_units, preview_units, read_units
from directory.imports.unit_plan import UnitPlan
from directory.model import Unit
from directory.seed import CITY, REFORM, SINCE_2021, load_hanoi_units, load_main_sites
from directory.sites import all_sites, find
from directory.tabular import ProblemKind
from directory.units import UnitEntry, add_units, children, forerunners, unit_by_code

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
BY = "person:1"


async def bring(database: Database, text: str, since: date = SINCE_2021) -> UnitPlan:
    rows = read_units(text.encode())
    shown = await preview_units(database, rows, since)
    assert [str(error) for error in shown.errors] == []
    return await apply_units(database, rows, since, digest=shown.digest, by=BY, now=NOW)


def old_list() -> str:
    districts = dict.fromkeys((unit.district_code, unit.district) for unit in hanoi_units())
    kinds = {"Quận": "quận", "Huyện": "huyện", "Thị": "thị xã"}
    lines = ["code;name;kind;district_code;district", "01;Thành phố Hà Nội;thành phố;;"]
    lines += [f"{code};{name};{kinds[name.split()[0]]};1;Hà Nội" for code, name in districts]
    lines += [f"{u.code};{u.name};{u.kind};{u.district_code};{u.district}" for u in hanoi_units()]
    return "\n".join(lines)


async def test_both_lists_of_hanoi_as_the_seed_has_them(database: Database) -> None:
    old = await bring(database, old_list())
    assert len(old.added) == 1 + 30 + 579
    again = await bring(database, old_list())
    assert (again.empty, again.same) == (True, 610)
    rows = [line.split(";")[:3] for line in old_list().splitlines()[1:]]
    ended = "\n".join(["Mã;Tên;Loại;Đến ngày", *(";".join([*row, "01/07/2025"]) for row in rows)])
    assert len((await bring(database, ended)).changed) == 610
    lines = ["Mã;Tên;Loại;Mã cấp trên;Mã đơn vị cũ", "01;Thành phố Hà Nội;thành phố;;"]
    lines += [f"{u.code};{u.name};{u.kind};01;{';'.join(u.old_codes)}" for u in hanoi_new_units()]
    csv = "\n".join(line.replace(";", ",", 4).replace(";", " ") for line in lines)
    new = await bring(database, csv, REFORM)
    assert len(new.added) == 127
    async with database.read() as session:
        ba_dinh = await unit_by_code(session, "00004", REFORM)
        assert ba_dinh.name == "Phường Ba Đình"
        assert len(await forerunners(session, ba_dinh.id)) == 11
        city = await unit_by_code(session, "01", REFORM)
        assert len(await children(session, city.id, REFORM)) == 126
        assert (await unit_by_code(session, "00004", SINCE_2021)).valid_to == REFORM
        assert await session.scalar(select(func.count()).select_from(Unit)) == 610 + 127
        log = await entries(session, subject="unit:00004:2025-07-01")
    assert [line.action for line in log] == ["unit.create"]


async def test_the_seed_and_the_file_agree(database: Database) -> None:
    async with database.write() as session:
        await load_hanoi_units(session)
    made = await bring(database, old_list())
    assert (made.empty, made.same) == (True, 610)


async def test_a_corrected_name_is_found_at_its_site(database: Database) -> None:
    async with database.write() as session:
        await load_hanoi_units(session)
        await load_main_sites(session, SINCE_2021)
    made = await bring(database, "Mã;Tên;Loại\n001;Quận Ba Dinh Moi;quận\n")
    (changed,) = made.changed
    assert [(f.before, f.after) for f in changed.fields] == [("Quận Ba Đình", "Quận Ba Dinh Moi")]
    async with database.read() as session:
        assert len(find(await all_sites(session), "ba dinh moi truc bach")) == 1


@pytest.mark.parametrize(
    ("line", "kind", "column"),
    [
        ("00004;Phường A;phường;999;;;", ImportKind.UNKNOWN_PARENT, 4),
        ("002;Quận B;quận;00001;;;", ImportKind.PARENT_LEVEL, 4),
        ("00004;Phường A;phường;;;;", ImportKind.PARENT_MISSING, 4),
        ("00004;Phường A;phường;001;01/07/2025;01/07/2024;", ImportKind.VALIDITY, 6),
        ("00004;Phường A;phường;001;;;00077", ImportKind.UNKNOWN_FORERUNNER, 7),
        ("00004;Phường A;tổng;001;;;", ProblemKind.BAD_CHOICE, 3),
        (";Phường A;phường;001;;;", ProblemKind.MISSING_VALUE, 1),
        ("00004;;phường;001;;;", ProblemKind.MISSING_VALUE, 2),
        ("x4;Phường A;phường;001;;;", ProblemKind.BAD_CODE, 1),
    ],
)
async def test_errors_have_their_place(database: Database, line: str, kind: object, column: int) -> None:
    async with database.write() as session:
        district = UnitEntry("001", "Quận Ba Đình", "quan", "01")
        await add_units(
            session, [CITY, district, UnitEntry("00001", "Phường Phúc Xá", "phuong", "001")], SINCE_2021
        )
    text = f"Mã;Tên;Loại;Mã cấp trên;Từ ngày;Đến ngày;Mã đơn vị cũ\n{line}\n"
    shown = await preview_units(database, read_units(text.encode()), SINCE_2021)
    assert [(error.kind, error.line, error.column) for error in shown.errors] == [(kind, 2, column)]
    assert shown.errors[0].sentence()


async def test_a_plan_that_no_longer_holds(database: Database) -> None:
    rows = read_units("Mã;Tên;Loại\n01;Thành phố Hà Nội;thành phố\n".encode())
    shown = await preview_units(database, rows, SINCE_2021)
    async with database.write() as session:
        await add_units(session, [CITY], SINCE_2021)
    with pytest.raises(ChangedError):
        await apply_units(database, rows, SINCE_2021, digest=shown.digest, by=BY, now=NOW)
