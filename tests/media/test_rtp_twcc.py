"""Transport-wide feedback: a captured message, each kind of chunk, and the law of the arrival log.

The law: whatever the order of arrivals, feedback never calls a number received
that did not come, gives the time to 250 us, and tells every number that came.
"""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import PacketError
from media.rtp.rtcp import TransportFeedback, parse_compound
from media.rtp.twcc import (
    HISTORY,
    MAX_STATUSES,
    TICKS_PER_SECOND,
    WINDOW,
    ArrivalLog,
    FeedbackHeader,
    parse_feedback,
    parse_feedback_header,
)

ERA = 1 << 32  # ticks after which the 24-bit reference time begins anew


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


class Sender:
    """Reads feedback as a sender does: 16-bit numbers near the last one, times by adding up deltas."""

    def __init__(self, near: int = 0x10000) -> None:
        self.near = near
        self.received: dict[int, int] = {}
        self.lost: set[int] = set()
        self.count = -1
        self.sizes: list[int] = []

    def read(self, packets: list[bytes]) -> None:
        for data in packets:
            self.sizes.append(len(data))
            (packet,) = parse_compound(data)
            assert isinstance(packet, TransportFeedback)
            header = parse_feedback_header(packet.fci)
            assert header.feedback_count == (self.count + 1) % 256
            self.count = header.feedback_count
            tick = header.reference_time * 256
            numbers = parse_feedback(packet.fci)
            assert len(numbers) == header.status_count
            for sequence, delta in numbers:
                number = self.near + ((sequence - self.near + 0x8000) & 0xFFFF) - 0x8000
                self.near = number
                if delta is None:
                    self.lost.add(number)
                else:
                    tick += delta
                    self.received[number] = tick % ERA


def ticks(now: float) -> int:
    return round(now * TICKS_PER_SECOND) % ERA


def test_a_captured_message() -> None:
    data = octets("afcd0005 fa17fa17 43032fa0 00990001 3de80217 20019401")
    (packet,) = parse_compound(data)
    assert isinstance(packet, TransportFeedback)
    assert packet[:2] == (4195875351, 1124282272)
    assert parse_feedback_header(packet.fci) == FeedbackHeader(153, 1, 4057090, 23)
    assert parse_feedback(packet.fci) == [(153, 148)]


@pytest.mark.parametrize(
    ("chunks", "count", "deltas", "numbers"),
    [
        ("0003", 3, "", [(5, None), (6, None), (7, None)]),
        ("2002", 2, "01ff", [(5, 1), (6, 255)]),
        ("4002", 2, "ffff 7fff", [(5, -1), (6, 32767)]),
        ("bfff", 14, "00" * 14, [(number, 0) for number in range(5, 19)]),
        ("a000", 3, "07", [(5, 7), (6, None), (7, None)]),
        ("9000", 3, "07", [(5, None), (6, 7), (7, None)]),
        ("d800", 3, "07 8000", [(5, 7), (6, -32768), (7, None)]),
        ("0001 2001", 2, "07", [(5, None), (6, 7)]),
        ("3fff", 2, "0102", [(5, 1), (6, 2)]),
        ("", 0, "", []),
    ],
    ids=[
        "run of lost",
        "run of small",
        "run of large",
        "full one-bit vector",
        "one-bit, first",
        "one-bit, second",
        "two-bit",
        "two chunks",
        "run longer than the count",
        "nothing",
    ],
)
def test_parse_feedback(chunks: str, count: int, deltas: str, numbers: list[tuple[int, int | None]]) -> None:
    fci = b"\0\5" + count.to_bytes(2, "big") + octets("00000100") + octets(chunks) + octets(deltas)
    assert parse_feedback(fci) == numbers


def test_numbers_wrap() -> None:
    assert parse_feedback(octets("ffff 0002 00000000 2002 0000")) == [(65535, 0), (0, 0)]


def test_a_negative_reference_time() -> None:
    assert parse_feedback_header(octets("0000 0000 ffffff07")) == FeedbackHeader(0, 0, -1, 7)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0005 0001 000001",
        "0005 0001 00000000",
        "0005 0001 00000000 20",
        "0005 0001 00000000 2001",
        "0005 0001 00000000 4001 00",
        "0005 0001 00000000 6001 00",
        "0005 0001 00000000 f000 00",
        "0005 0001 00000000 2000 2001 00",
        "0005 0010 00000000 2001 00",
        "0005 ffff 00000000 1fff 1fff 1fff 1fff 1fff 1fff 1fff 1fff 1fff",
    ],
    ids=[
        "empty",
        "short head",
        "no chunk",
        "half a chunk",
        "no delta",
        "half a delta",
        "reserved run",
        "reserved in a vector",
        "run of nothing",
        "too few statuses",
        "too many statuses",
    ],
)
def test_parse_feedback_refuses(text: str) -> None:
    with pytest.raises(PacketError):
        parse_feedback(octets(text))


