"""Calls of the API: described once, for the routes and for the OpenAPI document alike.

A call's models check its query and its body; its handler gets what is left after that, with the
principal, who has the right that the call names.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from directory.access.principal import Principal
from directory.access.rights import Action
from directory.errors import DirectoryError
from scheduler.errors import SchedulerError
from web.middleware import CODE
from web.rest.errors import (
    ApiError,
    FieldProblem,
    field_problem,
    of_directory,
    of_scheduler,
    of_validation,
    refuse_fields,
)
from web.rest.fields import Incoming, Nothing, Outgoing
from web.rest.signin import Callers

PREFIX: Final = "/api/v1"
MAX_BODY: Final = 65_536
BODY_TIMEOUT: Final = 20.0
MOST_QUERY: Final = 200
"""Values in one query."""

_VERSION: Final = re.compile(r'\s*"([1-9][0-9]{0,9})"\s*', re.ASCII)
_LISTS: Final = frozenset({list})

Q = TypeVar("Q", bound=Incoming)
B = TypeVar("B", bound=Incoming)


@dataclass(frozen=True, slots=True)
class Asked(Generic[Q, B]):
    """A request, understood. ``version`` is that of ``If-Match``, 0 where the call has none."""

    principal: Principal
    query: Q
    body: B
    version: int
    path: Mapping[str, str]
    now: datetime
    request: Request = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives: a model, or nothing; the version for ``ETag``; where a new thing is."""

    model: Outgoing | None
    version: int | None = None
    location: str = ""


@dataclass(frozen=True, slots=True)
class PathPart:
    """A part of the path: what it is, and how it may look; others are answered with 404."""

    description: str
    pattern: str
    example: str = ""


@dataclass(frozen=True)
class Call(Generic[Q, B]):
    """One operation. ``action`` is the right it needs; None for all who are signed in."""

    method: str
    path: str
    name: str
    summary: str
    tag: str
    handler: Callable[[Asked[Q, B]], Awaitable[Answer]]
    answer: type[Outgoing] | None
    action: Action | None = None
    query: type[Q] = Nothing  # type: ignore[assignment]
    body: type[B] = Nothing  # type: ignore[assignment]
    parts: Mapping[str, PathPart] = field(default_factory=dict)
    status: int = 200
    takes_version: bool = False
    gives_version: bool = False
    refusals: tuple[int, ...] = ()
    """Statuses beside 400, 401, 403, 404 (with a path), 422, 429 and 503."""
    most: int = MAX_BODY
    """Bytes of the body."""

    @property
    def has_body(self) -> bool:
        """Whether it takes one."""
        return self.body is not Nothing


AnyCall = Call[Any, Any]


class Server:
    """Routes for calls."""

    def __init__(self, callers: Callers, now: Callable[[], datetime]) -> None:
        self._callers = callers
        self._now = now

    def routes(self, calls: Iterable[AnyCall]) -> list[BaseRoute]:
        """One route for each path, so that 405 tells all of its methods."""
        by_path: dict[str, dict[str, AnyCall]] = {}
        for call in calls:
            by_path.setdefault(call.path, {})[call.method] = call
        return [self._route(path, methods) for path, methods in by_path.items()]

    def _route(self, path: str, methods: Mapping[str, AnyCall]) -> Route:
        async def endpoint(request: Request) -> Response:
            method = "GET" if request.method == "HEAD" else request.method
            return await self._answer(methods[method], request)

        return Route(PREFIX + path, endpoint, methods=list(methods))

    async def _answer(self, call: AnyCall, request: Request) -> Response:
        try:
            answer = await self._carry_out(call, request)
        except ApiError as refused:
            error = refused
        except DirectoryError as refused:
            error = of_directory(refused)
        except SchedulerError as refused:
            error = of_scheduler(refused)
        except ClientDisconnect:
            return Response(status_code=400)
        else:
            return answer
        request.scope[CODE] = error.code
        return error.answer()

    async def _carry_out(self, call: AnyCall, request: Request) -> Response:
        now = self._now()
        principal = await self._callers.who(request, call.action, now)
        for name, part in call.parts.items():
            if not re.fullmatch(part.pattern, request.path_params[name], re.ASCII):
                raise ApiError(404, "not_found")
        query = _query(call, request)
        version = _version(request) if call.takes_version else 0
        body = await _body(call, request)
        asked = Asked(principal, query, body, version, request.path_params, now, request)
        answer: Answer = await call.handler(asked)
        headers = {"Cache-Control": "no-store"}
        if answer.version is not None:
            headers["ETag"] = f'"{answer.version}"'
        if answer.location:
            headers["Location"] = PREFIX + answer.location
        if answer.model is None:
            return Response(status_code=call.status, headers=headers)
        text = answer.model.model_dump_json()
        return Response(text, call.status, headers, media_type="application/json")


def is_list(info: FieldInfo) -> bool:
    """Whether a value of a query may stand there several times."""
    return getattr(info.annotation, "__origin__", None) in _LISTS


def _query(call: AnyCall, request: Request) -> Incoming:
    pairs = request.query_params.multi_items()
    if len(pairs) > MOST_QUERY:
        raise refuse_fields([field_problem("query", "too_many", most=MOST_QUERY)])
    values: dict[str, Any] = {}
    twice: list[FieldProblem] = []
    for name, value in pairs:
        info = call.query.model_fields.get(name)
        if info is not None and is_list(info):
            values.setdefault(name, []).append(value)
        elif name in values:
            twice.append(field_problem(name[:64], "twice"))
        else:
            values[name] = value
    if twice:
        raise refuse_fields(twice)
    try:
        return call.query.model_validate(values)  # type: ignore[no-any-return]
    except ValidationError as error:
        raise of_validation(error) from None


def _version(request: Request) -> int:
    """The version of ``If-Match`` (RFC 9110, section 13.1.1): one strong tag."""
    header = request.headers.get("if-match")
    if header is None:
        raise ApiError(428, "version_needed")
    found = _VERSION.fullmatch(header)
    if found is None or int(found[1]) >= 2**31:
        raise ApiError(400, "version_malformed", field="If-Match")
    return int(found[1])


async def _body(call: AnyCall, request: Request) -> Incoming:
    if not call.has_body:
        return Nothing()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "media_type")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in request.stream():
                body += chunk
                if len(body) > call.most:
                    raise ApiError(413, "too_large")
    except TimeoutError:
        raise ApiError(408, "too_slow") from None
    try:
        return call.body.model_validate_json(bytes(body))  # type: ignore[no-any-return]
    except ValidationError as error:
        raise of_validation(error) from None
