"""One peer connection of the client: sockets, ICE, DTLS, SRTP, data channels.

It knows descriptions only as records: who writes and reads SDP tells it the
other side's credentials and its own DTLS role. RTP goes up and down as plain
packets; each is protected exactly once (``PacketOutlet``).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from enum import StrEnum

from media.clock import monotonic
from media.dtls import DtlsAssociation, HandshakeError, Role
from media.dtls_certificate import Certificate
from media.errors import DataChannelError, PacketError
from media.path.srtp import SrtpPair
from media.ports import SrtpKeys
from media.rtp.header import DatagramKind, RtpHeader, classify, is_rtcp, parse_header
from media.rtp.rtcp import RtcpPacket, parse_compound
from media.sctp import DataTransport, Payload
from media.sdp.types import DataSection, HostCandidate, RemoteTransport
from signaling.client.ice import Credentials, IceAgent, IceState, Path
from signaling.client.sockets import UdpSockets


class PeerState(StrEnum):
    """Of a peer connection; ``lost`` may come back by itself, ``failed`` does not."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(slots=True)
class PeerHandlers:
    """Where a peer connection reports to; all are called on the event loop."""

    on_rtp: Callable[[RtpHeader, bytes], None]
    on_rtcp: Callable[[list[RtcpPacket]], None]
    on_state: Callable[[PeerState], None]
    on_data: Callable[[str, Payload], None]
    on_channel: Callable[[str], None]


