"""Headings and rows: which column is what, and everything that is wrong at once."""

import io

import openpyxl
import pytest

from directory.tabular import (
    Field,
    ProblemKind,
    Records,
    TabularError,
    match_headings,
    read_records,
    read_table,
)
from directory.tabular.fields import read_code, read_name, read_telephone
from directory.tabular.problems import ProblemList, TableProblem, column_letters

K = ProblemKind
FIELDS = (
    Field("code", ("Mã đơn vị", "Mã", "Code"), read_code, needed=True, filled=True),
    Field("name", ("Tên đơn vị", "Tên", "Name"), read_name, needed=True, filled=True),
    Field("district", ("Quận, huyện", "District"), read_name),
    Field("telephone", ("Điện thoại", "Telephone", "Phone"), read_telephone),
)


def records(text: str, *unique: tuple[str, ...]) -> Records:
    return read_records(read_table(text.encode()), FIELDS, unique)


def told(read: Records) -> list[tuple[ProblemKind, str]]:
    return [(problem.kind, problem.address or str(problem.line)) for problem in read.problems]


@pytest.mark.parametrize(
    "line",
    [
        "Mã đơn vị;Tên đơn vị;Quận, huyện;Điện thoại",
        "MÃ ĐƠN VỊ;TÊN;QUẬN/HUYỆN;ĐIỆN THOẠI",
        "ma don vi;ten don vi;quan huyen;dien thoai",
        "code;name;district;telephone",
        "Mã (5 chữ số);Tên *;Quận, huyện:;Điện thoại [cố định]",
        "Ma\u0303;Te\u0302n; Quận,\u00a0huyện ;Phone",
    ],
)
def test_headings_in_both_languages_and_without_marks(line: str) -> None:
    found = match_headings(read_table(f"{line}\n00004;x;y;\n".encode()), FIELDS)
    assert {column: wanted.name for column, wanted in found.columns.items()} == {
        1: "code",
        2: "name",
        3: "district",
        4: "telephone",
    }
    assert found.problems == ()


def test_unknown_missing_and_doubled_headings() -> None:
    read = records("Mã;Code;Tuổi\n00004;00004;7\n")
    assert told(read) == [(K.MISSING_HEADING, "1"), (K.DOUBLED_HEADING, "B1"), (K.UNKNOWN_HEADING, "C1")]
    assert read.problems[0].sentence() == "The column “Tên đơn vị” is missing."
    assert read.problems[1].detail == {"first": 1, "second": 2, "wanted": "Mã đơn vị"}


def test_fc_b01_byte_order_mark_is_no_part_of_the_first_heading() -> None:
    read = read_records(read_table(b"\xef\xbb\xbf" + "Mã;Tên\n00004;x\n".encode()), FIELDS)
    assert not read.problems
    assert read.records[0].values == {"code": "00004", "name": "x"}


def test_no_headings() -> None:
    with pytest.raises(TabularError) as caught:
        records("00004;Trúc Bạch\n")
    assert caught.value.problems[0].kind is K.NO_HEADINGS


def test_titles_above_the_headings_are_skipped_with_a_note() -> None:
    read = records("DANH SÁCH ĐIỂM CẦU;;\n\nMã;Tên;\n00004;Trúc Bạch;\n")
    assert told(read) == [(K.LINES_ABOVE, "3")]
    assert read.errors == ()
    assert [(record.line, record.values["code"]) for record in read.records] == [(4, "00004")]


def test_two_fields_must_not_share_a_heading() -> None:
    with pytest.raises(AssertionError):
        match_headings(read_table(b"a\n"), [Field("x", ("A",)), Field("y", ("a",))])


def test_all_problems_are_told_at_once() -> None:
    read = records("Mã;Tên;Điện thoại\nabc;;12\n4;x\n;y;0912 345 670;z\n")
    assert told(read) == [
        (K.BAD_CODE, "A2"),
        (K.MISSING_VALUE, "B2"),
        (K.BAD_TELEPHONE, "C2"),
        (K.READ_AS, "A3"),
        (K.MISSING_VALUE, "A4"),
        (K.CELL_WITHOUT_HEADING, "D4"),
    ]
    assert [record.good for record in read.records] == [False, True, False]
    assert read.records[1].values == {"code": "00004", "name": "x", "telephone": None}
    assert str(read.problems[2]) == "line 2, column 3, “Điện thoại”: “12” is no telephone number."


