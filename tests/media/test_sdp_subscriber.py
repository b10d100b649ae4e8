"""Our offers to subscribers, and their answers."""

import random
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sdp_samples import CLIENT, LOCAL, head, media_lines, parts

from media.errors import SdpError
from media.ports import Extension, Kind
from media.sdp.client import answer_server_offer
from media.sdp.subscriber import SubscriberOfferer
from media.sdp.types import DataSection, SenderAnswer, SenderSpec

H264 = "video/h264;mode=1;profile=42e0"


def picture(sender: int, *codecs: str) -> SenderSpec:
    return SenderSpec(
        sender,
        Kind.VIDEO,
        f"PA_x|TR_{sender}",
        f"TR_{sender}",
        codecs or ("video/vp8",),
        sender,
        sender + 1000,
    )


def sound(sender: int, *codecs: str) -> SenderSpec:
    return SenderSpec(
        sender, Kind.AUDIO, f"PA_x|TR_{sender}", f"TR_{sender}", codecs or ("audio/opus",), sender, None
    )


def reply(offer: str, **changed: str) -> str:
    """A willing client's answer; ``m1="inactive"`` or ``m1="reject"`` changes the section of mid 1."""
    answer = answer_server_offer(offer, CLIENT).sdp
    lines: list[str] = []
    for part in ["\r\n".join(head(answer)).split("\r\n"), *parts(answer)]:
        mid = next((line[6:] for line in part if line.startswith("a=mid:")), "")
        how = changed.get(f"m{mid}")
        if how == "reject":
            kind = part[0].split()[0]
            part = [f"{kind} 0 UDP/TLS/RTP/SAVPF 0", f"a=mid:{mid}", "a=inactive"]
        elif how == "inactive":
            part = [line.replace("a=recvonly", "a=inactive") for line in part]
        lines += part
    return "\r\n".join([*lines, ""])


def negotiate(offerer: SubscriberOfferer, **changed: str) -> dict[int, SenderAnswer]:
    answer = offerer.apply_answer(reply(offerer.offer(LOCAL), **changed))
    return {item.sender: item for item in answer.senders}


def by_mid(offer: str) -> dict[str, list[str]]:
    return {next(line[6:] for line in part if line.startswith("a=mid:")): part for part in parts(offer)}


def test_the_first_offer_is_for_data() -> None:
    offerer = SubscriberOfferer()
    assert offerer.needs_offer
    offer = offerer.offer(LOCAL)
    assert not offerer.needs_offer
    assert media_lines(offer) == ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel"]
    assert "a=ice-lite" in head(offer)
    assert "a=setup:actpass" in parts(offer)[0]
    assert "a=candidate:2 1 udp 2130706175 ::1 7882 typ host" in parts(offer)[0]
    answer = offerer.apply_answer(reply(offer))
    assert answer.data == DataSection("0", 5000, 262144)
    assert (answer.remote.ufrag, answer.remote.setup) == ("them", "active")
    assert answer.senders == ()
    assert "qqqq" not in repr(answer)


def test_a_section_of_each_sender() -> None:
    offerer = SubscriberOfferer(session=9)
    offerer.add(picture(1, "video/vp8", H264))
    offerer.add(replace(sound(2, "audio/red", "audio/opus"), stereo=True, dtx=False))
    offer = offerer.offer(LOCAL)
    assert head(offer)[1] == "o=- 9 1 IN IP4 0.0.0.0"
    assert media_lines(offer)[1:] == [
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 108 109",
        "m=audio 9 UDP/TLS/RTP/SAVPF 63 111",
    ]
    video, audio = parts(offer)[1:]
    assert "a=msid:PA_x|TR_1 TR_1" in video
    assert "a=ssrc-group:FID 1 1001" in video
    assert "a=ssrc:1001 msid:PA_x|TR_1 TR_1" in video
    assert "a=fmtp:109 apt=108" in video
    assert "a=sendonly" in video
    assert not any("transport-cc" in line or "transport-wide" in line for line in video)
    assert "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=510000;sprop-stereo=1" in audio
    answers = offerer.apply_answer(reply(offer)).senders
    assert answers[0].mid == "1"
    assert answers[0].payload_types == {"video/vp8": 96, H264: 108}
    assert answers[0].rtx == {96: 97, 108: 109}
    assert answers[0].extensions[Extension.MID] == 1
    assert answers[0].nack
    assert answers[1].payload_types == {"audio/red": 63, "audio/opus": 111}
    assert answers[1].rtx == {}


