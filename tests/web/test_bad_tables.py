"""Bad tables, on the page and by the command: each is told at its line and column, and nothing is half saved.

What the REST API has in their place, a site's change in JSON, is held to the same.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pytest
from command import run
from rest_caller import caller
from signed_in import Browser, Text, World
from sqlalchemy import func, select

from directory.audit import entries
from directory.database import Database
from directory.model import Endpoint
from directory.seed import SINCE_2021, load_hanoi_units, load_main_sites
from web.assembly import Service
from web.import_pages import PATH

FORMULA = '=HYPERLINK("http://x","y")'
LONG = "Nhà văn hóa " + "x" * 288
HUGE = 200_000_000


def merged() -> bytes:
    """A workbook with two cells that are one."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["Mã", "Tên"], ["00004", "Phường Trúc Bạch"], ["00006", ""]):
        sheet.append(row)
    sheet.merge_cells("A3:B3")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@dataclass(frozen=True)
class Bad:
    """A table to be refused: where the fault is, and what is told of it on the page and by the command."""

    file: str
    data: bytes
    cell: str
    page: str
    command: str


REFUSED = (
    Bad(
        "dai.csv",
        f"Mã;Tên;Điện thoại\n00004;;0912345670\n00006;{LONG};\n".encode(),
        "B3",
        "Nội dung có 300 ký tự; tối đa 200.",
        "dai.csv: line 3, column 2, “Tên”: The text has 300 characters; at most 200 are taken.",
    ),
    Bad(
        "cong-thuc.csv",
        "Mã;Tên;Điện thoại\n00004;;0912345670\n=1+1;Phường Mới;\n".encode(),
        "A3",
        "“=1+1”",
        "cong-thuc.csv: line 3, column 1, “Mã”: ",
    ),
    Bad("gop.xlsx", merged(), "A3", "Các ô A3:B3 bị gộp", "gop.xlsx: line 3, column 1, "),
    Bad(
        "mat-chu.csv",
        "Mã;Tên\n00004;Phường Trúc Bạch\n".encode("cp1252", "replace"),
        "B2",
        "đã mất chữ",
        "mat-chu.csv: line 2, column 2",
    ),
    Bad(
        "ngay.csv",
        "Mã;Ngày đưa vào sử dụng\n00004;30/02/2026\n".encode(),
        "B2",
        "30/02/2026",
        "ngay.csv: line 2, column 2, “Ngày đưa vào sử dụng”: ",
    ),
)
GOOD = "Mã;Tên;Điện thoại\n00004;Điểm cầu Trúc Bạch;0912 345 670\n"


def cp1258(text: str) -> bytes:
    """As Windows writes it: base letters, and the five tones as marks after them."""
    out = bytearray()
    for character in text:
        try:
            out += character.encode("cp1258")
        except UnicodeEncodeError:
            parts = unicodedata.normalize("NFD", character)
            tone = next(mark for mark in parts[::-1] if mark in "\u0300\u0301\u0303\u0309\u0323")
            out += (unicodedata.normalize("NFC", parts.replace(tone, "", 1)) + tone).encode("cp1258")
    return bytes(out)


READ = {"bom.csv": GOOD.encode("utf-8-sig"), "windows-1258.csv": cp1258(GOOD)}
"""Tables of other encodings that are read, with the same result."""


@pytest.fixture
async def world(service: Service) -> World:
    """Hanoi's 579 sites of 2021."""
    made = World(service)
    async with made.database.write() as session:
        await load_hanoi_units(session)
        await load_main_sites(session, SINCE_2021)
    made.site_code = "00004"
    return made


async def upload(browser: Browser, data: bytes, name: str) -> str:
    """What the page says of a file."""
    answer = await browser.post(
        PATH, data={"csrf": await browser.token(PATH)}, files={"file": (name, data, "text/csv")}
    )
    assert answer.status_code == 303
    return (await browser.get(answer.headers["location"])).text


