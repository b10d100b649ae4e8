"""Data channels: order, sizes, bounds, and hostile packets from a peer that has the keys."""

from __future__ import annotations

import asyncio
import inspect
import struct
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from aiortc import rtcsctptransport as aio
from google_crc32c import value as crc32c
from hypothesis import given, settings
from hypothesis import strategies as st
from test_dtls import ends, shake
from transport_harness import SECTION, nothing_left, until

from media.errors import DataChannelError, PacketError
from media.sctp import LOSSY_LIMIT, RELIABLE_LIMIT, DataTransport
from media.sctp_checks import MAX_STREAMS, Sack, check_packet
from media.sctp_transport import MAX_CHANNELS, MAX_OFFENCES, MAX_STORED_CHUNKS


class Side:
    """A data transport and what it told."""

    def __init__(self, end) -> None:
        self.end = end
        self.messages: list = []
        self.opened: list = []
        self.closed: list = []
        self.data = DataTransport(
            end.dtls,
            lambda number, label, payload: self.messages.append((label, payload)),
            lambda number, label: self.opened.append(label),
            lambda number, label: self.closed.append(label),
        )

    @property
    def rtc(self):
        return self.data._rtc


@asynccontextmanager
async def pair(start: bool = True):
    """Two connected data transports; fails when something is left behind."""
    async with nothing_left():
        server, client = ends()
        await shake(server, client)
        a, b = Side(server), Side(client)
        try:
            if start:
                await asyncio.gather(a.data.start(SECTION), b.data.start(SECTION))
                await until(lambda: a.data.state == b.data.state == "connected")
            yield a, b
        finally:
            for side in (a, b):
                await side.data.close()
                await side.end.dtls.close()


async def opened(a: Side, b: Side, label: str = "x", **options) -> int:
    number = a.data.open(label, **options)
    await until(lambda: label in a.opened and label in b.opened)
    return number


@pytest.mark.parametrize("size", [0, 1, 1160, 1161, 15_000, 60_000, 262_144])
async def test_sizes(size):
    async with pair() as (a, b):
        channel = await opened(a, b)
        payload = bytes(i % 251 for i in range(size))
        a.data.send(channel, payload)
        a.data.send(channel, "x" * size)
        await until(lambda: len(b.messages) == 2)
        assert b.messages == [("x", payload), ("x", "x" * size)]


async def test_thousand_in_order_and_with_loss():
    async with pair() as (a, b):
        channel = await opened(a, b)
        lost = Counter()

        def loses(datagram) -> bool:
            lost["seen"] += 1
            return lost["seen"] % 40 == 7

        a.end.loses = loses
        expected = [("x", b"%d" % number) for number in range(1000)]
        for _, payload in expected:
            a.data.send(channel, payload)
        await until(lambda: len(b.messages) == 1000, 30)
        assert b.messages == expected


async def test_lossy_channel_loses_and_goes_on():
    async with pair() as (a, b):
        channel = await opened(a, b, ordered=False, max_retransmits=0)
        lost = []
        a.end.loses = lambda datagram: len(datagram) > 500 and lost.append(datagram) is None
        assert a.data.send(channel, bytes(600))
        await until(lambda: lost)
        a.end.loses = lambda datagram: False
        assert a.data.send(channel, b"next")
        await until(lambda: ("x", b"next") in b.messages)
        assert len(b.messages) == 1


async def test_ids_follow_the_dtls_role():
    async with pair() as (a, b):
        await opened(a, b, "from the server")
        await opened(b, a, "from the client")
        assert sorted(a.rtc._data_channels) == [0, 1]
        assert a.rtc._data_channels[1].label == "from the server"


async def test_open_and_send_before_the_association():
    async with pair(start=False) as (a, b):
        reliable = a.data.open("r")
        lossy = a.data.open("l", ordered=False, max_retransmits=0)
        assert a.data.send(reliable, b"early")
        assert a.data.send(reliable, "text")
        assert not a.data.send(lossy, b"dropped")
        assert a.data.buffered(reliable) == 9
        await asyncio.gather(a.data.start(SECTION), b.data.start(SECTION))
        await until(lambda: len(b.messages) == 2)
        assert b.messages == [("r", b"early"), ("r", "text")]
        assert a.data.counters["lossy dropped"] == 1


