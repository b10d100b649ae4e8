"""Loss on both sides of the Python packet path: NACK, RTX, padding, jumps."""

from __future__ import annotations

import pytest
from path_harness import OUT_EXTENSIONS, VP8, VP8_RTX, OpusSender, Vp8Sender, World, consecutive

from media.path.egress import MAX_RESENT
from media.path.subscription import MAX_RESENDS
from media.ports import Extension, KeyframeWanted, Kind
from media.rtp.header import build_packet
from media.rtp.rtcp import MAX_RTCP_SIZE, Nack, TransportFeedback, pack_nack
from media.rtp.twcc import parse_feedback


class Stream:
    """A publisher of one VP8 source with RTX, and one viewer."""

    def __init__(self, first: int = 500, **options) -> None:
        self.world = World()
        self.publisher, self.viewer = self.world.peer(), self.world.peer()
        self.source = self.world.source(self.publisher, ssrc=1, rtx_ssrc=2)
        self.spec = self.world.subscription(self.viewer, source=self.source, **options)
        self.sender = Vp8Sender(self.publisher, 1, rtx_ssrc=2, sequence=first)
        self.sender.frame(key=True)

    @property
    def got(self):
        return self.viewer.of(self.spec.ssrc)

    @property
    def repairs(self):
        return self.viewer.of(self.spec.rtx_ssrc)

    def told(self) -> list[int]:
        """Transport-wide numbers that the publisher was told as come."""
        messages = [parse_feedback(report.fci) for report in self.publisher.reports(TransportFeedback)]
        return [number for told in messages for number, delta in told if delta is not None]

    def nack(self, numbers, ssrc: int | None = None) -> None:
        for packet in pack_nack(1, ssrc or self.spec.ssrc, numbers):
            self.viewer.control(packet)


@pytest.fixture
def stream() -> Stream:
    return Stream()


def test_publisher_is_asked_for_what_is_missing(stream):
    stream.sender.packets(count=3)
    stream.sender.frame()
    lost = [(stream.sender.sequence - 5 + index) & 0xFFFF for index in range(3)]
    stream.world.pass_time(0.04)
    (nack,) = stream.publisher.reports(Nack)
    assert nack.media_ssrc == 1
    assert nack.lost == lost
    for number in lost:
        stream.sender.retransmit(number)
    stream.publisher.clear()
    stream.world.pass_time(1.0)
    assert stream.publisher.reports(Nack) == []
    assert len(stream.got) == 7
    stats = stream.world.path.source_stats(stream.source)
    assert (stats.recovered, stats.lost, stats.expected) == (3, 0, 7)


def test_source_without_nack_is_not_asked():
    world = World()
    publisher = world.peer()
    world.source(publisher, ssrc=1, nack=False)
    sender = Vp8Sender(publisher, 1)
    sender.frame(key=True)
    sender.packets(count=3)
    sender.frame()
    world.pass_time(0.5)
    assert publisher.reports(Nack) == []


def test_viewer_is_answered_by_rtx(stream):
    """The very payload that the packet had, under its number, on the RTX stream (RFC 4588, 4)."""
    for _ in range(5):
        stream.sender.frame()
    third = stream.got[2]
    stream.nack([third.sequence])
    (repair,) = stream.repairs
    assert repair.payload_type == 121
    assert repair.payload == third.sequence.to_bytes(2, "big") + third.payload
    assert (repair.timestamp, repair.marker) == (third.timestamp, third.marker)
    assert set(repair.extensions) == set(third.extensions)
    stats = stream.world.path.subscription_stats(stream.spec.subscription)
    assert (stats.nacked, stats.retransmitted, stats.missed) == (1, 1, 0)


def test_on_a_lossy_line_a_repair_is_sent_twice(stream):
    """As two packets of the repair stream, so that one of them may be lost; counted as one answer."""
    stream.world.path.mend(stream.spec.subscription, 0.0, 2)
    wanted = stream.got[1].sequence
    stream.nack([wanted])
    first, second = stream.repairs
    assert second.sequence == first.sequence + 1
    assert first.payload == second.payload
    assert first.payload[:2] == wanted.to_bytes(2, "big")
    assert stream.world.path.subscription_stats(stream.spec.subscription).retransmitted == 1
    stream.world.path.mend(stream.spec.subscription, 0.0, 1)
    stream.nack([stream.got[0].sequence])
    assert len(stream.repairs) == 3


