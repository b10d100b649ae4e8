"""Readers of single cells: what is taken, what is noted, what is refused."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.tabular import SENTENCES, Cell, CellKind, ProblemKind, Reader, Reading
from directory.tabular.fields import (
    normal_telephone,
    read_choice,
    read_code,
    read_date,
    read_decimal,
    read_degrees,
    read_email,
    read_name,
    read_telephone,
    read_text,
    read_yes_no,
    show_telephone,
)

K = ProblemKind


def cell(text: str) -> Cell:
    return Cell(text, 7, 3)


def kinds(reading: Reading[object]) -> list[ProblemKind]:
    return [problem.kind for problem in reading.problems]


@pytest.mark.parametrize(
    ("text", "value", "noted"),
    [
        ("00004", "00004", []),
        (" 00004 ", "00004", []),
        ("00004\u00a0", "00004", []),
        ("4", "00004", [K.READ_AS]),
        ("4.0", "00004", [K.READ_AS]),
        ("4,0", "00004", [K.READ_AS]),
        ("'00004", "00004", [K.READ_AS]),
        ('="00004"', "00004", [K.READ_AS]),
        ('=TEXT(4;"00000")', "00004", [K.READ_AS]),
        ("9.931E+03", "09931", [K.READ_AS]),
        ("9,931E+03", "09931", [K.READ_AS]),
        ("9.9310E3", "09931", [K.READ_AS]),
        ("", None, []),
        (" \u00a0", None, []),
        ("9.93E+03", None, [K.DIGITS_LOST]),
        ("1E+04", None, [K.DIGITS_LOST]),
        ("1.23456E+04", None, [K.DIGITS_LOST]),
        ("4.5", None, [K.BAD_CODE]),
        ("-4", None, [K.BAD_CODE]),
        ("00000", None, [K.BAD_CODE]),
        ("000004", None, [K.BAD_CODE]),
        ("123456", None, [K.BAD_CODE]),
        ("0000O", None, [K.BAD_CODE]),
        ("٠٠٠٠٤", None, [K.BAD_CODE]),
        ("00004, 00006", None, [K.BAD_CODE]),
        ("=A1", None, [K.BAD_CODE]),
    ],
)
def test_fc_b02_code(text: str, value: str | None, noted: list[ProblemKind]) -> None:
    reading = read_code(cell(text), "Mã")
    assert (reading.value, kinds(reading)) == (value, noted)
    assert all((p.line, p.column, p.heading) == (7, 3, "Mã") for p in reading.problems)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0912 345 670", "+84912345670"),
        ("0912.345.670", "+84912345670"),
        ("0912-345-670", "+84912345670"),
        ("+84 912 345 670", "+84912345670"),
        ("+84912345670", "+84912345670"),
        ("84912345670", "+84912345670"),
        ("0084 912 345 670", "+84912345670"),
        ("(+84) 912 345 670", "+84912345670"),
        ("ĐT: 0912 345 670", "+84912345670"),
        ("+84 (0)24 3825 0000", "+842438250000"),
        ("024 3825 0000", "+842438250000"),
        ("(024) 38250000", "+842438250000"),
        ("024 3825 0000 máy lẻ 12", "+842438250000;ext=12"),
        ("024 3825 0000 (ext. 12)", "+842438250000;ext=12"),
        ("0203 3825 000", "+842033825000"),
        ("1900 1234", "19001234"),
        ("+33 1 23 45 67 89", "+33123456789"),
        ("0162 345 6789", None),
        ("0412 345 670", None),
        ("0912 345 67", None),
        ("0912 345 6701", None),
        ("0912 345 670; 0913 345 670", None),
        ("0912 345 670 / 0913 345 670", None),
        ("113", None),
        ("none", None),
        ("", None),
        ("+", None),
        ("٠912345670", None),
    ],
)
def test_normal_telephone(text: str, value: str | None) -> None:
    assert normal_telephone(text) == value


@pytest.mark.parametrize(
    ("text", "value", "noted"),
    [
        ("912345670", "+84912345670", [K.NUMERIC_TELEPHONE]),
        ("912345670.0", "+84912345670", [K.NUMERIC_TELEPHONE]),
        ("9.12345670E+08", "+84912345670", [K.NUMERIC_TELEPHONE]),
        ("2438250000", "+842438250000", [K.NUMERIC_TELEPHONE]),
        ("84912345670", "+84912345670", [K.NUMERIC_TELEPHONE]),
        ("'0912345670", "+84912345670", []),
        ("9.12346E+08", None, [K.DIGITS_LOST]),
        ("8.42438E+11", None, [K.DIGITS_LOST]),
        ("12", None, [K.BAD_TELEPHONE]),
    ],
)
def test_fc_b02_numeric_telephone_is_flagged(text: str, value: str | None, noted: list[ProblemKind]) -> None:
    reading = read_telephone(cell(text))
    assert (reading.value, kinds(reading)) == (value, noted)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("+84912345670", "0912 345 670"),
        ("+842438250000", "024 3825 0000"),
        ("+842033825000", "0203 382 5000"),
        ("+842438250000;ext=12", "024 3825 0000 ext 12"),
        ("19001234", "1900 1234"),
        ("+33123456789", "+33 1234 5678 9"),
    ],
)
def test_show_telephone(value: str, shown: str) -> None:
    assert show_telephone(value) == shown
    assert normal_telephone(shown) == value
    assert not read_telephone(cell(shown)).problems


@given(st.from_regex(r"\+84(?:[35789][0-9]{8}|2[0-9]{8,9})|1[89]00[0-9]{4,6}|\+3[0-9]{7,12}", fullmatch=True))
def test_shown_telephones_read_back(value: str) -> None:
    assert read_telephone(cell(show_telephone(value))) == Reading(value)


@pytest.mark.parametrize(
    ("text", "value", "noted"),
    [
        ("Phường Trúc Bạch", "Phường Trúc Bạch", []),
        ("  Phường \u00a0 Trúc\tBạch ", "Phường Trúc Bạch", []),
        ("Phường\nTrúc Bạch", "Phường Trúc Bạch", []),
        ("Phu\u031bo\u031b\u0300ng", "Phường", []),
        ("=1+1", "=1+1", [K.FORMULA_TEXT]),
        ("\t=1+1", "=1+1", [K.FORMULA_TEXT]),
        ("@SUM(1)", "@SUM(1)", [K.FORMULA_TEXT]),
        ("-2+3", "-2+3", [K.FORMULA_TEXT]),
        ("x" * 200, "x" * 200, []),
        ("", None, []),
        ("x" * 201, None, [K.TEXT_TOO_LONG]),
        ("x" * 300, None, [K.TEXT_TOO_LONG]),
        ("a\x07b", None, [K.CONTROL_CHARACTER]),
        ("Ph??ng Trúc Bạch", None, [K.LETTERS_LOST]),
        ("Ph\ufffdng", None, [K.LETTERS_LOST]),
    ],
)
def test_name(text: str, value: str | None, noted: list[ProblemKind]) -> None:
    reading = read_name(cell(text))
    assert (reading.value, kinds(reading)) == (value, noted)


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("Phường Cống Vị".encode().decode("latin-1"), "UTF-8 read as Windows-1252"),
        (
            "Xã Đông Hội".encode().decode("cp1252", "replace").replace("\ufffd", "\x90"),
            "UTF-8 read as Windows-1252",
        ),
        ("Phêng Tróc B¹ch", "TCVN3 (.VnTime)"),
        ("X· §«ng Héi, huyÖn §«ng Anh, x· B¾c", "TCVN3 (.VnTime)"),
    ],
)
def test_letters_of_another_encoding(text: str, guess: str) -> None:
    (problem,) = read_name(cell(text)).problems
    assert (problem.kind, problem.detail["guess"]) == (K.MISREAD, guess)


@pytest.mark.parametrize(
    "text", ["Zürich", "Café Số 1", "Khu 5 m²", "«Trúc»", "Zoom®", "Phòng họp – tầng 2", "§ 5"]
)
def test_letters_that_are_meant(text: str) -> None:
    assert read_name(cell(text)) == Reading(text)


def test_name_notes_what_was_removed_and_computed() -> None:
    reading = read_name(Cell("Trúc Bạch", 7, 3, formula="=B2", removed=2))
    assert reading.value == "Trúc Bạch"
    assert kinds(reading) == [K.INVISIBLE_REMOVED, K.READ_AS]


def test_text_keeps_lines() -> None:
    assert read_text(cell(" a  b \n\n\n\n c\n")).value == "a b\n\nc"
    assert read_text(cell("Ai?Không")).value == "Ai?Không"
    assert kinds(read_text(cell("x" * 2001))) == [K.TEXT_TOO_LONG]


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("31/12/2026", datetime.date(2026, 12, 31), None),
        ("1/2/2026", datetime.date(2026, 2, 1), None),
        ("01.02.2026", datetime.date(2026, 2, 1), None),
        ("01-02-2026", datetime.date(2026, 2, 1), None),
        ("2026-02-01", datetime.date(2026, 2, 1), None),
        ("2026-02-01T00:00:00", datetime.date(2026, 2, 1), None),
        ("ngày 1 tháng 2 năm 2026", datetime.date(2026, 2, 1), None),
        ("29/02/2028", datetime.date(2028, 2, 29), None),
        ("", None, None),
        ("30/02/2026", None, K.IMPOSSIBLE_DATE),
        ("29/02/2026", None, K.IMPOSSIBLE_DATE),
        ("31/04/2026", None, K.IMPOSSIBLE_DATE),
        ("2026-02-30", None, K.IMPOSSIBLE_DATE),
        ("00/02/2026", None, K.IMPOSSIBLE_DATE),
        ("12/31/2026", None, K.BAD_DATE),
        ("01/02/26", None, K.BAD_DATE),
        ("01/02-2026", None, K.BAD_DATE),
        ("0000-01-01", None, K.BAD_DATE),
        ("46000", None, K.BAD_DATE),
        ("hôm nay", None, K.BAD_DATE),
        ("31/12/1899", None, K.OUT_OF_RANGE),
        ("01/01/2200", None, K.OUT_OF_RANGE),
    ],
)
def test_date(text: str, value: datetime.date | None, kind: ProblemKind | None) -> None:
    reading = read_date(cell(text))
    assert (reading.value, kinds(reading)) == (value, [kind] if kind else [])


def test_thirtieth_of_february_in_words() -> None:
    assert read_date(cell("30/02/2026")).problems[0].sentence() == (
        "There is no 30/02/2026: month 2 of 2026 has no day 30."
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, True) for text in ("Có", "co", "X", "✓", "Yes", "1", "TRUE")),
        *((text, False) for text in ("Không", "khong", "no", "0", "FALSE")),
        ("", None),
    ],
)
def test_yes_no(text: str, value: bool | None) -> None:
    assert read_yes_no(cell(text)) == Reading(value)


def test_neither_yes_nor_no() -> None:
    assert kinds(read_yes_no(cell("có lẽ"))) == [K.BAD_YES_NO]


def test_choice() -> None:
    choices = {"Xã": "xa", "Phường": "phuong", "Thị trấn": "thi_tran"}
    assert read_choice(cell("PHUONG"), "Loại", choices).value == "phuong"
    assert read_choice(cell("thi_tran"), "Loại", choices).value == "thi_tran"
    reading = read_choice(cell("Quận"), "Loại", choices)
    assert reading.problems[0].sentence() == "“Quận” is none of: Xã, Phường, Thị trấn."


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b+c@Hanoi.GOV.vn", "a.b+c@hanoi.gov.vn"),
        (" mailto:x@y.vn ", "x@y.vn"),
        ("x@y", None),
        ("x@@y.vn", None),
        ("x y@z.vn", None),
        (".x@z.vn", None),
        ("x@-z.vn", None),
        ("x@1.2", None),
        ("đ@z.vn", None),
        ("@z.vn", None),
        ("x@z.vn, y@z.vn", None),
        (f"{'x' * 65}@z.vn", None),
        (f"x@{'z.' * 130}vn", None),
    ],
)
def test_email(text: str, value: str | None) -> None:
    reading = read_email(cell(text))
    assert reading.value == value
    assert reading.ok is (value is not None)


@pytest.mark.parametrize(
    ("text", "limit", "value", "kind"),
    [
        ("21,0345", 90, Decimal("21.03450"), None),
        ("21.0345", 90, Decimal("21.03450"), None),
        (" 21.0345° ", 90, Decimal("21.03450"), None),
        ("2.10345E1", 90, Decimal("21.03450"), None),
        ("-0.5", 180, Decimal("-0.50000"), None),
        ("105.8", 180, Decimal("105.80000"), None),
        ("", 90, None, None),
        ("  ", 90, None, None),
        ("210345", 90, None, K.OUT_OF_RANGE),
        ("105.8", 90, None, K.OUT_OF_RANGE),
        ("21,034,5", 90, None, K.BAD_NUMBER),
        ("21°02'", 90, None, K.BAD_NUMBER),
        ("1E+99", 90, None, K.OUT_OF_RANGE),
        ("NaN", 90, None, K.BAD_NUMBER),
    ],
)
def test_fc_b07_degrees(text: str, limit: int, value: Decimal | None, kind: ProblemKind | None) -> None:
    reading = read_degrees(cell(text), "Vĩ độ", limit)
    assert (reading.value, kinds(reading)) == (value, [kind] if kind else [])


def test_fc_b07_numeric_cell() -> None:
    reading = read_degrees(Cell("21.0345", 7, 3, CellKind.NUMBER, number=Decimal("21.0345")))
    assert reading == Reading(Decimal("21.03450"))


def test_decimal_without_bounds() -> None:
    assert read_decimal(cell("-1,5")).value == Decimal("-1.5")
    assert kinds(read_decimal(cell("5"), "", 6)) == [K.OUT_OF_RANGE]


READERS: tuple[Reader, ...] = (
    read_code,
    read_telephone,
    read_name,
    read_text,
    read_date,
    read_yes_no,
    read_email,
    read_decimal,
    read_degrees,
)


@given(st.text(max_size=60) | st.from_regex(r"[+\-=']?[0-9.,eE /]{0,20}", fullmatch=True), st.integers(0, 3))
def test_readers_never_raise_and_values_read_back(text: str, removed: int) -> None:
    for reader in READERS:
        reading = reader(Cell(text, 7, 3, removed=removed), "h")
        assert (reading.value is None) or reading.ok
        assert all(problem.sentence() for problem in reading.problems)
        if isinstance(reading.value, str):
            again = reader(cell(reading.value), "h")
            assert again.value == reading.value


def test_every_kind_has_a_sentence() -> None:
    assert set(SENTENCES) == set(ProblemKind)
    assert all(sentence.endswith((".", "{wanted}.")) for sentence in SENTENCES.values())
