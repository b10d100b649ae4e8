"""Import on a page: upload, preview, one button; nothing but what was shown, and only for who uploaded it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator

import httpx
import openpyxl
import pytest
from signed_in import NOW, Browser, Text, World, form_token

from directory import endpoints
from directory.audit import entries
from directory.endpoints import Details
from directory.imports import ImportKind
from directory.imports.problems import SENTENCES as IMPORT_SENTENCES
from directory.seed import SINCE_2021, load_hanoi_units, load_main_sites
from directory.tabular import SENTENCES, ProblemKind
from web import i18n
from web.assembly import Service
from web.import_pages import LIFE, PATH, Kept, Waiting
from web.table_words import WORDS


@pytest.fixture
async def world(service: Service) -> World:
    """Hanoi's 579 sites of 2021."""
    made = World(service)
    async with made.database.write() as session:
        await load_hanoi_units(session)
        await load_main_sites(session, SINCE_2021)
    return made


async def upload(browser: Browser, data: bytes | str, name: str = "moi.csv", **values: str) -> httpx.Response:
    """Upload a file by the form of the page, and go where it leads."""
    content = data.encode() if isinstance(data, str) else data
    fields = {"csrf": await browser.token(PATH), **values}
    answer = await browser.post(PATH, data=fields, files={"file": (name, content, "text/csv")})
    if answer.status_code == 303:
        assert answer.headers["location"].startswith(f"{PATH}/")
        return await browser.get(answer.headers["location"])
    return answer


async def apply(browser: Browser, page: httpx.Response, **values: str) -> httpx.Response:
    """Press the button of a preview."""
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', page.text)
    data = {"csrf": form_token(page.text), "digest": digest[1] if digest else "", **values}
    return await browser.post(f"{page.url.path}/apply", data=data)


GOOD = "Mã;Tên;Điện thoại\n4;;0912 345 670\n00004-2;Tổ dân phố 5;\n00006;;\n"


async def test_upload_preview_and_exactly_that(world: World) -> None:
    async with world.browser("it_staff") as browser:
        page = await upload(browser, GOOD)
        text = Text(page.text).all
        assert "Thêm mới: 1. Thay đổi: 1. Giữ nguyên: 1." in text
        assert "0912 345 670" in text
        assert "“4” được đọc là “00004”." in text
        async with world.database.read() as session:
            assert (await endpoints.by_code(session, "00004")).version == 1
        done = await apply(browser, page)
        assert (done.status_code, done.headers["location"]) == (303, "/directory")
        said = Text((await browser.get("/directory")).text).all
        assert "Đã nhập: thêm 1, thay đổi 1." in said
        assert (await browser.get(page.url.path)).status_code == 404
        assert (await apply(browser, page)).status_code == 404
        again = await upload(browser, GOOD)
        assert "không cần nhập" in Text(again.text).all
        assert 'name="digest"' not in again.text
    async with world.database.read() as session:
        lines = await entries(session, subject="endpoint:")
    assert len(lines) == 2
    assert lines[0].actor == f"person:{world.people['it_staff']}"


