"""Forwarding through the Python packet path: what changes in a packet and what does not."""

from __future__ import annotations

import pytest
from path_harness import (
    H264,
    OPUS,
    RED,
    VP8,
    OpusSender,
    Vp8Sender,
    World,
    consecutive,
)

from media.ports import Kind, SourceIdle, SourceStarted, Switched
from media.rtp import red
from media.rtp.header import build_packet


@pytest.fixture
def world() -> World:
    return World()


def joined(world: World, kind: Kind = Kind.VIDEO, **options):
    """A publisher, a viewer, and a source that the viewer was ordered to get."""
    publisher, viewer = world.peer(), world.peer()
    source = world.source(publisher, kind, ssrc=1, rtx_ssrc=2 if kind is Kind.VIDEO else None)
    return publisher, viewer, source, world.subscription(viewer, kind, source, **options)


@pytest.mark.parametrize(
    ("profile", "length"),
    [("SRTP_AEAD_AES_128_GCM", 28), ("SRTP_AEAD_AES_256_GCM", 44), ("SRTP_AES128_CM_SHA1_80", 30)],
)
def test_vp8_under_every_profile(profile, length):
    world = World()
    publisher = world.peer(profile=profile, length=length)
    viewer = world.peer(profile=profile, length=length)
    source = world.source(publisher, ssrc=1)
    spec = world.subscription(viewer, source=source)
    sender = Vp8Sender(publisher, 1)
    sender.frame(key=True)
    sender.frame()
    got = viewer.of(spec.ssrc)
    assert [packet.body[-1:] for packet in got] == [b"A"] * 4
    assert {packet.payload_type for packet in got} == {120}
    assert consecutive(got)
    assert [packet.marker for packet in got] == [False, True] * 2
    assert got[2].timestamp - got[0].timestamp == 3000
    assert [packet.vp8.picture_id - got[0].vp8.picture_id for packet in got] == [0, 0, 1, 1]
    assert world.happened(Switched) == [Switched(spec.subscription, source)]
    assert world.happened(SourceStarted) == [SourceStarted(source, 1, "video/vp8")]


def test_numbers_begin_in_the_lower_half(world):
    """A receiver that misses the first packets still guesses the roll-over counter (RFC 3711, 3.3.1)."""
    publisher, viewer, _source, spec = joined(world, Kind.AUDIO)
    sender = OpusSender(publisher, 1, sequence=65530)
    for _ in range(20):
        sender.send()
    got = viewer.of(spec.ssrc)
    assert len(got) == 20
    assert got[0].sequence < 0x8000
    assert consecutive(got)


def test_opus_goes_on_at_once_and_its_gaps_of_time_stay(world):
    """DTX leaves sequence numbers continuous and timestamps with gaps."""
    publisher, viewer, _source, spec = joined(world, Kind.AUDIO)
    sender = OpusSender(publisher, 1)
    sender.send()
    sender.timestamp += 48000
    sender.send(marker=True)
    first, second = viewer.of(spec.ssrc)
    assert first.payload == b"sound 0"
    assert first.payload_type == 109
    assert second.marker
    assert second.sequence - first.sequence == 1
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 48960


def test_h264_starts_with_its_parameter_sets(world):
    publisher, viewer, source, spec = joined(world)
    sps, idr, slice_ = b"\x67\x42", b"\x65\x88", b"\x41\x9a"
    stap = b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in (sps, b"\x68\xce"))
    for number, (stamp, payload) in enumerate([(1, slice_), (2, stap), (2, idr), (3, slice_)]):
        publisher.rtp(build_packet(H264, 10 + number, stamp * 3000, 1, payload))
    assert [packet.payload for packet in viewer.of(spec.ssrc)] == [stap, idr, slice_]
    assert {packet.payload_type for packet in viewer.packets} == {124}
    assert world.path.source_stats(source).keyframes == 1


def test_h264_waits_for_parameter_sets_that_were_lost(world):
    """An IDR slice behind a lost packet starts nobody; the retransmission of what was lost does."""
    publisher, viewer, _source, spec = joined(world)
    publisher.rtp(build_packet(H264, 10, 3000, 1, b"\x41\x9a"))
    publisher.rtp(build_packet(H264, 12, 6000, 1, b"\x65\x88"))
    assert viewer.packets == []
    publisher.rtp(build_packet(103, 5, 6000, 2, (11).to_bytes(2, "big") + b"\x67\x42"))
    assert [packet.payload for packet in viewer.of(spec.ssrc)] == [b"\x67\x42", b"\x65\x88"]
    assert consecutive(viewer.packets)


def test_codec_that_the_subscriber_did_not_accept(world):
    publisher, viewer, _source, spec = joined(world, payload_types={"video/vp8": 96})
    publisher.rtp(build_packet(H264, 10, 3000, 1, b"\x67\x42"))
    assert viewer.packets == []
    assert world.path.subscription_stats(spec.subscription).dropped == 1
    Vp8Sender(publisher, 1, sequence=11).frame(key=True)
    assert len(viewer.packets) == 2


