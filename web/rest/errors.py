"""One form of errors: a code, a sentence in both languages, the field, and details that programs use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from starlette.responses import Response

from directory.access.errors import TooManyTriesError
from directory.errors import (
    ChangedError,
    DirectoryError,
    InvalidError,
    NotFoundError,
    TakenError,
    UnavailableError,
)
from scheduler.errors import (
    ConflictError,
    ImpossibleError,
    MeetingChangedError,
    NoMeetingError,
    RightError,
    SchedulerError,
    StateError,
)
from web import i18n, refusals
from web.errors import Words
from web.errors import words as page_words
from web.rest.fields import Outgoing
from web.rest.words import CODES, PROBLEMS, fill

MOST_TOLD: Final = 100
"""Fields that one answer names."""

_KNOWN_TYPES: Final = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "literal_error": "unknown",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "too_long": "too_many",
    "too_short": "missing",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
}
_TYPES: Final = {
    "string_type": "string",
    "int_type": "integer",
    "int_from_float": "integer",
    "bool_type": "boolean",
    "list_type": "array",
    "dict_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
    "none_required": "null",
}
_FIELDS: Final = {"unit_ids": "units", "members": "sites"}
"""Fields of the directory that have another name here."""
_OF_SCHEDULER: Final = {
    ("ends_at", "too_long"): "meeting_too_long",
}
"""Problems that have another name here."""


_CHANGED: Final = {
    "meeting_changed": Words(*(i18n.translate(language, "refusal.changed") for language in i18n.LANGUAGES))
}


class FieldProblem(Outgoing):
    """What is wrong with one field. Parts of ``field`` are joined by dots: ``sites.3``."""

    field: str
    problem: str
    vi: str
    en: str


class ConflictView(Outgoing):
    """A site or chair that another meeting has taken. Times have the offset of Hanoi."""

    resource: str
    name: str
    meeting: str
    title: str
    starts_at: str
    ends_at: str


class FreeTime(Outgoing):
    """A time of the wanted length at which all are free."""

    starts_at: str
    ends_at: str


class LineProblem(Outgoing):
    """A line of a pasted list that means no site, or several (``sites``)."""

    line: int
    text: str
    sites: list[str]


class Details(Outgoing):
    """What else programs need, as far as the code has it."""

    fields: list[FieldProblem] = Field(default=[], description="All fields that are wrong, the first 100.")
    lines: list[LineProblem] = Field(default=[], description="Lines of a list, the first 100.")
    conflicts: list[ConflictView] = Field(
        default=[], description="What is in the way, one for each site or chair."
    )
    free_before: FreeTime | None = None
    free_after: FreeTime | None = None
    state: str | None = None
    version: int | None = Field(default=None, description="The version that there is now.")
    retry_after: int | None = Field(default=None, description="Seconds to wait.")


class Problem(Outgoing):
    """The answer to every request that is refused."""

    code: str
    vi: str
    en: str
    field: str = Field(default="", description="The first field that is wrong.")
    details: Details = Details()


class ApiError(Exception):
    """A request is refused, with all that is told about it."""

    def __init__(
        self,
        status: int,
        code: str,
        *,
        words: Words | None = None,
        field: str = "",
        details: Details | None = None,
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.words = fill(words or code_words(code), values)
        self.field = field
        self.details = details or Details()
        self.headers = dict(headers or {})

    def answer(self) -> Response:
        """As JSON."""
        problem = Problem(
            code=self.code, vi=self.words.vi, en=self.words.en, field=self.field, details=self.details
        )
        headers = {"Cache-Control": "no-store", **self.headers}
        if self.status == 401:
            # Basic would make browsers ask for a password of their own.
            headers["WWW-Authenticate"] = 'Bearer realm="diemcau"'
        if self.details.retry_after is not None:
            headers["Retry-After"] = str(self.details.retry_after)
        body = problem.model_dump_json()
        return Response(body, self.status, headers, media_type="application/json")


def code_words(code: str) -> Words:
    """The sentences of a code."""
    return CODES[code] if code in CODES else page_words(code)


def field_problem(field: str, problem: str, **values: object) -> FieldProblem:
    """What is told about a field."""
    known = problem if problem in PROBLEMS else "malformed"
    said = fill(PROBLEMS[known], values)
    return FieldProblem(field=field, problem=known, vi=said.vi, en=said.en)


def refuse_fields(
    problems: Sequence[FieldProblem], *, status: int = 422, code: str = "invalid", **more: Any
) -> ApiError:
    """The error of wrong fields. With one alone its sentence is that of the whole."""
    first = problems[0]
    words = Words(first.vi, first.en) if len(problems) == 1 else None
    details = Details(fields=list(problems[:MOST_TOLD]), **more)
    return ApiError(status, code, words=words, field=first.field, details=details)


def refuse_field(field: str, problem: str, **values: object) -> ApiError:
    """The error of one field."""
    return refuse_fields([field_problem(field, problem, **values)])


def refuse_version(current: int, asked: int, code: str = "changed") -> None:
    """Raises ApiError if the caller has read another version, with the one there is.

    This is for the answer; that nobody comes in between is held by compare-and-swap.
    """
    if current != asked:
        raise ApiError(409, code, words=_CHANGED.get(code), details=Details(version=current))


def of_validation(error: ValidationError) -> ApiError:
    """What a model has refused."""
    found = error.errors(include_url=False, include_input=False)
    if any(one["type"] == "json_invalid" for one in found):
        return ApiError(400, "malformed")
    return refuse_fields([_of_model(one) for one in found[:MOST_TOLD]])


def _of_model(one: ErrorDetails) -> FieldProblem:
    field = ".".join(str(part)[:64] for part in one["loc"])[:200]
    values: dict[str, object] = dict(one.get("ctx", {}))
    kind = one["type"]
    if kind in _TYPES:
        return field_problem(field, "type", wanted=_TYPES[kind])
    values["most"] = values.get("max_length", values.get("most", "…"))
    return field_problem(field, _KNOWN_TYPES.get(kind, kind), **values)


def of_directory(error: DirectoryError) -> ApiError:
    """What the directory has refused."""
    field, problem = str(error.details.get("field", "")), str(error.details.get("problem", ""))
    field = _FIELDS.get(field, field)
    values = {key: value for key, value in error.details.items() if key not in ("field", "problem")}
    match error:
        case NotFoundError():
            return ApiError(404, "not_found")
        case InvalidError():
            return refuse_field(field, problem or "unknown", **values)
        case TakenError():
            return refuse_fields([field_problem(field, "in_use")], status=409, code="taken")
        case ChangedError():
            return ApiError(409, "changed")
        case UnavailableError():
            return ApiError(503, "unavailable", details=Details(retry_after=5))
        case TooManyTriesError():
            wait = error.retry_after
            return ApiError(429, "too_many_tries", details=Details(retry_after=wait), retry_after=wait)
    # The others are states of the record as a whole, such as the last administrator.
    return ApiError(409, error.code if error.code in CODES else "changed")


def of_scheduler(error: SchedulerError) -> ApiError:
    """What the scheduler has refused; :mod:`web.rest.conflicts` says more of conflicts."""
    field, problem = str(error.details.get("field", "")), error.problem
    match error:
        case NoMeetingError():
            return ApiError(404, "no_meeting")
        case ImpossibleError():
            values = {k: v for k, v in error.details.items() if k not in ("field", "problem")}
            return refuse_field(field, _OF_SCHEDULER.get((field, problem), problem), **values)
        case MeetingChangedError():
            return ApiError(409, "meeting_changed", words=_said(error))
        case StateError():
            state = str(error.details.get("state", "")) or None
            return ApiError(409, "state", words=_said(error), details=Details(state=state))
        case RightError():
            return ApiError(403, "not_of_this_meeting")
        case ConflictError():
            return ApiError(409, "conflict", words=_said(error))
    return ApiError(409, "meeting_changed", words=_said(error))


def _said(error: SchedulerError) -> Words:
    """The pages' sentences."""
    return Words(refusals.sentence("vi", error), refusals.sentence("en", error))
