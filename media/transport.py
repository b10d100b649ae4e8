"""Our end of one peer connection: ICE-lite, DTLS and data channels on one packet path.

Driving. The engine asks ``IceLiteAgent.handle`` about each ``StunReceived``,
sends the response and gives the result to ``ice_result`` of the transport it
names; about once a second it calls ``IceLiteAgent.poll`` and gives each change
to ``ice_changed``. ``DtlsReceived`` goes to ``feed_dtls``. What goes out is
queued on the packet path, and ``flush`` is called each time, so that the
engine takes ``outgoing()`` also outside of its own turns.

A peer's DTLS is heard only from addresses that passed a connectivity check
with valid integrity: the path delivers it from bound addresses alone. Keys go
from the handshake straight to the path.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from media import clock
from media.dtls import PROFILES, Certificate, DtlsAssociation, HandshakeError, Role
from media.errors import DataChannelError, TransportClosedError
from media.ice.lite import IceLiteAgent
from media.ice.records import IceChange, IceResult, IceState
from media.ports import PacketPath, SrtpKeys
from media.sctp import DataTransport, Payload
from media.sdp.types import DataSection, HostCandidate, LocalTransport, RemoteTransport

logger = logging.getLogger(__name__)

HANDSHAKE_TIMEOUT = 30.0
"""Seconds from the first known address and description to the end of the handshake."""

_UFRAG_LINE = re.compile(r"^a=ice-ufrag:([^\s]+)", re.MULTILINE)


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


RELIABLE = "_reliable"
LOSSY = "_lossy"

CHANNELS = {
    spec.label: spec
    for spec in (
        ChannelSpec(RELIABLE),
        ChannelSpec(LOSSY, ordered=False, max_retransmits=0),
        ChannelSpec("_data_track", ordered=False, max_retransmits=0),
    )
}
"""What the labels of LiveKit's protocol stand for."""


