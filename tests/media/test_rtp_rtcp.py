"""RTCP: known octets, edge octets, round trips, and another implementation as a judge."""

import pytest
from aiortc import rtp as other
from hypothesis import given
from hypothesis import strategies as st

from media.errors import PacketError
from media.rtp import rtcp
from media.rtp.rtcp import (
    Bye,
    Fir,
    FirEntry,
    Nack,
    Pli,
    ReceiverReport,
    Remb,
    ReportBlock,
    Sdes,
    SdesChunk,
    SenderReport,
    TransportFeedback,
    parse_compound,
)


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


RR = "80c90001 0000000a"
PLI = "81ce0002 00000001 00000002"
CNAME = b"diem-cau1".hex()


@pytest.mark.parametrize(
    ("text", "packets"),
    [
        ("80c00000", []),
        (RR, [ReceiverReport(10, ())]),
        (
            "81c90007 0000000a 0000000b 40fffffe 00010002 00000003 00000004 00000005",
            [ReceiverReport(10, (ReportBlock(11, 64, -2, 0x10002, 3, 4, 5),))],
        ),
        (
            "81c90007 0000000a 0000000b ff7fffff ffffffff ffffffff ffffffff ffffffff",
            [ReceiverReport(10, (ReportBlock(11, 255, 0x7FFFFF, *[0xFFFFFFFF] * 4),))],
        ),
        (
            "80c80006 0000000a e0000001 80000000 00000010 00000020 00000030",
            [SenderReport(10, 0xE000000180000000, 16, 32, 48, ())],
        ),
        ("82cb0002 0000000a 0000000b", [Bye((10, 11))]),
        ("81cb0003 0000000a 04 6279652e 000000", [Bye((10,))]),
        ("81cd0003 00000001 00000002 00640003", [Nack(1, 2, [100, 101, 102])]),
        ("81cd0003 00000001 00000002 ffff8001", [Nack(1, 2, [65535, 0, 15])]),
        ("81cd0002 00000001 00000002", [Nack(1, 2, [])]),
        (PLI, [Pli(1, 2)]),
        ("84ce0004 00000001 00000000 00000002 07000000", [Fir(1, (FirEntry(2, 7),))]),
        (
            "8fce0006 00000001 00000000 52454d42 0207d090 0000000a 0000000b",
            [Remb(1, 0x3D090 << 1, (10, 11))],
        ),
        ("8fcd0003 00000001 00000002 0a0b0c0d", [TransportFeedback(1, 2, octets("0a0b0c0d"))]),
        ("afcd0003 00000001 00000002 0a0b0002", [TransportFeedback(1, 2, octets("0a0b"))]),
        ("80cc0002 00000001 41424344" + PLI, [Pli(1, 2)]),
        ("80c00000" + PLI, [Pli(1, 2)]),
        ("82cd0003 00000001 00000002 00000000" + PLI, [Pli(1, 2)]),
        ("8fce0003 00000001 00000002 41424344" + PLI, [Pli(1, 2)]),
    ],
    ids=[
        "four octets",
        "empty rr",
        "negative loss",
        "greatest values",
        "sr",
        "bye",
        "bye with reason",
        "nack",
        "nack over the wrap",
        "nack of nothing",
        "pli",
        "fir",
        "remb",
        "twcc",
        "twcc padded",
        "app skipped",
        "unknown type skipped",
        "unknown feedback skipped",
        "other application feedback skipped",
    ],
)
def test_parse_compound(text: str, packets: list[rtcp.RtcpPacket]) -> None:
    assert parse_compound(octets(text)) == packets


