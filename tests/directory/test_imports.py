"""Import of sites from tables: the plan, its errors with their places, and its carrying out, on both
databases. FC-b01, FC-b02, FC-b05, FC-b06 from end to end."""

from __future__ import annotations

import asyncio
import csv
import io
import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select

from directory import endpoints
from directory.audit import entries
from directory.database import Database
from directory.endpoints import Details
from directory.errors import ChangedError, InvalidError
from directory.exports import export_endpoints
from directory.hanoi import hanoi_units
from directory.imports import ImportKind, apply_endpoints, preview_endpoints, read_endpoints
from directory.imports.endpoint_plan import EndpointPlan
from directory.model import AuditEntry, Endpoint, Unit
from directory.seed import SINCE_2021, load_hanoi_units, load_main_sites
from directory.sites import all_sites, find
from directory.tabular import EncodingError, ProblemKind

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
TODAY = date(2026, 11, 25)
BY = "person:1"
HEADINGS = ("code", "name", "kind", "district_code", "district")


@pytest.fixture
async def units(database: Database) -> Database:
    """Hanoi's units, no sites."""
    async with database.write() as session:
        await load_hanoi_units(session)
    return database


@pytest.fixture
async def city(units: Database) -> Database:
    """Hanoi's units and its 579 main sites."""
    async with units.write() as session:
        await load_main_sites(session, SINCE_2021)
    return units


async def plan(database: Database, data: bytes, name: str = "") -> EndpointPlan:
    return await preview_endpoints(database, read_endpoints(data, name), TODAY)


async def bring(database: Database, data: bytes, name: str = "") -> EndpointPlan:
    """Preview, then apply what was shown."""
    rows = read_endpoints(data, name)
    shown = await preview_endpoints(database, rows, TODAY)
    assert [str(error) for error in shown.errors] == []
    return await apply_endpoints(database, rows, TODAY, digest=shown.digest, by=BY, now=NOW)


async def counts(database: Database) -> tuple[int, int]:
    """Sites, and lines of the log."""
    async with database.read() as session:
        sites = await session.scalar(select(func.count()).select_from(Endpoint))
        lines = await session.scalar(select(func.count()).select_from(AuditEntry))
    return sites or 0, lines or 0


