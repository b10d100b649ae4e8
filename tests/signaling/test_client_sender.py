"""Sending: marks, extensions, retransmission without a repeated index, sender reports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.ports import Extension, Kind
from media.rtp.header import RtpHeader, parse_extensions, parse_header
from media.rtp.ntp import from_ntp
from media.rtp.rtcp import SenderReport, parse_compound
from signaling.client.publishing import watched_layers
from signaling.client.sender import CACHE_TIME, Encoding, RtpSender, SenderFormat
from signaling.client.sources import EncodedFrame, Layer, RawPacket

IDS = {
    Extension.MID: 1,
    Extension.RID: 2,
    Extension.REPAIRED_RID: 3,
    Extension.TRANSPORT_CC: 4,
    Extension.AUDIO_LEVEL: 6,
}


class Outlet:
    """Keeps what was sent; the "ciphertext" is the packet with a mark before it."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.repeated: list[bytes] = []
        self._number = 0xFFFE

    def send_rtp(self, packet: bytes) -> bytes:
        self.packets.append(packet)
        return b"c" + packet

    def send_ciphertext(self, packet: bytes) -> None:
        self.repeated.append(packet)

    def next_transport_sequence(self) -> int:
        self._number = self._number + 1 & 0xFFFF
        return self._number

    def headers(self) -> list[RtpHeader]:
        return [parse_header(packet) for packet in self.packets]


def video_sender(outlet: Outlet, *, rids: tuple[str, ...] = ("",), rtx: int | None = 97) -> RtpSender:
    encodings = [Encoding(rid, 1000 + n, 2000 + n) for n, rid in enumerate(rids)]
    sender = RtpSender(Kind.VIDEO, "video/vp8", encodings, "cname", outlet, wall_offset=1_000_000.0)
    sender.format = SenderFormat("1", 96, 90_000, rtx, IDS)
    return sender


def frame(rid: str = "", size: int = 3000, timestamp: int = 9000, at: float = 1.0) -> EncodedFrame:
    return EncodedFrame(rid, b"\x10" + bytes(size - 1), timestamp, at, keyframe=True)


def test_a_frame_is_cut_into_equal_packets_with_a_marker_on_the_last() -> None:
    outlet = Outlet()
    video_sender(outlet).push(frame(size=3001), 1.0)
    headers = outlet.headers()
    assert [header.marker for header in headers] == [False, False, True]
    assert len({header.timestamp for header in headers}) == 1
    first = headers[0].sequence
    assert [header.sequence for header in headers] == [(first + n) & 0xFFFF for n in range(3)]
    sizes = [header.payload_end - header.payload_offset for header in headers]
    assert max(sizes) - min(sizes) <= 1


def test_simulcast_packets_name_section_layer_and_transport_number() -> None:
    outlet = Outlet()
    sender = video_sender(outlet, rids=("q", "h"))
    sender.push(frame("q", 100), 1.0)
    sender.push(frame("h", 100), 1.0)
    marks = [parse_extensions(packet, parse_header(packet)) for packet in outlet.packets]
    assert [(mark[1], mark[2]) for mark in marks] == [(b"1", b"q"), (b"1", b"h")]
    assert [mark[4] for mark in marks] == [b"\xff\xff", b"\x00\x00"]
    assert [header.ssrc for header in outlet.headers()] == [1000, 1001]


def test_layers_of_one_instant_have_one_timestamp() -> None:
    outlet = Outlet()
    sender = video_sender(outlet, rids=("q", "h"))
    sender.push(frame("q", 100), 1.0)
    sender.push(frame("h", 100), 1.0)
    assert len({header.timestamp for header in outlet.headers()}) == 1


def test_a_frame_without_a_layer_of_its_name_is_counted() -> None:
    outlet = Outlet()
    sender = video_sender(outlet, rids=("q", "h"))
    sender.push(frame("f"), 1.0)
    assert (sender.dropped, outlet.packets) == (1, [])


def test_nothing_leaves_before_the_format_is_agreed() -> None:
    outlet = Outlet()
    sender = video_sender(outlet)
    sender.format = None
    sender.push(frame(), 1.0)
    assert (sender.dropped, outlet.packets) == (1, [])


@pytest.mark.parametrize(("level", "octet"), [(20, 0x80 | 20), (127, 127)])
def test_sound_carries_its_level(level: int, octet: int) -> None:
    outlet = Outlet()
    sender = RtpSender(Kind.AUDIO, "audio/opus", [Encoding("", 5, None)], "c", outlet, wall_offset=0.0)
    sender.format = SenderFormat("2", 111, 48_000, None, IDS)
    sender.push(EncodedFrame("", b"opus", 960, 1.0, level=level), 1.0)
    packet = outlet.packets[0]
    assert parse_extensions(packet, parse_header(packet))[6] == bytes((octet,))
    assert not parse_header(packet).marker