class Peer:
    """A peer connection. Make it on a running loop, ``open()`` it, then ``set_remote``."""

    def __init__(self, certificate: Certificate, handlers: PeerHandlers) -> None:
        self.certificate = certificate
        self.counters: Counter[str] = Counter()
        """``rtp in``, ``rtcp in``, ``rtp out``, ``rtcp out``, and a name for each reason to drop."""
        self.ice = IceAgent()
        self.state = PeerState.NEW
        self.sockets = UdpSockets(self._datagram)
        self.local_host = ""
        """The address of ours from which the server is reached, where that is known."""
        self._handlers = handlers
        self._dtls = DtlsAssociation(certificate, self._send_selected, self._keys)
        self.data = DataTransport(self._dtls, self._message, self._channel_open)
        self._srtp: SrtpPair | None = None
        self._remote: RemoteTransport | None = None
        self._role: Role = "client"
        self._section: DataSection | None = None
        self._transport_sequence = 0
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._handshake: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Bind the sockets and begin to drive ICE."""
        self.sockets.open()
        self._spawn(self._drive())

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def connected(self) -> bool:
        """Whether media can be sent now."""
        return self._srtp is not None and self.ice.selected is not None

    # -- what signalling tells --------------------------------------------------

    def set_remote(
        self,
        remote: RemoteTransport,
        candidates: Iterable[HostCandidate],
        role: Role,
        section: DataSection | None,
        *,
        controlling: bool = True,
    ) -> None:
        """The other side's description, or a new one of the same connection (new candidates, ICE restart)."""
        self._remote = remote
        self._section = section or self._section
        if self._handshake is None:
            self._role = role
        self.ice.set_remote(Credentials(remote.ufrag, remote.pwd), controlling=controlling)
        for candidate in candidates:
            self.add_candidate(candidate)
        if self.state is PeerState.NEW:
            self._set_state(PeerState.CONNECTING)
        self._start_data()
        self._wake.set()

    def add_candidate(self, candidate: HostCandidate) -> None:
        """A candidate of the other side, trickled or out of its description."""
        if ":" in candidate.host and 6 not in self.sockets.families:
            return
        self.ice.add_candidate(candidate.host, candidate.port, candidate.priority, candidate.protocol)
        self._wake.set()

    def host_candidates(self) -> list[tuple[str, int]]:
        """Our own addresses with their ports, as far as we know them."""
        port = self.sockets.ports.get(6 if ":" in self.local_host else 4)
        return [(self.local_host, port)] if self.local_host and port else []

    def restart_ice(self) -> Credentials:
        """New local credentials for the next description; media goes on meanwhile."""
        self.ice.restart()
        return self.ice.local

    def rebind(self) -> None:
        """Another local port under the same credentials; the relay follows the next check."""
        self.sockets.rebind()
        self.ice.moved(monotonic())
        self._wake.set()

    # -- sending -----------------------------------------------------------------

    def next_transport_sequence(self) -> int:
        """The next transport-wide sequence number (16 bits)."""
        self._transport_sequence = self._transport_sequence + 1 & 0xFFFF
        return self._transport_sequence

    def send_rtp(self, packet: bytes) -> bytes | None:
        """Protect and send RTP; the ciphertext, or None when it could not be sent."""
        if self._srtp is None or self.ice.selected is None:
            self.counters["rtp before connection"] += 1
            return None
        try:
            ciphertext = self._srtp.protect(packet)
        except PacketError:
            self.counters["rtp unprotectable"] += 1
            return None
        self.counters["rtp out"] += 1
        self.sockets.send(ciphertext, self.ice.selected)
        return ciphertext

    def send_ciphertext(self, packet: bytes) -> None:
        """Send again what ``send_rtp`` gave, octet for octet."""
        if self.ice.selected is not None:
            self.counters["rtp out"] += 1
            self.sockets.send(packet, self.ice.selected)

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send RTCP; dropped before the connection stands."""
        if self._srtp is None or self.ice.selected is None or not packet:
            return
        try:
            ciphertext = self._srtp.protect_rtcp(packet)
        except PacketError:
            self.counters["rtcp unprotectable"] += 1
            return
        self.counters["rtcp out"] += 1
        self.sockets.send(ciphertext, self.ice.selected)

    def _send_selected(self, data: bytes) -> None:
        if self.ice.selected is not None:
            self.sockets.send(data, self.ice.selected)

    # -- receiving ---------------------------------------------------------------

    def _datagram(self, data: bytes, path: Path) -> None:
        kind = classify(data[0])
        if kind is DatagramKind.RTP:
            self._media(data)
        elif kind is DatagramKind.STUN:
            self.ice.receive(data, path, monotonic())
            self._wake.set()
        elif kind is DatagramKind.DTLS:
            self._dtls.feed(data)
        else:
            self.counters["unknown datagram"] += 1

    def _media(self, data: bytes) -> None:
        srtp = self._srtp
        if srtp is None:
            self.counters["media before keys"] += 1
            return
        try:
            if is_rtcp(data):
                packets = parse_compound(srtp.unprotect_rtcp(data))
                self.counters["rtcp in"] += 1
                self._handlers.on_rtcp(packets)
            else:
                packet = srtp.unprotect(data)
                header = parse_header(packet)
                self.counters["rtp in"] += 1
                self._handlers.on_rtp(header, packet)
        except PacketError:
            self.counters["bad media packet"] += 1

    # -- inside ------------------------------------------------------------------

    async def _drive(self) -> None:
        while True:
            now = monotonic()
            due = self.ice.poll(now)
            for data, path in self.ice.outgoing():
                self.sockets.send(data, path)
            self._follow_ice()
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if due == float("inf") else max(0.0, due - now)):
                    await self._wake.wait()

    def _follow_ice(self) -> None:
        if self.ice.state is IceState.CONNECTED:
            if self._handshake is None and self._remote is not None:
                self._handshake = self._spawn(self._shake_hands(self._remote))
            if self._srtp is not None and self.state in (PeerState.CONNECTING, PeerState.LOST):
                self._set_state(PeerState.CONNECTED)
        elif self.ice.state is IceState.LOST and self.state is PeerState.CONNECTED:
            self._set_state(PeerState.LOST)

    async def _shake_hands(self, remote: RemoteTransport) -> None:
        try:
            await self._dtls.start(self._role, remote.fingerprints)
        except HandshakeError as exc:
            self.counters[f"handshake: {exc}"] += 1
            self._set_state(PeerState.FAILED)
            return
        self._start_data()
        self._follow_ice()

    def _keys(self, keys: SrtpKeys) -> None:
        self._srtp = SrtpPair(keys)

    def _start_data(self) -> None:
        if self._section is not None and self._dtls.state == "connected" and self.data.state == "new":
            self._spawn(self.data.start(self._section))

    def _message(self, channel: int, label: str, payload: Payload) -> None:
        self._handlers.on_data(label, payload)

    def _channel_open(self, channel: int, label: str) -> None:
        self._handlers.on_channel(label)

    def send_data(self, label: str, payload: bytes) -> bool:
        """Send on the channel of this label; false when it was dropped. DataChannelError without one."""
        channel = self.data.find(label)
        if channel is None:
            raise DataChannelError(f"no channel {label}")
        return self.data.send(channel, payload)

    def _set_state(self, state: PeerState) -> None:
        if state is not self.state and self.state is not PeerState.CLOSED:
            self.state = state
            self._handlers.on_state(state)

    async def close(self, *, silent: bool = False) -> None:
        """End it. ``silent`` sends no goodbye, as a killed process does not."""
        if self.state is PeerState.CLOSED:
            return
        self.state = PeerState.CLOSED
        if silent:
            self.sockets.close()
        await self.data.close()
        await self._dtls.close()
        self.sockets.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._srtp = None