@pytest.mark.parametrize(
    ("codecs", "numbers"),
    [
        ((), "96 97 108 109 98 99 45 46"),
        (("video/h265", "audio/opus"), "96 97 108 109 98 99 45 46"),
        ((H264, H264, "video/vp8"), "108 109 96 97"),
    ],
)
def test_codecs_offered_for_a_picture(codecs: tuple[str, ...], numbers: str) -> None:
    offerer = SubscriberOfferer()
    offerer.add(replace(picture(1), codecs=codecs))
    assert media_lines(offerer.offer(LOCAL))[1] == f"m=video 9 UDP/TLS/RTP/SAVPF {numbers}"


def test_red_never_stands_alone() -> None:
    offerer = SubscriberOfferer()
    offerer.add(sound(1, "audio/red"))
    offer = offerer.offer(LOCAL)
    assert media_lines(offer)[1] == "m=audio 9 UDP/TLS/RTP/SAVPF 63 111"
    only_red = reply(offer).replace("SAVPF 63 111", "SAVPF 63").replace("a=rtpmap:111 opus/48000/2\r\n", "")
    assert offerer.apply_answer(only_red).senders[0].payload_types == {}


def test_versions_rise_and_the_session_stays() -> None:
    offerer = SubscriberOfferer()
    origins = [head(offerer.offer(LOCAL))[1].split() for _ in range(3)]
    assert len({origin[1] for origin in origins}) == 1
    assert [origin[2] for origin in origins] == ["1", "2", "3"]


def test_a_removed_sender_leaves_its_line_to_the_next_of_its_kind() -> None:
    offerer = SubscriberOfferer()
    offerer.add(picture(1))
    offerer.add(sound(2))
    negotiate(offerer)
    offerer.remove(1)
    assert offerer.needs_offer
    offerer.add(picture(3))
    # The client has not yet agreed to the line's being free: a new one.
    offer = offerer.offer(LOCAL)
    assert by_mid(offer)["1"][0].startswith("m=video 0 ")
    # pion refuses a description with a format that it cannot name, also in a stopped section.
    number = by_mid(offer)["1"][0].split()[3]
    assert any(line.startswith(f"a=rtpmap:{number} ") for line in by_mid(offer)["1"])
    assert "a=msid:PA_x|TR_3 TR_3" in by_mid(offer)["3"]
    assert not any("ssrc" in line for line in by_mid(offer)["1"])
    offerer.apply_answer(reply(offer))
    offerer.add(sound(4))
    offerer.add(picture(5, H264))
    offer = offerer.offer(LOCAL)
    # The same place, under a new mid: a new transceiver for the client (RFC 8829, 5.2.2).
    assert "1" not in by_mid(offer)
    assert media_lines(offer)[1] == "m=video 9 UDP/TLS/RTP/SAVPF 108 109"
    assert "a=msid:PA_x|TR_4 TR_4" in by_mid(offer)["4"]
    assert "a=msid:PA_x|TR_5 TR_5" in by_mid(offer)["5"]
    assert [item.sender for item in offerer.apply_answer(reply(offer)).senders] == [5, 2, 3, 4]


def test_a_line_is_not_taken_before_the_client_knows_that_it_is_free() -> None:
    offerer = SubscriberOfferer()
    offerer.add(picture(1))
    offer = offerer.offer(LOCAL)
    offerer.remove(1)
    # This answer accepts the section: whoever removed it meanwhile, the client has it.
    offerer.apply_answer(reply(offer))
    offerer.add(picture(2))
    assert list(by_mid(offerer.offer(LOCAL))) == ["0", "1", "2"]


def test_a_line_of_a_lost_offer_is_inactive_before_it_is_stopped() -> None:
    offerer = SubscriberOfferer()
    offerer.add(picture(1))
    offerer.offer(LOCAL)
    offerer.remove(1)
    offer = offerer.offer(LOCAL)
    assert "a=inactive" in by_mid(offer)["1"]
    assert by_mid(offer)["1"][0].startswith("m=video 9 ")
    assert "a=group:BUNDLE 0 1" in head(offer)
    offerer.apply_answer(reply(offer))
    assert by_mid(offerer.offer(LOCAL))["1"][0].startswith("m=video 0 ")


def test_a_sender_that_went_before_any_offer_leaves_no_trace() -> None:
    offerer = SubscriberOfferer()
    for sender in range(1, 6):
        offerer.add(picture(sender))
        offerer.remove(sender)
    offerer.remove(77)
    offerer.add(picture(9))
    assert len(media_lines(offerer.offer(LOCAL))) == 2


