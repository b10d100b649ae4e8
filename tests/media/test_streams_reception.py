"""Receiver report numbers against sums done by hand and against RFC 3550's own formulas."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.ntp import round_trip, to_ntp
from media.streams.reception import ReceptionStats
from media.streams.sequence import SequenceExtender

START = 0x10000


def feed(stats: ReceptionStats, numbers: list[int]) -> None:
    for number in numbers:
        stats.received(START + number, number * 960, number * 0.02, 100)


def test_before_the_first_packet() -> None:
    stats = ReceptionStats(48000)
    assert stats.report(7, 1.0) == (7, 0, 0, 0, 0, 0, 0)
    assert (stats.expected, stats.cumulative_lost, stats.jitter_seconds) == (0, 0, 0.0)


@pytest.mark.parametrize(
    ("first", "second", "fractions", "lost", "highest"),
    [
        ([0, 1, 2, 3], [4, 5, 6, 7], (0, 0), 0, 7),
        ([0, 1, 3], [4, 5, 6, 7], (64, 0), 1, 7),
        ([0, 2, 3], [4, 7], (64, 128), 3, 7),
        ([0, 3], [1, 2, 4], (128, 0), 0, 4),
        ([0, 0, 0, 1], [2], (0, 0), -2, 2),
        ([5, 3, 6], [4, 7], (64, 0), 0, 7),
        ([0], [], (0, 0), 0, 0),
        ([0, 255], [], (254, 0), 254, 255),
    ],
    ids=[
        "none",
        "one of four",
        "both times",
        "mended later",
        "repeats",
        "before the first",
        "silence",
        "nearly all",
    ],
)
def test_loss(
    first: list[int], second: list[int], fractions: tuple[int, int], lost: int, highest: int
) -> None:
    stats = ReceptionStats(48000)
    feed(stats, first)
    one = stats.report(7, 10.0)
    feed(stats, second)
    two = stats.report(7, 11.0)
    assert (one.fraction_lost, two.fraction_lost) == fractions
    assert two.cumulative_lost == stats.cumulative_lost == lost
    assert two.highest_sequence == highest


def test_recovered_packets_are_not_lost_and_no_jitter() -> None:
    stats = ReceptionStats(90000)
    for number in range(20):
        if number != 10:
            stats.received(START + number, number * 3000, number / 30, 1000)
    before = stats.jitter_seconds
    stats.received(START + 10, 30000, 5.0, 1000, recovered=True)
    assert stats.jitter_seconds == before < 1e-3
    block = stats.report(7, 5.0)
    assert (block.fraction_lost, block.cumulative_lost) == (0, 0)
    assert (stats.received_packets, stats.octets) == (20, 20_000)


def test_a_recovered_packet_may_be_the_first() -> None:
    stats = ReceptionStats(90000)
    stats.received(START, 0x80000000, 100.0, 1000, recovered=True)
    stats.received(START + 1, 5, 100.0, 1000)
    stats.received(START + 2, 5, 100.0, 1000)
    assert stats.jitter_seconds == 0.0


def test_jitter_is_that_of_rfc_3550() -> None:
    """Appendix A.8 done with whole numbers of clock units."""
    stats = ReceptionStats(8000)
    arrivals = [0, 165, 318, 490, 640, 800, 1000]
    jitter = transit = 0.0
    for number, arrival in enumerate(arrivals):
        stats.received(START + number, (0xFFFFFF00 + number * 160) & 0xFFFFFFFF, 10 + arrival / 8000, 80)
        now = arrival - number * 160
        if number:
            jitter += (abs(now - transit) - jitter) / 16
        transit = now
    assert stats.jitter_seconds * 8000 == pytest.approx(jitter)
    assert stats.report(7, 20.0).jitter == int(jitter + 1e-9)


def test_a_restarted_clock_is_no_jitter() -> None:
    stats = ReceptionStats(90000)
    for number in range(50):
        stats.received(START + number, number * 3000 + (0x7000000 if number > 24 else 0), number / 30, 1000)
    assert stats.jitter_seconds < 1e-3


def test_fc_a13_a_restart_is_not_loss() -> None:
    extender, stats = SequenceExtender(), ReceptionStats(90000)
    for sequence in [*range(100, 201), *range(40000, 40101), *range(201, 211)]:
        number, _ = extender.extend(sequence)
        if number is not None:
            stats.received(number, sequence * 3000, 1.0, 1000)
    block = stats.report(7, 2.0)
    assert (block.fraction_lost, block.cumulative_lost) == (0, 0)
    assert block.highest_sequence & 0xFFFF == 210


def test_sender_report_times() -> None:
    stats = ReceptionStats(90000)
    feed(stats, [0])
    ntp = to_ntp(1_700_000_000.0)
    stats.sender_report(ntp, 50.0)
    block = stats.report(7, 52.5)
    assert block.lsr == ntp >> 16 & 0xFFFFFFFF
    assert block.dlsr == round(2.5 * 65536)
    arrival = to_ntp(1_700_000_002.58) >> 16 & 0xFFFFFFFF
    assert round_trip(arrival, block.lsr, block.dlsr) == pytest.approx(0.08, abs=1e-4)


def test_counts_of_the_wrap_begin_at_zero() -> None:
    extender, stats = SequenceExtender(), ReceptionStats(48000)
    for sequence in (65534, 65535, 0, 1):
        number, _ = extender.extend(sequence)
        assert number is not None
        stats.received(number, 0, 1.0, 1)
    assert stats.report(7, 1.0).highest_sequence == 0x10001


def test_bitrate() -> None:
    stats = ReceptionStats(90000)
    for number in range(200):
        stats.received(START + number, number * 900, number * 0.01, 1250)
    assert stats.bitrate(1.999) == pytest.approx(1_000_000, rel=0.06)


@given(st.lists(st.tuples(st.integers(-20, 60), st.booleans()), min_size=1, max_size=150))
def test_fractions_of_all_reports_make_up_the_loss(steps: list[tuple[int, bool]]) -> None:
    stats = ReceptionStats(90000)
    highest = START + 1000
    stats.received(highest, 0, 1.0, 100)
    numbers = [highest]
    for step, report in steps:
        number = highest + step
        highest = max(highest, number)
        numbers.append(number)
        stats.received(number, 0, 1.0, 100)
        if report:
            block = stats.report(7, 1.0)
            assert 0 <= block.fraction_lost <= 255
            assert block.cumulative_lost == max(numbers) - min(numbers) + 1 - len(numbers)
            assert block.highest_sequence == highest - START
