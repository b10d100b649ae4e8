"""RTCP of the Python packet path: sender reports passed on, reports and feedback of our own, wishes heard."""

from __future__ import annotations

import random

import pytest
from path_harness import OpusSender, Vp8Sender, World

from media.ports import KeyframeWanted, Kind, ReceiverEstimate, SubscriptionReport, Switched
from media.rtp.ntp import middle_bits, to_ntp
from media.rtp.rtcp import (
    MAX_RTCP_SIZE,
    Pli,
    ReceiverReport,
    ReportBlock,
    Sdes,
    SenderReport,
    TransportFeedback,
    pack_fir,
    pack_pli,
    pack_receiver_report,
    pack_remb,
    pack_sender_report,
)
from media.rtp.sequences import timestamp_ahead
from media.rtp.twcc import parse_feedback

WALL = 1_700_000_000.0


class Pair:
    """A publisher of one VP8 source and a viewer of it."""

    def __init__(self) -> None:
        self.world = World()
        self.publisher, self.viewer = self.world.peer(), self.world.peer()
        self.source = self.world.source(self.publisher, ssrc=1, rtx_ssrc=2)
        self.spec = self.world.subscription(self.viewer, source=self.source)
        self.sender = Vp8Sender(self.publisher, 1)
        self.sender.frame(key=True)

    def report(self, wall: float = WALL, offset: int = 0) -> int:
        ntp = to_ntp(wall)
        stamp = (self.sender.timestamp + offset) & 0xFFFFFFFF
        self.publisher.control(pack_sender_report(1, ntp, stamp, 5, 500))
        return ntp


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_sender_report_moves_as_the_packets_do(pair):
    ntp = pair.report(offset=-3000)
    (report,) = pair.viewer.reports(SenderReport)
    packet = pair.viewer.packets[0]
    assert (report.ssrc, report.ntp) == (pair.spec.ssrc, ntp)
    assert report.rtp_timestamp == packet.timestamp
    assert (report.packets, report.octets) == (2, sum(len(p.payload) for p in pair.viewer.packets))
    (sdes,) = pair.viewer.reports(Sdes)
    assert sdes.chunks[0].items == ((1, b"t1"),)


def test_a_report_without_a_clock_is_passed_over(pair):
    """An NTP stamp of zero says that the sender has no clock (RFC 3550, 6.4.1)."""
    pair.publisher.control(pack_sender_report(1, 0, 77, 5, 500))
    pair.viewer.clear()
    other = pair.world.subscription(pair.world.peer(), source=pair.source)
    pair.sender.frame(key=True)
    assert pair.viewer.reports(SenderReport) == []
    assert other


def test_a_report_of_an_unknown_stream_is_nothing(pair):
    pair.publisher.control(pack_sender_report(99, to_ntp(WALL), 77, 5, 500))
    assert pair.viewer.reports(SenderReport) == []


def test_a_joiner_gets_the_last_report_with_the_first_packet(pair):
    ntp = pair.report(offset=-3000)
    late = pair.world.peer()
    pair.world.subscription(late, source=pair.source)
    pair.sender.frame(key=True)
    (report,) = late.reports(SenderReport)
    assert report.ntp == ntp
    assert timestamp_ahead(late.packets[0].timestamp, report.rtp_timestamp) == 3000


def test_round_trip_from_the_echo_of_a_report(pair):
    """LSR and DLSR of RFC 3550, 6.4.1; another LSR than one of ours tells nothing."""
    ntp = pair.report()
    pair.world.now += 0.5
    blocks = [
        ReportBlock(pair.spec.ssrc, 64, 10, 5000, 900, middle_bits(ntp), round(0.42 * 65536)),
        ReportBlock(pair.spec.ssrc, 0, 0, 5000, 0, 12345, 0),
        ReportBlock(pair.spec.ssrc, 0, 0, 5000, 0, middle_bits(ntp), round(0.6 * 65536)),
        ReportBlock(pair.spec.rtx_ssrc, 0, 0, 5000, 0, 0, 0),
        ReportBlock(0xABC, 0, 0, 5000, 0, 0, 0),
    ]
    pair.viewer.control(pack_receiver_report(7, blocks))
    first, second, third = pair.world.happened(SubscriptionReport)
    assert first.subscription == pair.spec.subscription
    assert first.fraction_lost == 0.25
    assert first.jitter == pytest.approx(0.01)
    assert first.rtt == pytest.approx(0.08, abs=0.001)
    assert second.rtt is None
    assert third.rtt is None, "a negative round trip is no round trip"


def test_report_blocks_of_a_sender_report_count_too(pair):
    block = ReportBlock(pair.spec.ssrc, 128, 10, 5000, 0, 0, 0)
    pair.viewer.control(pack_sender_report(7, to_ntp(WALL), 1, 1, 1, [block]))
    assert pair.world.happened(SubscriptionReport)[0].fraction_lost == 0.5