def test_unknown_payload_type_is_counted(world):
    publisher, viewer, *_ = joined(world, Kind.AUDIO)
    publisher.rtp(build_packet(77, 1, 0, 1, b"x"))
    assert world.counter("dropped_payload_type") == 1
    assert viewer.packets == []


def test_extensions_change_ids_and_hops_keep_theirs(world):
    """What means the same to everybody goes on; abs-send-time is ours; the rest is between two hops."""
    publisher, viewer, _source, _spec = joined(world)
    sender = Vp8Sender(publisher, 1)
    sender.extensions = [(2, b"abc"), (3, b"\0\1"), (4, b"0"), (13, b"\x02")]
    sender.frame(key=True, count=1)
    stamp = (int(world.now * 262144) & 0xFFFFFF).to_bytes(3, "big")
    assert viewer.packets[0].extensions == {5: stamp, 6: b"\x02"}


def test_two_byte_extensions_are_read_and_short_ones_written(world):
    publisher, viewer, _source, _spec = joined(world)
    sender = Vp8Sender(publisher, 1)
    sender.extensions = [(13, b"\x01"), (200, b"x" * 20)]
    sender.frame(key=True, count=1)
    assert viewer.packets[0].extensions[6] == b"\x01"
    assert 200 not in viewer.packets[0].extensions


def test_no_extensions_where_none_were_agreed(world):
    publisher, viewer, _source, _spec = joined(world, Kind.AUDIO, extensions={})
    OpusSender(publisher, 1).send()
    assert viewer.plain[0][0] == 0x80


def test_subscribers_with_other_ids_get_their_own_block(world):
    publisher, viewer, source, _spec = joined(world, Kind.AUDIO)
    other = world.peer()
    world.subscription(other, Kind.AUDIO, source, extensions={})
    OpusSender(publisher, 1).send()
    assert set(viewer.packets[0].extensions) == {5, 7}
    assert other.packets[0].extensions == {}


def test_padding_of_a_packet_with_payload_stays(world):
    publisher, viewer, _source, spec = joined(world, Kind.AUDIO)
    publisher.rtp(build_packet(OPUS, 1, 960, 1, b"sound", padding=8))
    assert viewer.packets[0].payload == b"sound"
    assert viewer.packets[0].padding == 8
    assert world.path.subscription_stats(spec.subscription).bytes == 5


def test_red_is_passed_on_and_taken_off(world):
    publisher, viewer, source, _spec = joined(world, Kind.AUDIO)
    plain = world.peer()
    bare = world.subscription(plain, Kind.AUDIO, source, payload_types={"audio/opus": 100})
    sender = OpusSender(publisher, 1, payload_type=RED)
    payload = red.pack(OPUS, b"new", [(OPUS, 960, b"old")])
    sender.send(payload, marker=True)
    assert viewer.packets[0].payload == payload
    assert viewer.packets[0].payload_type == 112
    assert plain.packets[0].payload == b"new"
    assert plain.packets[0].payload_type == 100
    assert plain.packets[0].marker
    sender.send(b"\x80\x00")  # cut off: left out for those who need its block
    sender.send(red.pack(OPUS, b"", []))  # no block inside
    sender.send(red.pack(OPUS, b"next", []), padding=4)
    assert [packet.payload for packet in plain.of(bare.ssrc)] == [b"new", b"next"]
    assert plain.packets[1].padding == 0
    assert consecutive(plain.packets)
    assert consecutive(viewer.packets)
    assert len(viewer.packets) == 4


def test_red_and_opus_by_turns(world):
    publisher, viewer, _source, _spec = joined(world, Kind.AUDIO)
    sender = OpusSender(publisher, 1)
    sender.send()
    sender.send(red.pack(OPUS, b"r", []), payload_type=RED)
    sender.send()
    assert [packet.payload_type for packet in viewer.packets] == [109, 112, 109]


def test_a_malformed_payload_closes_up(world):
    """What cannot be read is sent to nobody, and nobody asks for it."""
    publisher, viewer, _source, _spec = joined(world)
    sender = Vp8Sender(publisher, 1)
    sender.frame(key=True)
    publisher.rtp(build_packet(VP8, sender.sequence, 0, 1, b"\x90"))
    sender.sequence += 1
    sender.frame()
    assert consecutive(viewer.packets)
    assert len(viewer.packets) == 4
    assert world.counter("dropped_malformed") == 1


def test_mute_closes_up_numbers_and_resumes_at_a_keyframe(world):
    publisher, viewer, source, spec = joined(world)
    sender = Vp8Sender(publisher, 1)
    sender.frame(key=True)
    world.path.set_forwarding(source, False)
    for _ in range(100):
        sender.frame()
    assert len(viewer.packets) == 2
    world.path.set_forwarding(source, True)
    sender.frame()
    assert len(viewer.packets) == 2, "a picture begins with a keyframe"
    sender.frame(key=True)
    got = viewer.of(spec.ssrc)
    assert len(got) == 4
    assert consecutive(got)
    assert got[2].timestamp - got[1].timestamp == 102 * 3000
    assert got[2].vp8.picture_id - got[1].vp8.picture_id == 1


