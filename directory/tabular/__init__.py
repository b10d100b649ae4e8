"""People's tables, read and written without the database: CSV and Excel files, pasted lists.

Bytes become rows whose every cell knows its line and column, or a :class:`TabularError` with
problems for people: ``read_table(data, name)``, then ``read_records(table, fields)`` for values,
notes ("read as") and errors. Left out: what the values mean to the directory, and whether they
change it.
"""

from directory.tabular.csvtable import read_csv, read_pasted
from directory.tabular.headings import Field, Headings, match_headings
from directory.tabular.problems import (
    SENTENCES,
    EncodingError,
    FormatError,
    LimitError,
    ProblemKind,
    TableProblem,
    TabularError,
)
from directory.tabular.read import read_table
from directory.tabular.reading import Reader, Reading
from directory.tabular.records import Record, Records, read_records
from directory.tabular.table import Cell, CellKind, Limits, Merge, Row, Source, Table
from directory.tabular.write import Value, write_csv, write_xlsx
from directory.tabular.xlsx import read_xlsx

__all__ = [
    "SENTENCES",
    "Cell",
    "CellKind",
    "EncodingError",
    "Field",
    "FormatError",
    "Headings",
    "LimitError",
    "Limits",
    "Merge",
    "ProblemKind",
    "Reader",
    "Reading",
    "Record",
    "Records",
    "Row",
    "Source",
    "Table",
    "TableProblem",
    "TabularError",
    "Value",
    "match_headings",
    "read_csv",
    "read_pasted",
    "read_records",
    "read_table",
    "read_xlsx",
    "write_csv",
    "write_xlsx",
]