@pytest.mark.parametrize(
    ("sdes", "items"),
    [
        ("81ca0004 0000000b 0109" + CNAME + "00", ((1, b"diem-cau1"),)),
        ("81ca0006 0000000b 0109" + CNAME + "0605 746f6f6c31 00 00", ((1, b"diem-cau1"), (6, b"tool1"))),
        ("81ca0003 0000000b 0106 616263646566", ((1, b"abcdef"),)),
        ("81ca0003 0000000b 0105 6162636465 00", ((1, b"abcde"),)),
        ("81ca0003 0000000b 0104 61626364 0000", ((1, b"abcd"),)),
        ("81ca0004 0000000b 0106 616263646566 00000000", ((1, b"abcdef"),)),
        ("81ca0002 0000000b 00000000", ()),
        ("81ca0001 0000000b", ()),
        ("81ca0003 0000000b 01ff 616263646566", ()),
        ("81ca0003 0000000b 0104 61626364 01 00", ((1, b"abcd"), (1, b""))),
        ("81ca0003 0000000b 0105 6162636465 01", ((1, b"abcde"),)),
    ],
    ids=[
        "one END octet",
        "with TOOL",
        "no END at all",
        "END ends the packet",
        "two END octets",
        "four END octets",
        "no items",
        "nothing behind the source",
        "item over the packet",
        "empty item",
        "item without a length",
    ],
)
def test_fc_a15_sdes_never_hides_the_packet_behind_it(
    sdes: str, items: tuple[tuple[int, bytes], ...]
) -> None:
    packets = parse_compound(octets(RR) + octets(sdes) + octets(PLI))
    assert packets == [ReceiverReport(10, ()), Sdes((SdesChunk(11, items),)), Pli(1, 2)]


@pytest.mark.parametrize("items", ["0106 616263646566", "0105 6162636465 01", "0105 6162636465 00"])
def test_sdes_may_end_the_datagram(items: str) -> None:
    (packet,) = parse_compound(octets("81ca0003 0000000b") + octets(items))
    assert isinstance(packet, Sdes)
    assert packet.chunks[0].items[0][1].startswith(b"abcde")


def test_a_cut_item_ends_the_reading_of_sdes() -> None:
    text = "82ca0004 0000000b 01ff 6162 0000000c 0101 64 00"
    assert parse_compound(octets(text)) == [Sdes((SdesChunk(11, ()),))]


def test_sdes_of_two_sources() -> None:
    text = "82ca0006 0000000b 0106 616263646566 00000000 0000000c 0101 64 00"
    chunks = (SdesChunk(11, ((1, b"abcdef"),)), SdesChunk(12, ((1, b"d"),)))
    assert parse_compound(octets(text)) == [Sdes(chunks)]


@pytest.mark.parametrize(
    "text",
    [
        "81c90001 0000000a",
        "80c90000",
        "80c80005 0000000a e0000001 80000000 00000010 00000020",
        "81c80006 0000000a e0000001 80000000 00000010 00000020 00000030",
        "82cb0001 0000000a",
        "81cd0001 00000001",
        "81ce0000",
        "8fce0003 00000001 00000000 52454d42",
        "8fce0004 00000001 00000000 52454d42 01000001",
        "a1ce0002 00000001 00000000",
        "a1ce0002 00000001 000000ff",
        "a1ce0002 00000001 00000004",
        "a1ce0000",
    ],
    ids=[
        "rr without its block",
        "rr without its sender",
        "short sr",
        "sr without its block",
        "bye without its second source",
        "nack without its media source",
        "empty pli",
        "remb without numbers",
        "remb without its source",
        "padding 0",
        "padding 255",
        "pli that is padding in part",
        "padding of nothing",
    ],
)
def test_fc_a15_a_body_that_is_too_short_is_passed_over(text: str) -> None:
    assert parse_compound(octets(text) + octets(PLI)) == [Pli(1, 2)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "80c9",
        "80c900",
        "80c90001",
        "80c90001 0000",
        "00c90001 0000000a",
        "40c90001 0000000a",
        "c0c90001 0000000a",
        RR + "81",
        RR + "81ce00",
        RR + "81ce0002 00000001",
        RR + "00000000",
        "80c9ffff 0000000a",
    ],
)
def test_a_broken_frame_is_an_error(text: str) -> None:
    with pytest.raises(PacketError):
        parse_compound(octets(text))