async def test_errors_are_told_and_can_be_downloaded(world: World) -> None:
    text = "Mã;Tên;Điện thoại\n00004;;0912 345 670\n00006;;12\n;Phường Minh Khai;\n=1+1;;\n"
    async with world.browser("it_staff") as browser:
        page = await upload(browser, text)
        said = Text(page.text).all
        assert "“12” không phải số điện thoại." in said
        assert "Có nhiều điểm cầu tên “Phường Minh Khai”" in said
        assert 'name="digest"' not in page.text
        answer = await browser.get(f"{page.url.path}/errors.csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
        assert rows[0] == ["Dòng", "Ô", "Cột", "Nội dung"]
        assert [row[:3] for row in rows[1:]] == [
            ["3", "C3", "Điện thoại"],
            ["4", "B4", "Tên"],
            ["5", "A5", "Mã"],
        ]
        forced = await apply(browser, page, digest="0" * 64)
        assert forced.status_code == 409
    async with world.database.read() as session:
        assert await entries(session, subject="endpoint:") == []


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.pdf", b"%PDF-1.7", "Đây là tệp PDF, không phải bảng."),
        ("a.csv", b"", "Tệp không có dòng nào."),
        ("a.csv", "Mã;Tên\n00004;Ph\ufffdng\n".encode(), "đã mất chữ"),
        ("a.csv", "Mã;Tên\n00004;Phường Trúc Bạch\n".encode("cp1252", "replace"), "đã mất chữ"),
        ("a.csv", b"x;y\n1;2\n", "Không thấy dòng tiêu đề"),
        ("a.csv", ("Mã\n" + "00004\n" * 20_001).encode(), "Tệp có hơn 20000 dòng."),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook\0".encode("utf-16-le"), "Excel 97–2003"),
    ],
)
async def test_files_that_are_no_tables(world: World, name: str, data: bytes, words: str) -> None:
    async with world.browser("it_staff") as browser:
        page = await upload(browser, data, name)
        assert page.status_code == 200
        assert words in Text(page.text).all
        assert (await browser.get(f"{page.url.path}/errors.csv")).status_code == 200
        assert (await apply(browser, page)).status_code == 422


async def test_merged_cells_and_long_names_have_their_place(world: World) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Mã", "Tên"])
    sheet.append(["00004", "x" * 300])
    sheet.append(["00006", "A"])
    sheet.merge_cells("A3:B3")
    out = io.BytesIO()
    book.save(out)
    async with world.browser("it_staff") as browser:
        said = Text((await upload(browser, out.getvalue(), "a.xlsx")).text).all
    assert "Nội dung có 300 ký tự; tối đa 200." in said
    assert "Các ô A3:B3 bị gộp" in said
    assert "B2" in said


async def test_two_hundred_megabytes_are_refused_at_once_with_a_sentence(world: World) -> None:
    async with world.browser("it_staff") as browser:
        sent = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(200):
                sent += 1_000_000
                yield b"x" * 1_000_000

        headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": "200000000"}
        answer = await browser.post(PATH, content=body(), headers=headers)
        assert answer.status_code == 413
        assert "Tệp lớn 200 MB; tối đa 10 MB. Không có gì được lưu." in Text(answer.text).all
        assert sent <= 1_000_000
        del headers["Content-Length"]
        answer = await browser.post(PATH, content=body(), headers=headers)
        assert answer.status_code == 413
        assert sent < 15_000_000


async def test_what_changed_meanwhile_is_shown_again(world: World) -> None:
    async with world.browser("it_staff") as browser:
        page = await upload(browser, GOOD)
        async with world.database.write() as session:
            site = await endpoints.by_code(session, "00004")
            mine = Details("Phường Trúc Bạch", contact_phone="0987654321")
            await endpoints.change(session, site.id, version=1, details=mine, by="cli:x", now=NOW)
        answer = await apply(browser, page)
        assert answer.status_code == 409
        text = Text(answer.text).all
        assert "chưa nhập gì" in text
        assert "098 765" in text.replace("0987 654 321", "098 765")
        again = httpx.Response(200, text=answer.text, request=httpx.Request("GET", page.url))
        assert (await apply(browser, again)).status_code == 303


async def test_a_preview_is_its_uploaders_alone(world: World) -> None:
    async with world.browser("it_staff") as mine, world.browser("administrator") as other:
        page = await upload(mine, GOOD)
        assert (await other.get(page.url.path)).status_code == 404
        data = {"csrf": await other.token(PATH), "digest": "0" * 64}
        assert (await other.post(f"{page.url.path}/apply", data=data)).status_code == 404
        second = await upload(mine, GOOD)
        assert (await mine.get(page.url.path)).status_code == 404
        assert (await mine.get(second.url.path)).status_code == 200
        assert (await mine.get(f"{PATH}/%C4%91")).status_code == 404