class Transport:
    """One peer connection's local end, known to the path and the agent by ``number``.

    ``on_state(transport, state)`` (why is in ``transport.reason``);
    ``on_data(label, payload)``, text as UTF-8; ``on_channel(label, is_open)``.
    Registers itself at once; ``close`` takes all back. Needs a running event loop.
    """

    def __init__(
        self,
        number: int,
        *,
        path: PacketPath,
        agent: IceLiteAgent,
        certificate: Certificate,
        candidates: Sequence[HostCandidate],
        on_state: Callable[[Transport, TransportState], None],
        on_data: Callable[[str, bytes], None],
        flush: Callable[[], None],
        on_channel: Callable[[str, bool], None] | None = None,
        handshake_timeout: float = HANDSHAKE_TIMEOUT,
        profiles: Sequence[str] = PROFILES,
        now: Callable[[], float] = clock.monotonic,
    ) -> None:
        self.number = number
        self.state = TransportState.NEW
        self.reason = ""
        self.srtp_profile = ""
        self.last_heard = -math.inf
        """When the peer's last valid check came."""
        self._path = path
        self._agent = agent
        self._certificate = certificate
        self._candidates = tuple(candidates)
        self._on_state = on_state
        self._on_data = on_data
        self._on_channel = on_channel
        self._flush = flush
        self._handshake_timeout = handshake_timeout
        self._now = now
        self._remote: RemoteTransport | None = None
        self._section: DataSection | None = None
        self._task: asyncio.Task[None] | None = None
        self._starting_data: asyncio.Task[None] | None = None
        self._ice = IceState.CHECKING
        self._closing = False
        agent.add(number, agent.generate(), now())
        path.open_transport(number)
        self.dtls = DtlsAssociation(certificate, self._send, self._set_keys, self._dtls_changed, profiles)
        self.data = DataTransport(self.dtls, self._received, self._channel_opened, self._channel_closed)

    def __repr__(self) -> str:
        return f"Transport({self.number}, {self.state})"

    @property
    def connected(self) -> bool:
        """Whether media can flow now."""
        return self.state is TransportState.CONNECTED

    # -- descriptions ------------------------------------------------------------

    def local(self) -> LocalTransport:
        """What our description says of this transport."""
        self._require_open()
        credentials = self._agent.credentials(self.number)
        return LocalTransport(
            ufrag=credentials.ufrag,
            pwd=credentials.pwd,
            fingerprints=self._certificate.fingerprints,
            candidates=self._candidates,
        )

    def local_for(self, offer: str) -> LocalTransport:
        """The same for the answer to ``offer``: with new credentials when the peer restarts ICE.

        A restart shows in another ``ice-ufrag`` than the peer's last one (RFC 8839, 4.4.1.1.1).
        """
        self._require_open()
        known = self._agent.remote_ufrag(self.number)
        named = _UFRAG_LINE.search(offer)
        if known is not None and named is not None and named[1] != known:
            self.restart_ice()
        return self.local()

    def set_remote(self, remote: RemoteTransport) -> None:
        """Take the peer's description, again after each of its restarts.

        Its ``setup`` decides our DTLS role once: ``passive`` makes us the
        client, all else the server. Fingerprints are those of the first
        description; DTLS goes on over ICE restarts. TransportClosedError when
        it is over.
        """
        self._require_open()
        self._agent.set_remote(self.number, remote.ufrag, remote.pwd, self._now())
        if self._remote is None:
            self._remote = remote
        if self.state is TransportState.NEW:
            self._become(TransportState.CONNECTING)
        self._advance()

    def set_data(self, section: DataSection) -> None:
        """The peer has a data section: start the association when DTLS allows. Later calls change nothing."""
        self._require_open()
        if self._section is None:
            self._section = section
            self._advance()

    def restart_ice(self) -> None:
        """New credentials for ``local()``; media goes on over the old path meanwhile."""
        self._require_open()
        self._agent.restart(self.number, self._now())

    # -- data --------------------------------------------------------------------

    def open_channels(self, channels: Iterable[ChannelSpec | str]) -> None:
        """Open data channels, now or as soon as the association stands.

        A label alone means what ``CHANNELS`` says of it, else a reliable channel.
        """
        self._require_open()
        for channel in channels:
            spec = CHANNELS.get(channel, ChannelSpec(channel)) if isinstance(channel, str) else channel
            self.data.open(spec.label, ordered=spec.ordered, max_retransmits=spec.max_retransmits)

    def send_data(self, label: str, payload: Payload) -> bool:
        """Send on the channel of that label; False when a lossy channel dropped it.

        DataChannelError as in ``DataTransport.send``, or for an unknown label.
        """
        channel = self.data.find(label)
        if channel is None:
            raise DataChannelError(f"no channel {label!r}")
        return self.data.send(channel, payload)

    # -- driven by the engine --------------------------------------------------------

    def ice_result(self, result: IceResult, now: float) -> None:
        """Follow what a check meant; the response is the caller's to send."""
        if self._over or self._closing:
            return
        self.last_heard = now
        for address in result.released:
            self._path.release_address(address)
        if result.selected is not None:
            self._path.bind_address(self.number, result.selected)
        if result.state is not None:
            self._ice = result.state
            self._settle()
        self._advance()

    def ice_changed(self, change: IceChange, now: float) -> None:
        """Follow what silence has changed."""
        if self._over or self._closing:
            return
        for address in change.released:
            self._path.release_address(address)
        if change.state is IceState.FAILED:
            self.ice_expired(now)
        elif change.state is not None:
            self._ice = change.state
            self._settle()

    def ice_expired(self, now: float) -> None:
        """The peer's consent has ended (RFC 7675): the transport has failed."""
        self._fail("no connectivity check from the peer")

    def feed_dtls(self, data: bytes) -> None:
        """A DTLS datagram from an address bound to this transport."""
        self.dtls.feed(data)

    # -- inside --------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        self._path.send(self.number, data)
        self._flush()

    def _set_keys(self, keys: SrtpKeys) -> None:
        self.srtp_profile = keys.profile
        self._path.set_keys(self.number, keys)

    def _advance(self) -> None:
        """Start the handshake once both the description and an address are there, and data once it may."""
        if self._over or self._closing or self._remote is None or self._agent.selected(self.number) is None:
            return
        if self._task is None:
            self._task = asyncio.create_task(self._handshake(self._remote), name=f"dtls {self.number}")
        elif self._section is not None and self.dtls.state == "connected" and self._starting_data is None:
            self._starting_data = asyncio.create_task(
                self._start_data(self._section), name=f"sctp {self.number}"
            )

    async def _handshake(self, remote: RemoteTransport) -> None:
        role: Role = "client" if remote.setup == "passive" else "server"
        try:
            async with asyncio.timeout(self._handshake_timeout):
                await self.dtls.start(role, remote.fingerprints)
                if self._section is not None:
                    await self.data.start(self._section)
        except HandshakeError as exc:
            self._fail(f"DTLS: {exc}")
        except TimeoutError:
            self._fail("DTLS: no handshake within the time limit")
        except Exception as exc:
            self._defect("handshake", exc)

    async def _start_data(self, section: DataSection) -> None:
        try:
            await self.data.start(section)
        except Exception as exc:
            self._defect("association", exc)

    def _defect(self, what: str, exc: Exception) -> None:
        """Whatever a peer has found that nobody thought of ends its own connection, and no more."""
        logger.warning("the %s of transport %d raised %s", what, self.number, type(exc).__name__)
        self._fail(f"{what}: internal error")

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
        self._tell(self._on_state, self, state)

    def _tell(self, listener: Callable[..., None], *arguments: object) -> None:
        """A listener's mistake is its own: it is logged, and the transport goes on."""
        try:
            listener(*arguments)
        except Exception:
            logger.exception("a listener of transport %d failed", self.number)

    @property
    def _over(self) -> bool:
        return self.state in (TransportState.FAILED, TransportState.CLOSED)

    def _require_open(self) -> None:
        if self._over or self._closing:
            raise TransportClosedError(f"transport {self.number} is over")

    def _received(self, _: int, label: str, payload: Payload) -> None:
        self._tell(self._on_data, label, payload if isinstance(payload, bytes) else payload.encode())

    def _channel_opened(self, _: int, label: str) -> None:
        if self._on_channel is not None:
            self._tell(self._on_channel, label, True)

    def _channel_closed(self, _: int, label: str) -> None:
        if self._on_channel is not None:
            self._tell(self._on_channel, label, False)

    async def close(self) -> None:
        """Say goodbye to the peer, end every task and forget the transport; again is no error.

        ``on_state`` hears ``closed`` unless it had failed or closed before.
        """
        if self._closing:
            return
        self._closing = True
        self._agent.remove(self.number)
        tasks = [task for task in (self._task, self._starting_data) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.data.close()
        await self.dtls.close()
        self._path.close_transport(self.number)
        self._flush()
        self._fail("closed by us", TransportState.CLOSED)