def hanoi_text(delimiter: str, end: str = "\r\n", change: Callable[[str], str] = str) -> str:
    """The 579 rows as a text file."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerow(HEADINGS)
    for unit in hanoi_units():
        name = change(unit.name)
        writer.writerow((unit.code, name, unit.kind, unit.district_code, unit.district))
    return out.getvalue()


def cp1258(text: str) -> bytes:
    """As Windows writes it: base letters, and the five tones as marks after them."""
    out = bytearray()
    for character in text:
        try:
            out += character.encode("cp1258")
        except UnicodeEncodeError:
            parts = unicodedata.normalize("NFD", character)
            tone = next(mark for mark in parts[::-1] if mark in "\u0300\u0301\u0303\u0309\u0323")
            base = unicodedata.normalize("NFC", parts.replace(tone, "", 1))
            out += (base + tone).encode("cp1258")
    return bytes(out)


FILES: dict[str, Callable[[], bytes]] = {
    "utf8-bom-semicolon": lambda: b"\xef\xbb\xbf" + hanoi_text(";").encode(),
    "utf16le-bom-tab": lambda: b"\xff\xfe" + hanoi_text("\t").encode("utf-16-le"),
    "windows-1258-semicolon": lambda: cp1258(hanoi_text(";")),
    "sep-line": lambda: ("sep=;\r\n" + hanoi_text(";")).encode(),
    "cr-only": lambda: hanoi_text(",", "\r").encode(),
    "cell-with-line-break": lambda: hanoi_text(",", change=lambda name: name.replace(" ", "\n", 1)).encode(),
}


@pytest.mark.parametrize("kind", FILES)
async def test_fc_b01_text_files_of_excel_from_end_to_end(units: Database, kind: str) -> None:
    made = await bring(units, FILES[kind](), "hanoi.csv")
    assert (len(made.added), len(made.changed), made.same) == (579, 0, 0)
    async with units.read() as session:
        sites = await all_sites(session)
    expected = {(unit.code, unit.name, unit.district) for unit in hanoi_units()}
    assert {(site.code, site.name, site.district) for site in sites} == expected
    assert all(site.main for site in sites)


async def test_fc_b01_lost_letters_change_nothing(city: Database) -> None:
    before = await counts(city)
    data = hanoi_text(";").encode("cp1252", "replace")
    with pytest.raises(EncodingError) as caught:
        read_endpoints(data, "hanoi.csv")
    problem = caught.value.problems[0]
    assert (problem.kind, problem.line, problem.column) == (ProblemKind.LETTERS_LOST, 2, 2)
    assert "1252" in problem.sentence()
    assert await counts(city) == before


def workbook(headings: Iterable[str], *rows: Iterable[Any], formats: dict[str, str] | None = None) -> bytes:
    """A workbook of one sheet; ``formats`` by cell."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(list(headings))
    for row in rows:
        page.append(list(row))
    for address, form in (formats or {}).items():
        page[address].number_format = form
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("value", "form", "code", "noted"),
    [
        (4, "00000", "00004", False),
        (4, "General", "00004", True),
        ("00004", "@", "00004", False),
        ("'00004", "@", "00004", True),
        ("00004\u00a0", "@", "00004", False),
        ("9.931E+03", "@", "09931", True),
        (9931, "0.000E+00", "09931", True),
        ('=TEXT(4,"00000")', "General", "00004", True),
    ],
)
async def test_fc_b02_every_form_of_a_code_means_the_unit(
    city: Database, value: object, form: str, code: str, noted: bool
) -> None:
    name = next(unit.name for unit in hanoi_units() if unit.code == code)
    shown = await plan(city, workbook(("Mã", "Tên"), (value, name), formats={"A2": form}))
    assert [str(error) for error in shown.errors] == []
    assert (shown.added, shown.changed, shown.same) == ((), (), 1)
    assert (ProblemKind.READ_AS in [note.kind for note in shown.notes]) == noted


async def test_fc_b02_telephones_are_one_and_the_numeric_is_flagged(city: Database) -> None:
    headings = ("Mã", "Điện thoại")
    for value, flagged in ((912345670, True), ("0912 345 670", False), ("+84 912 345 670", False)):
        shown = await plan(city, workbook(headings, ("00004", value)))
        (changed,) = shown.changed
        assert [(f.before, f.after) for f in changed.fields] == [("", "0912 345 670")]
        assert (ProblemKind.NUMERIC_TELEPHONE in [note.kind for note in shown.notes]) == flagged


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_fc_b02_export_and_import_change_nothing(city: Database, form: str) -> None:
    filled = (
        "Mã;Điện thoại;Đầu mối;Đường truyền;Dự phòng;Địa chỉ;Tình trạng;Ngày đưa vào sử dụng\r\n"
        "00004;0912 345 670;Nguyễn Văn Ánh;TSLCD;4G;Số 1, phố Trúc Bạch;đang sử dụng;31/12/2025\r\n"
    )
    await bring(city, filled.encode())
    before = await counts(city)
    async with city.read() as session:
        data = await export_endpoints(session, form)
    made = await bring(city, data, f"sites.{form}")
    assert (made.added, made.changed, made.same) == ((), (), 579)
    assert made.errors == ()
    assert await counts(city) == before
    if form == "xlsx":
        page = openpyxl.load_workbook(io.BytesIO(data)).active
        assert page is not None
        assert {cell.data_type for cell in page["A"]} == {"s"}