def test_most_statuses_of_a_message() -> None:
    fci = b"\0\5" + MAX_STATUSES.to_bytes(2, "big") + octets("00000000 1fff 0001")
    assert len(parse_feedback(fci)) == MAX_STATUSES


def fci_of(arrivals: list[tuple[int, float]]) -> str:
    log = ArrivalLog()
    for sequence, now in arrivals:
        log.record(sequence, now)
    (data,) = log.feedback(1, 2, arrivals[-1][1])
    (packet,) = parse_compound(data)
    assert isinstance(packet, TransportFeedback)
    return packet.fci.hex()


@pytest.mark.parametrize(
    ("arrivals", "fci"),
    [
        ([(5, 0.064)], "00050001000001002001 00"),
        ([(5, 0.065), (6, 0.0655)], "00050002000001002002 0402"),
        ([(5, 0.064), (7, 0.065)], "0005000300000100a800 0004"),
        ([(5, 0.064), (6, 0.064 + 0.06375), (7, 0.064 + 0.12775)], "0005000300000100d600 00ff0100"),
        ([(6, 0.064), (5, 0.066)], "0005000200000100 d800 08fff8"),
        ([(5, 0.064), (7, 0.065), (6, 0.066)], "0005000300000100 d600 0008fffc"),
        ([(number, 0.064) for number in range(20)], "0000001400000100 2014" + "00" * 20),
        (
            [(0, 0.064), *((number, 0.064) for number in range(100, 114))],
            "0000007200000100 a000 0056 200e" + "00" * 15,
        ),
        ([(65535, 0.064), (0, 0.064)], "ffff000200000100 2002 0000"),
    ],
    ids=[
        "one",
        "two",
        "gap",
        "small and large delta",
        "before the first",
        "overtaken",
        "run",
        "gap as a run",
        "wrap",
    ],
)
def test_feedback_octets(arrivals: list[tuple[int, float]], fci: str) -> None:
    assert fci_of(arrivals) == fci.replace(" ", "")


def test_nothing_to_tell() -> None:
    log = ArrivalLog()
    assert log.feedback(1, 2, 0.0) == []
    log.record(1, 1.0)
    assert len(log.feedback(1, 2, 1.0)) == 1
    assert log.feedback(1, 2, 1.1) == []
    log.record(1, 1.2)
    assert log.feedback(1, 2, 1.2) == []


def test_the_next_feedback_begins_behind_the_last() -> None:
    log = ArrivalLog()
    bases = []
    for first in (10, 14):
        for sequence in (first, first + 2):
            log.record(sequence, 1.0)
        (data,) = log.feedback(1, 2, 1.0)
        header = parse_feedback_header(data[12:])
        bases.append((header.base_sequence, header.status_count))
    assert bases == [(10, 3), (13, 4)]


@pytest.mark.parametrize("gap", [1, 2, 15, 16, 300])
@pytest.mark.parametrize("late", [0.0, 0.07])
def test_messages_are_filled_but_never_over(gap: int, late: float) -> None:
    """Every kind of filling: small and large deltas, with and without losses between."""
    log, sender = ArrivalLog(), Sender()
    numbers = range(0, WINDOW - 1, gap)
    for number in numbers:
        log.record(number, 1.0 + number * late)
    sender.read(log.feedback(1, 2, 1.0))
    assert set(sender.received) == {0x10000 + number for number in numbers}
    assert max(sender.sizes) <= 1200
    if len(sender.sizes) > 1 and late * gap < 8:
        assert min(sender.sizes[:-1]) > 800


@pytest.mark.parametrize(("delta", "messages"), [(0x7FFF, 1), (0x8000, 2), (-0x8000, 1), (-0x8001, 2)])
def test_a_delta_that_two_octets_cannot_say_begins_a_message(delta: int, messages: int) -> None:
    log, sender = ArrivalLog(), Sender()
    log.record(0, 64.0)
    log.record(1, 64.0 + delta / TICKS_PER_SECOND)
    sender.read(log.feedback(1, 2, 64.0))
    assert len(sender.sizes) == messages
    assert sender.received == {0x10000: ticks(64.0), 0x10001: ticks(64.0 + delta / TICKS_PER_SECOND)}


def test_a_late_packet_is_told_after_all() -> None:
    log, sender = ArrivalLog(), Sender()
    for sequence in (10, 11, 13):
        log.record(sequence, 1.0)
    sender.read(log.feedback(1, 2, 1.0))
    assert sender.lost == {0x10000 + 12}
    log.record(12, 1.1)
    log.record(14, 1.1)
    sender.lost.clear()
    sender.read(log.feedback(1, 2, 1.1))
    assert not sender.lost
    assert sender.received == {0x10000 + n: ticks(1.1 if n in (12, 14) else 1.0) for n in range(10, 15)}


def test_told_arrivals_are_forgotten_and_late_packets_of_that_time_are_left_out() -> None:
    log = ArrivalLog()
    for sequence in (10, 11, 13):
        log.record(sequence, 1.0)
    log.feedback(1, 2, 1.0)
    log.record(20, 3.0)
    log.feedback(1, 2, 3.0)
    assert len(log) == 1
    log.record(12, 3.1)
    assert log.feedback(1, 2, 3.1) == []
    assert HISTORY < 2 * TICKS_PER_SECOND


