"""One WebSocket's protocol without the socket: limits, signs of life, binary and text."""

import json

import pytest
from livekit.protocol import models, rtc

from signaling.session import (
    CLOSE_GOING_AWAY,
    CLOSE_NORMAL,
    CLOSE_POLICY,
    CLOSE_PROTOCOL,
    CLOSE_TOO_SLOW,
    SignalSession,
)
from signaling.settings import SignalSettings
from signaling.wire import SharedMessage

NOW = 50.0


def session(**settings: object) -> tuple[SignalSession, list[rtc.SignalRequest]]:
    made = SignalSession(SignalSettings(**settings), NOW)  # type: ignore[arg-type]
    made.wall_ms = lambda: 1_790_000_000_123
    heard: list[rtc.SignalRequest] = []
    made.on_request = lambda request, now: heard.append(request)
    return made, heard


def request(**message: object) -> bytes:
    return rtc.SignalRequest(**message).SerializeToString()  # type: ignore[arg-type]


def responses(made: SignalSession) -> list[rtc.SignalResponse]:
    return [rtc.SignalResponse.FromString(frame) for frame in made.take_frames() if isinstance(frame, bytes)]


def test_requests_are_handed_on_and_empty_frames_mean_nothing() -> None:
    made, heard = session()
    made.receive(b"", NOW)
    made.receive("{}", NOW)
    made.receive(request(leave=rtc.LeaveRequest()), NOW)
    assert [item.WhichOneof("message") for item in heard] == ["leave"]
    assert made.closing is None


def test_unknown_fields_are_passed_over() -> None:
    made, heard = session()
    made.receive(request(mute=rtc.MuteTrackRequest(sid="TR_1")) + b"\xba\x3e\x03abc", NOW)
    made.receive('{"mute": {"sid": "TR_2", "volume": 11}, "loud": true}', NOW)
    assert [item.mute.sid for item in heard] == ["TR_1", "TR_2"]


def test_both_pings_are_answered_in_milliseconds() -> None:
    made, heard = session()
    made.receive(request(ping=77), NOW)
    made.receive(request(ping_req=rtc.Ping(timestamp=99, rtt=5)), NOW)
    first, second = responses(made)
    assert first.pong == 1_790_000_000_123
    assert second.pong_resp == rtc.Pong(last_ping_timestamp=99, timestamp=1_790_000_000_123)
    assert heard == []


@pytest.mark.parametrize("frame", [b"\xff\xff\xff", "not json", '{"ping": {}}', "[]", b"\x0a" + b"\x80" * 20])
def test_what_cannot_be_parsed_ends_the_session(frame: bytes | str) -> None:
    made, heard = session()
    made.receive(frame, NOW)
    made.receive(request(leave=rtc.LeaveRequest()), NOW)
    assert made.closing is not None
    assert made.closing.code == CLOSE_PROTOCOL
    assert heard == []


def test_an_oversized_frame_ends_the_session() -> None:
    made, _ = session()
    made.receive(b"\0" * (2 * 1024 * 1024 + 1), NOW)
    assert made.closing is not None
    assert made.closing.code == CLOSE_PROTOCOL


def test_text_is_answered_in_text_and_binary_in_binary() -> None:
    made, _ = session()
    made.receive('{"ping": "5"}', NOW)
    made.receive(request(ping=5), NOW)
    text, binary = made.take_frames()
    assert isinstance(text, str)
    assert json.loads(text) == {"pong": "1790000000123"}
    assert isinstance(binary, bytes)


def test_too_many_requests_end_the_session() -> None:
    made, heard = session(requests_per_second=10.0, request_burst=20.0)
    leave = request(leave=rtc.LeaveRequest())
    for index in range(30):
        made.receive(leave, NOW + index * 0.1)
    assert len(heard) == 30
    for _ in range(25):
        made.receive(leave, NOW + 3)
    assert made.closing is not None
    assert made.closing.code == CLOSE_POLICY
    assert len(heard) < 55


def test_a_silent_client_is_taken_for_dead() -> None:
    made, _ = session(silence_limit=21.0)
    made.tick(NOW + 21.0)
    made.receive(request(ping=1), NOW + 21.0)
    made.tick(NOW + 42.0)
    assert made.closing is None
    made.tick(NOW + 42.1)
    assert made.closing is not None
    assert made.closing.code == CLOSE_GOING_AWAY


def test_a_client_that_does_not_read_is_cut_off_by_frames() -> None:
    made, _ = session(max_queued_frames=10)
    for _ in range(10):
        made.send(rtc.SignalResponse(pong=1))
    assert made.closing is None
    made.send(rtc.SignalResponse(pong=1))
    assert made.closing is not None
    assert made.closing.code == CLOSE_TOO_SLOW
    made.send(rtc.SignalResponse(pong=1))
    assert made.take_frames() == []


def test_a_client_that_does_not_read_is_cut_off_by_bytes() -> None:
    made, _ = session(max_queued_bytes=1000)
    message = rtc.SignalResponse(refresh_token="x" * 500)
    for _ in range(2):
        made.send(message)
    assert made.closing is None
    for _ in range(2):
        made.send(message)
    assert made.closing is not None
    assert made.closing.code == CLOSE_TOO_SLOW


def test_the_first_frame_may_be_longer_than_all_that_may_wait() -> None:
    made, _ = session(max_queued_bytes=1000)
    join = rtc.JoinResponse(room=models.Room(metadata="x" * 5000))
    made.send(rtc.SignalResponse(join=join))
    made.send(rtc.SignalResponse(refresh_token="y" * 500))
    assert made.closing is None
    assert len(made.take_frames()) == 2


def test_a_shared_message_is_serialised_once_for_each_form() -> None:
    shared = SharedMessage(rtc.SignalResponse(pong=3))
    sessions = [session()[0] for _ in range(4)]
    for made in sessions[2:]:
        made.text = True
    for made in sessions:
        made.send(shared)
    frames = [made.take_frames()[0] for made in sessions]
    assert frames[0] is frames[1]
    assert frames[2] is frames[3]


def test_the_first_reason_to_close_stays_and_what_is_queued_goes_out() -> None:
    made, _ = session()
    woken = []
    made.on_ready = lambda: woken.append(made.closing)
    made.send(rtc.SignalResponse(leave=rtc.LeaveRequest()))
    made.close(CLOSE_NORMAL, "left")
    made.close(CLOSE_POLICY, "other")
    made.send(rtc.SignalResponse(pong=1))
    assert made.closing is not None
    assert (made.closing.code, made.closing.reason) == (CLOSE_NORMAL, "left")
    assert [item.WhichOneof("message") for item in responses(made)] == ["leave"]
    assert len(woken) == 2
