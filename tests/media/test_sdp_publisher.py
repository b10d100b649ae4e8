"""Answers to publishers' offers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sdp_samples import (
    LOCAL,
    OFFERS,
    PRINT,
    RIDS,
    TRANSPORT,
    audio,
    captured,
    data,
    head,
    media_lines,
    offer,
    parts,
    section,
    video,
)

from media.errors import SdpError
from media.ports import Extension, Kind, PayloadType
from media.sdp.publisher import PublisherPolicy, answer_publisher
from media.sdp.types import DataSection, EncodingInfo

SIMULCAST = tuple(EncodingInfo(rid, None, None) for rid in ("f", "h", "q"))
MID = Extension.MID.value
RID = Extension.RID.value


def mids(sdp: str) -> list[str]:
    return [line[6:] for part in parts(sdp) for line in part if line.startswith("a=mid:")]


@pytest.mark.parametrize("name", OFFERS)
def test_captured_offers_are_answered_whole(name: str) -> None:
    text = captured(name)
    answer = answer_publisher(text, LOCAL)
    assert mids(answer.sdp) == mids(text)
    assert [line.split()[0] for line in media_lines(answer.sdp)] == [
        line.split()[0] for line in media_lines(text)
    ]
    assert not any(item.rejected for item in answer.sections)
    for part, offered in zip(parts(answer.sdp), parts(text), strict=True):
        assert set(part[0].split()[3:]) <= set(offered[0].split()[3:])
        ours, theirs = ({line for line in lines if line.startswith("a=extmap:")} for lines in (part, offered))
        assert ours <= theirs
        assert "a=setup:passive" in part
    assert "a=ice-lite" in head(answer.sdp)
    assert sum(part.count("a=end-of-candidates") for part in parts(answer.sdp)) == 1


FC_A06 = {
    "data": offer(data("0")),
    "data audio rids": offer(data("0"), audio("1"), video("2", *RIDS)),
    "rids data": offer(video("0", *RIDS), data("1")),
    "audio rids data audio": offer(audio("0"), video("1", *RIDS), data("2"), audio("3")),
}


@pytest.mark.parametrize("name", FC_A06)
def test_fc_a06_section_order(name: str) -> None:
    text = FC_A06[name]
    answer = answer_publisher(text, LOCAL)
    assert mids(answer.sdp) == mids(text)
    assert f"a=group:BUNDLE {' '.join(mids(text))}" in head(answer.sdp)
    assert answer.data == DataSection(str(name.split().index("data")), 5000, 65536)
    for part, offered in zip(parts(answer.sdp), parts(text), strict=True):
        assert part[0].split()[:2] == offered[0].split()[:2]
        simulcast = "a=simulcast:send f;h;q" in offered
        assert ("a=simulcast:recv f;h;q" in part) == simulcast
        assert all((f"a=rid:{rid} recv" in part) == simulcast for rid in "qhf")
    assert all(item.encodings == SIMULCAST for item in answer.sections if item.kind is Kind.VIDEO)
    assert len(answer.sections) == len(name.split()) - 1


def test_fc_a07_no_codec_in_common_rejects_the_section_alone() -> None:
    foreign = section("1", "video 9 UDP/TLS/RTP/SAVPF 99", "a=rtpmap:99 VP9/90000", "a=sendonly")
    policy = PublisherPolicy(codecs=("opus", "vp8", "h264"))
    answer = answer_publisher(offer(audio("0"), foreign, data("2")), LOCAL, policy=policy)
    assert media_lines(answer.sdp)[1] == "m=video 0 UDP/TLS/RTP/SAVPF 99"
    assert "a=mid:1" in parts(answer.sdp)[1]
    assert "a=group:BUNDLE 0 2" in head(answer.sdp)
    sound, picture = answer.sections
    assert sound.sending
    assert not picture.sending
    assert not picture.payload_types
    assert picture.rejected == "no codec in common (offered: VP9)"


def test_fc_a07_an_offer_of_nothing_usable_is_answered() -> None:
    foreign = section("0", "video 9 UDP/TLS/RTP/SAVPF 99", "a=rtpmap:99 VP9/90000", "a=sendonly")
    answer = answer_publisher(offer(foreign), LOCAL, policy=PublisherPolicy(codecs=("vp8",)))
    assert "a=group:BUNDLE" in head(answer.sdp)
    assert [item.rejected != "" for item in answer.sections] == [True]
    assert answer.remote.ufrag == "them"


def test_fc_a08_the_answer_keeps_the_number_and_says_the_fmtp() -> None:
    lines = section(
        "0",
        "video 9 UDP/TLS/RTP/SAVPF 126 127 97 98 34",
        "a=rtpmap:126 H264/90000",
        "a=fmtp:126 profile-level-id=42e034;level-asymmetry-allowed=1;packetization-mode=1",
        "a=rtpmap:127 rtx/90000",
        "a=fmtp:127 apt=126;rtx-time=3000",
        "a=rtpmap:97 H264/90000",
        "a=rtpmap:98 rtx/90000",
        "a=fmtp:98 apt=97",
        "a=rtpmap:34 rtx/90000",
        "a=fmtp:34 apt=33",
        "a=sendonly",
    )
    answer = answer_publisher(offer(lines), LOCAL)
    part = parts(answer.sdp)[0]
    assert part[0] == "m=video 9 UDP/TLS/RTP/SAVPF 126 127 97 98"
    assert "a=fmtp:126 profile-level-id=42e034;level-asymmetry-allowed=1;packetization-mode=1" in part
    assert "a=fmtp:97 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f" in part
    assert "a=fmtp:127 apt=126" in part
    assert answer.sections[0].rtx == {127: 126, 98: 97}
    assert answer.sections[0].payload_types == {
        126: PayloadType("video/h264;mode=1;profile=42e0", 90000),
        97: PayloadType("video/h264;mode=0;profile=42e0", 90000),
    }


def test_retransmission_of_accepted_formats_once_each() -> None:
    lines = section(
        "0",
        "video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100",
        "a=rtpmap:96 VP8/90000",
        *(f"a=rtpmap:{number} rtx/90000" for number in (97, 98, 100)),
        "a=fmtp:97 apt=96",
        "a=fmtp:98 apt=96",
        "a=rtpmap:99 VP9/90000",
        "a=fmtp:100 apt=99",
    )
    answer = answer_publisher(offer(lines), LOCAL, policy=PublisherPolicy(codecs=("vp8",)))
    assert answer.sections[0].rtx == {97: 96}
    assert media_lines(answer.sdp) == ["m=video 9 UDP/TLS/RTP/SAVPF 96 97"]


def test_a_direction_of_the_session_counts_where_a_section_has_none() -> None:
    plain = [line for line in video("0") if line != "a=sendonly"]
    assert answer_publisher(offer(plain), LOCAL).sections[0].sending
    inactive = answer_publisher(offer(plain, video("1"), head=("a=inactive",)), LOCAL)
    assert [item.sending for item in inactive.sections] == [False, True]


def test_fc_a16_mixed_extension_forms_are_echoed_at_session_level() -> None:
    text = offer(video("0", f"a=extmap:16 {RID}", *RIDS[1:]), head=("a=extmap-allow-mixed",))
    answer = answer_publisher(text, LOCAL)
    assert "a=extmap-allow-mixed" in head(answer.sdp)
    assert answer.sections[0].extensions == {16: Extension.RID}
    plain = answer_publisher(offer(video("0")), LOCAL)
    assert "a=extmap-allow-mixed" not in plain.sdp


@pytest.mark.parametrize(
    ("lines", "extensions"),
    [
        ([f"a=extmap:1 {MID}", f"a=extmap:2 {RID} x=1"], {1: Extension.MID, 2: Extension.RID}),
        ([f"a=extmap:1 {MID}", f"a=extmap:1 {RID}"], {1: Extension.MID}),
        ([f"a=extmap:1 {MID}", f"a=extmap:2 {MID}"], {1: Extension.MID}),
        ([f"a=extmap:15 {MID}", f"a=extmap:0 {RID}", f"a=extmap:4096 {RID}"], {}),
        ([f"a=extmap:1/sendonly {MID}", f"a=extmap:2/recvonly {RID}"], {1: Extension.MID}),
        ([f"a=extmap:1/sideways {MID}", "a=extmap:2", "a=extmap:3 urn:x"], {}),
        (
            [f"a=extmap:3 {Extension.TRANSPORT_CC.value}", f"a=extmap:4 {Extension.ABS_SEND_TIME.value}"],
            {3: Extension.TRANSPORT_CC},
        ),
        ([f"a=extmap:4 {Extension.ABS_SEND_TIME.value}"], {4: Extension.ABS_SEND_TIME}),
        ([f"a=extmap:4 {Extension.AUDIO_LEVEL.value}"], {}),
    ],
)
def test_header_extensions_of_video(lines: list[str], extensions: dict[int, Extension]) -> None:
    answer = answer_publisher(offer(video("0", *lines)), LOCAL)
    assert answer.sections[0].extensions == extensions
    assert sum(line.startswith("a=extmap:") for line in parts(answer.sdp)[0]) == len(extensions)
    assert (f"a=extmap:1/recvonly {MID}" in answer.sdp) == ("/sendonly" in lines[0])


FEEDBACK = [f"a=rtcp-fb:96 {name}" for name in ("nack", "nack pli", "ccm fir", "goog-remb", "x")]
TCC = [f"a=extmap:3 {Extension.TRANSPORT_CC.value}", "a=rtcp-fb:* transport-cc"]


@pytest.mark.parametrize(
    ("lines", "accepted", "nack", "transport_cc"),
    [
        ([], [], False, False),
        (FEEDBACK, ["goog-remb", "ccm fir", "nack", "nack pli"], True, False),
        (FEEDBACK + TCC, ["transport-cc", "ccm fir", "nack", "nack pli"], True, True),
        (FEEDBACK + TCC[1:], ["goog-remb", "ccm fir", "nack", "nack pli"], True, False),
        (["a=rtcp-fb:96 nack pli"], ["nack pli"], False, False),
    ],
)
def test_feedback_of_video(lines: list[str], accepted: list[str], nack: bool, transport_cc: bool) -> None:
    answer = answer_publisher(offer(video("0", *lines)), LOCAL)
    found = [line for line in parts(answer.sdp)[0] if line.startswith("a=rtcp-fb:")]
    assert found == [f"a=rtcp-fb:96 {name}" for name in accepted]
    assert (answer.sections[0].nack, answer.sections[0].transport_cc) == (nack, transport_cc)


def test_opus_parameters_follow_the_track() -> None:
    policy = PublisherPolicy(stereo=frozenset({"music"}), dtx_disabled=frozenset({"music", "talk"}))
    text = offer(audio("0", "a=msid:- music"), audio("1", "a=msid:s talk"), audio("2", "a=msid:-"))
    fmtp = [line for line in answer_publisher(text, LOCAL, policy=policy).sdp.split("\r\n") if "fmtp" in line]
    assert fmtp == [
        "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=510000",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1",
    ]


def test_the_policy_puts_a_codec_first() -> None:
    text = captured("chromium-data-audio-rids")
    sound, picture = answer_publisher(text, LOCAL).sections
    assert [item.codec for item in sound.payload_types.values()] == ["audio/opus", "audio/red"]
    policy = PublisherPolicy(
        preferred={picture.track_id: "video/VP9"}, prefer_red=frozenset({sound.track_id})
    )
    answer = answer_publisher(text, LOCAL, policy=policy)
    sound, picture = answer.sections
    assert [item.codec for item in sound.payload_types.values()] == ["audio/red", "audio/opus"]
    assert media_lines(answer.sdp)[0] == "m=audio 9 UDP/TLS/RTP/SAVPF 63 111"
    assert next(iter(picture.payload_types.values())).codec == "video/vp9;profile=0"


@pytest.mark.parametrize("fmtp", ["", "a=fmtp:63 111/112", "a=fmtp:63 x", "a=fmtp:63 111/"])
def test_red_of_something_else_than_opus_is_left_out(fmtp: str) -> None:
    lines = ["audio 9 UDP/TLS/RTP/SAVPF 63 111", "a=rtpmap:63 red/48000/2", "a=rtpmap:111 opus/48000/2", fmtp]
    answer = answer_publisher(offer(section("0", *lines)), LOCAL)
    assert list(answer.sections[0].payload_types) == [111]


def test_placeholders_are_inactive_and_complete() -> None:
    answer = answer_publisher(captured("livekit-python-first"), LOCAL)
    assert len(answer.sections) == 6
    for part in parts(answer.sdp)[:6]:
        assert "a=inactive" in part
        assert part[0].split()[1] == "9"
        assert part[0].startswith("m=audio") or any(RID in line for line in part)
    assert not any(item.sending or item.rejected or item.encodings for item in answer.sections)


def test_a_section_that_the_client_has_stopped() -> None:
    stopped = [line.replace("m=video 9", "m=video 0") for line in video("1")]
    answer = answer_publisher(offer(audio("0"), stopped, group="BUNDLE 0"), LOCAL)
    assert answer.sections[1].rejected == "stopped by the client"
    assert media_lines(answer.sdp)[1] == "m=video 0 UDP/TLS/RTP/SAVPF 96"
    bundle_only = [*stopped, "a=bundle-only"]
    assert answer_publisher(offer(audio("0"), bundle_only), LOCAL).sections[1].sending


@pytest.mark.parametrize(
    ("lines", "rejected"),
    [
        (section("1", "text 9 UDP/TLS/RTP/SAVPF 98"), []),
        (
            section("1", "video 9 RTP/AVP 96", "a=rtpmap:96 VP8/90000"),
            ["neither sound, picture nor data over DTLS"],
        ),
        ([line for line in video("1") if line != "a=rtcp-mux"], ["RTCP is not multiplexed with RTP"]),
        ([line for line in video("1") if line != "a=mid:1"], ["not in the BUNDLE group"]),
        (video("1", *RIDS[1:]), ["simulcast by RID without the RID header extension"]),
        (section("1", "video 9 UDP/TLS/RTP/SAVPF 0 8"), ["no codec in common (offered: none)"]),
        (
            section("1", "audio 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000"),
            ["no codec in common (offered: VP8)"],
        ),
    ],
)
def test_sections_that_cannot_be_used(lines: list[str], rejected: list[str]) -> None:
    answer = answer_publisher(offer(audio("0"), lines), LOCAL)
    assert [item.rejected for item in answer.sections[1:]] == rejected
    assert media_lines(answer.sdp)[1].split()[1] == "0"
    assert "a=group:BUNDLE 0" in head(answer.sdp)


def test_without_bundle_only_the_first_section_is_taken() -> None:
    answer = answer_publisher(offer(audio("0"), video("1"), group=""), LOCAL)
    assert [item.rejected for item in answer.sections] == ["", "not bundled with the first section"]
    assert "BUNDLE" not in answer.sdp


def without(start: str) -> tuple[str, ...]:
    return tuple(line for line in TRANSPORT if not line.startswith(start))


@pytest.mark.parametrize(
    ("transport", "words"),
    [
        (without("a=fingerprint"), "no certificate fingerprint"),
        (
            (*without("a=fingerprint"), "a=fingerprint:sha-1 " + ":".join(["AB"] * 20)),
            "no certificate fingerprint",
        ),
        ((*without("a=fingerprint"), "a=fingerprint:sha-256 AB:CD"), "not 32 octets"),
        ((*without("a=fingerprint"), f"a=fingerprint:sha-256 {PRINT[:-2]}zz"), "not 32 octets"),
        (without("a=ice-ufrag"), "no ICE credentials"),
        (without("a=ice-pwd"), "no ICE credentials"),
        ((*without("a=ice-pwd"), "a=ice-pwd:short"), "RFC 8839"),
        ((*without("a=ice-ufrag"), "a=ice-ufrag:" + "x" * 300), "RFC 8839"),
        ((*without("a=ice-ufrag"), "a=ice-ufrag:a b c d"), "RFC 8839"),
        ((*without("a=setup"), "a=setup:passive"), "no role"),
        ((*without("a=setup"), "a=setup:holdconn"), "no role"),
    ],
)
def test_a_transport_that_is_missing_or_of_no_use(transport: tuple[str, ...], words: str) -> None:
    lines = section("0", "video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000", transport=transport)
    with pytest.raises(SdpError, match=words):
        answer_publisher(offer(lines), LOCAL)


def test_session_level_transport_counts_for_all_sections() -> None:
    lines = section("0", "video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000", transport=())
    answer = answer_publisher(offer(lines, head=TRANSPORT), LOCAL)
    assert answer.remote.ufrag == "them"
    assert answer.remote.fingerprints[0].value == PRINT
    assert "qqqq" not in repr(answer)
    assert "pppp" not in repr(answer)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a=rtpmap:96 VP8/999999999", "clock rate"),
        ("a=rtpmap:200 VP8/90000", "payload type"),
        ("a=fmtp:-1 x", "payload type"),
        ("a=extmap:99999 urn:x", "extmap"),
        ("a=ssrc:99999999999 cname:x", "SSRC"),
        ("a=ssrc-group:FID 1 x", "SSRC"),
        ("a=rid:q send pt=300", "payload type"),
    ],
)
def test_absurd_numbers_are_refused(line: str, words: str) -> None:
    lines = section("0", "video 9 UDP/TLS/RTP/SAVPF 96", line, "a=rtpmap:96 VP8/90000")
    with pytest.raises(SdpError, match=words):
        answer_publisher(offer(lines), LOCAL)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (offer(), "without media sections"),
        (offer(audio("0"), video("0")), "two media sections with the mid"),
        (offer(audio("a" * 65)), "no short token"),
        (offer(audio("0 1")), "no short token"),
        (offer(*(audio(str(number)) for number in range(500))), "more than 256 media sections"),
    ],
)
def test_offers_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(SdpError, match=words):
        answer_publisher(text, LOCAL)


PIECES = st.sampled_from(["audio", "video", "rids", "data", "placeholder", "stopped", "foreign", "other"])


def piece(kind: str, mid: str) -> list[str]:
    made = {
        "audio": audio(mid),
        "video": video(mid),
        "rids": video(mid, *RIDS),
        "data": data(mid),
        "placeholder": [line.replace("sendonly", "recvonly") for line in video(mid)],
        "stopped": [line.replace("m=video 9", "m=video 0") for line in video(mid)],
        "foreign": section(mid, "audio 9 UDP/TLS/RTP/SAVPF 0", "a=sendonly"),
        "other": section(mid, "text 9 RTP/AVP 98"),
    }
    return made[kind]


@given(
    st.lists(PIECES, min_size=1, max_size=12),
    st.permutations([str(number) for number in range(12)]),
    st.sampled_from(["opus vp8", "vp8", "opus", "h264"]),
)
def test_any_offer_is_answered_in_its_order(kinds: list[str], names: list[str], codecs: str) -> None:
    text = offer(*(piece(kind, mid) for kind, mid in zip(kinds, names, strict=False)))
    answer = answer_publisher(text, LOCAL, policy=PublisherPolicy(codecs=tuple(codecs.split())))
    assert mids(answer.sdp) == mids(text) == list(names[: len(kinds)])
    answered, offered = media_lines(answer.sdp), media_lines(text)
    assert [line.split()[0] for line in answered] == [line.split()[0] for line in offered]
    live = [mid for mid, line in zip(names, answered, strict=False) if line.split()[1] != "0"]
    assert " ".join(["a=group:BUNDLE", *live]) in head(answer.sdp)
    by_mid = {item.mid: item for item in answer.sections}
    for kind, mid in zip(kinds, names, strict=False):
        usable = kind == "data" or (
            kind in ("audio", "video", "rids", "placeholder")
            and ("opus" if kind == "audio" else "vp8") in codecs.split()
        )
        assert (mid in live) == usable
        if mid in by_mid:
            assert by_mid[mid].sending == (usable and kind != "placeholder")