def test_a_viewer_is_asked_to_hold_pictures_until_it_is_taken_back():
    """From the next packet on, in repairs too; nothing is said where nothing ever was."""
    ids = OUT_EXTENSIONS | {Extension.PLAYOUT_DELAY: 9}
    stream = Stream(extensions=ids)
    other = stream.world.peer()
    plain = stream.world.subscription(other, source=stream.source, extensions=ids)
    stream.sender.frame(key=True)
    stream.world.path.mend(stream.spec.subscription, 0.2, 1)
    stream.sender.frame()
    stream.nack([stream.got[0].sequence])
    stream.world.path.mend(stream.spec.subscription, 0.0, 1)
    stream.sender.frame()
    said = [packet.extensions.get(9) for packet in stream.got[::2]]
    assert said == [None, None, bytes.fromhex("014fff"), bytes.fromhex("000fff")]
    assert stream.repairs[0].extensions[9] == bytes.fromhex("014fff")
    assert all(9 not in packet.extensions for packet in other.of(plain.ssrc))


def test_a_viewer_that_does_not_know_the_extension_is_not_asked_to_hold(stream):
    stream.world.path.mend(stream.spec.subscription, 0.2, 2)
    stream.sender.frame()
    assert set(stream.got[-1].extensions) == set(stream.got[0].extensions)


def test_rtx_numbers_go_up_and_repeats_are_paced(stream):
    stream.sender.frame()
    number = stream.got[0].sequence
    stream.nack([number])
    stream.nack([number])  # it is on its way
    assert len(stream.repairs) == 1
    for _ in range(MAX_RESENDS + 5):
        stream.world.now += 0.03
        stream.nack([number])
    assert len(stream.repairs) == MAX_RESENDS
    assert consecutive(stream.repairs)


def test_a_nack_for_the_repair_stream_or_a_stranger_is_nothing(stream):
    stream.nack([stream.got[0].sequence], ssrc=stream.spec.rtx_ssrc)
    stream.nack([stream.got[0].sequence], ssrc=0xDEAD)
    assert stream.repairs == []


def test_rtx_after_a_switch_has_the_numbers_of_its_time(stream):
    """What was sent before a change of source is sent again as it was."""
    other = stream.world.source(stream.publisher, ssrc=11)
    second = Vp8Sender(stream.publisher, 11, b"B", sequence=40000, picture_id=900, timestamp=5)
    old = stream.got[1]
    stream.world.path.switch(stream.spec.subscription, other)
    second.frame(key=True)
    new = stream.got[2]
    stream.nack([old.sequence, new.sequence])
    assert [repair.payload[2:] for repair in stream.repairs] == [old.payload, new.payload]
    assert [repair.timestamp for repair in stream.repairs] == [old.timestamp, new.timestamp]


def test_rtx_never_mixes_up_a_source_that_began_anew(stream):
    """Another SSRC starts at the same numbers: the cache of before is what counts."""
    old = stream.got[0]
    stream.world.path.remove_source(stream.source)
    source = stream.world.source(stream.publisher, mid="1")
    stream.world.path.switch(stream.spec.subscription, source)
    for ssrc in (21, 22):
        sender = Vp8Sender(stream.publisher, ssrc, str(ssrc).encode(), extensions=[(4, b"1")])
        sender.frame(key=True)
        if ssrc == 21:
            middle = stream.got[2]
    stream.world.now += 0.05
    stream.nack([old.sequence, middle.sequence])
    assert [repair.payload[2:] for repair in stream.repairs] == [old.payload, middle.payload]


def test_peer_without_rtx_gets_the_same_ciphertext():
    stream = Stream(rtx_ssrc=None, rtx={})
    stream.sender.frame()
    first = stream.viewer.raw[0]
    stream.world.now += 1
    stream.nack([stream.got[0].sequence])
    assert stream.viewer.raw[-1] == first
    assert stream.viewer.repeats == 1
    assert len(stream.got) == 4


