"""A server for Twirp's protocol, version 7, as LiveKit's Go server speaks it.

A call is ``POST /twirp/<package>.<Service>/<Method>`` with a message as
protobuf or proto3 JSON; the answer has the same form. Errors are JSON with a
``code`` and a ``msg`` whatever the form of the call; a token that does not
verify is refused in plain text before anything else is looked at, and a call
without a token goes through to the method, which asks for its grant.

:class:`TwirpServer` answers one call without I/O; :func:`routes` is its
adapter to Starlette.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from signaling.errors import MalformedError, SignalingError, UnauthenticatedError
from signaling.tokens import Grants, KeyRing
from signaling.wire import parse_json

#: Longest body, in bytes, of a caller with a token, and of one without (who is refused anyway).
MAX_BODY_BYTES: Final = 2 * 1024 * 1024
MAX_STRANGER_BODY_BYTES: Final = 16 * 1024
#: A body must have come in full after so many seconds.
BODY_TIMEOUT: Final = 15.0
PREFIX: Final = "/twirp/"

_JSON: Final = "application/json"
_PROTOBUF: Final = "application/protobuf"
_TEXT: Final = "text/plain; charset=utf-8"
_BEARER: Final = "Bearer "

_log = structlog.get_logger(__name__)


class UnimplementedError(SignalingError):
    """A method that this server knows by name only."""

    code = "unimplemented"
    http_status = 501


class _DeadlineError(SignalingError):
    code = "deadline_exceeded"
    http_status = 408


@dataclass(frozen=True, slots=True)
class TwirpMethod:
    """A method: the class of its request, and what answers it.

    ``handle(request, grants, now)``: ``grants`` is ``None`` without a token,
    ``now`` monotonic seconds.
    """

    request: type[Message]
    handle: Callable[[Any, Grants | None, float], Message]


@dataclass(frozen=True, slots=True)
class TwirpCall:
    """One HTTP request, as far as Twirp looks at it."""

    http_method: str
    path: str
    content_type: str = ""
    authorization: str = field(default="", repr=False)
    #: The query's ``access_token``, used when there is no ``Authorization``.
    query_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TwirpAnswer:
    """The HTTP response."""

    status: int
    content_type: str
    body: bytes


class TwirpServer:
    """Methods by full service name (``livekit.RoomService``) and method name."""

    def __init__(self, keys: KeyRing, services: Mapping[str, Mapping[str, TwirpMethod]]) -> None:
        self._keys = keys
        self._services = services

    def authenticate(self, call: TwirpCall, wall: float) -> Grants | None:
        """The grants of the call's token at Unix time ``wall``, ``None`` without a token.

        Raises ``UnauthenticatedError`` for a token that is no good, which is
        answered by :func:`refusal`, without reading the body.
        """
        token = call.query_token
        if call.authorization:
            if not call.authorization.startswith(_BEARER):
                raise UnauthenticatedError("invalid authorization header. Must start with Bearer")
            token = call.authorization.removeprefix(_BEARER)
        return self._keys.verify(token, wall) if token else None

    def answer(self, call: TwirpCall, body: bytes, grants: Grants | None, now: float) -> TwirpAnswer:
        """The response to ``call``; never raises. ``now`` is monotonic time."""
        service, _, method_name = call.path.removeprefix(PREFIX).partition("/")
        methods = self._services.get(service)
        if methods is None or not call.path.startswith(PREFIX):
            return TwirpAnswer(404, _TEXT, b"404 page not found\n")
        if call.http_method != "POST":
            return _bad_route(call, f'unsupported method "{call.http_method}" (only POST is allowed)')
        method = methods.get(method_name)
        if method is None:
            return _bad_route(call, f'no handler for path "{call.path}"')
        form = call.content_type.partition(";")[0].strip().lower()
        if form not in (_JSON, _PROTOBUF):
            return _bad_route(call, f'unexpected Content-Type: "{call.content_type}"')
        try:
            request = _decode(method.request, body, form)
            response = method.handle(request, grants, now)
            return TwirpAnswer(200, form, _encode(response, form))
        except SignalingError as error:
            return error_answer(error)
        except Exception:
            # As text: a renderer that shows local variables would show the token.
            trace = traceback.format_exc()
            _log.error("twirp_call_failed", service=service, method=method_name, traceback=trace)
            return error_answer(SignalingError("internal error"))


def refusal(error: UnauthenticatedError) -> TwirpAnswer:
    """The plain-text answer to a token that does not verify."""
    return TwirpAnswer(error.http_status, _TEXT, error.message.encode())


def error_answer(error: SignalingError, meta: Mapping[str, str] | None = None) -> TwirpAnswer:
    """``error`` in Twirp's JSON."""
    body: dict[str, Any] = {"code": error.code, "msg": error.message}
    if meta:
        body["meta"] = dict(meta)
    return TwirpAnswer(error.http_status, _JSON, json.dumps(body, separators=(",", ":")).encode())


