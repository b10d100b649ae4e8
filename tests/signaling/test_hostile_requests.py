"""What a participant may not do to the server, or to the others, by what it sends."""

from __future__ import annotations

import base64
import json

import pytest
from livekit.protocol import models, rtc
from signal_world import World
from starlette.websockets import WebSocket

from signaling.asgi import _params
from signaling.errors import MalformedError
from signaling.publication import _describe
from signaling.session import CLOSE_POLICY, CLOSE_PROTOCOL, SignalSession
from signaling.settings import SignalSettings
from signaling.wire import MAX_JSON_VALUES, decode_request

MB = 1024 * 1024


def closed(session: SignalSession) -> tuple[int, str] | None:
    return (session.closing.code, session.closing.reason) if session.closing else None


def large(size: int) -> bytes:
    """A request that means nothing, of so many octets at least."""
    trickle = rtc.TrickleRequest(candidateInit="x" * size)
    return rtc.SignalRequest(trickle=trickle).SerializeToString()


@pytest.mark.parametrize("count", [3, 4, 5])
def test_large_frames_one_after_the_other_end_the_session(count: int) -> None:
    session = SignalSession(SignalSettings(), 0.0)
    for _ in range(count):
        session.receive(large(MB), 0.0)
    assert closed(session) == (None if count < 4 else (CLOSE_POLICY, "too much data in requests"))


def test_large_frames_now_and_then_are_taken() -> None:
    session = SignalSession(SignalSettings(), 0.0)
    for second in range(0, 100, 5):
        session.receive(large(MB), float(second))
    assert closed(session) is None


def test_a_frame_over_the_limit_says_so() -> None:
    session = SignalSession(SignalSettings(), 0.0)
    session.receive(bytes(3 * MB), 0.0)
    assert closed(session) == (CLOSE_PROTOCOL, "frame too large")


def test_small_frames_within_the_rate_are_taken_however_many() -> None:
    session = SignalSession(SignalSettings(), 0.0)
    for tenth in range(10_000):
        session.receive(large(200), tenth / 10)
    assert closed(session) is None


def test_unknown_fields_of_a_layer_do_not_go_to_everybody() -> None:
    layer = models.VideoLayer(quality=models.VideoQuality.LOW, width=160, height=90)
    hidden = layer.SerializeToString() + b"\xfa\xff\x7f\x80\x80\x04" + bytes(65536)
    request = rtc.AddTrackRequest(cid="c", type=models.TrackType.VIDEO)
    request.layers.add().MergeFromString(hidden)
    assert request.ByteSize() > 65536
    info = _describe(request)
    assert info.ByteSize() < 200
    assert (info.layers[0].width, info.layers[0].height) == (160, 90)


@pytest.mark.parametrize("value", ["{}", "[]", '"x"', "1", "[1]", '{"a":1}'])
@pytest.mark.parametrize("field", ["unknown", "subscription"])
def test_json_of_very_many_values_is_refused_before_it_costs_seconds(field: str, value: str) -> None:
    text = f'{{"{field}": {{"participantTracks": [{",".join([value] * MAX_JSON_VALUES)}]}}}}'
    with pytest.raises(MalformedError):
        decode_request(text)


def test_json_of_a_thousand_tracks_is_taken() -> None:
    text = '{"subscription": {"trackSids": [' + ",".join(['"TR_x"'] * 1000) + "]}}"
    assert len(decode_request(text).subscription.track_sids) == 1000


def test_long_texts_in_json_are_one_value() -> None:
    text = '{"offer": {"sdp": "' + ",{[" * 100_000 + '"}}'
    assert len(decode_request(text).offer.sdp) == 300_000


def test_thousands_who_came_and_went_leave_little_behind() -> None:
    world = World()
    world.client("a")
    for number in range(50):
        guest = world.client(f"guest {number}", can_update_own_metadata=True)
        guest.ask(update_metadata=rtc.UpdateParticipantMetadata(metadata="x" * 60_000))
        world.run()
        guest.ask(leave=rtc.LeaveRequest())
        world.run()
    receiver = world.room.participants["a"]
    departed = world.room.updates.departed(0.0, receiver)
    assert [info.identity for info in departed] == [f"guest {number}" for number in range(50)]
    assert {info.state for info in departed} == {models.ParticipantInfo.State.DISCONNECTED}
    assert sum(info.ByteSize() for info in departed) < 50 * 200


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ({"role": "commune", "n": 5}, {"role": "commune"}),
        ({"role": "\ud800"}, {}),
        ({"\udfff": "x"}, {}),
        ({"deep": {"\ud800": "x"}, "role": "commune"}, {}),
        (["role"], {}),
        ("role", {}),
        (None, {}),
    ],
)
def test_attributes_in_the_query_that_utf_8_cannot_carry_count_as_absent(
    value: object, taken: dict[str, str]
) -> None:
    encoded = base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
    scope = {"type": "websocket", "query_string": f"attributes={encoded}".encode(), "headers": []}

    async def nothing(*_: object) -> None: ...

    assert _params(WebSocket(scope, nothing, nothing)).attributes == taken  # type: ignore[arg-type]
