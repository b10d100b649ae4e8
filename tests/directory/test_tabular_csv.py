"""Text files as people's programs write them: encodings, delimiters, line ends, limits."""

import csv
import io
import unicodedata
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.tabular import (
    Limits,
    ProblemKind,
    TableProblem,
    TabularError,
    read_csv,
    read_pasted,
    read_table,
)
from directory.tabular.decode import decode
from directory.tabular.tokens import DELIMITERS, layout

K = ProblemKind
LIST = (files("directory") / "data" / "hanoi-579.csv").read_text("utf-8")
ROWS = list(csv.reader(io.StringIO(LIST)))
TONES = "\u0300\u0301\u0303\u0309\u0323"


def joined(delimiter: str, end: str = "\r\n") -> str:
    return "".join(delimiter.join(row) + end for row in ROWS)


def to_1258(text: str) -> bytes:
    """As Windows writes it: base letters precomposed with hat, breve or horn, tones as marks behind."""
    written = []
    for letter in text:
        try:
            written.append(letter.encode("cp1258"))
        except UnicodeEncodeError:
            parts = unicodedata.normalize("NFD", letter)
            tones = [mark for mark in parts if mark in TONES]
            base = "".join(mark for mark in parts if mark not in TONES)
            written.append((unicodedata.normalize("NFC", base) + "".join(tones)).encode("cp1258"))
    return b"".join(written)


def texts(data: bytes) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in read_table(data, "upload.csv").rows]


def refused(data: bytes, limits: Limits | None = None) -> TableProblem:
    with pytest.raises(TabularError) as caught:
        read_csv(data, limits)
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("data", "encoding", "delimiter"),
    [
        (LIST.encode(), "utf-8", ","),
        (b"\xef\xbb\xbf" + joined(";").encode(), "utf-8-sig", ";"),
        (b"\xff\xfe" + joined("\t").encode("utf-16-le"), "utf-16-le", "\t"),
        (b"\xfe\xff" + joined("\t").encode("utf-16-be"), "utf-16-be", "\t"),
        (to_1258(joined(";")), "cp1258", ";"),
        (("sep=;\r\n" + joined(";")).encode(), "utf-8", ";"),
        (b"\xef\xbb\xbf" + ('"sep=;"\n' + joined(";", "\n")).encode(), "utf-8-sig", ";"),
        (joined(";", "\r").encode(), "utf-8", ";"),
        (joined("\t", "\n").removesuffix("\n").encode(), "utf-8", "\t"),
    ],
    ids=["plain", "bom", "unicode-text", "utf-16-be", "windows-1258", "sep", "bom-sep", "cr", "no-last-end"],
)
def test_fc_b01_all_forms_load_the_same(data: bytes, encoding: str, delimiter: str) -> None:
    assert texts(data) == ROWS
    source = read_table(data).source
    assert (source.format, source.encoding, source.delimiter) == ("csv", encoding, delimiter)


def test_fc_b01_windows_1258_needs_composing() -> None:
    raw = to_1258(LIST).decode("cp1258")
    assert raw != LIST
    assert decode(to_1258(LIST)).text == LIST


def test_fc_b01_quoted_cell_with_line_break_keeps_lines() -> None:
    data = 'mã;tên;ghi chú\r\n00001;"Phường ""Phúc Xá""";"dòng một\r\ndòng hai"\r\n00004;Trúc Bạch;\r\n'
    table = read_csv(data.encode())
    assert [cell.text for cell in table.rows[1].cells] == ["00001", 'Phường "Phúc Xá"', "dòng một\ndòng hai"]
    assert [(row.line, row.cells[-1].line, row.cells[-1].column) for row in table.rows] == [
        (1, 1, 3),
        (2, 2, 3),
        (4, 4, 2),
    ]


@pytest.mark.parametrize("codec", ["cp1252", "ascii", "latin-1"])
def test_fc_b01_lost_letters_are_refused_with_place_and_guess(codec: str) -> None:
    problem = refused(joined(";").encode(codec, "replace"))
    assert (problem.kind, problem.line, problem.column) == (K.LETTERS_LOST, 2, 2)
    assert problem.detail == {"word": "Ph??ng", "guess": "Windows-1252", "character": 7}
    assert "“Ph??ng” has lost letters" in problem.sentence()