@pytest.mark.parametrize("how", ["reject", "inactive"])
def test_fc_a07_a_refused_section_ends_one_sender_only(how: str) -> None:
    offerer = SubscriberOfferer()
    for spec in (picture(1), sound(2), picture(3), sound(4)):
        offerer.add(spec)
    answers = negotiate(offerer, m3=how)
    assert answers[3].payload_types == {}
    assert all(answers[sender].payload_types for sender in (1, 2, 4))
    # Nothing is offered anew by itself, nor when the refused sender is taken away.
    assert not offerer.needs_offer
    offerer.remove(3)
    assert not offerer.needs_offer
    # Somebody else's change: the refused line is closed, the others stand.
    offerer.remove(4)
    offer = offerer.offer(LOCAL)
    assert by_mid(offer)["3"][0] == "m=video 0 UDP/TLS/RTP/SAVPF 96"
    assert "a=group:BUNDLE 0 1 2" in head(offer)
    answers = {item.sender: item for item in offerer.apply_answer(reply(offer)).senders}
    assert sorted(answers) == [1, 2]
    # The line is free again, under a new name.
    offerer.add(picture(5))
    offer = offerer.offer(LOCAL)
    assert len(media_lines(offer)) == 5
    assert "a=msid:PA_x|TR_5 TR_5" in by_mid(offer)["5"]
    assert by_mid(offer)["5"] == parts(offer)[3]
    assert {item.sender for item in offerer.apply_answer(reply(offer)).senders} == {1, 2, 5}


def test_a_refused_sender_that_stays_is_not_offered_again() -> None:
    offerer = SubscriberOfferer()
    offerer.add(picture(1))
    negotiate(offerer, m1="reject")
    offerer.add(sound(2))
    offer = offerer.offer(LOCAL)
    assert by_mid(offer)["1"][0].startswith("m=video 0 ")
    assert [item.sender for item in offerer.apply_answer(reply(offer)).senders] == [2]


def test_rejected_data() -> None:
    offerer = SubscriberOfferer()
    offerer.add(sound(1))
    offer = offerer.offer(LOCAL)
    answer = reply(offer).replace("m=application 9", "m=application 0")
    assert offerer.apply_answer(answer).data is None
    offer = offerer.offer(LOCAL)
    assert media_lines(offer)[0].startswith("m=application 0 ")
    assert "a=group:BUNDLE 1" in head(offer)
    assert "a=end-of-candidates" in parts(offer)[1]


def test_an_answer_counts_for_the_offer_that_it_answers() -> None:
    offerer = SubscriberOfferer()
    offerer.add(picture(1))
    offer = offerer.offer(LOCAL)
    offerer.remove(1)
    offerer.add(picture(2))
    assert offerer.apply_answer(reply(offer)).senders == ()
    assert offerer.needs_offer
    offer = offerer.offer(LOCAL)
    assert "a=inactive" in by_mid(offer)["1"]
    assert [item.sender for item in offerer.apply_answer(reply(offer)).senders] == [2]


def test_what_was_not_offered_counts_for_nothing() -> None:
    offerer = SubscriberOfferer()
    offerer.add(picture(1, H264))
    answer = reply(offerer.offer(LOCAL))
    answer = answer.replace("SAVPF 108 109", "SAVPF 108 109 50 51")
    answer = answer.replace(
        "a=rtpmap:108", "a=rtpmap:50 VP8/90000\r\na=rtpmap:51 rtx/90000\r\na=fmtp:51 apt=50\r\na=rtpmap:108"
    )
    answer = answer.replace("a=extmap:1 ", "a=extmap:14 ")
    accepted = offerer.apply_answer(answer).senders[0]
    assert accepted.payload_types == {H264: 108}
    assert accepted.rtx == {108: 109}
    assert Extension.MID not in accepted.extensions
    assert Extension.ABS_SEND_TIME in accepted.extensions


def test_retransmission_under_a_number_of_the_clients_own_is_not_used() -> None:
    offerer = SubscriberOfferer()
    offerer.add(picture(1, H264))
    answer = reply(offerer.offer(LOCAL)).replace("108 109", "108 60").replace(":109 ", ":60 ")
    accepted = offerer.apply_answer(answer).senders[0]
    assert accepted.payload_types == {H264: 108}
    assert accepted.rtx == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("packetization-mode=1", "packetization-mode=0"),
        ("profile-level-id=42e01f", "profile-level-id=640c1f"),
        ("a=rtpmap:108 H264/90000", "a=rtpmap:108 VP8/90000"),
        ("a=recvonly", "a=sendonly"),
    ],
)
def test_fc_a08_another_format_under_our_number_is_a_refusal(old: str, new: str) -> None:
    offerer = SubscriberOfferer()
    offerer.add(picture(1, H264))
    answer = reply(offerer.offer(LOCAL))
    assert old in answer
    assert offerer.apply_answer(answer.replace(old, new)).senders[0].payload_types == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.split("\r\nm=video")[0] + "\r\n", "has 1 media sections, the offer had 2"),
        (lambda text: text.replace("a=mid:1", "a=mid:7"), "the mid '7' where the offer had 1"),
        (lambda text: text.replace("m=video", "m=audio"), "'audio' where the offer had video"),
        (lambda text: re.sub("a=fingerprint.*\r\n", "", text), "no certificate fingerprint"),
        (lambda text: re.sub("a=ice-pwd.*\r\n", "", text), "no ICE credentials"),
        (lambda text: text.replace("a=setup:active", "a=setup:actpass"), "no role"),
        (lambda text: text + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", "more than 2 media sections"),
        (lambda text: "hello", "begins with v=0"),
    ],
)
def test_answers_that_are_refused(change: object, words: str) -> None:
    assert callable(change)
    offerer = SubscriberOfferer()
    offerer.add(picture(1))
    answer = reply(offerer.offer(LOCAL))
    with pytest.raises(SdpError, match=words):
        offerer.apply_answer(change(answer))
    # The offer still waits: the right answer is taken, once.
    assert offerer.apply_answer(answer.replace("a=setup:active", "a=setup:passive")).remote.setup == "passive"
    with pytest.raises(SdpError, match="without an offer"):
        offerer.apply_answer(answer)