def test_receiver_reports_to_the_publisher(pair):
    ntp = pair.report()
    pair.sender.packets(count=2)
    pair.sender.frame()
    pair.world.pass_time(1.1)
    blocks = [block for report in pair.publisher.reports(ReceiverReport) for block in report.reports]
    first = blocks[0]
    assert (first.ssrc, first.cumulative_lost) == (1, 2)
    assert first.fraction_lost == 2 * 256 // 6
    assert first.lsr == middle_bits(ntp)
    assert first.dlsr / 65536 < 1.1


def test_many_sources_share_reports_of_31_blocks():
    world = World()
    publisher = world.peer()
    for number in range(70):
        world.source(publisher, Kind.AUDIO, ssrc=1000 + number)
        OpusSender(publisher, 1000 + number).send()
    world.pass_time(1.2)
    reports = publisher.reports(ReceiverReport)
    assert sorted(len(report.reports) for report in reports[:3]) == [8, 31, 31]
    assert max(publisher.sizes) <= MAX_RTCP_SIZE


def test_transport_wide_feedback_tells_each_packet_and_its_time(pair):
    start = pair.world.now
    for number in range(20):
        pair.sender.extensions = [(3, (65530 + number & 0xFFFF).to_bytes(2, "big"))]
        if number % 5 == 3:
            pair.sender.packets(count=1)
        else:
            pair.world.now = start + number * 0.002
            pair.sender.frame(count=1)
    pair.world.pass_time(0.3)
    told: dict[int, bool] = {}
    for report in pair.publisher.reports(TransportFeedback):
        assert report.media_ssrc == 1
        for number, delta in parse_feedback(report.fci):
            told[number] = told.get(number, False) or delta is not None
    expected = {65530 + number & 0xFFFF: number % 5 != 3 for number in range(20)}
    assert told == expected


def test_packets_of_unknown_streams_count_for_the_feedback():
    world = World()
    publisher = world.peer()
    world.source(publisher, ssrc=1)
    Vp8Sender(publisher, 555, extensions=[(3, b"\0\7"), (4, b"zz")]).frame(count=1)
    world.pass_time(0.2)
    (report,) = publisher.reports(TransportFeedback)
    assert [number for number, delta in parse_feedback(report.fci) if delta is not None] == [7]


def test_no_feedback_without_the_extension():
    world = World()
    publisher = world.peer()
    world.source(publisher, ssrc=1, extensions={})
    Vp8Sender(publisher, 1).frame(key=True)
    world.pass_time(0.5)
    assert publisher.reports(TransportFeedback) == []


def test_pli_fir_and_remb_become_events(pair):
    viewer, world = pair.viewer, pair.world
    viewer.control(pack_pli(7, pair.spec.ssrc))
    viewer.control(pack_fir(7, [(pair.spec.ssrc, 1), (pair.spec.ssrc, 2)]))
    viewer.control(pack_pli(7, 0xDEAD))
    viewer.control(pack_remb(7, 1_500_000, [pair.spec.ssrc]))
    wanted = KeyframeWanted(pair.source, pair.spec.subscription)
    assert world.happened(KeyframeWanted) == [wanted, wanted]
    (estimate,) = world.happened(ReceiverEstimate)
    assert estimate == ReceiverEstimate(viewer.number, pytest.approx(1_500_000, rel=1e-4))


def test_a_viewer_that_waits_for_a_layer_wants_its_keyframe(pair):
    other = pair.world.source(pair.publisher, ssrc=11)
    pair.world.path.switch(pair.spec.subscription, other)
    pair.viewer.control(pack_pli(7, pair.spec.ssrc))
    assert pair.world.happened(KeyframeWanted) == [KeyframeWanted(other, pair.spec.subscription)]
    pair.world.path.switch(pair.spec.subscription, None)
    pair.viewer.control(pack_pli(7, pair.spec.ssrc))
    assert len(pair.world.happened(KeyframeWanted)) == 1, "who is paused waits for nothing"


def test_a_keyframe_request_is_one_pli(pair):
    pair.world.path.request_keyframe(pair.source)
    pair.world.settle()
    (pli,) = pair.publisher.reports(Pli)
    assert pli.media_ssrc == 1
    silent = pair.world.source(pair.publisher, mid="5")
    pair.world.path.request_keyframe(silent)
    pair.world.path.request_keyframe(987654)
    pair.world.settle()
    assert len(pair.publisher.reports(Pli)) == 1


SDES_PLAIN = bytes.fromhex("81ca0004") + b"\0\0\0\7" + b"\1\x09diem-cau1" + b"\0"
SDES_TOOL = bytes.fromhex("81ca0006") + b"\0\0\0\7" + b"\1\x09diem-cau1" + b"\6\5tools" + b"\0\0"


