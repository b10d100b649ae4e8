"""The signaling server as a Starlette application: the thin adapter around the rooms.

``/rtc`` is the WebSocket of protocol v0, ``/rtc/validate`` says in HTTP what is
wrong with a token, ``/rtc/v1*`` answers 404 so that newer clients fall back,
``/twirp/…`` is RoomService. This is the one place where signaling's errors
become statuses of an upgrade.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import logging
from collections.abc import AsyncIterator

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from media import clock
from signaling.errors import SignalingError, UnauthenticatedError
from signaling.grants import Grants
from signaling.participant import ClientParams
from signaling.registry import RoomRegistry
from signaling.session import (
    CLOSE_INTERNAL,
    CLOSE_NORMAL,
    CLOSE_POLICY,
    CLOSE_TOO_SLOW,
    Closing,
    SignalSession,
)
from signaling.tokens import KeyRing, require_join

logger = logging.getLogger(__name__)

TICK = 0.05
WRITE_LIMIT = 20.0
"""Seconds that one send may take before the client is taken for stuck."""

FAREWELL_LIMIT = 3.0
"""Seconds that the last frames and the closing may take."""

CORS = {"Access-Control-Allow-Origin": "*"}


class SignalServer:
    """Sessions over WebSockets. ``routes`` belong into a Starlette application with ``lifespan``."""

    def __init__(self, registry: RoomRegistry, keys: KeyRing) -> None:
        self.registry = registry
        self._keys = keys
        self.sessions = 0

    def routes(self) -> list[BaseRoute]:
        """What this server answers, RoomService apart."""
        return [
            WebSocketRoute("/rtc", self._websocket),
            WebSocketRoute("/rtc/{rest:path}", self._no_websocket),
            Route("/rtc", self._not_found),
            Route("/rtc/validate", self._validate, methods=["GET"]),
            Route("/rtc/{rest:path}", self._not_found),
        ]

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Drive the rooms while the application runs."""
        task = asyncio.create_task(self._tick(), name="signaling ticker")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            self.registry.close(clock.monotonic())

    async def _tick(self) -> None:
        while True:
            try:
                self.registry.tick(clock.monotonic())
            except Exception:
                # Whatever failed, every room depends on the next one.
                logger.exception("a tick failed")
            await asyncio.sleep(TICK)

    # -- HTTP --------------------------------------------------------------------

    async def _not_found(self, request: Request) -> Response:
        return PlainTextResponse("404 page not found\n", status_code=404, headers=CORS)

    async def _validate(self, request: Request) -> Response:
        try:
            grants = self._grants(request)
            require_join(grants)
            self.registry.check_room(grants)
        except SignalingError as error:
            return PlainTextResponse(error.message, status_code=error.http_status, headers=CORS)
        return PlainTextResponse("success", headers=CORS)

    def _grants(self, connection: HTTPConnection) -> Grants:
        authorization = connection.headers.get("authorization", "")
        token = authorization.removeprefix("Bearer ").strip()
        token = token or connection.query_params.get("access_token", "")
        if not token:
            raise UnauthenticatedError("no token")
        return self._keys.verify(token, clock.wall())

    # -- WebSocket ---------------------------------------------------------------

    async def _no_websocket(self, websocket: WebSocket) -> None:
        """Newer protocols live here on LiveKit; exactly 404 makes their clients fall back to v0."""
        await _refuse(websocket, 404, "404 page not found")

    async def _websocket(self, websocket: WebSocket) -> None:
        now = clock.monotonic()
        session = SignalSession(self.registry.settings, now)
        session.wall_ms = lambda: int(clock.wall() * 1000)
        try:
            grants = self._grants(websocket)
            params = _params(websocket)
            if not params.reconnect:
                room = self.registry.admit(grants)
                room.check_space(grants.identity)
            else:
                require_join(grants)
        except SignalingError as error:
            await _refuse(websocket, error.http_status, error.message)
            return
        try:
            await websocket.accept()
        except Exception as error:
            logger.debug("a client went away while it was let in: %s", type(error).__name__)
            return
        ready = asyncio.Event()
        ended = asyncio.Event()

        def on_ready() -> None:
            ready.set()
            if session.closing is not None:
                ended.set()

        session.on_ready = on_ready
        try:
            participant = self.registry.connect(grants, params, session, clock.monotonic())
        except SignalingError as error:
            await _close(websocket, Closing(CLOSE_POLICY, error.message[:120]))
            return
        except Exception:
            logger.exception("a join failed")
            await _close(websocket, Closing(CLOSE_INTERNAL, "internal error"))
            return
        self.sessions += 1
        writer = asyncio.create_task(_write(websocket, session, ready), name="signal writer")
        reader = asyncio.create_task(_read(websocket, session), name="signal reader")
        ender = asyncio.create_task(ended.wait(), name="signal end")
        tasks = {reader, writer, ender}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if session.closing is not None and session.closing.code != CLOSE_TOO_SLOW:
                # What was queued before the end (a leave with its reason) still goes out.
                await asyncio.wait({writer}, timeout=FAREWELL_LIMIT)
        finally:
            self.sessions -= 1
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if participant is not None:
                participant.session_closed(session, clock.monotonic())
            await _close(websocket, session.closing or Closing(CLOSE_NORMAL, ""))


