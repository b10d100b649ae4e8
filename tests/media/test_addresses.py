"""Which addresses are listened on and advertised."""

from __future__ import annotations

import pytest

from media.addresses import host_addresses, host_candidates, listening_addresses, local_priorities

HOST = [
    "127.0.0.1",
    "::1",
    "fe80::1%eth0",
    "169.254.3.4",
    "fd00::2",
    "192.0.2.1",
    "198.51.100.1",
    "2001:db8::1",
    "2001:db8::1",
]


@pytest.mark.parametrize(
    ("bind", "options", "expected"),
    [
        ((), {}, ["2001:db8::1", "192.0.2.1", "198.51.100.1", "fd00::2"]),
        (("0.0.0.0",), {}, ["192.0.2.1", "198.51.100.1"]),
        (("::",), {}, ["2001:db8::1", "fd00::2"]),
        (("0.0.0.0", "::"), {}, ["2001:db8::1", "192.0.2.1", "198.51.100.1", "fd00::2"]),
        ((), {"ipv6": False}, ["192.0.2.1", "198.51.100.1"]),
        ((), {"ipv4": False}, ["2001:db8::1", "fd00::2"]),
        (
            (),
            {"include_loopback": True},
            ["2001:db8::1", "192.0.2.1", "198.51.100.1", "fd00::2", "127.0.0.1", "::1"],
        ),
        (("127.0.0.1",), {}, ["127.0.0.1"]),
        (("203.0.113.5", "::1", "203.0.113.5"), {}, ["203.0.113.5", "::1"]),
        (("203.0.113.5", "0.0.0.0"), {}, ["203.0.113.5"]),
    ],
)
def test_listening_addresses(bind, options, expected):
    assert listening_addresses(bind, present=HOST, **options) == expected


def test_loopback_where_nothing_else_is():
    assert listening_addresses(present=HOST[:4]) == ["127.0.0.1", "::1"]
    assert listening_addresses(present=[]) == []


def test_own_host_has_an_address():
    assert "127.0.0.1" in host_addresses()
    assert listening_addresses()


def test_bad_text_is_an_error():
    with pytest.raises(ValueError, match="nonsense"):
        listening_addresses(["nonsense"])
    with pytest.raises(ValueError, match="nonsense"):
        host_candidates(["192.0.2.1"], 1, ["nonsense"])
    with pytest.raises(ValueError, match="port 0"):
        host_candidates(["192.0.2.1"], 0)


def test_candidates():
    first, second = host_candidates(["192.0.2.1", "2001:db8::1"], 7882)
    assert (first.host, first.port, first.component, first.protocol) == ("192.0.2.1", 7882, 1, "udp")
    # RFC 8445, 5.1.2.1: 2^24 * 126 + 2^8 * preference + 256 - component.
    assert first.priority == (126 << 24) + (65535 << 8) + 255
    assert second.priority == first.priority - 256
    assert first.foundation != second.foundation
    assert host_candidates(["192.0.2.1"], 1)[0].foundation == first.foundation
    assert local_priorities(["192.0.2.1", "2001:db8::1"]) == [first.priority, second.priority]


def test_advertised_addresses_stand_in_place_of_the_bound():
    candidates = host_candidates(["10.0.0.1", "10.0.0.2"], 5, ["203.0.113.1", "203.0.113.1"])
    assert [c.host for c in candidates] == ["203.0.113.1"]
