"""What can be wrong with a table that people bring: codes with arguments, which the pages translate.

A :class:`TableProblem` says where (line and column, from 1), under which heading, and what; its
``detail`` holds the values of the placeholders of its sentence. Where the whole file cannot be
read, a :class:`TabularError` carries the problems; what is wrong with single cells is collected in
results instead, so that people see all of it at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

Detail = Mapping[str, str | int]


class ProblemKind(StrEnum):
    """The kinds of problems; :data:`SENTENCES` has the meaning of each, :data:`NOTES` the harmless ones."""

    EMPTY = "empty"
    FILE_TOO_LARGE = "file_too_large"
    TOO_MANY_ROWS = "too_many_rows"
    TOO_MANY_COLUMNS = "too_many_columns"
    CELL_TOO_LONG = "cell_too_long"
    MORE_PROBLEMS = "more_problems"

    BAD_ENCODING = "bad_encoding"
    LETTERS_LOST = "letters_lost"
    MISREAD = "misread"
    CONTROL_CHARACTER = "control_character"
    UNCLOSED_QUOTE = "unclosed_quote"
    TEXT_AFTER_QUOTE = "text_after_quote"
    BAD_SEPARATOR = "bad_separator"

    NOT_A_TABLE = "not_a_table"
    ENCRYPTED = "encrypted"
    OLD_EXCEL = "old_excel"
    STRICT_WORKBOOK = "strict_workbook"
    BROKEN_WORKBOOK = "broken_workbook"
    WORKBOOK_TOO_LARGE = "workbook_too_large"
    FORBIDDEN_XML = "forbidden_xml"
    NO_SHEET = "no_sheet"
    MERGED_CELLS = "merged_cells"
    FORMULA_WITHOUT_VALUE = "formula_without_value"
    CELL_ERROR = "cell_error"

    NO_HEADINGS = "no_headings"
    UNKNOWN_HEADING = "unknown_heading"
    MISSING_HEADING = "missing_heading"
    DOUBLED_HEADING = "doubled_heading"
    CELL_WITHOUT_HEADING = "cell_without_heading"

    MISSING_VALUE = "missing_value"
    BAD_CODE = "bad_code"
    BAD_TELEPHONE = "bad_telephone"
    DIGITS_LOST = "digits_lost"
    TEXT_TOO_LONG = "text_too_long"
    BAD_DATE = "bad_date"
    IMPOSSIBLE_DATE = "impossible_date"
    BAD_YES_NO = "bad_yes_no"
    BAD_CHOICE = "bad_choice"
    BAD_EMAIL = "bad_email"
    BAD_NUMBER = "bad_number"
    OUT_OF_RANGE = "out_of_range"
    DOUBLE_KEY = "double_key"

    READ_AS = "read_as"
    NUMERIC_TELEPHONE = "numeric_telephone"
    FORMULA_TEXT = "formula_text"
    INVISIBLE_REMOVED = "invisible_removed"
    OTHER_SHEETS = "other_sheets"
    LINES_ABOVE = "lines_above"

    @property
    def is_note(self) -> bool:
        """Whether this is a remark only: the row is good, and people should look at it."""
        return self in NOTES


_K = ProblemKind

NOTES: Final = frozenset(
    {_K.READ_AS, _K.NUMERIC_TELEPHONE, _K.FORMULA_TEXT, _K.INVISIBLE_REMOVED, _K.OTHER_SHEETS, _K.LINES_ABOVE}
)
"""Kinds that stop nothing."""

SENTENCES: Final[Mapping[ProblemKind, str]] = {
    _K.EMPTY: "The file has no rows.",
    _K.FILE_TOO_LARGE: "The file has {size} bytes; at most {limit} are taken.",
    _K.TOO_MANY_ROWS: "The file has more than {limit} rows. Divide it.",
    _K.TOO_MANY_COLUMNS: "There is text beyond column {limit}; no table here has so many columns.",
    _K.CELL_TOO_LONG: "The cell has {length} characters; at most {limit} are taken.",
    _K.MORE_PROBLEMS: "There are {count} more problems, which are not listed.",
    _K.BAD_ENCODING: "Character {character} of the line cannot be read. The file seems to be {guess}: "
    "save it as “CSV UTF-8” or as an Excel workbook.",
    _K.LETTERS_LOST: "“{word}” has lost letters: question marks stand in their place. The file was saved "
    "as {guess}, which lacks Vietnamese letters: save the original as “CSV UTF-8” or as an Excel workbook.",
    _K.MISREAD: "“{word}” was once read in the wrong encoding: it seems to be {guess}. "
    "Convert it to Unicode, or fill it in anew.",
    _K.CONTROL_CHARACTER: "Character {character} of the line is the control character {code}, "
    "which no table has.",
    _K.UNCLOSED_QUOTE: "The quotation mark at the start of this cell is never closed.",
    _K.TEXT_AFTER_QUOTE: "Text follows the closing quotation mark of this cell. "
    "A quotation mark inside a cell is written twice.",
    _K.BAD_SEPARATOR: "The first line names “{found}” as separator; it can be a comma, a semicolon or a tab.",
    _K.NOT_A_TABLE: "This is {format}, not a table. Save it as an Excel workbook (.xlsx) or as “CSV UTF-8”.",
    _K.ENCRYPTED: "The workbook is protected by a password. Remove the password and save it again.",
    _K.OLD_EXCEL: "This is a workbook of Excel 97–2003 (.xls). Save it as an Excel workbook (.xlsx).",
    _K.STRICT_WORKBOOK: "The workbook was saved as “Strict Open XML”. Save it as an Excel workbook (.xlsx).",
    _K.BROKEN_WORKBOOK: "The workbook is damaged at “{part}”. Open it in Excel and save it again.",
    _K.WORKBOOK_TOO_LARGE: "Unpacked, the workbook has {size} bytes; at most {limit} are taken.",
    _K.FORBIDDEN_XML: "“{part}” of the workbook holds declarations that no workbook has; it is not read.",
    _K.NO_SHEET: "The workbook has no sheet with cells.",
    _K.MERGED_CELLS: "The cells {range} are merged, so it is unclear to which rows the value belongs. "
    "Unmerge them and fill in each.",
    _K.FORMULA_WITHOUT_VALUE: "The formula {formula} has no stored result. "
    "Open the file in Excel and save it, or put in the value.",
    _K.CELL_ERROR: "The cell shows the error {found}.",
    _K.NO_HEADINGS: "No line with headings was found in the first {lines} lines. Wanted: {wanted}.",
    _K.UNKNOWN_HEADING: "The heading “{found}” is not known. Known: {known}.",
    _K.MISSING_HEADING: "The column “{wanted}” is missing.",
    _K.DOUBLED_HEADING: "The headings of columns {first} and {second} mean the same: “{wanted}”.",
    _K.CELL_WITHOUT_HEADING: "“{found}” stands in a column without heading.",
    _K.MISSING_VALUE: "A value is needed.",
    _K.BAD_CODE: "“{found}” is no code: {digits} digits are wanted.",
    _K.BAD_TELEPHONE: "“{found}” is no telephone number.",
    _K.DIGITS_LOST: "“{found}” has lost digits on the way through Excel. Put in all of them, as text.",
    _K.TEXT_TOO_LONG: "The text has {length} characters; at most {limit} are taken.",
    _K.BAD_DATE: "“{found}” is no date: wanted is day/month/year, such as 31/12/2026.",
    _K.IMPOSSIBLE_DATE: "There is no {found}: month {month} of {year} has no day {day}.",
    _K.BAD_YES_NO: "“{found}” is neither yes nor no.",
    _K.BAD_CHOICE: "“{found}” is none of: {known}.",
    _K.BAD_EMAIL: "“{found}” is no e-mail address.",
    _K.BAD_NUMBER: "“{found}” is no number.",
    _K.OUT_OF_RANGE: "“{found}” is not between {low} and {high}.",
    _K.DOUBLE_KEY: "“{found}” stands in lines {lines}; it must stand in one only.",
    _K.READ_AS: "“{found}” is read as “{value}”.",
    _K.NUMERIC_TELEPHONE: "The number {found} is read as telephone {value}; compare it with the original.",
    _K.FORMULA_TEXT: "The cell begins like a formula; it is taken as text.",
    _K.INVISIBLE_REMOVED: "{count} invisible characters were removed.",
    _K.OTHER_SHEETS: "The sheet “{used}” is read; the others are not: {others}.",
    _K.LINES_ABOVE: "The headings are in this line; what stands above it is not read.",
}
"""English sentences with the placeholders that ``detail`` fills. Translations use the same ones."""


def column_letters(column: int) -> str:
    """The name that Excel gives to a column: 1 is A, 27 is AA."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


