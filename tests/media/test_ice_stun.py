"""Reading checks and writing answers, against aioice's own reader and writer."""

from __future__ import annotations

import struct

import pytest
from aioice import stun as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from media.errors import PacketError
from media.ice import stun

PWD = "p" * 24


def request(username: str | None = "ours:theirs", pwd: str | None = PWD, **attributes) -> bytes:
    message = reference.Message(reference.Method.BINDING, reference.Class.REQUEST)
    if username is not None:
        message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 7
    message.attributes.update(attributes)
    if pwd is None:
        message.add_fingerprint()
    else:
        message.add_message_integrity(pwd.encode())
    return bytes(message)


def replaced(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def test_reads_what_a_check_says():
    data = request(**{"USE-CANDIDATE": None, "ICE-CONTROLLED": 5})
    assert stun.is_binding_request(data)
    assert stun.peek_local_ufrag(data) == "ours"
    read = stun.parse_request(data)
    assert (read.local_ufrag, read.remote_ufrag, read.priority) == ("ours", "theirs", 7)
    assert read.use_candidate
    assert read.controlled
    assert stun.is_authentic(read, PWD)
    assert not stun.is_authentic(read, PWD[:-1])
    assert PWD not in repr(read)


def test_absent_attributes_have_their_defaults():
    read = stun.parse_request(request())
    assert not read.use_candidate
    assert not read.controlled


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (request(username=None), "no user name"),
        (request(pwd=None), "no integrity"),
        (request(username="nocolon"), "no colon"),
        (request()[:-4], "cut"),
        (request() + bytes(4), "longer than it says"),
        (replaced(request(), 4, b"\x00"), "no cookie"),
        (replaced(request(), 0, b"\x01\x01"), "a response"),
        (replaced(request(), 0, b"\x00\x11"), "an indication"),
        (replaced(request(), 0, b"\x00\x03"), "another method"),
        (replaced(request(), len(request()) - 4, bytes(4)), "wrong fingerprint"),
        (replaced(request(), 20, b"\x00\x24\x00\x01"), "priority of one byte"),
        (request("ours:" + "x" * 1300), "too long"),
        (b"", "empty"),
        (bytes(20), "zeros"),
    ],
)
def test_refuses(data, why):
    with pytest.raises(PacketError):
        stun.parse_request(data)


@pytest.mark.parametrize(
    ("data", "ufrag"),
    [
        (request(username=None), None),
        (request(username="nocolon"), None),
        (request(username="é:x"), "��"),
        (request()[:22], None),
        (replaced(request(), 22, b"\xff\xff"), None),
        (b"", None),
    ],
)
def test_peek_never_fails(data, ufrag):
    assert stun.peek_local_ufrag(data) == ufrag


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7", "127.0.0.1"])
@pytest.mark.parametrize("port", [1, 443, 65535])
def test_success_response_is_what_aioice_reads(host, port):
    read = stun.parse_request(request())
    answer = reference.parse_message(stun.success_response(read, PWD, host, port))
    assert answer.message_class is reference.Class.RESPONSE
    assert answer.transaction_id == read.transaction_id
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == (host, port)
    assert "FINGERPRINT" in answer.attributes
    assert answer.check_message_integrity(PWD.encode())
    assert not answer.check_message_integrity(b"other")


def test_role_conflict_response_is_what_aioice_reads():
    read = stun.parse_request(request())
    answer = reference.parse_message(stun.role_conflict_response(read, PWD))
    assert answer.message_class is reference.Class.ERROR
    assert answer.attributes["ERROR-CODE"] == (487, "Role Conflict")
    assert answer.check_message_integrity(PWD.encode())


def test_attributes_behind_the_integrity_do_not_count():
    data = request(pwd=PWD)
    forged = data[:-8] + struct.pack("!HH", 0x0025, 0)  # USE-CANDIDATE in place of the fingerprint
    forged = replaced(forged, 2, struct.pack("!H", len(forged) - 20))
    assert not stun.parse_request(forged).use_candidate


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_never_raises_anything_else(tail):
    for data in (
        tail,
        replaced(request(), 20, tail[:60]),
        struct.pack("!HHI", 1, len(tail), 0x2112A442) + tail,
    ):
        stun.peek_local_ufrag(data)
        try:
            read = stun.parse_request(data)
        except PacketError:
            continue
        assert isinstance(stun.is_authentic(read, PWD), bool)


def test_private_names_of_aioice_are_as_known():
    """What ``media.ice.stun`` relies on beyond documentation: notices a change of the library."""
    message = reference.parse_message(request())
    assert message.check_message_integrity(PWD.encode())
    assert set(message.attributes) >= {"USERNAME", "MESSAGE-INTEGRITY", "FINGERPRINT", "PRIORITY"}
    without = reference.parse_message(request(pwd=None))
    assert not without.check_message_integrity(PWD.encode())
