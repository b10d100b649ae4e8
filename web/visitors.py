"""Who asks: the session cookie of a request becomes a principal, and forms prove whence they come.

``Visitors`` is a layer of the application. Handlers use the functions: ``principal`` and
``require`` for rights, ``check_form`` for what a form sent, ``set_session`` after a sign-in. A
:class:`TurnedAway` that a handler lets pass is answered here in the form that its caller reads.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, urlencode

import structlog
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from directory.access import sessions
from directory.access.principal import Principal
from directory.access.rights import Action, may
from directory.access.sessions import LIFETIMES, Lifetimes, Opened, Visit
from directory.database import Database
from directory.errors import UnavailableError
from media import clock
from web import i18n
from web.errors import Refusal, error_page, json_error, words
from web.middleware import CODE
from web.navigation import Visitor

_log = structlog.get_logger(__name__)

SIGN_IN: Final = "/sign-in"
CHANGE_PATH: Final = "/password"
HOME: Final = "/home"

MAX_FORM: Final = 65_536
MAX_FIELDS: Final = 2_000
BODY_TIMEOUT: Final = 20.0
FORM_FIELD: Final = "csrf"
FORM_HEADER: Final = "X-CSRF-Token"

_COOKIE: Final = "diemcau_session"
_FORMS_COOKIE: Final = "diemcau_forms"
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_KEY: Final = "diemcau.visitor"
_BARE: Final = ("/static/", "/rtc/", "/twirp/", "/meet/")
_BARE_PATHS: Final = frozenset({"/rtc", "/healthz", "/metrics", "/language", "/api/join", "/api/rooms"})
"""Whom these serve makes no difference to them, so the database is not asked."""


class TurnedAway(Refusal):
    """A visitor may not go on; browsers that want a page are sent ``to`` another one, if there is one."""

    def __init__(self, code: str, status: int, retry_after: float = 0.0, to: str = "") -> None:
        super().__init__(code, status, retry_after)
        self.to = to


@dataclass(slots=True)
class _Known:
    """What the layer found out about one request."""

    secret: bytes = field(repr=False)
    principal: Principal | None = None
    unavailable: bool = False
    nonce: str = field(default="", repr=False)
    new_nonce: bool = False


class Fields(dict[str, list[str]]):
    """What a form sent, by the names of its fields; also the values of a ``web.forms.Form``."""

    def text(self, name: str) -> str:
        """The first value of a field, or nothing."""
        return next(iter(self.get(name, ())), "")

    def all(self, name: str) -> list[str]:
        """All values of a field, such as the ticked ones of a list."""
        return self.get(name, [])


# -- what handlers ask ---------------------------------------------------------------------


def principal(request: HTTPConnection) -> Principal | None:
    """Who is signed in, or nobody. Also as ``request.state.principal``."""
    known: _Known | None = request.scope.get(_KEY)
    return known.principal if known is not None else None


def require(
    request: HTTPConnection,
    action: Action | None = None,
    *,
    unit_ids: Collection[int] | None = None,
    password_due: bool = False,
) -> Principal:
    """Who is signed in, and may do ``action`` (with things of ``unit_ids``, see ``rights.may``).

    Raises TurnedAway: nobody is signed in, the right is missing, or an own password is to be chosen
    first (unless ``password_due`` lets such a person pass).
    """
    known: _Known | None = request.scope.get(_KEY)
    found = known.principal if known is not None else None
    if found is None:
        if known is not None and known.unavailable:
            raise TurnedAway("unavailable", 503, retry_after=5)
        raise TurnedAway("sign_in_needed", 401, to=f"{SIGN_IN}{_next(request)}")
    if found.must_change and not password_due:
        raise TurnedAway("password_first", 403, to=CHANGE_PATH)
    if action is not None and not may(found, action, unit_ids=unit_ids):
        raise TurnedAway("forbidden", 403)
    return found


def visitor(request: Request) -> Visitor | None:
    """The signed-in person or site as pages show it; for :class:`web.rendering.Renderer`."""
    found = principal(request)
    if found is None:
        return None
    roles = found.roles if found.kind == "person" else frozenset({found.kind})
    return Visitor(found.full_name or found.name, roles, at_work=not found.must_change)


def now() -> datetime:
    """The instant of this request, for records."""
    return datetime.fromtimestamp(clock.wall(), UTC)


def visit(request: HTTPConnection) -> Visit:
    """The circumstances of a request, as sign-in wants them."""
    address = request.client.host if request.client else ""
    return Visit(now(), clock.monotonic(), address, request.headers.get("user-agent", "")[:400])


# -- cookies ------------------------------------------------------------------------------


def set_session(request: Request, response: Response, opened: Opened) -> None:
    """Give the browser the cookie of a session that was opened."""
    secure = is_secure(request.scope)
    response.set_cookie(
        cookie_name(_COOKIE, request.scope),
        opened.cookie,
        max_age=max(1, int((opened.expires_at - now()).total_seconds())),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def has_session(request: Request) -> bool:
    """Whether the browser sent the cookie of a session, living or not."""
    return cookie_name(_COOKIE, request.scope) in request.cookies


def drop_session(request: Request, response: Response) -> None:
    """Take the cookie away again."""
    secure = is_secure(request.scope)
    response.delete_cookie(
        cookie_name(_COOKIE, request.scope), path="/", secure=secure, httponly=True, samesite="lax"
    )


def is_secure(scope: Scope) -> bool:
    """Whether the request came over TLS."""
    return scope.get("scheme") in ("https", "wss")


def cookie_name(name: str, scope: Scope) -> str:
    """What a cookie of ours is called on this connection."""
    # Of a cookie with this prefix a browser knows that no other host and no page without TLS has set it
    # (RFC 6265bis, section 4.1.3.2).
    return f"__Host-{name}" if is_secure(scope) else name


# -- forms ---------------------------------------------------------------------------------


def csrf_token(request: HTTPConnection) -> str:
    """The token for forms of this visitor: bound to the session, or before one to a cookie of its own."""
    known: _Known | None = request.scope.get(_KEY)
    if known is None:
        return ""
    if known.principal is None and not known.nonce:
        known.nonce = secrets.token_urlsafe(16)
        known.new_nonce = True
    return _token(known)


def check_token(request: HTTPConnection, token: str) -> None:
    """Raises TurnedAway unless ``token`` is this visitor's and no other site sent the request.

    Pages tell no referrer, so that browsers send ``Origin: null``: it says nothing here.
    """
    known: _Known | None = request.scope.get(_KEY)
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise TurnedAway("wrong_origin", 403)
    bound = known is not None and (known.principal is not None or (known.nonce and not known.new_nonce))
    if known is None or not bound or not hmac.compare_digest(token.encode(), _token(known).encode()):
        if known is not None and known.unavailable:
            raise TurnedAway("unavailable", 503, retry_after=5)
        raise TurnedAway("form_refused", 403)


def check_header(request: HTTPConnection) -> None:
    """As :func:`check_token`, for scripts, which send the token as ``X-CSRF-Token``."""
    check_token(request, request.headers.get(FORM_HEADER, ""))


async def check_form(request: Request, *, most: int = MAX_FORM, most_fields: int = MAX_FIELDS) -> Fields:
    """The fields of an urlencoded form of at most ``most`` bytes that this visitor was given.

    Raises TurnedAway: another type, too large, too slow, malformed, without the right token.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise TurnedAway("bad_request", 415)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise TurnedAway("too_large", 413)
    except TimeoutError:
        raise TurnedAway("bad_request", 408) from None
    try:
        parsed = parse_qs(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=most_fields
        )
    except ValueError:
        raise TurnedAway("bad_request", 400) from None
    fields = Fields(parsed)
    check_token(request, fields.text(FORM_FIELD) or request.headers.get(FORM_HEADER, ""))
    fields.pop(FORM_FIELD, None)
    return fields