def test_fc_b01_lost_letters_saved_again_as_utf_8() -> None:
    damaged = joined(";").encode("cp1252", "replace").decode("cp1252").encode("utf-8-sig")
    assert refused(damaged).kind is K.LETTERS_LOST
    assert refused("mã;tên\n1;Ph\ufffdng Yên\n".encode()).detail["word"] == "Ph\ufffdng"


@pytest.mark.parametrize(
    "text",
    [
        "mã;tên\n1;Ai? Không\n",
        "mã;trang\n1;https://x.vn/a?b=c\n",
        "code;note\n1;why?because\n",
        "mã;tên\n1;Phường Cống Vị (?)\n",
        "mã;tên\n1;Sao?Có ở đây\n",
    ],
)
def test_question_marks_that_are_meant(text: str) -> None:
    assert len(texts(text.encode())) == 2


@pytest.mark.parametrize(
    ("data", "place", "guess"),
    [
        ("mã;tên\n1;Hòa Bình\n".encode("cp1252"), (2, 2), "Windows-1252"),
        ("code;name\n1;Lý Nhân\n".encode("cp1252"), (2, 2), "Windows-1252"),
        (b"code;name\n1;Ph\xad\xeang Tr\xf3c B\xb9ch\n", (2, 2), "TCVN3 or another old Vietnamese encoding"),
        ("mã;tên\n1;Phường Trúc Bạch\n2;Cống Vị\n".encode()[:-3] + b"\n", (3, 2), "UTF-8, damaged"),
        (b"\xef\xbb\xbf" + "a;b\n1;Vị".encode()[:-1], (2, 2), "damaged"),
        (b"\xff\xfe" + "a;b\n1;x".encode("utf-16-le")[:-1], (2, 2), "damaged"),
        (joined(";").encode("utf-16-le"), (1, 1), "UTF-16 without byte order mark"),
    ],
)
def test_other_encodings_are_refused(data: bytes, place: tuple[int, int], guess: str) -> None:
    problem = refused(data)
    assert (problem.kind, problem.line, problem.column) == (K.BAD_ENCODING, *place)
    assert problem.detail["guess"] == guess


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("a;b\n1;x\0y\n", (2, 2), "U+0000"),
        ("a;b\n\x1b[31m;x\n", (2, 1), "U+001B"),
        ("a;b\r\n1;x\r\n2;\x85\r\n", (3, 2), "U+0085"),
        ("a;b\n1;\uffff\n", (2, 2), "U+FFFF"),
    ],
)
def test_controls_are_refused(text: str, place: tuple[int, int], code: str) -> None:
    problem = refused(text.encode())
    assert (problem.kind, problem.line, problem.column) == (K.CONTROL_CHARACTER, *place)
    assert problem.detail["code"] == code


def test_text_misread_before_is_named() -> None:
    problem = refused(b"\xef\xbb\xbf" + "code;name\n1;Phường X\n".encode().decode("latin-1").encode())
    assert (problem.kind, problem.line, problem.column) == (K.MISREAD, 2, 2)
    assert problem.detail["guess"] == "UTF-8 read as Windows-1252"


def test_invisible_characters_are_removed_and_counted() -> None:
    row = read_csv("mã;tên\n\u200b00004\ufeff;Trúc\u202e Bạch\u00ad\n".encode()).rows[1]
    assert [(cell.text, cell.removed) for cell in row.cells] == [("00004", 2), ("Trúc Bạch", 2)]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a;b;c\n1;x, y;3\n2;x, z;4\n", ";"),
        ("a,b\n1,x;y;z\n2,x;y;w\n", ","),
        ("a\tb\n1;5\t2,5\n3;5\t4,5\n", "\t"),
        ("mã;vĩ độ;kinh độ\n1;21,0;105,8\n2;21,1;105,9\n", ";"),
        ("DANH SÁCH ĐIỂM CẦU\n\nmã;tên\n1;x\n2;y\n", ";"),
        ("mã;tên;ghi chú\n1\n2\n3\n", ";"),
        ("tên\nPhường A, quận B\nPhường C\nXã D\n", "\t"),
        ('a;b\n1;"x\n', ";"),
    ],
)
def test_delimiter(text: str, delimiter: str) -> None:
    assert layout(text).delimiter == delimiter