async def untouched(database: Database) -> bool:
    """Whether all sites are as they were loaded."""
    async with database.read() as session:
        most = await session.scalar(select(func.max(Endpoint.version)))
        count = await session.scalar(select(func.count()).select_from(Endpoint))
        return (most, count) == (1, 579) and not await entries(session, subject="endpoint:")


@pytest.mark.parametrize("bad", REFUSED, ids=lambda bad: bad.file)
async def test_the_page_tells_the_place_and_saves_nothing(world: World, bad: Bad) -> None:
    async with world.browser("it_staff") as browser:
        page = await upload(browser, bad.data, bad.file)
    said = Text(page).all
    assert bad.page in said
    assert f" {bad.cell} " in said
    assert 'name="digest"' not in page
    assert await untouched(world.database)


@pytest.mark.parametrize("name", READ)
async def test_the_page_reads_other_encodings(world: World, name: str) -> None:
    async with world.browser("it_staff") as browser:
        page = await upload(browser, READ[name], name)
    assert "Thay đổi: 1." in Text(page).all
    # Composed, whatever the file had: else no search would find it.
    assert "Điểm cầu Trúc Bạch" in page


async def test_a_name_that_is_a_formula_stays_text_in_the_preview(world: World) -> None:
    async with world.browser("it_staff") as browser:
        page = await upload(browser, "Mã;Tên\n00004;=1+1\n".encode(), "a.csv")
    assert "Thay đổi: 1." in Text(page).all
    assert "=1+1" in Text(page).all


def test_the_command_tells_the_place_and_saves_nothing(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    assert run("directory", "load-hanoi", cwd=tmp_path, DIEMCAU_STATE_DIR=state).returncode == 0
    for bad in REFUSED:
        (tmp_path / bad.file).write_bytes(bad.data)
        done = run("endpoints", "import", bad.file, cwd=tmp_path, DIEMCAU_STATE_DIR=state)
        assert done.returncode == 1, bad.file
        assert bad.command in done.stderr
        assert "Traceback" not in done.stderr
    for name, data in READ.items():
        (tmp_path / name).write_bytes(data)
        dry = run("endpoints", "import", name, "--dry-run", cwd=tmp_path, DIEMCAU_STATE_DIR=state)
        assert "would be changed: 1, unchanged: 0" in dry.stdout, dry.stderr
        assert "Điểm cầu Trúc Bạch" in dry.stdout
    export = run("endpoints", "export", "all.csv", cwd=tmp_path, DIEMCAU_STATE_DIR=state)
    assert export.returncode == 0
    assert "0912345670" not in (tmp_path / "all.csv").read_text("utf-8-sig").replace(" ", "")


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"name": LONG}, 422, "name"),
        ({"name": FORMULA}, 422, "name"),
        ({"name": "a\u0000b"}, 422, "name"),
        ({"name": ""}, 422, "name"),
        ({"contact_phone": "12"}, 422, "contact_phone"),
        ({"commissioned_on": "2026-02-30"}, 422, "commissioned_on"),
    ],
)
async def test_the_api_tells_the_field_and_saves_nothing(
    world: World, change: dict[str, str], status: int, field: str
) -> None:
    async with caller(world, "it_staff") as found:
        right = {"contact_name": "Nguyễn Văn Ánh"}
        answer = await found.send("PATCH", "/sites/00004", right | change, version=1)
        assert (answer.status_code, answer.json()["field"]) == (status, field)
        assert answer.json()["vi"]
        assert answer.json()["en"]
    assert await untouched(world.database)


async def test_the_api_refuses_two_hundred_megabytes_before_it_reads_them(world: World) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(HUGE // 1_000_000):
            sent += 1_000_000
            yield b" " * 1_000_000

    async with caller(world, "it_staff") as found:
        headers = found.headers | {"Content-Type": "application/json", "If-Match": '"1"'}
        answer = await found.browser.request("PATCH", "/api/v1/sites/00004", content=body(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert sent <= 1_000_000
    assert await untouched(world.database)