async def test_bounds_of_a_channel():
    async with pair() as (a, b):
        reliable = await opened(a, b, "r")
        lossy = await opened(a, b, "l", ordered=False, max_retransmits=0)
        a.end.peer = None  # nothing gets through
        with pytest.raises(DataChannelError, match="over the peer's"):
            a.data.send(reliable, bytes(262_145))
        sent = [a.data.send(lossy, bytes(30_000)) for _ in range(8)]
        assert sent[0]
        assert not sent[-1]
        assert a.data.buffered(lossy) <= LOSSY_LIMIT
        assert a.data.counters["lossy dropped"] == sent.count(False)
        while a.data.buffered(reliable) + 200_000 <= RELIABLE_LIMIT:
            assert a.data.send(reliable, bytes(200_000))
        with pytest.raises(DataChannelError, match="too much"):
            a.data.send(reliable, bytes(200_000))
        assert a.data.buffered(reliable) <= RELIABLE_LIMIT
        assert a.data.counters["reliable refused"] == 1


async def test_find_prefers_our_own_channel():
    async with pair() as (a, b):
        ours = await opened(a, b, "x")
        await opened(b, a, "x")
        assert a.data.find("x") == ours
        assert b.data.find("x") != b.data.find("y") is None


async def test_close_of_a_channel_and_of_the_association():
    async with pair() as (a, b):
        first = await opened(a, b, "first")
        await opened(a, b, "second")
        a.data.close_channel(first)
        a.data.close_channel(999)
        await until(lambda: a.closed == b.closed == ["first"])
        with pytest.raises(DataChannelError, match="not open"):
            a.data.send(first, b"")
        assert a.data.buffered(first) == 0
        await a.data.close()
        await until(lambda: b.closed == ["first", "second"])
        assert a.closed == ["first", "second"]
        assert b.data.state == "closed"
        with pytest.raises(DataChannelError, match="closed"):
            b.data.open("late")


@pytest.mark.parametrize("label", ["é", "x" * 256])
async def test_bad_labels(label):
    async with pair(start=False) as (a, _):
        with pytest.raises(DataChannelError):
            a.data.open(label)


# -- hostile peers -------------------------------------------------------------------


def packet(*chunks: bytes, tag: int = 0) -> bytes:
    header = struct.pack("!HHL", 5000, 5000, tag)
    body = b"".join(chunk + bytes(-len(chunk) % 4) for chunk in chunks)
    return header + struct.pack("<L", crc32c(header + bytes(4) + body)) + body


def chunk(kind: int, body: bytes = b"", length: int | None = None, flags: int = 0) -> bytes:
    return struct.pack("!BBH", kind, flags, 4 + len(body) if length is None else length) + body


def data_chunk(
    tsn: int, payload: bytes, stream: int = 0, flags: int = 3, ppid: int = 53, seq: int = 0
) -> bytes:
    return chunk(0, struct.pack("!LHHL", tsn % (1 << 32), stream, seq, ppid) + payload, flags=flags)


INIT = struct.pack("!LLHHL", 1, 100_000, 10, 10, 1)