@pytest.mark.parametrize("sdes", [SDES_PLAIN, SDES_TOOL])
def test_fc_a15_what_follows_an_odd_sdes_acts(pair, sdes):
    rr = bytes.fromhex("80c90001") + b"\0\0\0\7"
    pli = bytes.fromhex("81ce0002") + b"\0\0\0\7" + pair.spec.ssrc.to_bytes(4, "big")
    pair.viewer.control(rr, sdes[: 4 + 4 * int.from_bytes(sdes[2:4], "big")], pli)
    assert pair.world.happened(KeyframeWanted) == [KeyframeWanted(pair.source, pair.spec.subscription)]


@pytest.mark.parametrize(
    ("block", "mid", "rid"),
    [
        ("bede0003403000a066f012aabbcc0000", "0", "f"),
        ("bede00034030a06601aabbaaaaaaaaaa", "0", "f"),
        ("10000003040130000a01660000000000", "0", "f"),
    ],
)
def test_fc_a15_edges_of_header_extensions(block, mid, rid):
    """Padding, the reserved id 15, id 0 with a length, the two-byte form: what came before counts."""
    world = World()
    publisher, viewer = world.peer(), world.peer()
    source = world.source(publisher, mid=mid, rid=rid)
    world.source(publisher, mid=mid, rid="q")
    spec = world.subscription(viewer, source=source)
    packet = Vp8Sender(publisher, 1).packets(key=True, count=1)[0]
    publisher.rtp(bytes((packet[0] | 0x10,)) + packet[1:12] + bytes.fromhex(block) + packet[12:])
    assert len(viewer.of(spec.ssrc)) == 1


class Clocked:
    """A stream whose RTP clock runs off NTP by a few parts in a million."""

    def __init__(self, rate: int, ppm: float, start: int) -> None:
        self.rate = rate * (1 + ppm / 1e6)
        self.nominal = rate
        self.start = start

    def stamp(self, seconds: float) -> int:
        return round(self.start + seconds * self.rate) & 0xFFFFFFFF


def test_fc_a11_lips_stay_with_the_sound_for_ten_minutes():
    """Audio 200 ppm fast and video 200 ppm slow, late first packets, a joiner, a layer switch a minute."""
    world = World()
    publisher = world.peer()
    first, joiner = world.peer(), world.peer()
    rng = random.Random(11)
    sound_source = world.source(publisher, Kind.AUDIO, ssrc=1, nack=False)
    layers = [world.source(publisher, ssrc=10 + index, nack=False) for index in range(2)]
    clocks = {
        1: Clocked(48000, 200, 4_294_000_000),
        10: Clocked(90000, -200, 77),
        11: Clocked(90000, -200, 9**9),
    }
    sound = OpusSender(publisher, 1)
    video = [Vp8Sender(publisher, 10 + index, str(index).encode()) for index in range(2)]
    subs = {}

    def join(peer):
        subs[peer] = (
            world.subscription(peer, Kind.AUDIO, sound_source, nack=False),
            world.subscription(peer, source=layers[0], nack=False),
        )

    def heard(peer, kind_index):
        """The newest packet and report of a viewer's stream."""
        ssrc = subs[peer][kind_index].ssrc
        packet = peer.of(ssrc)[-1]
        report = [r for r in peer.reports(SenderReport) if r.ssrc == ssrc][-1]
        return report, packet

    join(first)
    start = world.now
    worst = 0.0
    judged = 0
    for tick in range(10 * 60 * 2):  # twice a second is enough: time is virtual
        seconds = tick * 0.5
        late = 0.4 if tick < 10 else rng.uniform(0.0, 0.03)
        world.now = max(world.now, start + seconds)
        sound.timestamp = clocks[1].stamp(seconds)
        sound.send()
        world.now += late
        for index, sender in enumerate(video):
            sender.timestamp = clocks[10 + index].stamp(seconds)
            sender.frame(key=tick % 4 == 0, count=1)
        if tick % 2 == 1:
            for ssrc, clock in clocks.items():
                at = seconds - rng.uniform(0.0, 0.2)
                report = pack_sender_report(ssrc, to_ntp(WALL + at), clock.stamp(at), 1, 1)
                publisher.control(report)
        if tick == 600:
            join(joiner)
        if tick % 120 == 119:
            for peer in subs:
                world.path.switch(subs[peer][1].subscription, layers[tick // 120 % 2])
        if tick % 120 == 100:
            for peer in subs:
                sound_report, sound_packet = heard(peer, 0)
                video_report, video_packet = heard(peer, 1)
                heard_at = sound_report.ntp / 2**32 + (
                    timestamp_ahead(sound_packet.timestamp, sound_report.rtp_timestamp) / 48000
                )
                seen_at = video_report.ntp / 2**32 + (
                    timestamp_ahead(video_packet.timestamp, video_report.rtp_timestamp) / 90000
                )
                # Both were captured at one instant.
                worst = max(worst, abs(heard_at - seen_at))
                judged += 1
        for peer in (publisher, first, joiner):
            if tick % 120 == 101:
                peer.clear()
    assert judged == 10 + 5
    assert len(world.happened(Switched)) >= 16
    assert worst < 0.045