async def test_fc_b05_twice_and_with_invisible_differences(units: Database) -> None:
    data = hanoi_text(";").encode()
    await bring(units, data)
    before = await counts(units)
    odd = hanoi_text(";", change=lambda name: unicodedata.normalize("NFD", name.replace(" ", "  "))).replace(
        "\r\n0", "\r\n 0"
    )
    spaced = odd.replace(";Ph", "\u00a0;Ph")
    for again in (data, odd.encode(), spaced.encode()):
        made = await bring(units, again)
        assert (made.added, made.changed, made.same) == ((), (), 579)
    assert await counts(units) == before


async def test_fc_b05_a_double_key_is_refused_with_both_lines(city: Database) -> None:
    rows = hanoi_text(";").splitlines()[:402]
    assert rows[2].startswith("00004;")
    rows[399] = "00004;Phường Khác;phuong;001;Quận Ba Đình"
    before = await counts(city)
    data = "\r\n".join(rows).encode()
    shown = await plan(city, data)
    (error,) = shown.errors
    assert (error.kind, error.line, error.detail["lines"]) == (ProblemKind.DOUBLE_KEY, 400, "3, 400")
    with pytest.raises(InvalidError):
        await apply_endpoints(city, read_endpoints(data), TODAY, digest=shown.digest, by=BY, now=NOW)
    assert await counts(city) == before


async def test_fc_b05_equal_names_of_two_districts_stay_two(city: Database) -> None:
    text = "Tên;Quận, huyện;Đầu mối\nPhường Minh Khai;{};A\nPhường Minh Khai;{};B\n"
    for first, second in (
        ("Quận Hai Bà Trưng", "Quận Bắc Từ Liêm"),
        ("hai ba trung", "BẮC TỪ LIÊM"),
    ):
        shown = await plan(city, text.format(first, second).encode())
        assert [one.code for one in shown.changed] == ["00295", "00613"]
    blank = await plan(city, text.format("", "").encode())
    assert [(error.kind, error.line, error.column) for error in blank.errors] == [
        (ImportKind.AMBIGUOUS_SITE, 2, 1),
        (ImportKind.AMBIGUOUS_SITE, 3, 1),
    ]
    assert "Quận Bắc Từ Liêm" in str(blank.errors[0])
    same = await plan(city, text.format("Hai Bà Trưng", "Hai Bà Trưng").encode())
    assert [error.kind for error in same.errors] == [ImportKind.SAME_SITE]


HOSTILE = (
    '=HYPERLINK("http://x","y")',
    "@SUM(1)",
    "=1+1",
    "-2+3",
    "Tổ 5 <img src=x onerror=alert(1)>",
    "{{ 7*7 }}",
)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_fc_b06_names_that_are_formulas_come_back_as_they_were(city: Database, form: str) -> None:
    rows = [(f"00004-{number}", name, "024 3825 0000") for number, name in enumerate(HOSTILE, 1)]
    await bring(city, workbook_of_texts(("Mã", "Tên", "Điện thoại"), rows))
    async with city.read() as session:
        names = [view.details.name for view in await endpoints.views(session) if "-" in view.code]
        data = await export_endpoints(session, form)
    assert names == list(HOSTILE)
    made = await plan(city, data)
    assert (made.added, made.changed, made.same, made.errors) == ((), (), 585, ())


