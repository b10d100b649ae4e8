"""The UDP sockets of one peer connection: one for each address family, bound to every address.

The kernel then chooses the source address for each destination, loopback
included, and a change of network needs no new socket.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from signaling.client.ice import Path

RECEIVE_BUFFER = 1024 * 1024
BATCH = 64
"""Datagrams read in a row before the event loop gets its turn."""
MAX_DATAGRAM = 2048

OnDatagram = Callable[[bytes, Path], None]


class UdpSockets:
    """Non-blocking sockets on the running loop. A datagram that the kernel does not take is dropped."""

    def __init__(self, on_datagram: OnDatagram) -> None:
        self._on_datagram = on_datagram
        self._sockets: dict[int, socket.socket] = {}
        self._loop = asyncio.get_running_loop()
        self.dropped = 0
        """Datagrams that could not be sent: full buffer, no route, no such family."""
        self.reading = True

    def open(self) -> None:
        """Bind to fresh ports. A family that the machine does not have is left out; OSError for none."""
        problem: OSError | None = None
        for family, name in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            try:
                self._sockets[family] = self._bind(name)
            except OSError as exc:
                problem = exc
        if not self._sockets:
            raise problem or OSError("no address family")
        for family, sock in self._sockets.items():
            self._loop.add_reader(sock, self._readable, sock, family)

    @staticmethod
    def _bind(family: socket.AddressFamily) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
        except OSError:
            sock.close()
            raise
        return sock

    @property
    def families(self) -> frozenset[int]:
        """The address families there are: 4, 6."""
        return frozenset(self._sockets)

    @property
    def ports(self) -> dict[int, int]:
        """The local port of each family."""
        return {family: sock.getsockname()[1] for family, sock in self._sockets.items()}

    def rebind(self) -> None:
        """New sockets with new ports in place of the old ones, as when a NAT forgot its mapping."""
        self.close()
        self.open()

    def close(self) -> None:
        """Close them; a second time is no error."""
        for sock in self._sockets.values():
            self._loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()

    def send(self, data: bytes, path: Path) -> bool:
        """Send one datagram; false when it was dropped."""
        sock = self._sockets.get(path.family)
        if sock is None:
            self.dropped += 1
            return False
        try:
            sock.sendto(data, (path.host, path.port))
        except OSError:
            self.dropped += 1
            return False
        return True

    def pause(self, paused: bool) -> None:
        """Stop or go on reading; the kernel's buffer fills and overflows meanwhile (tests)."""
        if paused == (not self.reading):
            return
        self.reading = not paused
        for family, sock in self._sockets.items():
            if paused:
                self._loop.remove_reader(sock)
            else:
                self._loop.add_reader(sock, self._readable, sock, family)

    def _readable(self, sock: socket.socket, family: int) -> None:
        for _ in range(BATCH):
            try:
                data, address = sock.recvfrom(MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                # An ICMP error of an earlier send; the next read has the next datagram.
                continue
            if data:
                self._on_datagram(data, Path(family, address[0], address[1]))
            if sock.fileno() < 0:
                return
