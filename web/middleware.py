"""ASGI layers around the application: headers of every answer, one log line per request, HTTPS for pages."""

from __future__ import annotations

import re
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from media import clock
from media.streams.limits import TokenBucket
from web.errors import error_answer

_log = structlog.get_logger(__name__)

_HOST: Final = re.compile(r"^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}))(:\d{1,5})?$")
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

_PROGRAMS: Final = ("/rtc/", "/twirp/", "/api/", "/static/")
_PROGRAM_PATHS: Final = frozenset({"/rtc", "/healthz", "/metrics"})
"""What programs ask for, which do not follow us to HTTPS."""

LINES_PER_SECOND: Final = 5.0
LINES_AT_ONCE: Final = 200.0
"""Of refused requests in the log."""

CODE: Final = "diemcau.code"
"""Where a handler leaves the code of its refusal in the scope, for the log."""

_FIXED: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), geolocation=()"
    ),
}


def host_of(scope: Scope) -> str:
    """The request's Host header if it is a host and nothing else, or nothing."""
    host = Headers(scope=scope).get("host", "")
    return host if _HOST.match(host) else ""


def content_security_policy(host: str) -> str:
    """The policy of a page: all from us, nothing inline; WebSockets to ``host``, whence the page came.

    ``'self'`` covers WebSockets of the same origin in current browsers only, so they are named.
    """
    sockets = f" ws://{host} wss://{host}" if host else ""
    return (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        f"media-src 'self' blob: mediastream:; connect-src 'self'{sockets}; worker-src 'self' blob:; "
        "font-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )


class SecurityHeaders:
    """Puts the security headers on every answer, refused upgrades included."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        policy = content_security_policy(host_of(scope))

        async def with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                message.setdefault("headers", [])
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", policy)
                for name, value in _FIXED.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)


class AccessLog:
    """One line for each request: method, path without its query, status, time, address.

    What went well is logged on debug, and so is 404, which newer LiveKit clients get at each join; what
    a client did wrong on info; our own failures on error. Strangers cannot flood the log: beyond a rate,
    lines on info are counted instead, and the next one says how many were left out.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._bucket = TokenBucket(LINES_PER_SECOND, LINES_AT_ONCE)
        self._left_out = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        started = clock.monotonic()
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = 101
            elif message["type"] == "websocket.close" and not status:
                status = 403  # A close before the accept: servers answer so.
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            self._write(scope, status, started, clock.monotonic())

    def _write(self, scope: Scope, status: int, started: float, now: float) -> None:
        level = (
            "error" if status >= 500 or not status else "debug" if status < 400 or status == 404 else "info"
        )
        if level == "info" and not self._bucket.take(now):
            self._left_out += 1
            return
        client = scope.get("client")
        more = {"code": scope[CODE]} if CODE in scope else {}
        if self._left_out and level == "info":
            more["left_out"] = self._left_out
            self._left_out = 0
        getattr(_log, level)(
            "request",
            method=scope.get("method", "WEBSOCKET"),
            path=scope["path"][:200],
            status=status,
            seconds=round(now - started, 4),
            client=client[0] if client else "",
            **more,
        )


class Failures:
    """Turns an error of ours into an answer that tells nothing of the inside, and a line in the log.

    It lies inside of the other layers, so that this answer has their headers too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] != "websocket.close"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except ClientDisconnect:
            return
        except Exception:
            _log.exception("request_failed", path=scope["path"][:200])
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1011, "reason": "internal error"})
            elif started:
                raise  # The server cuts the connection, so that half an answer is not taken for a whole.
            else:
                await error_answer(Request(scope), 500)(scope, receive, send)


class SecurePages:
    """Sends browsers of other machines from HTTP to HTTPS, without which they give no camera.

    All pages are moved; what programs ask for (LiveKit's endpoints, the API, observation) and this
    machine's own address stay as they are.
    """

    def __init__(self, app: ASGIApp, https_port: int) -> None:
        self.app = app
        self._port = https_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and scope["scheme"] == "http" and scope["method"] in ("GET", "HEAD"):
            path: str = scope["path"]
            host = host_of(scope)
            name = host if host.endswith("]") else host.rpartition(":")[0] or host
            programs = path in _PROGRAM_PATHS or path.startswith(_PROGRAMS)
            if not programs and host and name.lower() not in _LOCAL_HOSTS:
                query = scope["query_string"].decode("latin-1")
                raw = scope.get("raw_path", path.encode()).decode("latin-1")
                port = "" if self._port == 443 else f":{self._port}"
                target = f"https://{name}{port}{raw}{'?' + query if query else ''}"
                await RedirectResponse(target, 307)(scope, receive, send)
                return
        await self.app(scope, receive, send)
