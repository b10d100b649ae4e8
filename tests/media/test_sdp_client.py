"""The client's half, against our own relay's half and against what LiveKit 1.9.11 wrote."""

from dataclasses import replace

import pytest
from sdp_samples import CLIENT, LOCAL, captured, head, media_lines, offer, parts, video

from media.errors import SdpError
from media.ports import Extension, Kind
from media.sdp.client import PublishSection, answer_server_offer, build_publisher_offer, read_publisher_answer
from media.sdp.publisher import PublisherPolicy, answer_publisher
from media.sdp.types import DataSection, EncodingInfo

MICROPHONE = PublishSection("1", Kind.AUDIO, "cid1", ("audio/opus",), (EncodingInfo("", 11, None),))
CAMERA = PublishSection(
    "2",
    Kind.VIDEO,
    "cid2",
    ("video/vp8",),
    tuple(EncodingInfo(rid, 20 + at, 30 + at) for at, rid in enumerate("qhf")),
)
SCREEN = PublishSection(
    "3", Kind.VIDEO, "cid3", ("video/h264;mode=1;profile=42e0", "video/vp8"), (EncodingInfo("", 12, 13),)
)
ENDED = replace(SCREEN, mid="4", sending=False)


def test_an_offer_and_what_our_relay_makes_of_it() -> None:
    ours = [MICROPHONE, CAMERA, SCREEN, ENDED]
    text = build_publisher_offer(CLIENT, ours, session=5, version=3)
    assert head(text)[1] == "o=- 5 3 IN IP4 0.0.0.0"
    assert "a=simulcast:send q;h;f" in parts(text)[2]
    assert not any("ssrc" in line for line in parts(text)[2] + parts(text)[4])
    # More candidates may come, in trickle.
    assert "end-of-candidates" not in text
    answer = answer_publisher(text, LOCAL)
    sound, camera, screen, ended = answer.sections
    assert sound.encodings == (EncodingInfo("", 11, None),)
    assert [encoding.rid for encoding in camera.encodings] == ["q", "h", "f"]
    assert screen.encodings == (EncodingInfo("", 12, 13),)
    assert [item.track_id for item in answer.sections] == ["cid1", "cid2", "cid3", "-"]
    assert not ended.sending
    assert all(item.transport_cc and item.nack for item in answer.sections)
    read = read_publisher_answer(answer.sdp, ours)
    assert read.lite
    assert [candidate.host for candidate in read.candidates] == ["127.0.0.1", "::1"]
    assert (read.remote.ufrag, read.remote.setup) == ("ours", "passive")
    assert read.data == DataSection("0", 5000, 262144)
    mic, cam, scr, end = read.sections
    assert mic.payload_types == {"audio/opus": 111}
    assert mic.extensions[Extension.AUDIO_LEVEL] == 3
    assert (cam.payload_types, cam.rtx, cam.rids) == ({"video/vp8": 96}, {96: 97}, ("q", "h", "f"))
    assert cam.nack
    assert cam.transport_cc
    assert list(scr.payload_types) == ["video/h264;mode=1;profile=42e0", "video/vp8"]
    assert end.payload_types == {}


def test_the_answer_decides_the_codec_and_may_refuse_a_section() -> None:
    ours = [CAMERA, replace(SCREEN, mid="3")]
    text = build_publisher_offer(CLIENT, ours, session=5, version=1)
    policy = PublisherPolicy(codecs=("h264",))
    camera, screen = read_publisher_answer(answer_publisher(text, LOCAL, policy=policy).sdp, ours).sections
    assert camera.payload_types == {}
    assert camera.rids == ()
    assert list(screen.payload_types) == ["video/h264;mode=1;profile=42e0"]
    policy = PublisherPolicy(preferred={"cid3": "vp8"})
    screen = read_publisher_answer(answer_publisher(text, LOCAL, policy=policy).sdp, ours).sections[1]
    assert next(iter(screen.payload_types)) == "video/vp8"


def test_an_answer_of_livekit() -> None:
    read = read_publisher_answer(captured("livekit-server-answer"), [MICROPHONE, CAMERA])
    assert read.remote.setup == "active"
    assert not read.lite
    assert read.candidates == ()
    sound, picture = read.sections
    assert sound.payload_types == {"audio/opus": 111}
    assert sound.nack
    assert not sound.transport_cc
    assert picture.rids == ("q", "h", "f")
    assert picture.rtx == {96: 97}
    assert picture.extensions[Extension.REPAIRED_RID] == 5
    assert picture.transport_cc


