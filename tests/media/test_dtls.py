"""DTLS between two of our associations over a pipe in memory."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import asynccontextmanager

import pytest
from aiortc import rtcdtlstransport as aio
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from transport_harness import nothing_left, until

from media.dtls import MTU, QUEUE_LIMIT, Certificate, DtlsAssociation, HandshakeError, split_records
from media.errors import MediaError
from media.sdp.types import Fingerprint

CERTIFICATE = Certificate.generate()
OTHER = Certificate.generate()


class End:
    """One association, what it sent and what it said."""

    def __init__(self, certificate: Certificate = CERTIFICATE, **options) -> None:
        self.certificate = certificate
        self.keys: list = []
        self.states: list = []
        self.sent: list[bytes] = []
        self.data: list[bytes] = []
        self.peer: End | None = None
        self.loses = lambda datagram: False
        self.dtls = DtlsAssociation(
            certificate, self.send, self.keys.append, lambda *said: self.states.append(said), **options
        )

    def send(self, datagram: bytes) -> None:
        self.sent.append(datagram)
        if self.peer is not None and not self.loses(datagram):
            self.peer.dtls.feed(datagram)

    async def _handle_data(self, data: bytes) -> None:
        self.data.append(data)
        if data == b"raise":
            raise AssertionError("hostile")


def ends(server: End | None = None, client: End | None = None) -> tuple[End, End]:
    server, client = server or End(), client or End(OTHER)
    server.peer, client.peer = client, server
    return server, client


async def shake(server: End, client: End):
    return await asyncio.gather(
        server.dtls.start("server", client.certificate.fingerprints),
        client.dtls.start("client", server.certificate.fingerprints),
        return_exceptions=True,
    )


@asynccontextmanager
async def closing(*both: End):
    async with nothing_left():
        try:
            yield
        finally:
            for end in both:
                await end.dtls.close()


async def test_handshake_gives_both_the_same_keys_and_no_session():
    server, client = ends()
    async with closing(server, client):
        assert await shake(server, client) == [None, None]
        [ours], [theirs] = server.keys, client.keys
        assert ours.profile == theirs.profile == "SRTP_AEAD_AES_128_GCM"
        assert (ours.rx, ours.tx) == (theirs.tx, theirs.rx)
        assert len(ours.rx) == 28
        assert repr(ours.rx)[2:-1] not in repr(ours)
        assert server.dtls.rtc._rx_srtp is None
        assert server.dtls.rtc._tx_srtp is None
        assert server.states == [("connecting", ""), ("connected", "")]
        assert all(len(datagram) <= MTU for datagram in server.sent + client.sent)
    assert server.dtls.state == "closed"


@pytest.mark.parametrize(
    ("server", "client", "chosen", "size"),
    [
        (["SRTP_AES128_CM_SHA1_80", "SRTP_AEAD_AES_128_GCM"], None, "SRTP_AES128_CM_SHA1_80", 30),
        (["SRTP_AEAD_AES_256_GCM"], None, "SRTP_AEAD_AES_256_GCM", 44),
        (None, ["SRTP_AES128_CM_SHA1_80", "SRTP_AEAD_AES_256_GCM"], "SRTP_AEAD_AES_256_GCM", 44),
    ],
)
async def test_the_server_chooses_the_profile(server, client, chosen, size):
    server = End(profiles=server) if server else End()
    client = End(OTHER, profiles=client) if client else End(OTHER)
    ends(server, client)
    async with closing(server, client):
        await shake(server, client)
        assert [server.keys[0].profile, len(server.keys[0].tx)] == [chosen, size]


async def test_no_common_profile_is_a_reason():
    server, client = ends(
        End(profiles=["SRTP_AES128_CM_SHA1_80"]), End(OTHER, profiles=["SRTP_AEAD_AES_128_GCM"])
    )
    async with closing(server, client):
        failed, _ = await shake(server, client)
        assert isinstance(failed, HandshakeError)
        assert str(failed) == server.dtls.reason == "no common SRTP profile"
        assert server.keys == []


def fingerprints(certificate: Certificate, *algorithms: str, spoil: str = "") -> list[Fingerprint]:
    digests = {"sha-256": hashes.SHA256(), "sha-512": hashes.SHA512(), "sha-1": hashes.SHA1()}  # noqa: S303
    result = []
    for algorithm in algorithms:
        value = certificate.shared._cert.fingerprint(digests[algorithm.lower()]).hex(":").upper()
        result.append(Fingerprint(algorithm, "00" + value[2:] if algorithm == spoil else value))
    return result


@pytest.mark.parametrize(
    ("said", "valid"),
    [
        (fingerprints(OTHER, "sha-256"), True),
        (fingerprints(OTHER, "SHA-256"), True),
        (fingerprints(OTHER, "sha-512"), True),
        (fingerprints(OTHER, "sha-1", "sha-256"), True),
        (fingerprints(OTHER, "sha-256", "sha-512", spoil="sha-512"), False),
        (fingerprints(OTHER, "sha-1"), False),
        (fingerprints(CERTIFICATE, "sha-256"), False),
        ([Fingerprint("sha-256", "")], False),
    ],
)
async def test_fingerprints(said, valid):
    server, client = ends()
    async with closing(server, client):
        outcome, _ = await asyncio.gather(
            server.dtls.start("server", said),
            client.dtls.start("client", CERTIFICATE.fingerprints),
            return_exceptions=True,
        )
        assert (outcome is None) == valid
        if not valid:
            assert "fingerprint" in str(outcome)
            assert isinstance(outcome, MediaError)
            assert (server.keys, server.dtls.state) == ([], "failed")
            await until(lambda: client.dtls.state == "closed")


async def test_no_fingerprint_or_a_second_start():
    server, client = ends()
    async with closing(server, client):
        with pytest.raises(HandshakeError, match="no fingerprint"):
            await server.dtls.start("server", [])
        await shake(server, client)
        with pytest.raises(HandshakeError, match="connected already"):
            await server.dtls.start("server", CERTIFICATE.fingerprints)


async def test_flight_with_a_large_certificate_is_not_lost():
    """A certificate of 4,096 bit RSA makes a flight of several datagrams."""
    large = Certificate.generate(key=rsa.generate_private_key(65537, 4096))
    server, client = ends(End(large), End(OTHER))
    async with closing(server, client):
        assert await shake(server, client) == [None, None]
        assert sum(map(len, server.sent)) > 1500
        assert all(len(datagram) <= MTU for datagram in server.sent)


@pytest.mark.parametrize("lost", [0, 1])
async def test_lost_flight_is_sent_again(lost):
    server, client = ends()
    server.loses = lambda datagram: len(server.sent) == lost + 1
    async with closing(server, client):
        assert await shake(server, client) == [None, None]


async def test_garbage_during_the_handshake_does_no_harm():
    server, client = ends()
    async with closing(server, client):
        for datagram in (
            b"\x16",
            b"\x16\xfe\xfd" + bytes(40),
            b"\x15\xfe\xfd" + bytes(20),
            bytes([63]) * 1200,
        ):
            server.dtls.feed(datagram)
        assert await shake(server, client) == [None, None]


async def test_records_of_one_datagram_are_all_read():
    server, client = ends()
    async with closing(server, client):
        await shake(server, client)
        server.dtls.rtc._register_data_receiver(server)
        client.peer = None
        await client.dtls.rtc._send_data(b"one")
        await client.dtls.rtc._send_data(b"two")
        server.dtls.feed(b"".join(client.sent[-2:]))
        await until(lambda: server.data == [b"one", b"two"])


async def test_exception_in_the_data_handler_closes_nothing():
    server, client = ends()
    async with closing(server, client):
        await shake(server, client)
        await client.dtls.rtc._send_data(b"before there is a receiver")
        await until(lambda: server.dtls.counters["data before its receiver"] == 1)
        server.dtls.rtc._register_data_receiver(server)
        await client.dtls.rtc._send_data(b"raise")
        await client.dtls.rtc._send_data(b"fine")
        await until(lambda: server.data == [b"raise", b"fine"])
        assert server.dtls.counters["data handler error"] == 1
        assert server.dtls.state == "connected"


async def test_goodbye_of_the_peer_closes():
    server, client = ends()
    async with closing(server, client):
        await shake(server, client)
        await client.dtls.close()
        await client.dtls.close()
        await until(lambda: server.dtls.state == "closed")
        assert server.states[-1] == ("closed", "closed by the peer")
        await server.dtls.rtc._send_data(b"too late")
        assert server.dtls.counters["data unsent"] == 1
        assert [state for state, _ in client.states] == ["connecting", "connected"]


async def test_replayed_and_forged_records_are_passed_over():
    server, client = ends()
    async with closing(server, client):
        await shake(server, client)
        server.dtls.rtc._register_data_receiver(server)
        await client.dtls.rtc._send_data(b"once")
        record = client.sent[-1]
        server.dtls.feed(record)
        server.dtls.feed(record[:-1] + bytes([record[-1] ^ 1]))
        server.dtls.feed(b"\x15\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x09\x00\x02\x02\x28")  # plain fatal alert
        await client.dtls.rtc._send_data(b"again")
        await until(lambda: server.data == [b"once", b"again"])


async def test_queue_is_bounded():
    server = End()
    async with closing(server):
        for _ in range(QUEUE_LIMIT + 5):
            server.dtls.feed(b"\x16")
        server.dtls.feed(b"")
        assert server.dtls.counters == {"queue full": 5, "too late": 1}


async def test_cancelled_handshake_and_close_leave_nothing():
    server = End()
    async with closing(server):
        start = asyncio.create_task(server.dtls.start("client", OTHER.fingerprints))
        await until(lambda: server.sent)
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)
    assert server.dtls.state == "closed"
    server.dtls.feed(b"\x16")
    assert server.dtls.counters == {"too late": 1}


async def test_close_ends_a_waiting_handshake():
    server = End()
    async with closing(server):
        start = asyncio.create_task(server.dtls.start("server", OTHER.fingerprints))
        await until(lambda: server.states)
        await server.dtls.close()
        with pytest.raises(HandshakeError):
            await start


def record(size: int, kind: int = 22) -> bytes:
    return bytes([kind, 254, 253]) + bytes(8) + size.to_bytes(2, "big") + bytes(size)


@pytest.mark.parametrize(
    ("records", "sizes"),
    [
        ([], []),
        ([record(10)], [23]),
        ([record(10), record(20)], [56]),
        ([record(87), record(87)], [100, 100]),
        ([record(40), record(40), record(10)], [53, 76]),
        ([record(500)], [513]),
        ([record(10), record(500), record(10)], [23, 513, 23]),
        ([record(10), b"\x16\xfe"], [25]),
        ([b"\xff" * 30], [30]),
    ],
)
def test_split_records(records, sizes):
    whole = b"".join(records)
    datagrams = split_records(whole, limit=100)
    assert [len(datagram) for datagram in datagrams] == sizes
    assert b"".join(datagrams) == whole


@settings(deadline=None)
@given(st.lists(st.integers(0, 300)), st.binary(max_size=30))
def test_split_loses_nothing(sizes, rest):
    whole = b"".join(map(record, sizes)) + rest
    datagrams = split_records(whole, limit=200)
    assert b"".join(datagrams) == whole
    assert all(datagrams)


def test_certificate():
    [fingerprint] = CERTIFICATE.fingerprints
    assert (fingerprint.algorithm, len(fingerprint.value)) == ("sha-256", 95)
    assert fingerprint.value == fingerprint.value.upper()
    assert OTHER.fingerprints != CERTIFICATE.fingerprints
    profiles = aio.SRTP_PROFILES[:1]
    assert CERTIFICATE.shared._create_ssl_context(profiles) is CERTIFICATE.shared._create_ssl_context(
        profiles
    )
    dated = Certificate.generate(1_000_000_000.0).shared._cert
    assert dated.not_valid_before_utc.timestamp() == 1_000_000_000 - 86400


def test_private_names_of_aiortc_are_as_known():
    """What ``media.dtls`` replaces or calls: notices when the library changes one of them."""
    source = inspect.getsource(aio.RTCDtlsTransport)
    cls = aio.RTCDtlsTransport
    for name, parameters in {
        "_do_handshake": ["self"],
        "_validate_peer_identity": ["self", "remoteParameters"],
        "_setup_srtp": ["self"],
        "_recv_next": ["self"],
        "_send_data": ["self", "data"],
        "_write_ssl": ["self"],
        "_set_role": ["self", "role"],
        "_set_state": ["self", "state"],
        "_register_data_receiver": ["self", "receiver"],
    }.items():
        assert list(inspect.signature(getattr(cls, name)).parameters) == parameters, name
    for name in ("_data_receiver", "_role", "_state", "_task", "_srtp_profiles", "_ssl", "_rx_srtp"):
        assert f"self.{name}" in source, name
    assert "await self._recv_next()" in inspect.getsource(cls._RTCDtlsTransport__run)
    assert "transport._recv()" in source
    assert "transport._send(" in source
    context = inspect.signature(aio.RTCCertificate._create_ssl_context)
    assert list(context.parameters) == ["self", "srtp_profiles"]
    assert [p.openssl_profile for p in aio.SRTP_PROFILES] == [
        b"SRTP_AEAD_AES_256_GCM",
        b"SRTP_AEAD_AES_128_GCM",
        b"SRTP_AES128_CM_SHA1_80",
    ]
