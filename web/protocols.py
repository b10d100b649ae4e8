"""HTTP and WebSocket connections: uvicorn's protocols with bounds, and without our clients' secrets.

The only file that builds on uvicorn's protocol classes; ``tests/web/test_protocols.py``
notices when they change. What is added to them:

- A connection that has not sent a whole request head is *half open*. Half-open
  connections are limited in number, time and bytes, and the oldest gives way, so
  that two thousand of them keep nobody out.
- Request lines and header lines may be as long as the longest token: the join of
  LiveKit's protocol v1 carries an offer in its query and must get its 404.
- A refused upgrade is an ordinary answer, not an error to log.
- A peer that does not read is cut off instead of keeping its descriptor for ever.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11

from signaling.tokens import MAX_TOKEN_LENGTH

MAX_HEAD: Final = MAX_TOKEN_LENGTH + 128 * 1024
"""Bytes of a request line with its headers; a token may be in it, and an offer."""

HEAD_TIMEOUT: Final = 10.0
"""Seconds in which the head of a request must have come."""

BODY_TIMEOUT: Final = 30.0
"""Seconds in which a request's body must have come, whether or not anybody wants it."""

STALL_TIMEOUT: Final = 30.0
"""Seconds that a full buffer may wait for its reader; also between closing and being gone."""

# Their documented variable WEBSOCKETS_MAX_LINE_LENGTH is read at import; this is the value that it sets.
http11.MAX_LINE_LENGTH = MAX_HEAD


MAX_UNREAD: Final = 16 * 1024 * 1024
"""Bytes of answers that may wait for a WebSocket's peer. The application waits for it; pongs do not."""


class HalfOpen:
    """The connections whose request head is not complete. Pure but for aborting transports.

    Beyond ``limit`` connections or ``byte_limit`` bytes the oldest are aborted: of
    the newcomer's own address if that holds more than a quarter of the places, so
    that one address alone pushes out nobody else.
    """

    def __init__(self, limit: int, byte_limit: int = 32 * 1024 * 1024) -> None:
        self.limit = limit
        self.byte_limit = byte_limit
        self.evicted = 0
        """Connections that had to give way."""
        self.timed_out = 0
        """Connections whose head or body did not come in time."""
        self.stalled = 0
        """Connections of peers that did not read their answer."""
        self._bytes = 0
        self._waiting: OrderedDict[asyncio.BaseTransport, int] = OrderedDict()
        self._address: dict[asyncio.BaseTransport, str] = {}
        self._by_address: dict[str, OrderedDict[asyncio.BaseTransport, None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, transport: asyncio.BaseTransport, size: int = 0) -> None:
        """``size`` more bytes of a head that is not complete; new connections are added."""
        self._waiting[transport] = self._waiting.get(transport, 0) + size
        self._bytes += size
        address = self._address.setdefault(transport, _address(transport))
        same = self._by_address.setdefault(address, OrderedDict())
        same[transport] = None
        while len(self._waiting) > self.limit or (self._bytes > self.byte_limit and len(self._waiting) > 1):
            crowded = len(same) > max(1, self.limit // 4)
            oldest = next(iter(same if crowded else self._waiting))
            self.remove(oldest)
            self.evicted += 1
            cast(asyncio.Transport, oldest).abort()

    def size(self, transport: asyncio.BaseTransport) -> int:
        """Bytes of this one's head so far."""
        return self._waiting.get(transport, 0)

    def remove(self, transport: asyncio.BaseTransport) -> None:
        """Its head is complete, or it is gone."""
        self._bytes -= self._waiting.pop(transport, 0)
        address = self._address.pop(transport, None)
        if address is not None:
            same = self._by_address[address]
            del same[transport]
            if not same:
                del self._by_address[address]


def _address(transport: asyncio.BaseTransport) -> str:
    """The peer's host; the same for all whose address is not known."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""


class HttpConnection(HttpToolsProtocol):
    """One HTTP connection. ``half_open`` is set by :func:`protocol_classes`."""

    half_open: HalfOpen
    _head_timer: asyncio.TimerHandle | None = None
    _body_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._head_done()
        self._body_done()
        self._stall_over()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self.transport.is_closing():
            return
        if self._head_timer is not None:
            self.half_open.add(self.transport, len(data))
            if self.half_open.size(self.transport) > MAX_HEAD:
                self._refuse_head()
                return
        try:
            super().data_received(data)
        except Exception:
            self.logger.exception("reading a request failed")
            self.transport.abort()

    def on_message_begin(self) -> None:
        """Parser's callback: the first byte of a request."""
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        """Parser's callback: the head is there."""
        self._head_done()
        self._body_done()
        self._body_timer = self.loop.call_later(BODY_TIMEOUT, self._body_late)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Parser's callback: the body is there too."""
        self._body_done()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """The connection is another protocol's from here on."""
        self._body_done()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(STALL_TIMEOUT, self._stalled)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        super().resume_writing()
        self._stall_over()

    def timeout_keep_alive_handler(self) -> None:
        """An idle connection ends, whether or not its peer reads."""
        if not self.transport.is_closing():
            self.transport.abort()

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self.half_open.add(self.transport)
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT, self._head_late)

    def _head_done(self) -> None:
        self.half_open.remove(self.transport)
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_late(self) -> None:
        self.half_open.timed_out += 1
        self._head_timer = None
        self.half_open.remove(self.transport)
        self.transport.abort()

    def _body_done(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _body_late(self) -> None:
        self.half_open.timed_out += 1
        self._body_timer = None
        self.transport.abort()

    def _refuse_head(self) -> None:
        self._head_done()
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()

    def _stalled(self) -> None:
        self.half_open.stalled += 1
        self.transport.abort()

    def _stall_over(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None


class SocketConnection(WebSocketsSansIOProtocol):
    """One WebSocket connection."""

    _end_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self.transport.is_closing():
            return
        try:
            super().data_received(data)
        except Exception:
            # Nothing a peer sends may do this; if it does, the connection ends and its application knows.
            self.logger.exception("reading a WebSocket failed")
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
            self.transport.abort()
            return
        if self.transport.get_write_buffer_size() > MAX_UNREAD:
            # A flood of pings whose pongs nobody reads.
            self.transport.abort()
            return
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # Too many headers, for instance. Upstream would leave the connection open, without an answer.
            self.transport.write(
                b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            self.transport.close()

    def send_receive_event_to_app(self) -> None:
        """A whole message has come. Text that is no UTF-8 ends the connection; upstream logs an error too."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                if not self.close_sent:
                    self.conn.send_close(1007)
                    self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if self._end_timer is not None:
            self._end_timer.cancel()
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        """Pings were not answered: nobody is there to read a farewell."""
        super().keepalive_timeout()
        self.transport.abort()

    async def send(self, message: Any) -> None:
        """See ASGI."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            # Upstream logs an error for a handshake that ended in an answer of the application's.
            self.handshake_complete = True

    async def run_asgi(self) -> None:
        """The application's life on this connection, and the end of it in bounded time."""
        await super().run_asgi()
        if not self.disconnected:
            self._end_timer = self.loop.call_later(STALL_TIMEOUT, self.transport.abort)


def protocol_classes(half_open: HalfOpen) -> tuple[type[HttpConnection], type[SocketConnection]]:
    """Classes for ``http`` and ``ws`` of uvicorn's configuration, sharing ``half_open``."""

    class Bound(HttpConnection):
        pass

    Bound.half_open = half_open
    return Bound, SocketConnection