def test_an_answer_that_changes_a_format_or_takes_feedback_without_its_extension() -> None:
    text = captured("livekit-server-answer")
    picture = read_publisher_answer(text.replace("VP8", "VP9"), [MICROPHONE, CAMERA]).sections[1]
    assert picture.payload_types == {}
    lines = [line for line in text.split("\r\n") if "transport-wide" not in line]
    picture = read_publisher_answer("\r\n".join(lines), [MICROPHONE, CAMERA]).sections[1]
    assert picture.nack
    assert not picture.transport_cc


@pytest.mark.parametrize("change", [("a=mid:2", "a=mid:9"), ("m=video", "m=text 9 X 0\r\nm=video")])
def test_an_answer_to_another_offer(change: tuple[str, str]) -> None:
    with pytest.raises(SdpError):
        read_publisher_answer(captured("livekit-server-answer").replace(*change), [MICROPHONE, CAMERA])


def test_an_unknown_codec_cannot_be_offered() -> None:
    for codecs in ((), ("video/h265",)):
        with pytest.raises(ValueError, match="codec"):
            build_publisher_offer(CLIENT, [replace(CAMERA, codecs=codecs)], session=1, version=1)


def test_an_offer_of_livekit() -> None:
    text = captured("livekit-server-offer")
    read = answer_server_offer(text, CLIENT)
    sound, picture = read.receivers
    assert (read.setup, read.lite, read.data) == ("active", False, DataSection("0", 5000, 65535))
    assert read.remote.fingerprints[0].algorithm == "sha-256"
    assert sound.stream_id == f"PA_NVio4bVpkkSc|{sound.track_id}"
    assert (sound.ssrc, sound.rtx_ssrc) == (1626211732, None)
    assert (picture.ssrc, picture.rtx_ssrc) == (1827337884, 4068748323)
    assert picture.rtx[97] == 96
    assert picture.payload_types[125].codec == "video/h264;mode=1;profile=42e0"
    assert 116 not in picture.payload_types
    assert sound.sending
    assert picture.sending
    data, audio, video_lines = parts(read.sdp)
    assert "a=group:BUNDLE 0 1 2" in head(read.sdp)
    assert all("a=setup:active" in part for part in (data, audio, video_lines))
    assert "a=recvonly" in audio
    assert "a=rtcp-fb:96 nack pli" in video_lines
    assert media_lines(read.sdp)[1] == "m=audio 9 UDP/TLS/RTP/SAVPF 111 63"


def test_codecs_that_the_client_cannot_take_are_refused() -> None:
    text = captured("livekit-server-offer")
    read = answer_server_offer(text, CLIENT, codecs=["audio/opus"])
    assert [receiver.kind for receiver in read.receivers] == [Kind.AUDIO]
    assert media_lines(read.sdp)[2].startswith("m=video 0 ")
    assert "a=group:BUNDLE 0 1" in head(read.sdp)


@pytest.mark.parametrize("wide", [False, True])
def test_transport_wide_feedback_is_taken_when_asked_for(wide: bool) -> None:
    lines = [f"a=extmap:3 {Extension.TRANSPORT_CC.value}", "a=rtcp-fb:96 transport-cc", "a=rtcp-fb:96 nack"]
    read = answer_server_offer(offer(video("0", *lines)), CLIENT, transport_cc=wide)
    assert read.receivers[0].transport_cc == wide
    assert ("transport-cc" in read.sdp) == wide
    assert ("transport-wide" in read.sdp) == wide
    assert "a=rtcp-fb:96 nack" in read.sdp


def test_an_inactive_section_and_a_server_that_is_dtls_client() -> None:
    text = offer(video("0", "a=msid:s t")).replace("sendonly", "inactive").replace("actpass", "active")
    read = answer_server_offer(text, CLIENT)
    assert read.setup == "passive"
    assert not read.receivers[0].sending
    assert "a=inactive" in read.sdp


def test_no_password_in_a_repr() -> None:
    read = answer_server_offer(captured("livekit-server-offer"), CLIENT)
    assert "qqqq" not in repr(read)
    assert read.remote.pwd not in repr(read)