def test_only_the_first_64_packets_are_read() -> None:
    assert len(parse_compound(octets(PLI) * 65)) == 64
    assert len(parse_compound(octets("80cc0000") * 64 + octets(PLI))) == 0


def test_nack_asks_for_a_bounded_number() -> None:
    pairs = octets("0000ffff") * 400
    data = octets("81cd") + (2 + 400).to_bytes(2, "big") + octets("00000001 00000002") + pairs
    (packet,) = parse_compound(data)
    assert isinstance(packet, Nack)
    assert len(packet.lost) == rtcp.MAX_LOST


def test_remb_is_bounded() -> None:
    (packet,) = parse_compound(octets("8fce0004 00000001 00000000 52454d42 00ffffff"))
    assert packet == Remb(1, (1 << 63) - 1, ())


def test_fc_a13_nack_of_a_long_gap_stays_in_small_packets() -> None:
    lost = [(65000 + number) % 65536 for number in range(0, 5000 * 17, 17)]
    packets = rtcp.pack_nack(1, 2, lost)
    assert len(packets) > 1
    assert all(len(packet) <= 1200 for packet in packets)
    parsed = [packet for data in packets for packet in parse_compound(data)]
    assert [number for packet in parsed if isinstance(packet, Nack) for number in packet.lost] == lost


SSRC = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.lists(
    st.builds(
        ReportBlock,
        SSRC,
        st.integers(0, 255),
        st.integers(-0x800000, 0x7FFFFF),
        SSRC,
        SSRC,
        SSRC,
        SSRC,
    ),
    max_size=31,
).map(tuple)


@given(SSRC, st.integers(0, (1 << 64) - 1), SSRC, SSRC, SSRC, BLOCKS)
def test_sender_report_round_trip(
    ssrc: int, ntp: int, timestamp: int, packets: int, sent: int, blocks: tuple[ReportBlock, ...]
) -> None:
    data = rtcp.pack_sender_report(ssrc, ntp, timestamp, packets, sent, blocks)
    assert parse_compound(data) == [SenderReport(ssrc, ntp, timestamp, packets, sent, blocks)]
    (theirs,) = other.RtcpPacket.parse(data)
    assert theirs.sender_info.ntp_timestamp == ntp
    assert [report.packets_lost for report in theirs.reports] == [block.cumulative_lost for block in blocks]


@given(SSRC, BLOCKS)
def test_receiver_report_round_trip(ssrc: int, blocks: tuple[ReportBlock, ...]) -> None:
    data = rtcp.pack_receiver_report(ssrc, blocks)
    assert parse_compound(data) == [ReceiverReport(ssrc, blocks)]
    (theirs,) = other.RtcpPacket.parse(data)
    assert [report.dlsr for report in theirs.reports] == [block.dlsr for block in blocks]


@given(SSRC, st.text(max_size=60))
def test_sdes_round_trip(ssrc: int, cname: str) -> None:
    data = rtcp.pack_sdes_cname(ssrc, cname) + octets(PLI)
    assert parse_compound(data) == [Sdes((SdesChunk(ssrc, ((1, cname.encode()),)),)), Pli(1, 2)]
    theirs = other.RtcpPacket.parse(data)[0]
    assert theirs.chunks[0].items == [(1, cname.encode())]


@given(SSRC, SSRC, st.lists(st.integers(0, 0xFFFF), max_size=600))
def test_nack_round_trip(sender: int, media: int, lost: list[int]) -> None:
    packets = [packet for data in rtcp.pack_nack(sender, media, lost) for packet in parse_compound(data)]
    asked: list[int] = []
    for packet in packets:
        assert isinstance(packet, Nack)
        assert packet[:2] == (sender, media)
        asked += packet.lost
    assert set(asked) == set(lost)
    assert len(asked) <= len(lost)


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=100, unique=True))
def test_another_parser_reads_our_nack(lost: list[int]) -> None:
    (data,) = rtcp.pack_nack(1, 2, lost)
    (theirs,) = other.RtcpPacket.parse(data)
    assert {number % 65536 for number in theirs.lost} == set(lost)  # it does not fold the wrap