def test_a_lost_packet_comes_again_as_rtx() -> None:
    outlet = Outlet()
    sender = video_sender(outlet, rids=("q", "h"))
    sender.push(frame("h", 100), 1.0)
    lost = outlet.headers()[0]
    original = outlet.packets[0][lost.payload_offset :]
    sender.nack(lost.ssrc, [lost.sequence], 1.1)
    again = outlet.packets[1]
    header = parse_header(again)
    assert (header.ssrc, header.payload_type, header.timestamp) == (2001, 97, lost.timestamp)
    assert again[header.payload_offset :] == lost.sequence.to_bytes(2, "big") + original
    assert parse_extensions(again, header)[3] == b"h"
    assert sender.encodings["h"].retransmitted == 1


def test_without_rtx_the_ciphertext_itself_comes_again() -> None:
    outlet = Outlet()
    sender = video_sender(outlet, rtx=None)
    sender.push(frame(size=100), 1.0)
    lost = outlet.headers()[0]
    sender.nack(lost.ssrc, [lost.sequence], 1.1)
    assert outlet.repeated == [b"c" + outlet.packets[0]]
    assert len(outlet.packets) == 1


def test_what_is_too_old_or_asked_twice_at_once_stays_away() -> None:
    outlet = Outlet()
    sender = video_sender(outlet)
    sender.push(frame(size=100), 1.0)
    lost = outlet.headers()[0]
    sender.nack(lost.ssrc, [lost.sequence, lost.sequence], 1.1)
    assert sender.encodings[""].retransmitted == 1
    sender.nack(lost.ssrc, [lost.sequence], 1.0 + CACHE_TIME + 0.1)
    assert sender.encodings[""].retransmitted == 1
    assert sender.encodings[""].unanswered == 1


@given(
    st.lists(
        st.one_of(
            st.integers(1, 5000).map(lambda size: ("frame", size)),
            st.lists(st.integers(0, 0xFFFF), max_size=20).map(lambda numbers: ("nack", numbers)),
        ),
        max_size=40,
    ),
    st.booleans(),
)
def test_no_index_is_ever_protected_twice(steps: list[tuple[str, object]], rtx: bool) -> None:
    """RFC 7714, 8.2: whatever is sent and asked for, (SSRC, sequence) goes to SRTP once."""
    outlet = Outlet()
    sender = video_sender(outlet, rtx=97 if rtx else None)
    now = 1.0
    for kind, value in steps:
        now += 0.03
        if kind == "frame":
            assert isinstance(value, int)
            sender.push(frame(size=value, timestamp=int(now * 90_000), at=now), now)
        else:
            assert isinstance(value, list)
            sent = [header.sequence for header in outlet.headers() if header.ssrc == 1000]
            sender.nack(1000, [sent[number % len(sent)] for number in value] if sent else value, now)
    indices = [(header.ssrc, header.sequence) for header in outlet.headers()]
    assert len(indices) == len(set(indices))


def test_the_cache_is_bounded() -> None:
    outlet = Outlet()
    sender = video_sender(outlet)
    for number in range(2000):
        sender.push(frame(size=100, timestamp=number), 1.0 + number * 0.0001)
    assert len(sender.encodings[""].cache) == 512


def test_a_sender_report_ties_the_rtp_clock_to_the_wall_clock() -> None:
    outlet = Outlet()
    sender = video_sender(outlet)
    sender.push(frame(size=100, timestamp=90_000, at=10.0), 10.02)
    compound = parse_compound(sender.reports(11.0)[0])
    report = next(packet for packet in compound if isinstance(packet, SenderReport))
    assert from_ntp(report.ntp) == pytest.approx(1_000_011.0, abs=1e-3)
    assert (report.rtp_timestamp - outlet.headers()[0].timestamp) & 0xFFFFFFFF == 90_000
    assert (report.packets, report.octets) == (1, 104)


def test_raw_packets_go_as_they_are() -> None:
    outlet = Outlet()
    sender = video_sender(outlet)
    sender.push(RawPacket("", b"\x90\x80\x80\x01x", 77, marker=True, sequence=40_000, padding=8), 1.0)
    sender.push(RawPacket("", b"\x90\x80\x80\x02y", 78), 1.0)
    first, second = outlet.headers()
    assert (first.sequence, first.timestamp, first.marker) == (40_000, 77, True)
    assert first.payload_end == len(outlet.packets[0]) - 8
    assert second.sequence == 40_001


@pytest.mark.parametrize(
    ("rids", "qualities", "right"),
    [
        ("qhf", [0, 1, 2], "qhf"),
        ("qhf", [0], "q"),
        ("qhf", [2], "f"),
        ("qh", [2], "h"),
        ("qh", [0, 2], "qh"),
        ("h", [0], "h"),
        ("qhf", [], ""),
        ("", [2], ""),
    ],
)
def test_qualities_mean_layers(rids: str, qualities: list[int], right: str) -> None:
    layers = [Layer(rid, 1, 1, 1) for rid in rids]
    assert watched_layers(layers, qualities) == frozenset(right)