async def test_rights_and_tokens(world: World) -> None:
    for who in ("official", "chair", "secretary"):
        async with world.browser(who) as browser:
            data = {"csrf": await browser.token("/directory")}
            answer = await browser.post(PATH, data=data, files={"file": ("a.csv", b"x")})
            assert answer.status_code == 403, who
    async with world.browser("it_staff") as browser:
        answer = await browser.post(PATH, data={"csrf": "x"}, files={"file": ("a.csv", b"x")})
        assert answer.status_code == 403
        assert (await upload(browser, GOOD, what="units", since="01/01/2021")).status_code == 403
        token = await browser.token(PATH)
        assert (await browser.post(PATH, data={"csrf": token})).status_code == 400
        assert (await upload(browser, b"", "")).status_code in (400, 422)


async def test_units_by_an_administrator(world: World) -> None:
    text = "Mã;Tên;Loại;Mã cấp trên\n00003;Phường Mới;phường;001\n"
    async with world.browser("administrator") as browser:
        wrong = await upload(browser, text, what="units", since="30/02/2021")
        assert wrong.status_code == 422
        assert 'href="#f-since"' in wrong.text
        page = await upload(browser, text, what="units", since="01/01/2021")
        assert "Quận Ba Đình (001)" in Text(page.text).all
        assert (await apply(browser, page)).status_code == 303
    async with world.database.read() as session:
        assert [line.action for line in await entries(session, subject="unit:")] == ["unit.create"]


HOSTILE = ("Tổ 5 <img src=x onerror=alert(1)>", "{{ 7*7 }}", "Phường \u202etxt.exe\u202c")


@pytest.mark.parametrize("name", HOSTILE)
async def test_fc_e07_names_of_a_file_stay_text(world: World, name: str) -> None:
    async with world.browser("it_staff") as browser:
        page = await upload(browser, f"Mã;Tên\n00004;{name}\n00004-2;{name}\n", f"{name[:20]}.csv")
        assert (await apply(browser, page)).status_code == 303
        wrong = await upload(browser, f"Mã;{name}\n00004;{name}\n", "a.csv")
        for shown in (page, wrong, await browser.get("/directory?q=00004")):
            assert "<img" not in shown.text
            assert "\u202e" not in shown.text
            assert not any(re.search(r"\b49\b", part) for part in Text(shown.text).parts)


def test_every_problem_has_its_words_with_the_same_placeholders() -> None:
    kinds = {*ProblemKind, *ImportKind}
    assert WORDS.keys() == kinds
    for kind, key in WORDS.items():
        english = SENTENCES[kind] if isinstance(kind, ProblemKind) else IMPORT_SENTENCES[kind]
        for language in i18n.LANGUAGES:
            words = i18n.catalogue(language)[key]
            assert set(re.findall(r"\{\w+\}", words)) == set(re.findall(r"\{\w+\}", english)), key


def test_files_wait_for_one_session_each_and_not_for_ever() -> None:
    def kept(key: str, session: str, at: float) -> Kept:
        return Kept(key, session, "sites", SINCE_2021, "a", b"", at + LIFE)

    waiting = Waiting(most=2)
    first = kept("a", "s1", 0)
    waiting.put(first, 0)
    assert waiting.get("s1", "a", LIFE - 1) is first
    assert waiting.get("s1", "b", 1) is None
    assert waiting.get("s2", "a", 1) is None
    assert waiting.get("s1", "a", LIFE) is None
    waiting.put(kept("b", "s1", 10), 10)
    waiting.put(kept("c", "s2", 11), 11)
    waiting.put(kept("d", "s3", 12), 12)
    assert waiting.get("s1", "b", 13) is None
    last = waiting.get("s3", "d", 13)
    assert last is not None
    waiting.drop(last)
    assert waiting.get("s3", "d", 13) is None
    assert waiting.get("s2", "c", 13) is not None