@pytest.mark.parametrize(
    ("data", "limits", "kind", "place"),
    [
        (b"", Limits(), K.EMPTY, (0, 0)),
        (b"\xef\xbb\xbf\r\n;;\r\n", Limits(), K.EMPTY, (0, 0)),
        ("\ufeff\ufeff;\u200b\r\n".encode(), Limits(), K.EMPTY, (0, 0)),
        (b"a;b\n" * 10, Limits(size=39), K.FILE_TOO_LARGE, (0, 0)),
        (b"a;b\n\n" * 4, Limits(rows=3), K.TOO_MANY_ROWS, (7, 0)),
        (b"a;b\n1;2;;;3\n", Limits(columns=3), K.TOO_MANY_COLUMNS, (2, 5)),
        (b"a;b\n1;xxxx\n", Limits(cell=3), K.CELL_TOO_LONG, (2, 2)),
        (b'a;b\n1;"x\n2;y\n', Limits(), K.UNCLOSED_QUOTE, (2, 2)),
        (b'a;b\n1;"x"y\n', Limits(), K.TEXT_AFTER_QUOTE, (2, 2)),
        (b"sep=x\na;b\n", Limits(), K.BAD_SEPARATOR, (1, 1)),
    ],
)
def test_limits_and_form(data: bytes, limits: Limits, kind: ProblemKind, place: tuple[int, int]) -> None:
    problem = refused(data, limits)
    assert (problem.kind, problem.line, problem.column) == (kind, *place)
    assert problem.sentence()


def test_limits_hold_what_is_allowed() -> None:
    table = read_csv(b"a;b;;;\n" * 3, Limits(size=21, rows=3, columns=2, cell=1))
    assert [len(row.cells) for row in table.rows] == [2, 2, 2]


def test_every_cell_that_is_too_long_is_named_up_to_twenty() -> None:
    with pytest.raises(TabularError) as caught:
        read_csv(b"a;b\n" + b"1;xxxx\n" * 50, Limits(cell=3))
    assert [problem.line for problem in caught.value.problems] == list(range(2, 22))


def test_hostile_texts_take_no_time_and_no_memory() -> None:
    size = 2_000_000
    assert refused(b'"' * size + b"a").kind in (K.UNCLOSED_QUOTE, K.TEXT_AFTER_QUOTE)
    assert refused(b";" * size).kind is K.EMPTY
    assert refused(b"x;" * (size // 2)).kind is K.TOO_MANY_COLUMNS
    assert refused(b"\n" * size).kind is K.EMPTY
    assert refused(b"x\n" * 30_000).kind is K.TOO_MANY_ROWS
    assert refused(b"a" * size + b" ?").kind is K.CELL_TOO_LONG
    assert refused(b"?" * size).kind is K.CELL_TOO_LONG
    assert refused(b"a" + b"\xcc\xf2" * (size // 2)).kind is K.BAD_ENCODING


@pytest.mark.parametrize("text", ["00004\n00006\n", "\ufeff00004\r00006"])
def test_pasted_list(text: str) -> None:
    assert [row.cells[0].text for row in read_pasted(text).rows] == ["00004", "00006"]


def test_pasted_list_of_ten_thousand_lines() -> None:
    table = read_pasted("\n".join(f"{code:05d}" for code in range(10_000)))
    assert (len(table.rows), table.rows[-1].line, table.rows[-1].cells[0].text) == (10_000, 10_000, "09999")
    with pytest.raises(TabularError):
        read_pasted("Ph??ng Tr?c B?ch")


CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co", "Cf", "Mn"]), max_size=8
)


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=6),
    st.sampled_from(DELIMITERS),
    st.sampled_from(["\r\n", "\n", "\r"]),
)
def test_what_the_standard_library_writes_is_read(rows: list[list[str]], delimiter: str, end: str) -> None:
    out = io.StringIO()
    all_rows = [["mã", "tên", "ghi chú ạ"], *rows]
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(all_rows)
    read = read_csv(f"sep={delimiter}{end}{out.getvalue()}".encode())
    expected = [list(row) for row in all_rows if any(cell.strip() for cell in row)]
    shown = [[row.cell(column).text for column in (1, 2, 3)] for row in read.rows]
    for row, wanted in zip(shown, expected, strict=True):
        # An apostrophe before a formula is ours, and taken back.
        assert all(
            cell in (text, text[1:]) or not text.strip() for cell, text in zip(row, wanted, strict=True)
        )


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_refused(data: bytes) -> None:
    problems: tuple[TableProblem, ...] = ()
    table = None
    try:
        table = read_table(data)
    except TabularError as error:
        problems = error.problems
    assert table.rows if table is not None else problems
    assert all(str(problem) for problem in problems)