def test_senders_that_cannot_be_written() -> None:
    offerer = SubscriberOfferer()
    offerer.add(picture(1))
    with pytest.raises(ValueError, match="added before"):
        offerer.add(picture(1))
    with pytest.raises(ValueError, match="not a token"):
        offerer.add(replace(picture(2), stream_id="a\r\nb"))


def test_an_answer_to_many_sections_is_taken() -> None:
    offerer = SubscriberOfferer()
    for sender in range(1, 1159):
        offerer.add(picture(sender) if sender % 2 else sound(sender))
    assert len(negotiate(offerer)) == 1158


def follows(offer: str, before: str, answer: str) -> bool:
    """Whether a client that knows ``before`` and its ``answer`` (empty: not made yet) takes ``offer`` next.

    Lines keep kind and place; a line gets another mid only where it was stopped, and then it is live.
    """
    stopped = [line.split()[1] == "0" for line in media_lines(before)]
    if answer:
        rejected = [line.split()[1] == "0" for line in media_lines(answer)]
        stopped = [either or other for either, other in zip(stopped, rejected, strict=True)]
    pairs = zip(parts(before), parts(offer), by_mid(before), by_mid(offer), stopped, strict=False)
    return len(parts(before)) <= len(parts(offer)) and all(
        old[0].split()[0] == new[0].split()[0]
        and (old_mid == new_mid or (was_stopped and new[0].split()[1] != "0"))
        for old, new, old_mid, new_mid, was_stopped in pairs
    )


class Life:
    """One subscriber's random life, and what must hold at each of its steps."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.offerer = SubscriberOfferer()
        self.wanted: dict[int, Kind] = {}
        self.refused: set[int] = set()
        self.last = ("", "")
        self.answered = ("", "")

    def forget_some(self) -> None:
        while self.wanted and self.rng.random() < 0.3:
            gone = self.rng.choice(sorted(self.wanted))
            del self.wanted[gone]
            self.refused.discard(gone)
            self.offerer.remove(gone)

    def add(self, sender: int) -> None:
        spec = picture(sender) if self.rng.random() < 0.6 else sound(sender)
        self.wanted[sender] = spec.kind
        self.offerer.add(spec)

    def check(self, offer: str) -> dict[str, int]:
        """The senders of an offer by mid."""
        # Whether the offer before got lost or its answer did: this one follows.
        assert follows(offer, *self.last)
        assert follows(offer, *self.answered)
        return {
            mid: int(line.rpartition("_")[2])
            for mid, part in by_mid(offer).items()
            for line in part
            if line.startswith("a=msid:")
        }

    def negotiate(self) -> None:
        offer = self.offerer.offer(LOCAL)
        sending = self.check(offer)
        assert set(sending.values()) == set(self.wanted) - self.refused
        self.last = (offer, "")
        if self.rng.random() < 0.2:
            return
        denied = {mid for mid in sending if self.rng.random() < 0.15}
        answer = reply(offer, **{f"m{mid}": self.rng.choice(["reject", "inactive"]) for mid in denied})
        self.forget_some()
        answers = {item.sender: item for item in self.offerer.apply_answer(answer).senders}
        self.last = self.answered = (offer, answer)
        assert set(answers) == set(sending.values()) & set(self.wanted)
        self.refused |= {sending[mid] for mid in denied} & set(self.wanted)
        for mid, who in sending.items():
            assert who not in answers or answers[who].mid == mid
            assert who not in answers or bool(answers[who].payload_types) == (mid not in denied)


@given(st.integers(0, 2**32))
def test_lines_keep_their_place_whatever_comes_and_goes(seed: int) -> None:
    """After each answer everybody wanted is sent, in a line whose mid is his alone."""
    life = Life(seed)
    for sender in range(1, 14):
        life.forget_some()
        life.add(sender)
        if life.rng.random() < 0.7:
            life.negotiate()