def workbook_of_texts(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    book = openpyxl.Workbook()
    page: Any = book.active
    for at, row in enumerate((headings, *rows), 1):
        for column, text in enumerate(row, 1):
            cell = page.cell(at, column)
            cell.value = text
            cell.data_type = "s"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def test_what_would_change_is_told_field_by_field(city: Database) -> None:
    text = (
        "Mã;Tên điểm cầu;Điểm cầu chính;Đường truyền;Tình trạng;Địa điểm;Loại địa điểm\n"
        "00004;Điểm cầu Trúc Bạch;;TSLCD;;Hội trường;nhà văn hóa thôn\n"
        "00004-2;Tổ dân phố 5;không;4G;dự kiến;;\n"
        "00006;;;;;;\n"
    )
    shown = await plan(city, text.encode())
    (changed,) = shown.changed
    assert [(f.title, f.before, f.after) for f in changed.fields] == [
        ("Tên điểm cầu", "Phường Trúc Bạch", "Điểm cầu Trúc Bạch"),
        ("Đường truyền", "chưa rõ", "TSLCD"),
        ("Địa điểm", "UBND Phường Trúc Bạch", "Hội trường"),
        ("Loại địa điểm", "trụ sở", "nhà văn hóa thôn"),
    ]
    (added,) = shown.added
    assert (added.line, added.code, added.above) == (3, "00004-2", "Quận Ba Đình")
    assert (shown.same, shown.rows) == (1, 3)
    assert (await counts(city))[1] == 0
    await bring(city, text.encode())
    async with city.read() as session:
        log = await entries(session, subject="endpoint:00004")
        sites = await all_sites(session)
    assert log[0].after == {
        "name": "Điểm cầu Trúc Bạch",
        "line_type": "tslcd",
        "place": "Hội trường",
    }
    assert {site.code for site in find(sites, "to dan pho 5 ba dinh")} == {"00004-2"}
    assert (await bring(city, text.encode())).empty


@pytest.mark.parametrize(
    ("text", "kind", "line", "column"),
    [
        ("Mã;Tên\n99999;Xã Không Có\n", ImportKind.UNKNOWN_UNIT, 2, 1),
        ("Mã;Tên\n;Xã Không Có\n", ImportKind.UNKNOWN_UNIT, 2, 2),
        ("Mã;Đầu mối\n;A\n", ImportKind.SITE_CODE, 2, 1),
        ("Mã;Quận, huyện\n00004;Quận Đống Đa\n", ImportKind.OTHER_UNIT, 2, 2),
        ("Mã;Mã đơn vị\n00004;00006\n", ImportKind.OTHER_UNIT, 2, 2),
        ("Mã;Loại đơn vị\n00004;xã\n", ImportKind.OTHER_UNIT, 2, 2),
        ("Mã;Tình trạng\n00004;dự kiến\n", ImportKind.STEP, 2, 2),
        ("Mã;Điểm cầu chính\n00004-2;có\n", ImportKind.MAIN_TWICE, 2, 2),
        ("Mã;Địa chỉ\n00004;A\n00004-2;B\n", ImportKind.PLACE_DIFFERS, 3, 2),
        ("Mã;Đường truyền\n00004;cáp đồng\n", ProblemKind.BAD_CHOICE, 2, 2),
        ("Mã;Điện thoại\n00004;12\n", ProblemKind.BAD_TELEPHONE, 2, 2),
        ("Mã;Ngày đưa vào sử dụng\n00004;30/02/2026\n", ProblemKind.IMPOSSIBLE_DATE, 2, 2),
        ("Mã;Tên\n00004;" + "x" * 300 + "\n", ProblemKind.TEXT_TOO_LONG, 2, 2),
        ("Mã;Điện thoại bàn\n00004;\n", ProblemKind.UNKNOWN_HEADING, 1, 2),
        ("Mã\na:b\n", ProblemKind.BAD_CODE, 2, 1),
    ],
)
async def test_errors_have_line_and_column_and_stop_all(
    city: Database, text: str, kind: object, line: int, column: int
) -> None:
    shown = await plan(city, text.encode())
    assert [(error.kind, error.line, error.column) for error in shown.errors] == [(kind, line, column)]
    assert str(shown.errors[0])
    before = await counts(city)
    with pytest.raises(InvalidError):
        await apply_endpoints(city, read_endpoints(text.encode()), TODAY, digest=shown.digest, by=BY, now=NOW)
    assert await counts(city) == before


async def test_the_main_site_moves_within_one_file(city: Database) -> None:
    await bring(city, "Mã;Tên\n00004-2;Trụ sở mới\n".encode())
    text = "Mã;Điểm cầu chính\n00004-2;có\n00004;không\n"
    made = await bring(city, text.encode())
    assert len(made.changed) == 2
    async with city.read() as session:
        views = {view.code: view for view in await endpoints.views(session)}
    assert (views["00004"].main, views["00004-2"].main) == (False, True)


async def test_a_retired_site_is_not_brought_back_by_a_file(city: Database) -> None:
    async with city.write() as session:
        site = await endpoints.by_code(session, "00004")
        await endpoints.retire(session, site.id, version=1, by=BY, now=NOW)
    shown = await plan(city, "Mã;Đầu mối\n00004;A\n".encode())
    assert [error.kind for error in shown.errors] == [ImportKind.RETIRED_SITE]


async def test_a_plan_that_no_longer_holds_changes_nothing(city: Database) -> None:
    rows = read_endpoints("Mã;Đầu mối\n00004;A\n00006;B\n".encode())
    shown = await preview_endpoints(city, rows, TODAY)
    async with city.write() as session:
        site = await endpoints.by_code(session, "00006")
        renamed = Details("Phường Vĩnh Phúc", contact_name="C")
        await endpoints.change(session, site.id, version=1, details=renamed, by=BY, now=NOW)
    before = await counts(city)
    with pytest.raises(ChangedError):
        await apply_endpoints(city, rows, TODAY, digest=shown.digest, by=BY, now=NOW)
    assert await counts(city) == before
    with pytest.raises(ChangedError):
        await apply_endpoints(city, rows, TODAY, digest="", by=BY, now=NOW)


async def test_two_who_import_the_same_at_once_make_no_doubles(units: Database) -> None:
    rows = read_endpoints(hanoi_text(",").encode())
    shown = await preview_endpoints(units, rows, TODAY)

    async def go() -> str:
        try:
            await apply_endpoints(units, rows, TODAY, digest=shown.digest, by=BY, now=NOW)
        except ChangedError:
            return "changed"
        return "done"

    assert sorted(await asyncio.gather(go(), go(), go())) == ["changed", "changed", "done"]
    assert (await counts(units))[0] == 579


async def test_a_unit_of_an_old_and_one_of_a_new_code(units: Database) -> None:
    """00004 was Trúc Bạch until the reform, and is Ba Đình since then."""
    for text, name in (
        ("Mã;Tên\n00004;Phường Trúc Bạch\n", "Phường Trúc Bạch"),
        ("Mã;Tên;Quận, huyện\n00004;Điểm cầu;Ba Đình\n", "Phường Trúc Bạch"),
        ("Mã;Tên\n00004;Phường Ba Đình\n", "Phường Ba Đình"),
        ("Mã;Tên\n00004;Điểm cầu\n", "Phường Ba Đình"),
    ):
        shown = await plan(units, text.encode())
        async with units.read() as session:
            unit = await session.get(Unit, shown.added[0].new.unit_id)
        assert unit is not None
        assert unit.name == name, text


@pytest.mark.slow
async def test_ten_thousand_lines(city: Database) -> None:
    lines = ["Mã;Tên;Điện thoại;Đường truyền"]
    known = hanoi_units()
    for number in range(10_000):
        unit = known[number % len(known)]
        lines.append(f"{unit.code}-{number // len(known) + 2};{unit.name} {number};0912 345 670;TSLCD")
    data = "\n".join(lines).encode()
    made = await bring(city, data)
    assert len(made.added) == 10_000
    assert (await bring(city, data)).same == 10_000
    assert await counts(city) == (10_579, 10_000)
    wrong = data.replace(b"0912 345 670", b"12")
    shown = await plan(city, wrong)
    assert len(shown.errors) == 501
    assert shown.errors[-1].detail["count"] == 9_500
