"""Candidates and trickle: read over, never resolved (FC-a16)."""

import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sdp_samples import LOCAL, audio, data, offer

from media.sdp.candidates import (
    Candidate,
    Trickle,
    parse_candidate,
    parse_trickle,
    write_candidate,
    write_trickle,
)
from media.sdp.publisher import answer_publisher
from media.sdp.types import HostCandidate

NAME = "5f1e2d3c-0000-4000-8000-1234567890ab.local"
HOST = "candidate:1 1 udp 2113937151 192.0.2.7 50000 typ host"
READ = Candidate("1", 1, "udp", 2113937151, "192.0.2.7", 50000, "host")

CANDIDATES = [
    (HOST, READ),
    ("a=" + HOST, READ),
    (HOST.removeprefix("candidate:"), READ),
    (HOST + " generation 0 ufrag abcd network-cost 999", READ),
    (HOST + " one-word-too-many", READ),
    (f"candidate:1 1 udp 2113937151 {NAME} 50000 typ host", None),
    (
        "candidate:2 1 TCP 1518280447 192.0.2.7 9 typ host tcptype active",
        Candidate("2", 1, "tcp", 1518280447, "192.0.2.7", 9, "host", "active"),
    ),
    ("candidate:3 1 udp 1 fe80::1%eth0 9 typ host", Candidate("3", 1, "udp", 1, "fe80::1", 9, "host")),
    (
        "candidate:4 1 udp 1 198.51.100.1 4 typ srflx raddr 0.0.0.0 rport 0",
        Candidate("4", 1, "udp", 1, "198.51.100.1", 4, "srflx"),
    ),
    ("candidate:5 1 udp 4294967296 192.0.2.7 1 typ host", None),
    ("candidate:5 1 udp 1 192.0.2.7 65536 typ host", None),
    ("candidate:5 1 udp 1 192.0.2.7 ٣ typ host", None),
    ("candidate:5 999 udp 1 192.0.2.7 1 typ host", None),
    ("candidate:5 1 sctp 1 192.0.2.7 1 typ host", None),
    ("candidate:5 1 udp 1 192.0.2.7 1 typ magic", None),
    ("candidate:5 1 udp 1 192.0.2.7 1 kind host", None),
    ("candidate:5 1 udp 1 192.0.2.7", None),
    ("candidate:5 1 udp 1 192.0.2.7 1 typ host" + " x y" * 1000, None),
    ("", None),
]


@pytest.mark.parametrize(("text", "candidate"), CANDIDATES)
def test_fc_a16_candidate(text: str, candidate: Candidate | None) -> None:
    assert parse_candidate(text) == candidate


@pytest.mark.parametrize(
    ("text", "trickle"),
    [
        ("null", Trickle(None, None, None, end=True)),
        ('{"candidate":""}', Trickle(None, None, None, end=True)),
        ('{"candidate":null,"sdpMid":"0"}', Trickle(None, "0", None, end=True)),
        (
            json.dumps({"candidate": HOST, "sdpMid": "0", "sdpMLineIndex": 0}),
            Trickle(READ, "0", 0, end=False),
        ),
        (json.dumps({"candidate": HOST.replace("192.0.2.7", NAME)}), Trickle(None, None, None, end=False)),
        ('{"candidate":5,"sdpMid":7,"sdpMLineIndex":true}', Trickle(None, None, None, end=False)),
        ('{"sdpMLineIndex":-1}', Trickle(None, None, None, end=True)),
        ("[]", None),
        ("{", None),
        ("[" * 4000, None),
        ('"' + "x" * 5000 + '"', None),
        ("", None),
    ],
)
def test_fc_a16_trickle(text: str, trickle: Trickle | None) -> None:
    assert parse_trickle(text) == trickle


@given(st.text())
def test_nothing_that_is_read_raises(text: str) -> None:
    parse_candidate("candidate:" + text)
    parse_trickle(text)


@given(
    st.builds(
        HostCandidate,
        host=st.ip_addresses().map(str),
        port=st.integers(1, 65535),
        priority=st.integers(0, 2**32 - 1),
        foundation=st.integers(0, 2**32).map(str),
        protocol=st.sampled_from(["udp", "tcp"]),
    )
)
def test_what_was_written_is_read_again(candidate: HostCandidate) -> None:
    read = parse_candidate(write_candidate(candidate))
    assert read is not None
    assert (read.host, read.port, read.priority) == (candidate.host, candidate.port, candidate.priority)
    assert (read.protocol, read.tcptype) in (("udp", ""), ("tcp", "passive"))
    assert parse_trickle(write_trickle(candidate, "1", 3)) == Trickle(read, "1", 3, end=False)


def test_written_end_of_candidates() -> None:
    assert parse_trickle(write_trickle(None, "0")) == Trickle(None, "0", 0, end=True)


def test_fc_a16_names_in_an_offer_are_never_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*arguments: object, **named: object) -> None:
        raise AssertionError(f"resolves {arguments}")

    for name in ("getaddrinfo", "gethostbyname", "gethostbyaddr", "getnameinfo"):
        monkeypatch.setattr(socket, name, resolve)
    lines = ["a=rtcp:9", *(f"a={text}" for text, _ in CANDIDATES if text.startswith("candidate:5 1 udp 1"))]
    lines += [f"a=candidate:1 1 udp 1 {NAME} 9 typ host", "a=candidate:2 1 tcp 1 fe80::1%eth0 9 typ host"]
    lines = [line for line in lines if len(line) < 8000]
    text = offer(audio("0", *lines), data("1")).replace("c=IN IP4 0.0.0.0", f"c=IN IP4 {NAME}")
    answer = answer_publisher(text, LOCAL)
    assert [section.sending for section in answer.sections] == [True]
    assert answer.data is not None
    assert NAME not in answer.sdp
