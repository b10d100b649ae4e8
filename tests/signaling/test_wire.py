"""Signal frames: round trip in both forms, limits, hostile frames, one serialisation for many."""

import contextlib
import json

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import models, rtc

from signaling import wire
from signaling.errors import MalformedError

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)
requests = st.one_of(
    st.builds(lambda s: rtc.SignalRequest(offer=rtc.SessionDescription(type="offer", sdp=s)), texts),
    st.builds(
        lambda sid, muted: rtc.SignalRequest(mute=rtc.MuteTrackRequest(sid=sid, muted=muted)),
        texts,
        st.booleans(),
    ),
    st.builds(lambda n: rtc.SignalRequest(ping_req=rtc.Ping(timestamp=n)), st.integers(-(2**63), 2**63 - 1)),
    st.builds(
        lambda sids: rtc.SignalRequest(subscription=rtc.UpdateSubscription(track_sids=sids)), st.lists(texts)
    ),
    st.just(rtc.SignalRequest()),
)


@given(requests)
def test_round_trip_in_both_forms(request: rtc.SignalRequest) -> None:
    assert wire.decode_request(request.SerializeToString()) == request
    assert wire.decode_request(json_format.MessageToJson(request)) == request
    assert (
        wire.decode_request(json_format.MessageToJson(request, preserving_proto_field_name=True)) == request
    )


@pytest.mark.parametrize(
    "frame",
    [
        b"\xff",
        b"\x0a\x05abc",
        b"\x0a\x7f",
        rtc.SignalRequest(offer=rtc.SessionDescription(sdp="ab"))
        .SerializeToString()
        .replace(b"ab", b"\xff\xfe"),
        b"\x00" * (wire.MAX_FRAME_BYTES + 1),
        "",
        "{",
        "null",
        "[]",
        "5",
        '"x"',
        '{"offer":5}',
        '{"offer":{"sdp":5}}',
        '{"pingReq":{"timestamp":"x"}}',
        '{"pingReq":{"timestamp":1e400}}',
        '{"ping":1,"pingReq":{}}',
        '{"offer":{"sdp":"\\ud800"}}',
        '{"leave":{"reason":"\\uD800"}}',
        '{"\\udfff":1}',
        '{"leave":{"reason":"\udcff"}}',
        "\ud800",
        "[" * 100_000,
        '{"offer":' * 5_000,
        '{"ping":' + "1" * 5_000 + "}",
        '{"zz":"' + "é" * (wire.MAX_FRAME_BYTES // 2) + '"}',
        "x" * (wire.MAX_FRAME_BYTES + 1),
    ],
)
def test_malformed(frame: bytes | str) -> None:
    with pytest.raises(MalformedError):
        wire.decode_request(frame)


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_random_frames_end_in_one_error(frame: bytes | str) -> None:
    with contextlib.suppress(MalformedError):
        wire.decode_request(frame)


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (b"", None),
        ("{}", None),
        # Field 4000, a string, that nobody knows.
        (b"\x82\xfa\x01\x03abc", None),
        (b"\x82\xfa\x01\x03abc" + rtc.SignalRequest(ping=5).SerializeToString(), "ping"),
        ('{"zz":{"a":[1]},"ping":"5"}', "ping"),
        ('{"syncState":{}}', "sync_state"),
        ('{"trackSetting":{"quality":"NOT_YET_KNOWN"}}', "track_setting"),
        ('{"mute":null}', None),
        ('{"leave":{"reason":"\\ud83d\\ude00"}}', "leave"),
    ],
)
def test_empty_and_unknown(frame: bytes | str, kind: str | None) -> None:
    assert wire.decode_request(frame).WhichOneof("message") == kind


def test_largest_frame_passes() -> None:
    empty = rtc.SignalRequest(offer=rtc.SessionDescription(sdp="x" * 2_000_000))
    frame = rtc.SignalRequest(
        offer=rtc.SessionDescription(sdp="x" * (2_000_000 + wire.MAX_FRAME_BYTES - empty.ByteSize()))
    ).SerializeToString()
    assert len(frame) == wire.MAX_FRAME_BYTES
    assert wire.decode_request(frame).offer.sdp


UPDATE = rtc.SignalResponse(
    update=rtc.ParticipantUpdate(
        participants=[models.ParticipantInfo(sid="PA_x", name="Phúc Xá", joined_at_ms=5)]
    )
)


def test_encode() -> None:
    assert rtc.SignalResponse.FromString(bytes(wire.encode_response(UPDATE, text=False))) == UPDATE  # type: ignore[arg-type]
    text = wire.encode_response(UPDATE, text=True)
    assert isinstance(text, str)
    # The names that LiveKit writes, and integers of 64 bits as strings.
    assert json.loads(text) == {
        "update": {"participants": [{"sid": "PA_x", "name": "Phúc Xá", "joinedAtMs": "5"}]}
    }
    assert json_format.Parse(text, rtc.SignalResponse()) == UPDATE


def test_shared_message_is_serialised_once_per_form(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = json_format.MessageToDict
    monkeypatch.setattr(json_format, "MessageToDict", lambda m: calls.append(1) or original(m))
    shared = wire.SharedMessage(UPDATE)
    frames = [shared.frame(text) for text in (False, True, False, True, True)]
    assert frames[0] is frames[2]
    assert frames[1] is frames[3] is frames[4]
    assert len(calls) == 1
    assert frames[0] == UPDATE.SerializeToString()
    assert frames[1] == wire.encode_response(UPDATE, text=True)
