"""The types of fields: texts that a database can keep, instants with their offset, numbers within bounds.

A field that cannot be is a :class:`pydantic_core.PydanticCustomError` whose type is the problem's name
in ``web.rest.words``.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from directory.search import search_key
from directory.tabular.formulas import is_formula_like
from scheduler.errors import ImpossibleError
from scheduler.localtime import parse_date, require_range, zone_name

LARGEST: Final = 2**31 - 1
"""A database's integer."""
MOST_PAGES: Final = 100_000

_MOMENT: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,12}))?)?([Zz]|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_DIRECTIONS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn the text around them about, so that a list shows another name than it has."""


class Incoming(BaseModel):
    """What a caller sends. Fields that are not known are refused: a slip of the pen must not go unnoticed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Outgoing(BaseModel):
    """What we answer. All fields are always there."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_mode="serialization",  # type: ignore[typeddict-unknown-key]
    )


def refuse(problem: str, **details: object) -> PydanticCustomError:
    """The error of a field."""
    return PydanticCustomError(problem, problem, dict(details))


def _line(text: str) -> str:
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    if any(unicodedata.category(c) in ("Cc", "Cs") or c in _DIRECTIONS for c in text):
        raise refuse("characters")
    return plain


def _name(text: str) -> str:
    plain = _line(text)
    if not search_key(plain):
        raise refuse("missing")
    if is_formula_like(plain):
        raise refuse("formula")
    return plain


def _lines(text: str) -> str:
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    if any((unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t") or c in _DIRECTIONS for c in plain):
        raise refuse("characters")
    return unicodedata.normalize("NFC", plain).rstrip()


def _instant(value: object) -> datetime:
    """An instant of RFC 3339, within the years that the scheduler knows."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise refuse("type", wanted="string")
    found = _MOMENT.fullmatch(value) if len(value) <= 64 else None
    if found is None:
        raise refuse("date_malformed")
    try:
        parse_date(found[1])
        if found[6] is None:
            raise refuse("time_without_zone")
        seconds = f"{found[4] or '00'}.{(found[5] or '')[:6]:0<6}"
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}:{found[3]}:{seconds}{found[6].upper()}")
        return require_range(moment, "")
    except ImpossibleError as error:
        details = {key: kept for key, kept in error.details.items() if key not in ("field", "problem")}
        raise refuse(error.problem, **details) from None
    except ValueError:
        raise refuse("time_impossible") from None
    except OverflowError:
        raise refuse("date_out_of_range", first=2000, most=2100) from None


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise refuse("type", wanted="string")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise refuse("date_malformed")
    try:
        return parse_date(value)
    except ImpossibleError as error:
        details = {key: kept for key, kept in error.details.items() if key not in ("field", "problem")}
        raise refuse(error.problem, **details) from None


def _zone(text: str) -> str:
    try:
        return zone_name(text)
    except ImpossibleError:
        raise refuse("zone_unknown") from None


def _whole(value: object) -> object:
    """A number in a query, in plain digits."""
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{1,12}", value, re.ASCII):
            raise refuse("type", wanted="integer")
        return int(value)
    return value


def _truth(value: object) -> object:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise refuse("type", wanted="boolean")
        return value == "true"
    return value


def _many(value: object) -> object:
    return [value] if isinstance(value, str) else value


Line = Annotated[str, AfterValidator(_line)]
"""One line without controls; any run of white space is one space."""
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_name)]
"""A line with letters or digits that no spreadsheet takes for a formula."""
Text = Annotated[str, AfterValidator(_lines)]
"""Some lines."""

_INSTANT_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "format": "date-time",
    "description": "RFC 3339 with offset; years 2001 to 2099.",
}
Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema(_INSTANT_SCHEMA, mode="validation")]
"""A moment that came with its offset, in UTC."""
Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "description": "2000 to 2100."}, mode="validation"),
]
Zone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
"""The name of a time zone of IANA."""
Number = Annotated[int, Field(ge=1, le=LARGEST)]
"""What numbers a row."""
QueryNumber = Annotated[Number, BeforeValidator(_whole)]
QueryTruth = Annotated[bool, BeforeValidator(_truth)]
Query = Annotated[Line, Field(max_length=200)]
"""Words to search for."""
Many = BeforeValidator(_many)
"""A value of a query that may stand there several times."""
Page = Annotated[int, Field(ge=1, le=MOST_PAGES), BeforeValidator(_whole)]
PerPage = Annotated[int, Field(ge=1, le=1_000), BeforeValidator(_whole)]
QueryPageSize = Annotated[int, Field(ge=1, le=500), BeforeValidator(_whole)]
"""``directory.audit.MOST``."""

SiteCode = Annotated[str, Field(pattern=r"^[0-9A-Za-z](?:[0-9A-Za-z._-]{0,30}[0-9A-Za-z])?$")]
"""``directory.endpoints.CODE``."""
UnitCode = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,10}$")]

Kind = Literal["briefing", "thematic", "interim_review", "final_review", "training", "urgent", "other"]
State = Literal["draft", "published", "open", "closed", "cancelled", "skipped"]
Role = Literal["official", "chair", "secretary", "it_staff", "administrator"]
Commissioning = Literal["planned", "installed", "accepted", "in_use"]
LineType = Literal["tslcd", "wan", "internet", "mobile", "unknown"]
UnitKind = Literal["thanh_pho", "quan", "huyen", "thi_xa", "xa", "phuong", "thi_tran"]


class Nothing(Incoming):
    """No query, or no body."""
