"""The packet cache: what it holds, what it drops, and that it never gives another packet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.streams.packet_cache import MAX_STEP, PacketCache
from media.streams.sequence import SequenceExtender


def body(number: int) -> bytes:
    return b"packet %d" % number


def test_holds_and_gives() -> None:
    cache = PacketCache(10, 1.0)
    for number in (5, 6, 8):
        cache.put(number, body(number), 0.0)
    assert [cache.get(number) for number in (5, 6, 7, 8)] == [body(5), body(6), None, body(8)]
    assert [cache.seen(number) for number in (5, 7)] == [True, False]
    assert len(cache) == 3


def test_drops_the_first_that_came_when_full() -> None:
    cache = PacketCache(3, 1.0)
    for number in (5, 7, 6, 8):
        cache.put(number, body(number), 0.0)
    assert [cache.get(number) for number in (5, 6, 7, 8)] == [None, body(6), body(7), body(8)]


def test_drops_by_age_at_the_next_packet_or_on_request() -> None:
    cache = PacketCache(10, 1.0)
    cache.put(1, body(1), 0.0)
    cache.put(2, body(2), 0.5)
    cache.put(3, body(3), 1.2)
    assert [cache.get(number) for number in (1, 2, 3)] == [None, body(2), body(3)]
    cache.expire(1.5)
    assert len(cache) == 2
    cache.expire(1.6)
    assert [cache.get(number) for number in (2, 3)] == [None, body(3)]
    cache.expire(9.0)
    assert len(cache) == 0


def test_keeps_the_first_of_two_with_one_number() -> None:
    cache = PacketCache(10, 1.0)
    cache.put(1, b"first", 0.0)
    cache.put(1, b"second", 0.1)
    assert cache.get(1) == b"first"
    assert len(cache) == 1


def test_since_is_in_order_and_bears_changes_meanwhile() -> None:
    cache = PacketCache(10, 1.0)
    for number in (4, 9, 7, 5):
        cache.put(number, body(number), 0.0)
    rest = cache.since(5)
    assert next(rest) == (5, body(5))
    cache.clear()
    assert list(rest) == [(7, body(7)), (9, body(9))]
    assert list(cache.since(0)) == []


@pytest.mark.parametrize("jump", [MAX_STEP + 1, -MAX_STEP - 1, 40000, -30000])
def test_a_jump_empties(jump: int) -> None:
    cache = PacketCache(10, 1.0)
    cache.put(50000, body(1), 0.0)
    cache.put(50000 + jump, body(2), 0.0)
    assert cache.get(50000) is None
    assert cache.get(50000 + jump) == body(2)
    cache.put(50001 + jump, body(3), 0.0)
    assert len(cache) == 2


def test_fc_a13_restarts_cleanly_and_answers_for_what_it_holds() -> None:
    extender, cache = SequenceExtender(), PacketCache(512, 10.0)
    sequences = [
        *range(100, 201),
        *range(40000, 40101),
        *range(201, 211),
        39990,
        *range(65530, 65536),
        *range(21),
    ]
    numbers = []
    for sequence in sequences:
        number, _ = extender.extend(sequence)
        if number is not None:
            numbers.append(number)
            cache.put(number, body(sequence), 0.0)
    last_run = numbers[-3:]  # what came since the sender was understood to have begun anew
    assert list(cache.since(0)) == [(number, body(number & 0xFFFF)) for number in last_run]
    asked = range(last_run[-1] - 2998, last_run[-1] + 2)
    assert [number for number in asked if cache.get(number) is not None] == last_run


def test_a_cache_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        PacketCache(0, 1.0)


@given(
    st.integers(1, 20),
    st.floats(0.05, 1.0),
    st.lists(
        st.tuples(st.integers(-40, 60) | st.sampled_from([5000, -5000]), st.floats(0, 0.2)), max_size=120
    ),
)
def test_never_another_packet_and_never_over_its_bounds(
    most: int, age: float, steps: list[tuple[int, float]]
) -> None:
    cache = PacketCache(most, age)
    put: dict[int, tuple[float, bytes]] = {}
    number, now = 100_000, 10.0
    for serial, (step, pause) in enumerate(steps):
        number, now = number + step, now + pause
        cache.expire(now)
        if not cache.seen(number):
            put[number] = (now, b"%d" % serial)
        cache.put(number, b"%d" % serial, now)
        assert len(cache) <= most
        held = list(cache.since(-(10**9)))
        assert [key for key, _ in held] == sorted(key for key, _ in held)
        assert len(held) == len(cache)
        assert number in dict(held)
        for key, packet in held:
            came, expected = put[key]
            assert packet == expected == cache.get(key)
            assert now - came <= age + 1e-9
        for key in put.keys() - dict(held).keys():
            assert cache.get(key) is None
