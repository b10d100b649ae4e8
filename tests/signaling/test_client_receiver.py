"""Receiving: gaps, NACK, RTX, duplicates, jumps, reports, and frames put together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.ports import Kind
from media.rtp.header import build_packet, parse_header
from media.rtp.ntp import middle_bits
from signaling.client.assembly import ReceivedFrame
from signaling.client.packetize import vp8_payloads
from signaling.client.receiver import HOLD, MAX_MISSING, NACK_TRIES, ReceivedStream


def stream(frames: list[ReceivedFrame] | None = None, kind: Kind = Kind.VIDEO) -> ReceivedStream:
    codecs = {96: "video/vp8"} if kind is Kind.VIDEO else {111: "audio/opus"}
    made = ReceivedStream(7, kind, codecs, {97: 96}, 90_000 if kind is Kind.VIDEO else 48_000)
    if frames is not None:
        made.hand_frames(frames.append)
    return made


def feed(
    target: ReceivedStream,
    sequence: int,
    now: float,
    payload: bytes = b"\x10\x00abc",
    *,
    timestamp: int = 0,
    marker: bool = True,
    payload_type: int = 96,
    padding: int = 0,
) -> None:
    packet = build_packet(
        payload_type, sequence & 0xFFFF, timestamp, 7, payload, marker=marker, padding=padding
    )
    target.receive(parse_header(packet), packet, now)


def feed_rtx(
    target: ReceivedStream, payload: bytes, now: float, *, padding: int = 0, timestamp: int = 0
) -> None:
    packet = build_packet(97, 1, timestamp, 8, payload, padding=padding)
    target.receive_rtx(parse_header(packet), packet, now)


@pytest.mark.parametrize(
    ("sequences", "gaps", "missing", "duplicates"),
    [
        ([1, 2, 3], 0, 0, 0),
        ([1, 3], 1, 1, 0),
        ([1, 3, 2], 1, 0, 0),
        ([1, 1, 2, 2], 0, 0, 2),
        ([65534, 65535, 0, 1], 0, 0, 0),
        ([65534, 1], 1, 2, 0),
        ([1, 5, 9], 2, 6, 0),
    ],
)
def test_breaks_of_the_sequence_are_counted(
    sequences: list[int], gaps: int, missing: int, duplicates: int
) -> None:
    target = stream()
    for number, sequence in enumerate(sequences):
        feed(target, sequence, number * 0.01)
    counters = target.counters
    assert (counters.gaps, counters.missing, counters.duplicates) == (gaps, missing, duplicates)


def test_missing_packets_are_asked_for_and_given_up() -> None:
    target = stream()
    feed(target, 10, 1.0)
    feed(target, 13, 1.0)
    assert target.poll(1.0) == [11, 12]
    assert target.poll(1.02) == []
    asked = [target.poll(1.0 + 0.07 * turn) for turn in range(1, 10)]
    assert sum(map(bool, asked)) == NACK_TRIES - 1
    assert not target.waiting


def test_nack_can_be_off() -> None:
    target = stream()
    target.nack = False
    feed(target, 10, 1.0)
    feed(target, 13, 1.0)
    assert target.poll(1.1) == []


def test_rtx_brings_a_packet_back() -> None:
    target = stream()
    seen: list[int] = []
    target.on_packet = lambda header, packet: seen.append(header.sequence)
    feed(target, 10, 1.0)
    feed(target, 12, 1.0)
    feed_rtx(target, (11).to_bytes(2, "big") + b"\x10\x00abc", 1.05)
    assert seen == [10, 12, 11]
    assert (target.counters.missing, target.counters.recovered) == (0, 1)
    assert target.poll(1.2) == []


@pytest.mark.parametrize(("payload", "padding"), [(b"", 255), (b"\x01", 0), (b"", 0), (b"\x00", 10)])
def test_fc_a14_rtx_with_nothing_inside_is_passed_over(payload: bytes, padding: int) -> None:
    target = stream()
    feed(target, 10, 1.0)
    feed_rtx(target, payload, 1.01, padding=padding)
    assert target.counters.packets == 1
    assert target.counters.malformed == 0


def test_fc_a13_a_jump_is_a_new_start_and_the_list_is_bounded() -> None:
    target = stream()
    for sequence in [*range(100, 201), *range(40_000, 40_101), *range(201, 211), 39_990]:
        feed(target, sequence, 1.0)
    for sequence in [*range(65_530, 65_536), *range(21)]:
        feed(target, sequence, 1.0)
    assert target.counters.packets > 220
    assert len(target.poll(1.0)) <= MAX_MISSING
    feed(target, 20 + 2_500, 1.0)
    assert len(target.poll(1.1)) <= MAX_MISSING


def test_reports_tell_loss_of_the_last_interval_and_delay_since_the_sender_report() -> None:
    target = stream()
    for sequence in (1, 2, 3, 5, 6, 7, 8):
        feed(target, sequence, 1.0)
    ntp = 0x1234_5678_9ABC_DEF0
    target.sender_report = (ntp, 0, 1.5)
    block = target.report_block(2.0)
    assert block is not None
    assert (block.fraction_lost, block.cumulative_lost, block.highest_sequence) == (32, 1, 8)
    assert (block.lsr, block.dlsr) == (middle_bits(ntp), 32_768)
    for sequence in range(9, 20):
        feed(target, sequence, 2.0)
    block = target.report_block(3.0)
    assert block is not None
    assert (block.fraction_lost, block.cumulative_lost) == (0, 1)


def test_no_report_before_the_first_packet() -> None:
    assert stream().report_block(1.0) is None


def test_a_payload_type_that_was_not_agreed_is_counted() -> None:
    target = stream()
    feed(target, 1, 1.0, payload_type=100)
    assert (target.counters.packets, target.counters.malformed) == (0, 1)


def send_frame(
    target: ReceivedStream, first: int, body: bytes, now: float, *, skip: frozenset[int] = frozenset()
) -> int:
    payloads = vp8_payloads(body, first)
    for index, payload in enumerate(payloads):
        if index not in skip:
            last = index == len(payloads) - 1
            feed(target, first + index, now, payload, timestamp=first * 10, marker=last)
    return first + len(payloads)


KEY = b"\x10" + b"k" * 3000
DELTA = b"\x11" + b"d" * 3000


def test_pictures_begin_with_a_keyframe() -> None:
    frames: list[ReceivedFrame] = []
    target = stream(frames)
    after = send_frame(target, 10, DELTA, 1.0)
    assert frames == []
    assert target.keyframe_wanted
    after = send_frame(target, after, KEY, 1.1)
    assert not target.keyframe_wanted
    send_frame(target, after, DELTA, 1.2)
    assert [frame.data for frame in frames] == [KEY, DELTA]
    assert [frame.keyframe for frame in frames] == [True, False]


def test_a_picture_waits_for_its_packet_and_then_gives_up() -> None:
    frames: list[ReceivedFrame] = []
    target = stream(frames)
    after = send_frame(target, 10, KEY, 1.0)
    hurt = after
    after = send_frame(target, after, DELTA, 1.1, skip=frozenset({1}))
    after = send_frame(target, after, DELTA, 1.2)
    assert len(frames) == 1
    lost = vp8_payloads(DELTA, hurt)[1]
    feed_rtx(target, (hurt + 1).to_bytes(2, "big") + lost, 1.3, timestamp=hurt * 10)
    assert [frame.data for frame in frames] == [KEY, DELTA, DELTA]

    after = send_frame(target, after, DELTA, 2.0, skip=frozenset({1}))
    after = send_frame(target, after, DELTA, 2.0)
    target.poll(2.0 + HOLD / 2)
    assert not target.keyframe_wanted
    target.poll(2.0 + HOLD + 0.1)
    assert target.keyframe_wanted
    after = send_frame(target, after, DELTA, 2.6)
    assert len(frames) == 3
    send_frame(target, after, KEY, 2.7)
    assert len(frames) == 4


def test_a_new_consumer_begins_with_a_keyframe() -> None:
    frames: list[ReceivedFrame] = []
    target = stream(frames)
    after = send_frame(target, 10, KEY, 1.0)
    later: list[ReceivedFrame] = []
    target.hand_frames(later.append)
    after = send_frame(target, after, DELTA, 1.1)
    assert later == []
    send_frame(target, after, KEY, 1.2)
    assert len(later) == 1


def test_padding_between_packets_does_not_hold_up_pictures() -> None:
    frames: list[ReceivedFrame] = []
    target = stream(frames)
    after = send_frame(target, 10, KEY, 1.0)
    feed(target, after, 1.0, b"", padding=50)
    send_frame(target, after + 1, DELTA, 1.1)
    assert len(frames) == 2
    assert target.counters.gaps == 0


def test_sound_goes_on_after_a_loss_without_waiting_long() -> None:
    frames: list[ReceivedFrame] = []
    target = stream(frames, Kind.AUDIO)
    target.nack = False
    for sequence in (1, 2, 4, 5):
        feed(target, sequence, 1.0, b"opus%d" % sequence, payload_type=111)
    assert [frame.data for frame in frames] == [b"opus1", b"opus2"]
    target.poll(1.2)
    assert [frame.data for frame in frames] == [b"opus1", b"opus2", b"opus4", b"opus5"]


@given(st.data())
def test_any_order_of_delivery_gives_the_frames_in_order(data: st.DataObject) -> None:
    """Packets of one keyframe and deltas, shuffled within reach of the window, give every frame once."""
    frames: list[ReceivedFrame] = []
    target = stream(frames)
    feed(target, 999, 0.0, b"\x10\x01late", timestamp=1)
    bodies = [KEY, *(b"\x11" + bytes([n]) * 2500 for n in range(3))]
    packets = []
    sequence = 1000
    for number, body in enumerate(bodies):
        payloads = vp8_payloads(body, number)
        for index, payload in enumerate(payloads):
            packets.append((sequence, payload, number + 2, index == len(payloads) - 1))
            sequence += 1
    for place, payload, timestamp, marker in data.draw(st.permutations(packets)):
        feed(target, place, 0.1, payload, timestamp=timestamp, marker=marker)
    assert [frame.data for frame in frames] == bodies


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40), st.booleans()), max_size=60))
def test_hostile_payloads_never_raise(packets: list[tuple[int, bytes, bool]]) -> None:
    target = stream([])
    for number, (sequence, payload, marker) in enumerate(packets):
        feed(target, sequence, number * 0.01, payload, marker=marker)
        feed_rtx(target, payload, number * 0.01)
        target.poll(number * 0.01)
