"""Arithmetic on numbers that wrap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.sequences import sequence_ahead, timestamp_ahead


@pytest.mark.parametrize(
    ("a", "b", "ahead"),
    [
        (5, 3, 2),
        (3, 5, -2),
        (0, 65535, 1),
        (65535, 0, -1),
        (0x8000, 0, -0x8000),
        (0x7FFF, 0, 0x7FFF),
        (7, 7, 0),
    ],
)
def test_sequence_ahead(a: int, b: int, ahead: int) -> None:
    assert sequence_ahead(a, b) == ahead


@pytest.mark.parametrize(
    ("a", "b", "ahead"),
    [
        (5, 3, 2),
        (0, 0xFFFFFFFF, 1),
        (0xFFFFFFFF, 0, -1),
        (1 << 31, 0, -(1 << 31)),
        ((1 << 31) - 1, 0, (1 << 31) - 1),
    ],
)
def test_timestamp_ahead(a: int, b: int, ahead: int) -> None:
    assert timestamp_ahead(a, b) == ahead


@given(st.integers(0, 0xFFFF), st.integers(-0x8000, 0x7FFF))
def test_going_ahead_and_measuring_agree(start: int, step: int) -> None:
    assert sequence_ahead((start + step) & 0xFFFF, start) == step
