"""Our end of one peer connection: ICE-lite, DTLS and data channels on one packet path.

Driving. :class:`Transports` holds all of an installation's transports. The
engine gives it ``StunReceived`` and ``DtlsReceived`` events (``on_stun``,
``on_dtls``) and calls ``tick(now)`` about once a second. What goes out is
queued on the packet path; ``wake`` is called each time something was queued
outside of those three calls too, so that the engine can take ``outgoing()``.

A peer's DTLS is heard only from addresses that passed a connectivity check
with valid integrity: the path delivers it from bound addresses alone. Keys go
from the handshake straight to the path.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from media.dtls import PROFILES, DtlsAssociation, HandshakeError, Role
from media.dtls_certificate import Certificate
from media.errors import DataChannelError, TransportClosedError
from media.ice.lite import IceLiteAgent
from media.ice.records import IceState
from media.ports import Address, PacketPath, SrtpKeys
from media.sctp import DataTransport, Payload
from media.sdp.types import DataSection, HostCandidate, LocalTransport, RemoteTransport

HANDSHAKE_LIMIT = 30.0
"""Seconds from the first known address and description to the end of the handshake."""


class TransportState(StrEnum):
    """Of a peer connection, in the words of W3C WebRTC 4.3.3."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """A data channel that we open; ``max_retransmits`` None for a reliable one."""

    label: str
    ordered: bool = True
    max_retransmits: int | None = None


OnState = Callable[["Transport", TransportState, str], None]
OnData = Callable[["Transport", str, bytes, bool], None]
OnChannel = Callable[["Transport", str, bool], None]


@dataclass(slots=True)
class Listener:
    """What a transport's owner wants to hear; None for nothing.

    ``on_state(transport, state, reason)``; ``on_data(transport, label, payload,
    is_binary)``, text as UTF-8; ``on_channel(transport, label, is_open)``.
    """

    on_state: OnState | None = None
    on_data: OnData | None = None
    on_channel: OnChannel | None = None


class Transport:
    """One peer connection's local end. Made by :meth:`Transports.create`."""

    def __init__(self, owner: Transports, number: int, listener: Listener, now: float) -> None:
        self.id = number
        self.state = TransportState.NEW
        self.reason = ""
        self.keys_profile = ""
        self._owner = owner
        self._listener = listener
        self._remote: RemoteTransport | None = None
        self._section: DataSection | None = None
        self._task: asyncio.Task[None] | None = None
        self._starting_data: asyncio.Task[None] | None = None
        self._ice = IceState.CHECKING
        owner.agent.add(number, owner.agent.generate(), now)
        owner.path.open_transport(number)
        self.dtls = DtlsAssociation(
            owner.certificate, self._send, self._set_keys, self._dtls_changed, owner.profiles
        )
        self.data = DataTransport(self.dtls, self._received, self._channel_opened, self._channel_closed)

    def __repr__(self) -> str:
        return f"Transport({self.id}, {self.state})"

    # -- descriptions ------------------------------------------------------------

    def local(self) -> LocalTransport:
        """What our description says of this transport."""
        credentials = self._owner.agent.credentials(self.id)
        return LocalTransport(
            ufrag=credentials.ufrag,
            pwd=credentials.pwd,
            fingerprints=self._owner.certificate.fingerprints,
            candidates=self._owner.candidates,
        )

    def set_remote(self, remote: RemoteTransport, now: float, data: DataSection | None = None) -> None:
        """Take the peer's description, again after each of its restarts.

        Its ``setup`` decides our DTLS role once: ``passive`` makes us the
        client, all else the server. Fingerprints are those of the first
        description; DTLS goes on over ICE restarts. ``data`` may come later
        than the rest. TransportClosedError when it is over.
        """
        self._require_open()
        self._owner.agent.set_remote(self.id, remote.ufrag, remote.pwd, now)
        if self._remote is None:
            self._remote = remote
        if data is not None and self._section is None:
            self._section = data
        if self.state is TransportState.NEW:
            self._become(TransportState.CONNECTING)
        self._advance()

    @property
    def remote_ufrag(self) -> str | None:
        """The peer's newest user name: another one in an offer means that it restarts ICE."""
        return self._owner.agent.remote_ufrag(self.id)

    def restart_ice(self, now: float) -> None:
        """New credentials for ``local()``; media goes on over the old path meanwhile."""
        self._require_open()
        self._owner.agent.restart(self.id, now)

    # -- data --------------------------------------------------------------------

    def open_channels(self, specs: Iterable[ChannelSpec]) -> None:
        """Open data channels, now or as soon as the association stands."""
        self._require_open()
        for spec in specs:
            self.data.open(spec.label, ordered=spec.ordered, max_retransmits=spec.max_retransmits)

    def send_data(self, label: str, payload: Payload) -> bool:
        """Send on the channel of that label; False when a lossy channel dropped it.

        DataChannelError as in ``DataTransport.send``, or for an unknown label.
        """
        channel = self.data.find(label)
        if channel is None:
            raise DataChannelError(f"no channel {label!r}")
        return self.data.send(channel, payload)

    # -- driven by Transports ------------------------------------------------------

    def ice_selected(self, address: Address) -> None:
        """Send to ``address`` from now on."""
        self._owner.path.bind_address(self.id, address)
        self._advance()

    def ice_changed(self, state: IceState) -> None:
        """Take a new state of connectivity."""
        self._ice = state
        if state is IceState.FAILED:
            self._fail("no connectivity check from the peer")
        else:
            self._settle()

    # -- inside --------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        self._owner.path.send(self.id, data)
        self._owner.wake()

    def _set_keys(self, keys: SrtpKeys) -> None:
        self.keys_profile = keys.profile
        self._owner.path.set_keys(self.id, keys)

    def _advance(self) -> None:
        """Start the handshake once both the description and an address are there, and data once it may."""
        if self._over or self._remote is None or self._owner.agent.selected(self.id) is None:
            return
        if self._task is None:
            self._task = asyncio.create_task(self._handshake(self._remote), name=f"dtls {self.id}")
        elif self._section is not None and self.dtls.state == "connected" and self._starting_data is None:
            self._starting_data = asyncio.create_task(self.data.start(self._section), name=f"sctp {self.id}")

    async def _handshake(self, remote: RemoteTransport) -> None:
        role: Role = "client" if remote.setup == "passive" else "server"
        try:
            async with asyncio.timeout(self._owner.handshake_limit):
                await self.dtls.start(role, remote.fingerprints)
                if self._section is not None:
                    await self.data.start(self._section)
        except HandshakeError as exc:
            self._fail(f"DTLS: {exc}")
        except TimeoutError:
            self._fail("DTLS: no handshake within the time limit")

    def _dtls_changed(self, state: str, reason: str) -> None:
        if state == "closed":
            self._fail(f"DTLS: {reason or 'closed'}", TransportState.CLOSED)
        elif state == "connected":
            self._settle()

    def _settle(self) -> None:
        """Combine ICE and DTLS into one state."""
        if self._over or self.dtls.state != "connected":
            return
        lost = self._ice is IceState.DISCONNECTED
        self._become(TransportState.DISCONNECTED if lost else TransportState.CONNECTED)

    def _fail(self, reason: str, state: TransportState = TransportState.FAILED) -> None:
        if not self._over:
            self._become(state, reason)

    def _become(self, state: TransportState, reason: str = "") -> None:
        if state is self.state:
            return
        self.state, self.reason = state, reason
        if self._listener.on_state is not None:
            self._listener.on_state(self, state, reason)

    @property
    def _over(self) -> bool:
        return self.state in (TransportState.FAILED, TransportState.CLOSED)

    def _require_open(self) -> None:
        if self._over:
            raise TransportClosedError(f"transport {self.id} is {self.state}")

    def _received(self, _: int, label: str, payload: Payload) -> None:
        if self._listener.on_data is not None:
            binary = isinstance(payload, bytes)
            data = payload if isinstance(payload, bytes) else payload.encode()
            self._listener.on_data(self, label, data, binary)

    def _channel_opened(self, _: int, label: str) -> None:
        if self._listener.on_channel is not None:
            self._listener.on_channel(self, label, True)

    def _channel_closed(self, _: int, label: str) -> None:
        if self._listener.on_channel is not None:
            self._listener.on_channel(self, label, False)

    async def close(self) -> None:
        """Say goodbye to the peer, end every task and forget the transport; again is no error.

        ``on_state`` hears ``closed`` unless it had failed or closed before.
        """
        if not self._owner.forget(self):
            return
        tasks = [task for task in (self._task, self._starting_data) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.data.close()
        await self.dtls.close()
        self._owner.path.close_transport(self.id)
        self._owner.wake()
        self._fail("closed by us", TransportState.CLOSED)


class Transports:
    """All transports of one packet path, and what they share.

    ``local_priorities`` and ``candidates`` come from ``media.addresses``;
    ``wake`` is called when something waits in ``path.outgoing()``.
    """

    def __init__(
        self,
        path: PacketPath,
        agent: IceLiteAgent,
        certificate: Certificate,
        candidates: Sequence[HostCandidate],
        wake: Callable[[], None],
        profiles: Sequence[str] = PROFILES,
        handshake_limit: float = HANDSHAKE_LIMIT,
    ) -> None:
        self.path = path
        self.agent = agent
        self.certificate = certificate
        self.candidates = tuple(candidates)
        self.wake = wake
        self.profiles = tuple(profiles)
        self.handshake_limit = handshake_limit
        self.counters: Counter[str] = Counter()
        self._numbers = itertools.count(1)
        self._transports: dict[int, Transport] = {}

    def __len__(self) -> int:
        return len(self._transports)

    def create(self, listener: Listener, now: float) -> Transport:
        """A new transport with a number of its own. Needs a running event loop."""
        transport = Transport(self, next(self._numbers), listener, now)
        self._transports[transport.id] = transport
        return transport

    def get(self, number: int) -> Transport | None:
        """The transport of that number, while it is open."""
        return self._transports.get(number)

    def on_stun(self, data: bytes, address: Address, now: float) -> None:
        """Answer a connectivity check and follow what it says."""
        result = self.agent.handle(data, address, now)
        if result.response is not None:
            self.path.send_to(address, result.response)
        transport = self._transports.get(result.transport or 0)
        if transport is None:
            return
        for released in result.released:
            self.path.release_address(released)
        if result.state is not None:
            transport.ice_changed(result.state)
        if result.selected is not None:
            transport.ice_selected(result.selected)

    def on_dtls(self, number: int, data: bytes) -> None:
        """Hand a DTLS datagram to its transport; dropped and counted when that is gone."""
        transport = self._transports.get(number)
        if transport is None:
            self.counters["dtls for nobody"] += 1
        else:
            transport.dtls.feed(data)

    def tick(self, now: float) -> None:
        """Notice silence; call about once a second."""
        for change in self.agent.poll(now):
            for address in change.released:
                self.path.release_address(address)
            transport = self._transports.get(change.transport)
            if transport is not None and change.state is not None:
                transport.ice_changed(change.state)

    def forget(self, transport: Transport) -> bool:
        """Take a transport out of the books; False when it was out already. For ``Transport.close``."""
        if self._transports.pop(transport.id, None) is None:
            return False
        self.agent.remove(transport.id)
        return True

    async def close(self) -> None:
        """Close all transports."""
        await asyncio.gather(*(transport.close() for transport in list(self._transports.values())))