def test_sound_is_repeated_as_ciphertext_too():
    world = World()
    publisher, viewer = world.peer(), world.peer()
    source = world.source(publisher, Kind.AUDIO, ssrc=1)
    spec = world.subscription(viewer, Kind.AUDIO, source)
    sender = OpusSender(publisher, 1)
    for _ in range(300):
        sender.send()
    numbers = [packet.sequence for packet in viewer.of(spec.ssrc)]
    raw = list(viewer.raw)
    viewer.control(*pack_nack(1, spec.ssrc, [numbers[-2], numbers[0]]))
    assert viewer.raw[len(raw) :] == [raw[-2]], "the first of 300 has been forgotten"
    assert world.path.subscription_stats(spec.subscription).missed == 1


def test_subscription_without_nack_is_not_answered():
    stream = Stream(nack=False)
    stream.nack([stream.got[0].sequence])
    assert stream.repairs == []


def test_what_the_cache_has_forgotten_is_missed(stream):
    number = stream.got[0].sequence
    stream.world.pass_time(2.0)
    stream.nack([number])
    assert stream.repairs == []
    assert stream.world.path.subscription_stats(stream.spec.subscription).missed == 1


@pytest.mark.parametrize(
    ("case", "payload", "padding", "last", "counter"),
    [
        ("nothing but padding", b"", 255, None, "rtx_padding"),
        ("one octet", b"\1", 0, None, "dropped_malformed"),
        ("count over the payload", b"\0\1", 4, 200, "dropped_malformed"),
        ("count of zero", b"\0\1", 4, 0, "dropped_malformed"),
    ],
)
def test_fc_a14_retransmission_with_nothing_in_it(stream, case, payload, padding, last, counter):
    packet = build_packet(VP8_RTX, 1, 0, 2, payload, padding=padding, extensions=[(3, b"\0\x09")])
    if last is not None:
        packet = packet[:-1] + bytes((last,))
    stream.publisher.rtp(packet)
    assert stream.world.counter(counter) == 1, case
    stream.sender.frame()
    assert len(stream.got) == 4
    stream.world.pass_time(0.2)
    if counter == "rtx_padding":
        told = [
            n for report in stream.publisher.reports(TransportFeedback) for n in parse_feedback(report.fci)
        ]
        assert [number for number, delta in told if delta is not None] == [9]


def test_fc_a14_padding_between_real_packets_closes_up(stream):
    """The viewer sees consecutive numbers and has nothing to ask for; the feedback counts all."""
    stream.publisher.clear()
    for number in range(30):
        stream.sender.extensions = [(3, (2 * number).to_bytes(2, "big"))]
        stream.sender.frame(count=1)
        stream.sender.extensions = [(3, (2 * number + 1).to_bytes(2, "big"))]
        stream.sender.padding()
    stream.world.pass_time(5.0)
    assert len(stream.got) == 32
    assert consecutive(stream.got)
    assert stream.world.counter("padding_only") == 30
    assert stream.told() == list(range(60))
    assert stream.publisher.reports(Nack) == []


def test_padding_that_comes_late_is_passed_on(stream):
    """Its gap was visible: closing it up now would make two packets one number."""
    stream.sender.sequence += 1
    stream.sender.frame()
    sequence, stream.sender.sequence = stream.sender.sequence, stream.sender.sequence - 3
    stream.sender.padding(7)
    stream.sender.sequence = sequence
    stream.sender.frame()
    numbers = sorted(packet.sequence - stream.got[0].sequence for packet in stream.got)
    assert numbers == list(range(7))
    (late,) = (packet for packet in stream.got if not packet.payload)
    assert late.padding == 7
    stream.nack([late.sequence])
    assert stream.repairs[0].payload == late.sequence.to_bytes(2, "big")


