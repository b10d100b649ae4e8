import pytest

from web.throttle import Throttle, caller


def test_a_burst_then_the_rate() -> None:
    throttle = Throttle(rate=2.0, burst=3.0)
    assert [throttle.take("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert throttle.wait("a", 0.0) == pytest.approx(0.5)
    assert throttle.take("a", 0.5)
    assert not throttle.take("a", 0.5)
    assert throttle.wait("b", 0.5) == 0.0


def test_only_so_many_callers_are_remembered() -> None:
    throttle = Throttle(rate=0.0, burst=1.0, size=100)
    for number in range(1000):
        throttle.take(f"192.0.{number // 250}.{number % 250}", 0.0)
    assert len(throttle) == 100


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("x" * 200, "x" * 64),
    ],
)
def test_who_counts_as_one_caller(address: str, counted: str) -> None:
    assert caller(address) == counted