def _token(known: _Known) -> str:
    bound = f"session:{known.principal.session_id}" if known.principal else f"nobody:{known.nonce}"
    return _signed(known.secret, bound)


def sign(request: HTTPConnection, text: str) -> str:
    """A proof, of 32 characters, that this service said ``text``."""
    known: _Known = request.scope[_KEY]
    return _signed(known.secret, text)


def _signed(secret: bytes, text: str) -> str:
    digest = hmac.digest(secret, text.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:24]).decode()


# -- the layer -------------------------------------------------------------------------------

Show = Callable[[Request, TurnedAway], Response]


class Visitors:
    """Looks each visitor up once. ``secret`` is kept by the service, so that forms outlive a restart.

    ``show`` makes the page for people who are turned away; without it a plain one is made.
    """

    def __init__(
        self,
        database: Database,
        secret: str,
        *,
        lifetimes: Lifetimes = LIFETIMES,
        show: Show | None = None,
    ) -> None:
        self._database = database
        self._secret = hmac.digest(secret.encode(), b"forms", hashlib.sha256)
        self._lifetimes = lifetimes
        self.show = show

    def middleware(self) -> Middleware:
        """For the innermost place of the application's layers."""
        return Middleware(_Layer, visitors=self)

    async def know(self, scope: Scope) -> _Known:
        """Who sent the request of ``scope``."""
        known = _Known(self._secret)
        path: str = scope["path"]
        if path in _BARE_PATHS or path.startswith(_BARE):
            return known
        cookies = HTTPConnection(scope).cookies
        nonce = cookies.get(cookie_name(_FORMS_COOKIE, scope), "")
        known.nonce = nonce if _NONCE.fullmatch(nonce) else ""
        cookie = cookies.get(cookie_name(_COOKIE, scope), "")
        if cookie:
            try:
                known.principal = await sessions.look_up(self._database, cookie, now(), self._lifetimes)
            except UnavailableError:
                known.unavailable = True
        return known

    def answer(self, request: Request, turned: TurnedAway) -> Response:
        """What is said to somebody who is turned away."""
        request.scope[CODE] = turned.code
        accepts = request.headers.get("accept", "")
        if request.url.path.startswith("/api/") or (
            "application/json" in accepts and "text/html" not in accepts
        ):
            return json_error(turned)
        if "hx-request" in request.headers or "text/html" not in accepts:
            answer: Response = PlainTextResponse(sentence(request, turned.code), turned.status)
        elif turned.to:
            answer = RedirectResponse(turned.to, 303)
        elif self.show is not None:
            answer = self.show(request, turned)
        else:
            answer = error_page(turned.code, turned.status)
        answer.headers["Cache-Control"] = "no-store"
        if turned.retry_after > 0:
            answer.headers["Retry-After"] = str(int(turned.retry_after) + 1)
        return answer