def test_the_turn_of_the_reference_time() -> None:
    before = ERA / TICKS_PER_SECOND - 0.05
    log, sender = ArrivalLog(), Sender()
    for step in range(10):
        log.record(step, before + step * 0.02)
        sender.read(log.feedback(1, 2, before + step * 0.02))
    assert sender.received == {0x10000 + step: ticks(before + step * 0.02) for step in range(10)}


def test_fc_a13_gaps_of_thousands_and_jumps_stay_small() -> None:
    log, sender = ArrivalLog(), Sender(0x10000)
    sequences = [
        *range(100, 201),
        *range(40000, 40101),
        *range(201, 211),
        39990,
        *range(65530, 65536),
        *range(21),
    ]
    for position, sequence in enumerate(sequences):
        now = 1.0 + position / 1000
        log.record(sequence, now)
        if position % 50 == 0:
            sender.read(log.feedback(1, 2, now))
        assert len(log) <= 2 * WINDOW
    sender.read(log.feedback(1, 2, 2.0))
    assert max(sender.sizes) <= 1200
    log.record(5020, 2.0)
    packets = log.feedback(1, 2, 2.0)
    assert [len(packet) <= 1200 for packet in packets] == [True]
    (packet,) = parse_compound(packets[0])
    assert isinstance(packet, TransportFeedback)
    told = parse_feedback(packet.fci)
    assert len(told) == WINDOW
    assert [number for number, delta in told if delta is not None] == [5020]


def test_a_sender_that_only_jumps_fills_no_memory() -> None:
    log = ArrivalLog()
    sequence = 0
    for step in range(5 * WINDOW):
        sequence = (sequence + 9001 * (step % 7)) % 65536
        log.record(sequence, 1.0 + step / 10000)
        assert len(log) <= 2 * WINDOW
    packets = log.feedback(1, 2, 3.0)
    assert len(packets) <= 20
    assert all(len(packet) <= 1200 for packet in packets)


def test_padding_packets_count_like_others() -> None:
    """FC-a14: the log is told of every packet, so what came is told whatever it held."""
    log, sender = ArrivalLog(), Sender()
    for sequence in range(5):
        log.record(sequence, 1.0)
    sender.read(log.feedback(1, 2, 1.0))
    assert set(sender.received) == {0x10000 + number for number in range(5)}


STEPS = st.lists(
    st.tuples(
        st.integers(-30, 30) | st.integers(0, 1) | st.integers(0, 400),
        st.floats(0, 0.03) | st.just(0.0) | st.floats(0, 0.4),
        st.booleans(),
    ),
    min_size=1,
    max_size=120,
)


@given(st.integers(0, 0xFFFF), st.floats(0, 2_000_000), STEPS)
def test_every_arrival_is_told_once_right_in_any_order(
    first: int, start: float, steps: list[tuple[int, float, bool]]
) -> None:
    log, sender = ArrivalLog(), Sender(0x10000 + first)
    came: dict[int, int] = {}
    number, now = 0x10000 + first, start
    floor = number - WINDOW
    told: set[int] = set()
    unsure: set[int] = set()
    for step, pause, tell in [(0, 0.0, False), *steps]:
        number = max(number, max(came, default=number)) + step
        now += pause
        if number < 0:
            continue
        log.record(number & 0xFFFF, now)
        if number not in came:
            came[number] = ticks(now)
            if number < floor:
                unsure.add(number)
        if tell:
            sender.read(log.feedback(1, 2, now))
            told |= set(came)
            old = [n for n in told if (ticks(now) - came[n]) % ERA > HISTORY - 2]
            floor = max([floor, *(n + 1 for n in old)])
    sender.read(log.feedback(1, 2, now))
    for known, tick in sender.received.items():
        assert came[known] == tick
    # A number that came below what had been forgotten need not be told; all others must be.
    assert set(came) - set(sender.received) <= unsure
    assert max(sender.sizes) <= 1200


def test_a_thousand_packets_in_a_shuffled_order_with_loss() -> None:
    rng = random.Random(7)
    log, sender = ArrivalLog(), Sender(0x10000 + 65000)
    order = [number for number in range(65000, 67000) if rng.random() > 0.1]
    order.sort(key=lambda number: number + rng.uniform(0, 25))
    came = {}
    for position, number in enumerate(order):
        now = 50.0 + position / 1500
        came[number + 0x10000] = ticks(now)
        log.record(number & 0xFFFF, now)
        if position % 75 == 0:
            sender.read(log.feedback(1, 2, now))
    sender.read(log.feedback(1, 2, 60.0))
    assert {number: sender.received.get(number) for number in came} == came
    assert set(sender.received) == set(came)
    assert sender.lost - set(came) <= set(range(0x10000 + 65000, 0x10000 + 67000)) - set(came)
