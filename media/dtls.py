"""DTLS with one peer: the one adapter on aiortc's ``RTCDtlsTransport`` (RFC 5764, RFC 8842).

aiortc's class keeps the handshake's order of steps, the check of fingerprints
and the pump; replaced here is what a relay needs otherwise: keys go to the
packet path and no SRTP session is made, each record of a datagram is read, a
flight longer than a datagram is sent whole, and an exception in a data handler
is counted and closes nothing. SRTP never comes here.

Private names of aiortc are used in this file, ``dtls_certificate.py`` and
``sctp.py`` alone; a test of each notices when they change.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Literal, cast

from aiortc import rtcdtlstransport as aio
from aiortc.rtcicetransport import RTCIceTransport
from OpenSSL import SSL

from media.dtls_certificate import Certificate
from media.errors import MediaError
from media.ports import SrtpKeys
from media.sdp.types import Fingerprint

__all__ = [
    "PROFILES",
    "Certificate",
    "DtlsAssociation",
    "HandshakeError",
    "RelayDtlsTransport",
    "Role",
    "split_records",
]

Role = Literal["server", "client"]

MTU = 1200
"""Longest handshake datagram in bytes, within the 1,280 that IPv6 promises (RFC 8200, 5)."""

QUEUE_LIMIT = 128
"""Datagrams that wait for the association; the newest beyond it is dropped (DTLS and SCTP send again)."""

PROFILES = ("SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM", "SRTP_AES128_CM_SHA1_80")
"""In order of preference: of those that the peer has, the cheapest per packet."""

_READ_SIZE = 2048
_RECORD_HEADER = 13


class HandshakeError(MediaError):
    """The handshake failed; the text says why."""


def split_records(data: bytes, limit: int = MTU) -> list[bytes]:
    """Cut a run of DTLS 1.2 records into datagrams of whole records, up to ``limit`` bytes each.

    A single longer record is a datagram of its own; so is a rest that has no
    record header (RFC 6347, 4.1: a record must not span datagrams).
    """
    datagrams = []
    start = position = 0
    size = len(data)
    while position < size:
        end = position + _RECORD_HEADER
        end = size if end > size else min(size, end + int.from_bytes(data[end - 2 : end], "big"))
        if end - start > limit and position > start:
            datagrams.append(data[start:position])
            start = position
        position = end
    if start < size:
        datagrams.append(data[start:])
    return datagrams


class _Pipe:
    """Stands where aiortc has an ICE transport: datagrams in by ``feed``, out by ``send``."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.send = send
        self.queue: deque[bytes] = deque()
        self.closed = False
        self._waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _recv(self) -> bytes:
        while not self.queue:
            if self.closed:
                raise ConnectionError("closed")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self.queue.popleft()

    async def _send(self, data: bytes) -> None:
        self.send(data)


class RelayDtlsTransport(aio.RTCDtlsTransport):
    """aiortc's transport as this relay wants it. Made by :class:`DtlsAssociation` only."""

    def __init__(
        self,
        pipe: _Pipe,
        certificate: Certificate,
        profiles: Sequence[str],
        on_keys: Callable[[SrtpKeys], None],
        counters: Counter[str],
    ) -> None:
        super().__init__(cast(RTCIceTransport, pipe), [certificate.shared])
        by_name = {profile.openssl_profile.decode(): profile for profile in aio.SRTP_PROFILES}
        self._srtp_profiles = [by_name[name] for name in profiles if name in by_name]
        self._on_keys = on_keys
        self._counters = counters
        self.reason = ""

    def _fail(self, reason: str) -> None:
        self.reason = self.reason or reason
        self._set_state(aio.State.FAILED)

    def _connection(self) -> SSL.Connection:
        if self._ssl is None:
            raise AssertionError("used before start")
        return self._ssl

    async def _do_handshake(self) -> None:
        connection = self._connection()
        connection.set_ciphertext_mtu(MTU)
        try:
            while not self.encrypted:
                try:
                    connection.do_handshake()
                except SSL.WantReadError:
                    await self._write_ssl()
                    await self._recv_next()
                else:
                    self.encrypted = True
            await self._write_ssl()
        except SSL.Error as exc:
            await self._write_ssl()  # the alert that tells the peer
            self._fail(_explain(exc))
        except ConnectionError:
            self._fail("closed during the handshake")

    def _validate_peer_identity(self, remoteParameters: aio.RTCDtlsParameters) -> None:
        super()._validate_peer_identity(remoteParameters)
        if self._state is aio.State.FAILED:
            self.reason = self.reason or "the certificate does not match the fingerprint in the description"

    def _setup_srtp(self) -> None:
        connection = self._connection()
        name = connection.get_selected_srtp_profile()
        profile = next((p for p in self._srtp_profiles if p.openssl_profile == name), None)
        if profile is None:
            self._fail("no common SRTP profile")
            return
        material = connection.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length)
        )
        client, server = profile.get_key_and_salt(material, 0), profile.get_key_and_salt(material, 1)
        rx, tx = (client, server) if self._role == "server" else (server, client)
        self._on_keys(SrtpKeys(name.decode(), rx=rx, tx=tx))

    async def _recv_next(self) -> None:
        connection = self._connection()
        try:
            async with asyncio.timeout(connection.DTLSv1_get_timeout()):
                data = await self.transport._recv()
        except TimeoutError:
            try:
                connection.DTLSv1_handle_timeout()
            except SSL.Error:
                self.reason = self.reason or "no answer from the peer"
                raise ConnectionError("no answer from the peer") from None
            await self._write_ssl()
            return
        connection.bio_write(data)
        closed = False
        while True:
            try:
                message = connection.recv(_READ_SIZE)
            except SSL.WantReadError:
                break
            except SSL.Error as exc:
                # A fatal alert shuts down; during the handshake the next step repeats the error.
                closed = isinstance(exc, SSL.ZeroReturnError) or bool(
                    connection.get_shutdown() & SSL.RECEIVED_SHUTDOWN
                )
                self.reason = self.reason or ("closed by the peer" if closed else _explain(exc))
                self._counters["dtls error"] += not closed
                break
            await self._deliver(message)
        await self._write_ssl()
        if closed:
            raise ConnectionError("closed by the peer")

    async def _deliver(self, message: bytes) -> None:
        if self._data_receiver is None:
            self._counters["data before its receiver"] += 1
            return
        try:
            await self._data_receiver._handle_data(message)
        except Exception:
            # Hostile input must not end the association that carries the media.
            self._counters["data handler error"] += 1

    async def _send_data(self, data: bytes) -> None:
        """Unlike aiortc's: dropped and counted without a connection, as SCTP's timers expect no errors."""
        if self._state is not aio.State.CONNECTED:
            self._counters["data unsent"] += 1
            return
        try:
            self._connection().send(data)
        except SSL.Error:
            self._counters["data unsent"] += 1
        await self._write_ssl()

    async def _write_ssl(self) -> None:
        pieces = []
        while True:
            try:
                pieces.append(self._connection().bio_read(16384))
            except SSL.Error:
                break
        for datagram in split_records(b"".join(pieces)):
            await self.transport._send(datagram)

    async def farewell(self) -> None:
        """Tell the peer that we go, after a failure of our own making."""
        try:
            self._connection().shutdown()
        except SSL.Error:
            return
        await self._write_ssl()


