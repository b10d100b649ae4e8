"""What is wrong with a table, in words: one sentence for each kind of problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from directory.imports import ImportKind, Problem
from directory.tabular import ProblemKind
from web import i18n
from web.i18n import Language

_P, _I = ProblemKind, ImportKind

WORDS: Final[Mapping[ProblemKind | ImportKind, str]] = {
    _P.EMPTY: "table.empty",
    _P.FILE_TOO_LARGE: "table.file_too_large",
    _P.TOO_MANY_ROWS: "table.too_many_rows",
    _P.TOO_MANY_COLUMNS: "table.too_many_columns",
    _P.CELL_TOO_LONG: "table.cell_too_long",
    _P.MORE_PROBLEMS: "table.more_problems",
    _P.BAD_ENCODING: "table.bad_encoding",
    _P.LETTERS_LOST: "table.letters_lost",
    _P.MISREAD: "table.misread",
    _P.CONTROL_CHARACTER: "table.control_character",
    _P.UNCLOSED_QUOTE: "table.unclosed_quote",
    _P.TEXT_AFTER_QUOTE: "table.text_after_quote",
    _P.BAD_SEPARATOR: "table.bad_separator",
    _P.NOT_A_TABLE: "table.not_a_table",
    _P.ENCRYPTED: "table.encrypted",
    _P.OLD_EXCEL: "table.old_excel",
    _P.STRICT_WORKBOOK: "table.strict_workbook",
    _P.BROKEN_WORKBOOK: "table.broken_workbook",
    _P.WORKBOOK_TOO_LARGE: "table.workbook_too_large",
    _P.FORBIDDEN_XML: "table.forbidden_xml",
    _P.NO_SHEET: "table.no_sheet",
    _P.MERGED_CELLS: "table.merged_cells",
    _P.FORMULA_WITHOUT_VALUE: "table.formula_without_value",
    _P.CELL_ERROR: "table.cell_error",
    _P.NO_HEADINGS: "table.no_headings",
    _P.UNKNOWN_HEADING: "table.unknown_heading",
    _P.MISSING_HEADING: "table.missing_heading",
    _P.DOUBLED_HEADING: "table.doubled_heading",
    _P.CELL_WITHOUT_HEADING: "table.cell_without_heading",
    _P.MISSING_VALUE: "table.missing_value",
    _P.BAD_CODE: "table.bad_code",
    _P.BAD_TELEPHONE: "table.bad_telephone",
    _P.DIGITS_LOST: "table.digits_lost",
    _P.TEXT_TOO_LONG: "table.text_too_long",
    _P.BAD_DATE: "table.bad_date",
    _P.IMPOSSIBLE_DATE: "table.impossible_date",
    _P.BAD_YES_NO: "table.bad_yes_no",
    _P.BAD_CHOICE: "table.bad_choice",
    _P.BAD_EMAIL: "table.bad_email",
    _P.BAD_NUMBER: "table.bad_number",
    _P.OUT_OF_RANGE: "table.out_of_range",
    _P.DOUBLE_KEY: "table.double_key",
    _P.READ_AS: "table.read_as",
    _P.NUMERIC_TELEPHONE: "table.numeric_telephone",
    _P.FORMULA_TEXT: "table.formula_text",
    _P.INVISIBLE_REMOVED: "table.invisible_removed",
    _P.OTHER_SHEETS: "table.other_sheets",
    _P.LINES_ABOVE: "table.lines_above",
    _I.SITE_CODE: "table.site_code",
    _I.UNKNOWN_UNIT: "table.unknown_unit",
    _I.AMBIGUOUS_UNIT: "table.ambiguous_unit",
    _I.AMBIGUOUS_SITE: "table.ambiguous_site",
    _I.OTHER_UNIT: "table.other_unit",
    _I.SAME_SITE: "table.same_site",
    _I.RETIRED_SITE: "table.retired_site",
    _I.STEP: "table.step",
    _I.MAIN_TWICE: "table.main_twice",
    _I.PLACE_DIFFERS: "table.place_differs",
    _I.UNKNOWN_PARENT: "table.unknown_parent",
    _I.PARENT_LEVEL: "table.parent_level",
    _I.PARENT_MISSING: "table.parent_missing",
    _I.UNKNOWN_FORERUNNER: "table.unknown_forerunner",
    _I.VALIDITY: "table.validity",
}

_FORMATS: Final[Mapping[str, str]] = {
    "a PDF document": "table.format.pdf",
    "an RTF document": "table.format.rtf",
    "a picture": "table.format.picture",
    "an archive": "table.format.archive",
    "a web page": "table.format.web_page",
    "an empty file": "table.format.empty",
    "an old Office document": "table.format.office",
}
"""What :func:`directory.tabular.read_table` calls files that are no tables."""

MEGABYTE: Final = 1_000_000


def problem_words(language: Language, problem: Problem) -> str:
    """The sentence of a problem, without its place."""
    detail = dict(problem.detail)
    form = str(detail.get("format", ""))
    if form in _FORMATS:
        detail["format"] = i18n.translate(language, _FORMATS[form])
    elif "format" in detail:
        detail["format"] = i18n.translate(language, "table.format.other")
    if problem.kind in (_P.FILE_TOO_LARGE, _P.WORKBOOK_TOO_LARGE):
        detail |= {name: megabytes(int(detail[name])) for name in ("size", "limit") if name in detail}
    return i18n.translate(language, WORDS[problem.kind], **detail)


def megabytes(size: int) -> str:
    """In megabytes of a million bytes, rounded up, with a point in no language: whole ones."""
    return str(-(-size // MEGABYTE))