class _Layer:
    def __init__(self, app: ASGIApp, visitors: Visitors) -> None:
        self.app = app
        self._visitors = visitors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        known = await self._visitors.know(scope)
        scope[_KEY] = known
        scope.setdefault("state", {})["principal"] = known.principal
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] in ("http.response.start", "websocket.accept")
            if message["type"] == "http.response.start" and known.new_nonce:
                MutableHeaders(scope=message).append("Set-Cookie", _forms_cookie(known.nonce, scope))
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except (TurnedAway, UnavailableError) as error:
            if started:
                raise
            turned = error if isinstance(error, TurnedAway) else _without_database(scope, error)
            if scope["type"] == "websocket":
                scope[CODE] = turned.code
                await watch({"type": "websocket.close", "code": 4000 + turned.status, "reason": turned.code})
            else:
                await self._visitors.answer(Request(scope), turned)(scope, receive, watch)


def _without_database(scope: Scope, error: UnavailableError) -> TurnedAway:
    """The database went away in the middle of a request: no fault of the page, and it passes."""
    _log.warning("request_without_database", path=scope["path"][:200], error=str(error))
    return TurnedAway("unavailable", 503, retry_after=5)


def _forms_cookie(nonce: str, scope: Scope) -> str:
    secure = "; Secure" if is_secure(scope) else ""
    return f"{cookie_name(_FORMS_COOKIE, scope)}={nonce}; Path=/; HttpOnly; SameSite=Lax{secure}"


def _next(request: HTTPConnection) -> str:
    """Where a person comes back to after the sign-in: the page that was asked for, never a form's goal."""
    if request.scope.get("method") not in ("GET", "HEAD"):
        return ""
    query = request.url.query
    path = request.url.path + (f"?{query}" if query else "")
    return "" if path == HOME else "?" + urlencode({"next": path})


def sentence(request: Request, code: str) -> str:
    """What a code of a refusal means, in the language of the request."""
    said = words(code)
    language = i18n.choose_language(request.cookies.get("language"), request.headers.get("accept-language"))
    return said.vi if language == "vi" else said.en