def _explain(exc: SSL.Error) -> str:
    """OpenSSL's reason in its own words, without its codes."""
    if exc.args and isinstance(exc.args[0], list):
        reasons = [str(entry[-1]) for entry in exc.args[0] if entry and entry[-1]]
        if reasons:
            return ", ".join(reasons)
    return type(exc).__name__


class DtlsAssociation:
    """One peer's DTLS.

    ``send`` takes each outgoing datagram; ``on_keys`` is called once, before
    the state becomes ``connected``; ``on_state(state, reason)`` with
    ``connecting``, ``connected``, ``closed`` or ``failed``. Bounded: 128
    datagrams wait, the newest beyond them is dropped and counted under
    ``queue full`` in ``counters``. Needs a running event loop.
    """

    def __init__(
        self,
        certificate: Certificate,
        send: Callable[[bytes], None],
        on_keys: Callable[[SrtpKeys], None],
        on_state: Callable[[str, str], None] | None = None,
        profiles: Sequence[str] = PROFILES,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._pipe = _Pipe(send)
        self._on_state = on_state
        self._closing = False
        self.rtc = RelayDtlsTransport(self._pipe, certificate, profiles, on_keys, self.counters)
        self.rtc.on("statechange", self._state_changed)

    @property
    def state(self) -> str:
        """``new``, ``connecting``, ``connected``, ``closed`` or ``failed``."""
        return "closed" if self._closing else self.rtc.state

    @property
    def reason(self) -> str:
        """Why it failed or was closed; empty before."""
        return self.rtc.reason

    def _state_changed(self) -> None:
        if self._on_state is not None and not self._closing:
            self._on_state(self.rtc.state, self.rtc.reason)

    async def start(self, role: Role, fingerprints: Sequence[Fingerprint]) -> None:
        """Do the handshake; HandshakeError says why it failed.

        No time limit of its own: the caller cancels. ``fingerprints`` are those
        of the peer's description; of the algorithms known (sha-256, sha-384,
        sha-512) all must match and one must be there (RFC 8122, 5).
        """
        if not fingerprints:
            raise HandshakeError("the description has no fingerprint")
        if self.state != "new":
            raise HandshakeError(f"the association is {self.state} already")
        self.rtc._set_role(role)
        parameters = aio.RTCDtlsParameters(
            fingerprints=[aio.RTCDtlsFingerprint(f.algorithm, f.value) for f in fingerprints]
        )
        await self.rtc.start(parameters)
        if self.state != "connected":
            if not self._closing:
                await self.rtc.farewell()
            raise HandshakeError(self.reason or f"the association is {self.state}")

    def feed(self, datagram: bytes) -> None:
        """Take a datagram from the peer; dropped and counted when empty, too late or over the bound."""
        if self._pipe.closed or not datagram:
            self.counters["too late"] += 1
        elif len(self._pipe.queue) >= QUEUE_LIMIT:
            self.counters["queue full"] += 1
        else:
            self._pipe.queue.append(datagram)
            self._pipe.wake()

    async def close(self) -> None:
        """Say goodbye to the peer and end the pump; a second time is no error."""
        if self._closing:
            return
        self._closing = True
        pump = self.rtc._task
        await self.rtc.stop()
        if pump is not None:
            await asyncio.gather(pump, return_exceptions=True)
        self._pipe.closed = True
        self._pipe.queue.clear()
        self._pipe.wake()
        self.rtc.remove_all_listeners()