class _BadRouteError(SignalingError):
    code = "bad_route"
    http_status = 404


def _bad_route(call: TwirpCall, message: str) -> TwirpAnswer:
    return error_answer(_BadRouteError(message), {"twirp_invalid_route": f"{call.http_method} {call.path}"})


def _decode(kind: type[Message], body: bytes, form: str) -> Message:
    if form == _PROTOBUF:
        try:
            return kind.FromString(body)
        except DecodeError:
            raise MalformedError("the protobuf request could not be decoded") from None
    message = kind()
    if not parse_json(body, message):
        raise MalformedError("the json request could not be decoded")
    return message


def _encode(message: Message, form: str) -> bytes:
    if form == _PROTOBUF:
        return message.SerializeToString()
    return json.dumps(to_json(message), separators=(",", ":"), ensure_ascii=False).encode()


def to_json(message: Message) -> dict[str, Any]:
    """``message`` in proto3 JSON as Twirp's Go server writes it: snake-case names and every field present,
    with ``null`` for a message that is not set."""
    values = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    _add_nulls(message, values)
    return values


def _add_nulls(message: Message, values: dict[str, Any]) -> None:
    for descriptor in message.DESCRIPTOR.fields:
        name = descriptor.name
        kind = descriptor.message_type
        if kind is None or descriptor.containing_oneof is not None:
            continue
        inner = values.get(name)
        if isinstance(inner, dict):
            if not kind.GetOptions().map_entry:
                _add_nulls(getattr(message, name), inner)
        elif isinstance(inner, list):
            for item, item_values in zip(getattr(message, name), inner, strict=True):
                _add_nulls(item, item_values)
        elif inner is None:
            values[name] = None


def routes(server: TwirpServer, monotonic: Callable[[], float], wall: Callable[[], float]) -> list[Route]:
    """The server's Starlette routes; the clocks are asked once for each call."""

    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return _preflight(request)
        call = TwirpCall(
            http_method=request.method,
            path=request.url.path,
            content_type=request.headers.get("content-type", ""),
            authorization=request.headers.get("authorization", ""),
            query_token=request.query_params.get("access_token", ""),
        )
        try:
            grants = server.authenticate(call, wall())
            body = await _read_body(request, MAX_BODY_BYTES if grants else MAX_STRANGER_BODY_BYTES)
            answer = server.answer(call, body, grants, monotonic())
        except ClientDisconnect:
            return Response(status_code=400)
        except UnauthenticatedError as error:
            answer = refusal(error)
        except SignalingError as error:
            answer = error_answer(error)
        headers = {"content-type": answer.content_type, "vary": "Origin"}
        origin = request.headers.get("origin")
        if origin:
            # Tokens are not sent by browsers on their own, so any page may call; LiveKit says the same.
            headers["access-control-allow-origin"] = origin
            headers["access-control-expose-headers"] = "*"
        return Response(answer.body, answer.status, headers)

    return [
        Route(
            PREFIX + "{path:path}",
            endpoint,
            methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        )
    ]


async def _read_body(request: Request, limit: int) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise MalformedError("request body too large")
    except TimeoutError:
        raise _DeadlineError("request body did not come in time") from None
    return bytes(body)


def _preflight(request: Request) -> Response:
    headers = {
        "access-control-allow-origin": request.headers.get("origin", "*"),
        "access-control-allow-methods": request.headers.get("access-control-request-method", "POST"),
        "access-control-max-age": "86400",
        "vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }
    asked = request.headers.get("access-control-request-headers")
    if asked:
        headers["access-control-allow-headers"] = asked
    return Response(status_code=204, headers=headers)