@pytest.mark.parametrize(("lost", "pairs"), [([0, 16], "00008000"), ([0, 17], "00000000 00110000")])
def test_a_pair_covers_sixteen_more(lost: list[int], pairs: str) -> None:
    (data,) = rtcp.pack_nack(1, 2, lost)
    assert data[12:] == octets(pairs)


def test_the_most_that_a_packet_can_say() -> None:
    assert len(rtcp.pack_nack(1, 2, range(0, 297 * 17, 17))) == 1
    assert len(rtcp.pack_nack(1, 2, range(0, 298 * 17, 17))) == 2
    assert len(rtcp.pack_fir(1, [(1, 1)] * 148)) == 12 + 148 * 8
    (sdes,) = parse_compound(rtcp.pack_sdes_cname(1, "a" * 255))
    assert sdes == Sdes((SdesChunk(1, ((1, b"a" * 255),)),))
    (remb,) = parse_compound(rtcp.pack_remb(1, 1, [9] * 255))
    assert remb == Remb(1, 1, (9,) * 255)


def test_nack_of_nothing_is_no_packet() -> None:
    assert rtcp.pack_nack(1, 2, []) == []


@given(SSRC, st.integers(0, (1 << 63) - 1), st.lists(SSRC, max_size=255))
def test_remb_round_trip(sender: int, bitrate: int, ssrcs: list[int]) -> None:
    (packet,) = parse_compound(rtcp.pack_remb(sender, bitrate, ssrcs))
    assert isinstance(packet, Remb)
    assert packet.ssrcs == tuple(ssrcs)
    assert 0 <= bitrate - packet.bitrate <= bitrate >> 17


@given(SSRC, st.lists(st.tuples(SSRC, st.integers(0, 255)), max_size=148), st.lists(SSRC, max_size=31))
def test_fir_and_bye_round_trip(sender: int, entries: list[tuple[int, int]], ssrcs: list[int]) -> None:
    data = rtcp.pack_fir(sender, entries) + rtcp.pack_bye(ssrcs) + rtcp.pack_pli(sender, 9)
    assert parse_compound(data) == [
        Fir(sender, tuple(FirEntry(*entry) for entry in entries)),
        Bye(tuple(ssrcs)),
        Pli(sender, 9),
    ]


@given(st.binary(min_size=8, max_size=100))
def test_transport_feedback_is_padded_and_comes_back(fci: bytes) -> None:
    data = rtcp.pack_transport_feedback(1, 2, fci)
    assert len(data) % 4 == 0
    assert parse_compound(data) == [TransportFeedback(1, 2, fci)]


@pytest.mark.parametrize(
    "call",
    [
        lambda: rtcp.pack_receiver_report(1, [ReportBlock(0, 0, 0, 0, 0, 0, 0)] * 32),
        lambda: rtcp.pack_bye([1] * 32),
        lambda: rtcp.pack_fir(1, [(1, 1)] * 149),
        lambda: rtcp.pack_remb(1, 1, [1] * 256),
        lambda: rtcp.pack_remb(1, -1, []),
        lambda: rtcp.pack_remb(1, 1 << 90, []),
        lambda: rtcp.pack_sdes_cname(1, "ă" * 128),
    ],
)
def test_what_a_packet_cannot_say_is_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=r"at most|bitrate"):
        call()


def test_loss_is_clamped_to_24_bits() -> None:
    for lost, said in ((10**9, 0x7FFFFF), (-(10**9), -0x800000)):
        (packet,) = parse_compound(rtcp.pack_receiver_report(1, [ReportBlock(2, 0, lost, 0, 0, 0, 0)]))
        assert isinstance(packet, ReceiverReport)
        assert packet.reports[0].cumulative_lost == said


@given(st.binary(max_size=200))
def test_any_octets_give_packets_or_a_packet_error(data: bytes) -> None:
    try:
        packets = parse_compound(data)
    except PacketError:
        return
    assert len(packets) <= rtcp.MAX_PACKETS