def test_mute_of_sound_ends_with_the_next_packet(world):
    publisher, viewer, source, spec = joined(world, Kind.AUDIO)
    sender = OpusSender(publisher, 1)
    sender.send()
    world.path.set_forwarding(source, False)
    for _ in range(50):
        world.now += 0.02
        sender.send()
    world.path.set_forwarding(source, True)
    sender.send()
    first, second = viewer.of(spec.ssrc)
    assert second.sequence - first.sequence == 1
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 51 * 960
    assert [second.payload, len(viewer.packets)] == [b"sound 51", 2]


def test_a_late_joiner_while_muted_gets_nothing(world):
    publisher, viewer, source, _spec = joined(world)
    world.path.set_forwarding(source, False)
    sender = Vp8Sender(publisher, 1)
    sender.frame(key=True)
    assert viewer.packets == []
    world.path.set_forwarding(source, True)
    sender.frame(key=True)
    assert len(viewer.packets) == 2


def test_order_before_lost_packets_come(world):
    """A packet that comes late takes the place that was kept for it."""
    publisher, viewer, _source, spec = joined(world)
    sender = Vp8Sender(publisher, 1)
    sender.frame(key=True)
    lost = sender.packets(count=1)[0]
    sender.frame()
    publisher.rtp(lost)
    got = viewer.of(spec.ssrc)
    assert [packet.sequence - got[0].sequence for packet in got] == [0, 1, 3, 4, 2]


def test_duplicates_are_dropped_however_late(world):
    publisher, viewer, _source, _spec = joined(world)
    sender = Vp8Sender(publisher, 1, rtx_ssrc=2)
    first = sender.sequence
    sender.frame(key=True)
    sender.retransmit(first)
    for _ in range(600):
        world.now += 0.03
        sender.frame()
    count = len(viewer.packets)
    sender.retransmit(first + 1)  # the cache has forgotten it long since
    assert len(viewer.packets) == count == 1202
    assert world.counter("dropped_duplicate") == 2
    assert world.counter("dropped_protect") == 0


def test_idle_and_back(world):
    publisher, _viewer, source, _spec = joined(world)
    sender = Vp8Sender(publisher, 1)
    sender.frame(key=True)
    world.pass_time(0.5)
    assert world.happened(SourceIdle) == []
    world.pass_time(0.3)
    assert world.happened(SourceIdle) == [SourceIdle(source)]
    sender.padding()
    assert len(world.happened(SourceStarted)) == 1, "padding does not make a layer alive"
    sender.frame()
    assert len(world.happened(SourceStarted)) == 2


def test_short_picture_ids_become_long_and_continuous(world):
    """Seven bits wrap after 128 frames; the outgoing fifteen bits go on."""
    publisher, viewer, _source, spec = joined(world)
    sender = Vp8Sender(publisher, 1, short_ids=True, rtx_ssrc=2)
    sender.frame(key=True)
    for number in range(300):
        world.now += 0.01
        made = sender.packets()
        for packet in made[1:] if number == 200 else made:
            publisher.rtp(packet)
        if number == 200:
            late = sender.sequence - 2
        if number == 205:
            sender.retransmit(late)
    ids = {}
    for packet in viewer.of(spec.ssrc):
        ids.setdefault(packet.timestamp, set()).add(packet.vp8.picture_id)
        assert packet.vp8.picture_id_bits == 15
    assert all(len(found) == 1 for found in ids.values()), "both packets of a frame have one id"
    in_order = [next(iter(ids[stamp])) for stamp in sorted(ids, key=lambda at: (at - min(ids)) % 2**32)]
    assert len(in_order) == 301
    start = in_order[0]
    assert in_order == [start + index for index in range(301)]


def test_nothing_is_sent_without_keys_or_address_and_numbers_close_up(world):
    publisher, viewer, _source, spec = joined(world, Kind.AUDIO)
    sender = OpusSender(publisher, 1)
    sender.send()
    world.path.release_address(viewer.address)
    sender.send()
    world.path.bind_address(viewer.number, viewer.address)
    sender.send()
    assert consecutive(viewer.of(spec.ssrc))
    assert [packet.payload for packet in viewer.packets] == [b"sound 0", b"sound 2"]
    assert world.strays == []


def test_audio_activity_counts_time_and_levels(world):
    publisher, _viewer, source, _spec = joined(world, Kind.AUDIO)
    sender = OpusSender(publisher, 1, level=20)
    for _ in range(5):
        sender.send()
    sender.level = 60
    for _ in range(5):
        sender.send()
    (activity,) = world.path.audio_activity(35)
    assert activity.source == source
    assert activity.observed == pytest.approx(0.2)
    assert activity.active == pytest.approx(0.1)
    assert activity.loudest == 20
    assert world.path.audio_activity(35) == []
