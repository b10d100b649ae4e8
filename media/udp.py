"""The UDP port of the relay: one socket per local address, all on one port number.

A socket for each address and not a wildcard one, so that an answer leaves from
the address to which the question came, which ICE and NATs need.

Drops. Sending never waits and nothing is queued: where the kernel's buffer is
full the datagram is dropped and counted (media that waits is late, DTLS and
SCTP send again). Receiving reads at most 64 datagrams per wake and socket; what
does not fit the kernel's receive buffer is dropped there, and seen in
``SO_RXQ_OVFL`` only by the system's own counters.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections import Counter
from collections.abc import Callable, Sequence

from media import clock
from media.ports import Datagram

MAX_DATAGRAM = 2048
"""Longest datagram that is read; what is longer arrives cut and fails its checks."""

BATCH = 64
"""Most datagrams read from one socket before the event loop gets its turn."""

BUFFER_SIZE = 4 * 1024 * 1024
"""Asked for in each direction, in bytes; at 60 Mbit/s this is half a second."""

_PORT_ATTEMPTS = 32

Receiver = Callable[[list[Datagram], float], None]


class UdpPort:
    """Between ``open`` and ``close``, ``receiver(batch, now)`` gets what comes in, from the event loop.

    ``addresses`` are bound in the order of their index in ``Address``;
    ``port`` 0 lets the system choose one that all of them have free, and is
    then the chosen one. After ``open``, ``granted`` says what buffers the
    system gave: ``(receive, send)`` in bytes for each socket.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        port: int,
        receiver: Receiver,
        *,
        buffer_size: int = BUFFER_SIZE,
        now: Callable[[], float] = clock.monotonic,
    ) -> None:
        self.addresses = tuple(addresses)
        self.port = port
        self.granted: tuple[tuple[int, int], ...] = ()
        self.counters: Counter[str] = Counter()
        self._receiver = receiver
        self._buffer_size = buffer_size
        self._now = now
        self._sockets: list[socket.socket] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Bind every address and begin to read.

        ValueError without addresses or for text that is none; OSError, with
        the address in its text, when one cannot be bound: then none is.
        """
        if self._sockets:
            raise AssertionError("the port is open already")
        if not self.addresses:
            raise ValueError("no address to listen on")
        self._loop = asyncio.get_running_loop()
        self._sockets = self._bind_all()
        self.port = self._sockets[0].getsockname()[1]
        self.granted = tuple(_buffers(sock) for sock in self._sockets)
        for index, sock in enumerate(self._sockets):
            self._loop.add_reader(sock, self._read, index, sock)

    def _bind_all(self) -> list[socket.socket]:
        attempt = 0
        while True:
            attempt += 1
            with contextlib.ExitStack() as stack:
                sockets: list[socket.socket] = []
                port = self.port
                try:
                    for address in self.addresses:
                        sock = stack.enter_context(_bound(address, port, self._buffer_size))
                        port = sock.getsockname()[1]
                        sockets.append(sock)
                except OSError as exc:
                    # What the system chose for the first may be taken at another: choose again.
                    again = exc.errno == errno.EADDRINUSE and self.port == 0 and sockets
                    if again and attempt < _PORT_ATTEMPTS:
                        continue
                    raise
                stack.pop_all()
                return sockets

    def _read(self, index: int, sock: socket.socket) -> None:
        batch: list[Datagram] = []
        for _ in range(BATCH):
            try:
                data, source = sock.recvfrom(MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as exc:
                # An ICMP error of an earlier send, for instance: it says nothing about this socket.
                self._count("receive", exc)
                continue
            batch.append((data, (index, _host(source[0]), source[1])))
        if batch:
            self.counters["received"] += len(batch)
            self._receiver(batch, self._now())

    def send(self, batch: Sequence[Datagram]) -> None:
        """Send each datagram now or drop it and count why; never raises for a datagram's sake."""
        sockets = self._sockets
        sent = 0
        for data, (index, host, port) in batch:
            if index >= len(sockets) or index < 0:
                self.counters["send no such socket"] += 1
                continue
            try:
                sockets[index].sendto(data, (host, port))
                sent += 1
            except (BlockingIOError, InterruptedError):
                self.counters["send buffer full"] += 1
            except OSError as exc:
                self._count("send", exc)
        self.counters["sent"] += sent

    def _count(self, what: str, exc: OSError) -> None:
        if exc.errno == errno.ENOBUFS:
            self.counters["send buffer full"] += 1
        elif exc.errno != errno.ECONNREFUSED:
            name = errno.errorcode.get(exc.errno or 0, type(exc).__name__)
            self.counters[f"{what} {name}"] += 1

    def close(self) -> None:
        """Stop reading and close the sockets; a second time is no error."""
        for sock in self._sockets:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(sock)
            sock.close()
        self._sockets = []


def _bound(address: str, port: int, buffer_size: int) -> socket.socket:
    version = ipaddress.ip_address(address).version
    sock = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            # The system gives what it allows; what that was is in ``granted``.
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, option, buffer_size)
        sock.bind((address, port))
    except OSError as exc:
        sock.close()
        reason = exc.strerror or type(exc).__name__
        raise OSError(exc.errno, f"{reason} (UDP {address} port {port})") from None
    except BaseException:
        sock.close()
        raise
    return sock


def _buffers(sock: socket.socket) -> tuple[int, int]:
    # Linux reports twice what it grants, the other half being for its own records.
    receive = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    send = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    return receive // 2, send // 2


def _host(host: str) -> str:
    """Without the zone that the system adds to some IPv6 addresses."""
    return host.partition("%")[0] if "%" in host else host