MALFORMED = {
    "short": b"\x13\x88",
    "wrong checksum": packet(chunk(11))[:-1] + b"\x01",
    "no chunk": packet(),
    "chunk of length 0": packet(chunk(11, length=0)),
    "chunk beyond the end": packet(chunk(11, length=5)),
    "parameter of length 0, an endless loop": packet(chunk(1, INIT + bytes(8))),
    "heartbeat with the same": packet(chunk(4, bytes(4))),
    "abort with the same": packet(chunk(6, bytes(4))),
    "parameter beyond the end": packet(chunk(9, struct.pack("!HH", 1, 9) + bytes(4))),
    "too many parameters": packet(chunk(9, struct.pack("!HH", 1, 4) * 65)),
    "INIT too short": packet(chunk(1, INIT[:-1])),
    "INIT without a tag": packet(chunk(1, bytes(4) + INIT[4:])),
    "INIT without streams": packet(chunk(1, INIT[:8] + bytes(4) + INIT[12:])),
    "INIT with company": packet(chunk(11), chunk(1, INIT)),
    "DATA without data": packet(data_chunk(1, b"")),
    "DATA of eight bytes": packet(chunk(0, bytes(8))),
    "DATA on a far stream": packet(data_chunk(1, b"x", stream=MAX_STREAMS)),
    "SACK too short": packet(chunk(3, bytes(8))),
    "SACK that counts beyond its end": packet(chunk(3, struct.pack("!LLHH", 1, 1, 9, 0))),
    "SACK with gaps out of order": packet(chunk(3, struct.pack("!LLHHHHHH", 1, 1, 2, 0, 5, 9, 2, 3))),
    "SACK with a gap turned round": packet(chunk(3, struct.pack("!LLHHHH", 1, 1, 1, 0, 9, 5))),
    "FORWARD TSN of three bytes": packet(chunk(192, bytes(3))),
    "FORWARD TSN of a far stream": packet(chunk(192, struct.pack("!LHH", 1, MAX_STREAMS, 0))),
    "SHUTDOWN without number": packet(chunk(7)),
    "re-configuration too short": packet(chunk(130, struct.pack("!HH", 13, 8) + bytes(4))),
    "re-configuration of an odd length": packet(chunk(130, struct.pack("!HH", 13, 17) + bytes(13))),
    "too many chunks": packet(*[chunk(11)] * 129),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_packets_are_refused(name):
    with pytest.raises(PacketError):
        check_packet(MALFORMED[name])


def test_sound_packets_pass():
    sack = chunk(3, struct.pack("!LLHHHHHHL", 9, 1, 2, 1, 2, 3, 5, 5, 8))
    assert check_packet(packet(sack)) == [Sack(9, ((2, 3), (5, 5)))]
    assert check_packet(packet(chunk(1, INIT + struct.pack("!HH", 0xC000, 4)))) == []
    assert check_packet(packet(chunk(77, b"unknown"), data_chunk(1, b"x"))) == []


@given(st.integers(0, 255), st.binary(max_size=120))
@settings(max_examples=300, deadline=None)
def test_what_passes_the_checks_is_parsed_in_time(kind, body):
    """Whatever our checks let through, aiortc's parser reads without an endless loop or another error."""
    data = packet(chunk(kind, body))
    try:
        check_packet(data)
    except PacketError:
        return
    aio.parse_packet(data)
    for part in aio.parse_packet(data)[3]:
        if isinstance(part, aio.ReconfigChunk):
            for name, value in part.params:
                cls = aio.RECONFIG_PARAM_TYPES.get(name)
                if cls is not None:
                    cls.parse(value)


def hostile(a: Side, *chunks: bytes) -> bytes:
    return packet(*chunks, tag=a.rtc._local_verification_tag)


def stored(side: Side) -> int:
    return sum(len(stream.reassembly) for stream in side.rtc._inbound_streams.values())


async def still_works(a: Side, b: Side) -> None:
    label = f"check {len(a.opened)}"
    channel = await opened(b, a, label)
    b.data.send(channel, b"still here")
    await until(lambda: (label, b"still here") in a.messages)


async def test_hostile_packets_change_nothing():
    async with pair() as (a, b):
        handle = a.rtc._handle_data
        for data in MALFORMED.values():
            await handle(data[:4] + struct.pack("!L", a.rtc._local_verification_tag) + data[8:])
            await handle(data)
        newest = a.rtc._local_tsn - 1
        for cumulative, gap in [(newest + 1, (1, 1)), (newest, (1, 65535)), (newest - 2, (3, 3))]:
            body = struct.pack("!LLHHHH", cumulative % (1 << 32), 1, 1, 0, *gap)
            await handle(hostile(a, chunk(3, body)))
        assert a.data.counters["sctp malformed"] == 2 * len(MALFORMED) + 3
        await still_works(a, b)


async def test_bad_channel_messages_are_dropped_one_by_one():
    async with pair() as (a, b):
        await opened(b, a, "x")
        before = a.rtc._last_received_tsn
        open_again = b"\x03" + bytes(7) + b"\x00\x01\x00\x00y"
        long_label = b"\x03" + bytes(7) + b"\x01\x00\x00\x00" + bytes(256)
        cut_label = b"\x03" + bytes(7) + b"\x00\x09\x00\x00y"
        bad_label = b"\x03" + bytes(7) + b"\x00\x01\x00\x00\xff"
        bad = [
            (0, 50, open_again),
            (2, 50, long_label),
            (2, 50, cut_label),
            (2, 50, bad_label),
            (2, 50, b"\x02"),
            (2, 50, b"\x07"),
            (0, 51, b"\xff\xfe"),
        ]
        for place, (stream, ppid, payload) in enumerate(bad):
            # Behind each bad message in the same packet, a good one.
            tsn = before + 1 + 2 * place
            first = data_chunk(tsn, payload, stream, flags=7, ppid=ppid)
            await a.rtc._handle_data(hostile(a, first, data_chunk(tsn + 1, b"%d" % place, 0, flags=7)))
        assert a.messages == [("x", b"%d" % place) for place in range(len(bad))]
        assert sum(a.data.counters[f"sctp {n}"] for n in ("bad message", "bad channel open")) == 5
        assert a.data.counters["sctp bad channel message"] == 2


async def test_channels_are_bounded():
    async with pair() as (a, b):
        for number in range(MAX_CHANNELS + 3):
            b.data.open(f"c{number}")
        await until(lambda: a.data.counters["sctp too many channels"] == 3)
        assert len(a.opened) == MAX_CHANNELS


async def test_fragments_kept_are_bounded():
    async with pair() as (a, _):
        last = a.rtc._last_received_tsn
        for place in range(0, 3 * MAX_STORED_CHUNKS, 16):
            parts = [data_chunk(last + 3 + 2 * (place + i), b"x", flags=6) for i in range(16)]
            await a.rtc._handle_data(hostile(a, *parts))
        assert stored(a) == MAX_STORED_CHUNKS
        assert a.data.counters["sctp out of window"] == 2 * MAX_STORED_CHUNKS
        # The acknowledgement with more than 1,000 gaps still fits a packet.
        assert max(map(len, a.end.sent)) < 1300
        await a.rtc._handle_data(hostile(a, data_chunk(last + 100_000, b"x", flags=6)))
        assert stored(a) == MAX_STORED_CHUNKS


async def test_message_without_end_aborts():
    async with pair() as (a, b):
        b.end.peer, channel = None, 0
        tsn = a.rtc._last_received_tsn
        for place in range(1300):
            tsn += 1
            await a.rtc._handle_data(
                hostile(a, data_chunk(tsn, bytes(1160), channel, flags=6 if place == 0 else 4))
            )
            if a.data.state == "closed":
                break
        assert a.data.state == "closed"
        assert a.data.counters["sctp aborted"] == 1
        await a.rtc._handle_data(hostile(a, chunk(11)))
        assert a.data.counters["sctp after the end"] == 1


async def test_endless_offences_abort():
    async with pair() as (a, _):
        for _ in range(MAX_OFFENCES + 1):
            await a.rtc._handle_data(b"")
        assert a.data.state == "closed"
        assert a.end.dtls.state == "connected"


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_random_chunks_raise_nothing_and_leave_nothing(data):
    async def run() -> None:
        async with pair() as (a, b):
            b.end.peer = None
            for _ in range(data.draw(st.integers(1, 8))):
                kind = data.draw(st.sampled_from([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 14, 130, 192]))
                body = data.draw(st.binary(max_size=60))
                if kind in (0, 3, 192) and len(body) >= 4:
                    near = a.rtc._last_received_tsn if kind != 3 else a.rtc._local_tsn
                    body = struct.pack("!L", (near + data.draw(st.integers(-3, 3))) % (1 << 32)) + body[4:]
                tag = 0 if kind == 1 else a.rtc._local_verification_tag
                await a.rtc._handle_data(
                    packet(chunk(kind, body, flags=data.draw(st.integers(0, 7))), tag=tag)
                )

    asyncio.run(run())


async def test_timer_that_fails_is_counted():
    async with pair() as (a, _):
        a.rtc._loop.call_later(0, lambda: 1 / 0)
        await until(lambda: a.data.counters["sctp handler error"] == 1)


def test_private_names_of_aiortc_are_as_known():
    """What ``media.sctp_transport`` replaces or reads: notices when the library changes one of them."""
    cls = aio.RTCSctpTransport
    for name, parameters in {
        "_handle_data": ["self", "data"],
        "_receive_data_chunk": ["self", "chunk"],
        "_receive": ["self", "stream_id", "pp_id", "data"],
        "_send_chunk": ["self", "chunk"],
        "_set_state": ["self", "state"],
        "_update_rto": ["self", "R"],
    }.items():
        assert list(inspect.signature(getattr(cls, name)).parameters) == parameters, name
    source = inspect.getsource(cls)
    for name in (
        "_association_state",
        "_inbound_streams",
        "_inbound_streams_max",
        "_last_received_tsn",
        "_local_tsn",
        "_advertised_rwnd",
        "_sack_needed",
        "_rto",
        "_srtt",
        "_rttvar",
        "_data_channels",
    ):
        assert f"self.{name}" in source, name
    assert "asyncio.get_event_loop()" not in source.replace("self._loop = asyncio.get_event_loop()", "")
    assert {line.split("(")[0].strip() for line in source.split("self._loop.")[1:]} == {"call_later"}
    assert "self.reassembly" in inspect.getsource(aio.InboundStream)
    assert (aio.WEBRTC_DCEP, aio.DATA_CHANNEL_OPEN) == (50, 3)
    # The odd and even ids follow the DTLS role since 1.16 (RFC 8832, 6).
    assert "transport._role" in inspect.getsource(cls.is_server.fget)