def test_fc_a13_a_jump_of_forty_thousand():
    """Jumps there and back: nothing raises, forwarding goes on with the next keyframe."""
    stream = Stream(first=98)
    world, sender = stream.world, stream.sender
    runs = [
        range(100, 201),
        range(40000, 40101),
        range(201, 211),
        [39990],
        [*range(65530, 65536), *range(21)],
    ]
    for run in runs:
        for number in run:
            world.now += 0.005
            sender.sequence = number
            stream.publisher.inject(sender.packets(key=number % 5 == 0, count=1)[0])
            world.path.tick(world.now)
            world.settle()
    assert consecutive(stream.got)
    # The first packet of a jump is held to be a stray one; the way over the wrap looks like packets
    # that come late, until 25 of them have come in order.
    assert world.counter("dropped_sequence_jump") == 3
    assert stream.got[-1].at == world.now
    assert all(size <= MAX_RTCP_SIZE for size in stream.publisher.sizes)
    numbers = [packet.sequence for packet in stream.got[-5:]]
    stream.nack(numbers)
    assert len(stream.repairs) == 1, "the cache begins anew at a jump, and answers for what it holds"
    assert len(world.happened(KeyframeWanted)) <= 8


def test_fc_a13_a_gap_of_five_thousand(stream):
    """Wider than can be mended: a keyframe is asked for, and no long list is sent."""
    world = stream.world
    stream.sender.sequence += 5000
    for _ in range(30):
        world.now += 0.01
        stream.sender.frame()
        world.path.tick(world.now)
        world.settle()
    assert KeyframeWanted(stream.source, 0) in world.happened(KeyframeWanted)
    assert stream.publisher.reports(Nack) == []
    stream.sender.frame(key=True)
    assert len(stream.got) == 4
    assert consecutive(stream.got)


def test_fc_a13_a_gap_that_can_be_listed_but_not_mended(stream):
    """2,500 missing: more than the list takes; the stream goes on, the gap stays, a keyframe is asked for."""
    world = stream.world
    stream.sender.sequence += 2500
    stream.sender.frame()
    world.pass_time(0.5)
    assert world.happened(KeyframeWanted) == [KeyframeWanted(stream.source, 0)]
    assert sum(len(nack.lost) for nack in stream.publisher.reports(Nack)) == 0
    assert len(stream.got) == 4


def test_a_wide_gap_in_sound_asks_for_no_keyframe():
    world = World()
    publisher, viewer = world.peer(), world.peer()
    source = world.source(publisher, Kind.AUDIO, ssrc=1)
    spec = world.subscription(viewer, Kind.AUDIO, source)
    sender = OpusSender(publisher, 1)
    sender.send()
    sender.sequence += 2000
    sender.send()
    assert world.happened(KeyframeWanted) == []
    assert len(viewer.of(spec.ssrc)) == 2


def test_sound_survives_170_packets_missing_at_the_start():
    world = World()
    publisher, viewer = world.peer(), world.peer()
    source = world.source(publisher, Kind.AUDIO, ssrc=1)
    spec = world.subscription(viewer, Kind.AUDIO, source)
    sender = OpusSender(publisher, 1)
    sender.send()
    sender.sequence += 170
    sender.timestamp += 170 * 960
    sender.send()
    first, second = viewer.of(spec.ssrc)
    assert second.sequence - first.sequence == 171
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 171 * 960


def test_fc_a13_a_nack_for_three_thousand_numbers_of_which_two_exist():
    stream = Stream()
    world = stream.world
    real = [packet.sequence for packet in stream.got]
    strangers = [(real[-1] + 1 + index) & 0xFFFF for index in range(2998)]
    stream.nack(strangers + real)
    assert len(stream.repairs) == 2
    stats = world.path.subscription_stats(stream.spec.subscription)
    assert (stats.nacked, stats.missed, stats.retransmitted) == (3000, 2998, 2)


def test_one_nack_makes_so_many_packets_and_no_more(stream):
    for _ in range(1000):
        stream.sender.frame(count=1)
    numbers = [packet.sequence for packet in stream.got[-900:]]
    stream.nack(numbers)
    assert len(stream.repairs) <= MAX_RESENT * 3
    first = len(pack_nack(1, 1, numbers))
    assert first == 1
    assert len(stream.repairs) == MAX_RESENT


def test_a_packet_that_srtp_cannot_take_is_dropped(stream):
    """What grows beyond libsrtp's buffer is counted; the stream goes on."""
    sequence = stream.sender.sequence
    stream.publisher.inject(build_packet(VP8, sequence, 0, 1, b"\x10\x11" + bytes(1440)))
    stream.sender.sequence += 1
    assert stream.world.counter("dropped_protect") == 1
    stream.sender.frame()
    assert len(stream.got) == 4