async def _close(websocket: WebSocket, closing: Closing) -> None:
    """Close what is open still; a client that does not take part in that is left behind."""
    if websocket.application_state is WebSocketState.CONNECTED:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(websocket.close(closing.code, closing.reason), FAREWELL_LIMIT)


async def _read(websocket: WebSocket, session: SignalSession) -> None:
    """Hand frames to the session until the client goes or the session ends."""
    while session.closing is None:
        try:
            message: Message = await websocket.receive()
        except (WebSocketDisconnect, RuntimeError):
            return
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("bytes")
        frame = data if data is not None else message.get("text")
        if frame is None:
            continue
        try:
            session.receive(frame, clock.monotonic())
        except Exception:
            logger.exception("a request failed")
            session.close(CLOSE_INTERNAL, "internal error")


async def _write(websocket: WebSocket, session: SignalSession, ready: asyncio.Event) -> None:
    """Send what the session has queued; a send that takes too long ends the session."""
    while True:
        await ready.wait()
        ready.clear()
        for frame in session.take_frames():
            try:
                async with asyncio.timeout(WRITE_LIMIT):
                    if isinstance(frame, str):
                        await websocket.send_text(frame)
                    else:
                        await websocket.send_bytes(frame)
            except Exception:
                # Gone, or not reading: either way this socket is over, and the participant may resume.
                return
        if session.closing is not None:
            return


async def _refuse(websocket: WebSocket, status: int, message: str) -> None:
    """Answer the upgrade with an HTTP status and words."""
    await websocket.send_denial_response(PlainTextResponse(message, status_code=status, headers=CORS))


def _params(websocket: WebSocket) -> ClientParams:
    """The query of protocol v0; what is malformed counts as absent."""
    query = websocket.query_params

    def number(name: str) -> int:
        text = query.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

    def flag(name: str, default: bool) -> bool:
        text = query.get(name)
        return default if text is None else text.lower() in ("1", "true")

    attributes: dict[str, str] = {}
    encoded = query.get("attributes", "")
    if encoded and len(encoded) < 100_000:
        with contextlib.suppress(ValueError, binascii.Error, RecursionError):
            decoded = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
            if isinstance(decoded, dict):
                # Half a surrogate pair, which JSON can escape, is a ValueError here and would be one later.
                json.dumps(decoded, ensure_ascii=False).encode()
                attributes = {k: v for k, v in decoded.items() if isinstance(v, str)}
    return ClientParams(
        auto_subscribe=flag("auto_subscribe", True),
        adaptive_stream=flag("adaptive_stream", False),
        protocol=number("protocol"),
        client_protocol=number("client_protocol"),
        sdk=query.get("sdk", "")[:64],
        version=query.get("version", "")[:64],
        reconnect=flag("reconnect", False),
        participant_sid=query.get("sid", "")[:64],
        attributes=attributes,
        browser=query.get("browser", "")[:64] or _browser(websocket.headers.get("user-agent", "")),
    )


def _browser(user_agent: str) -> str:
    """The one browser whose kind matters here, by its signature: livekit-client leaves ``browser`` out."""
    return "Firefox" if "Firefox/" in user_agent[:512] else ""