@dataclass(frozen=True, slots=True)
class TableProblem:
    """One problem or note. ``line`` and ``column`` count from 1; 0 means all of the file or of the line."""

    kind: ProblemKind
    line: int = 0
    column: int = 0
    heading: str = ""
    detail: Detail = field(default_factory=dict, hash=False)

    @property
    def is_note(self) -> bool:
        """Whether it stops nothing."""
        return self.kind.is_note

    @property
    def address(self) -> str:
        """The cell as Excel names it (``C7``), empty where there is no single cell."""
        return f"{column_letters(self.column)}{self.line}" if self.line and self.column else ""

    def sentence(self) -> str:
        """In English, without the place: for the command line and logs."""
        return SENTENCES[self.kind].format_map(self.detail)

    def __str__(self) -> str:
        place = [f"line {self.line}"] if self.line else []
        place += [f"column {self.column}"] if self.column else []
        place += [f"“{self.heading}”"] if self.heading else []
        return f"{', '.join(place)}: {self.sentence()}" if place else self.sentence()


class TabularError(ValueError):
    """The file cannot be read as a table. ``problems`` is never empty; the text is that of the first."""

    def __init__(self, *problems: TableProblem) -> None:
        super().__init__(str(problems[0]))
        self.problems = problems


class LimitError(TabularError):
    """It is larger than what is taken."""


class EncodingError(TabularError):
    """Its characters cannot be read."""


class FormatError(TabularError):
    """It is no table of a known format, or damaged."""


class ProblemList:
    """Collects problems up to a bound; of those beyond, only the number of errors and of notes is kept."""

    def __init__(self, limit: int = 500) -> None:
        self._limit = limit
        self._kept: list[TableProblem] = []
        self._notes: list[TableProblem] = []
        self._errors_beyond = 0

    def add(self, *problems: TableProblem) -> None:
        """Keep them, or count them. Notes never push out errors: each has a bound of its own."""
        for problem in problems:
            kept = self._notes if problem.is_note else self._kept
            if len(kept) < self._limit:
                kept.append(problem)
            elif not problem.is_note:
                self._errors_beyond += 1

    def result(self) -> tuple[TableProblem, ...]:
        """All that was kept, by line and column, and one for those that were only counted."""
        ordered = sorted([*self._kept, *self._notes], key=lambda p: (p.line, p.column))
        if self._errors_beyond:
            ordered.append(TableProblem(_K.MORE_PROBLEMS, detail={"count": self._errors_beyond}))
        return tuple(ordered)