def test_places_below_a_cell_with_a_line_break() -> None:
    read = records('Mã;Tên\n00004;"a\nb"\nabc;x\n')
    assert told(read) == [(K.BAD_CODE, "A4")]


def test_fc_b05_a_key_in_two_lines_is_refused_with_both() -> None:
    lines = [f"{code:05d};Xã {code}" for code in range(5, 402)]
    lines.insert(1, "00004;Phường Trúc Bạch")
    lines.insert(398, "4;Phường Khác")
    read = records("Mã;Tên\n" + "\n".join(lines) + "\n", ("code",))
    (problem,) = read.errors
    assert (problem.kind, problem.line, problem.heading) == (K.DOUBLE_KEY, 400, "Mã")
    assert problem.detail == {"found": "00004", "lines": "3, 400"}


def test_fc_b05_invisible_differences_are_none() -> None:
    plain = records("Mã;Tên\n00004;Phường Trúc Bạch\n")
    for text in (
        "Mã;Tên\n00004\u00a0;Phường  Trúc Bạch\n",
        "Mã;Tên\n 00004;Phường Tru\u0301c Ba\u0323ch \n",
        "Mã;Tên\n00004\u200b;\ufeffPhường\u00a0Trúc Bạch\n",
    ):
        assert records(text).records == plain.records


def test_fc_b05_equal_names_of_two_districts_stay_two() -> None:
    text = "Tên;Quận, huyện\nPhường Minh Khai;Quận Hai Bà Trưng\nPhường Minh Khai;Quận Bắc Từ Liêm\n"
    fields = [Field("name", ("Tên",), read_name), Field("district", ("Quận, huyện",), read_name)]
    table = read_table(text.encode())
    assert not read_records(table, fields, [("name", "district")]).problems
    (problem,) = read_records(table, fields, [("name",)]).problems
    assert problem.detail["lines"] == "2, 3"


def test_blank_keys_are_not_double() -> None:
    assert K.DOUBLE_KEY not in [p.kind for p in records("Mã;Tên\n;x\n;y\n", ("code",)).problems]


def sheet(merged: str) -> Records:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(["DANH SÁCH"])
    page.append(["Mã", "Tên", "Điện thoại"])
    page.append(["00004", "Trúc Bạch", "=A1"])
    page.append(["00006", "Vĩnh Phúc", None])
    page.merge_cells(merged)
    out = io.BytesIO()
    book.save(out)
    return read_records(read_table(out.getvalue()), FIELDS)


@pytest.mark.parametrize(
    ("merged", "address"),
    [("B3:B4", "B3"), ("A2:B2", "A2"), ("A1:C1", None), ("E3:F3", None), ("A9:B9", None)],
)
def test_merged_cells_are_a_problem_at_the_cell(merged: str, address: str | None) -> None:
    found = [problem for problem in sheet(merged).problems if problem.kind is K.MERGED_CELLS]
    assert [problem.address for problem in found] == ([address] if address else [])
    assert all(merged in problem.sentence() for problem in found)


def test_problems_of_the_sheet_get_their_heading() -> None:
    read = sheet("A1:C1")
    (problem,) = read.errors
    assert (problem.kind, problem.address, problem.heading) == (K.FORMULA_WITHOUT_VALUE, "C3", "Điện thoại")
    assert [record.good for record in read.records] == [False, True]


def test_of_very_many_problems_some_are_counted_only() -> None:
    read = read_records(read_table(("Mã;Tên\n" + "abc;x\n" * 10_000).encode()), FIELDS, most_problems=50)
    assert len(read.problems) == 51
    assert read.problems[-1].detail == {"count": 9950}


def test_notes_do_not_push_out_errors() -> None:
    kept = ProblemList(2)
    kept.add(*(TableProblem(K.READ_AS, line) for line in range(1, 9)), TableProblem(K.BAD_CODE, 9))
    assert [problem.kind for problem in kept.result()] == [K.READ_AS, K.READ_AS, K.BAD_CODE]


@pytest.mark.parametrize(("column", "letters"), [(1, "A"), (26, "Z"), (27, "AA"), (16_384, "XFD"), (0, "")])
def test_column_letters(column: int, letters: str) -> None:
    assert column_letters(column) == letters
