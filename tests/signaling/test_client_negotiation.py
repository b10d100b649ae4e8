"""The client's descriptions against the relay's own reading of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from media.dtls_certificate import Certificate
from media.errors import SdpError
from media.ports import Extension, Kind
from media.sdp.publisher import PublisherPolicy, answer_publisher
from media.sdp.types import Fingerprint, HostCandidate, LocalTransport
from signaling.client.negotiation import UpSection, answer_offer, build_offer, read_answer
from signaling.client.peer import Peer, PeerHandlers

RELAY = LocalTransport(
    "relayufr",
    "relay-password-of-24-chars",
    (Fingerprint("sha-256", ":".join(["AB"] * 32)),),
    (HostCandidate("127.0.0.1", 7882, 100, "1"),),
)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    handlers = PeerHandlers(
        on_rtp=lambda header, packet: None,
        on_rtcp=lambda packets: None,
        on_state=lambda state: None,
        on_data=lambda label, payload: None,
        on_channel=lambda label: None,
    )
    made = Peer(Certificate.generate(), handlers)
    made.open()
    made.local_host = "127.0.0.1"
    yield made
    await made.close()


CAMERA = UpSection("1", Kind.VIDEO, "video/vp8", "cam", rids=("q", "h", "f"))
PLAIN = UpSection("2", Kind.VIDEO, "video/h264", "plain", ssrc=11, rtx_ssrc=12)
MICROPHONE = UpSection("3", Kind.AUDIO, "audio/opus", "mic", ssrc=13)


async def test_fc_a06_data_first_and_everything_is_agreed(peer: Peer) -> None:
    sections = [CAMERA, PLAIN, MICROPHONE]
    offer = build_offer(peer, 5, 1, sections)
    assert [line[2:].split()[0] for line in offer.splitlines() if line.startswith("m=")] == [
        "application",
        "video",
        "video",
        "audio",
    ]
    relay = answer_publisher(offer, RELAY, policy=PublisherPolicy())
    assert [section.track_id for section in relay.sections] == ["cam", "plain", "mic"]
    assert [e.rid for e in relay.sections[0].encodings] == ["q", "h", "f"]
    assert (relay.sections[1].encodings[0].ssrc, relay.sections[1].encodings[0].rtx_ssrc) == (11, 12)
    answer = read_answer(relay.sdp, sections)
    assert set(answer.formats) == {"1", "2", "3"}
    assert Extension.RID in answer.formats["1"].extensions
    assert answer.formats["1"].rtx_payload_type is not None
    assert answer.formats["3"].clock_rate == 48_000
    assert answer.candidates[0].port == 7882
    assert (answer.remote.ufrag, answer.role) == ("relayufr", "client")
    assert answer.data is not None


async def test_a_track_that_ended_stays_a_section_and_sends_nothing(peer: Peer) -> None:
    sections = [CAMERA.stopped(), MICROPHONE]
    relay = answer_publisher(build_offer(peer, 5, 2, sections), RELAY, policy=PublisherPolicy())
    assert [section.sending for section in relay.sections] == [False, True]
    assert set(read_answer(relay.sdp, sections).formats) == {"3"}


async def test_fc_a07_a_codec_that_the_relay_does_not_take_gives_no_format(peer: Peer) -> None:
    sections = [CAMERA, MICROPHONE]
    relay = answer_publisher(
        build_offer(peer, 5, 1, sections), RELAY, policy=PublisherPolicy(codecs=("opus", "h264"))
    )
    assert set(read_answer(relay.sdp, sections).formats) == {"3"}


async def test_a_codec_of_no_catalogue_is_refused(peer: Peer) -> None:
    with pytest.raises(SdpError):
        build_offer(peer, 5, 1, [UpSection("1", Kind.VIDEO, "video/theora", "x", ssrc=1)])


async def test_offers_tell_no_address_and_no_secret_is_in_a_repr(peer: Peer) -> None:
    offer = build_offer(peer, 5, 1, [CAMERA])
    assert "127.0.0.1" not in offer
    assert peer.ice.local.pwd in offer
    assert peer.ice.local.pwd not in repr(peer.ice.local)


SERVER_OFFER = """v=0
o=- 1 {version} IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE data 0 1
a=ice-lite
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:{ufrag}
a=ice-pwd:relay-password-of-24-chars
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=mid:data
a=sctp-port:5000
a=candidate:1 1 udp 2130706431 127.0.0.1 7882 typ host
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:{ufrag}
a=ice-pwd:relay-password-of-24-chars
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=mid:0
a=sendonly
a=msid:PA_1|TR_1 TR_1
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=ssrc:77 cname:x
m=video 9 UDP/TLS/RTP/SAVPF 99
c=IN IP4 0.0.0.0
a=ice-ufrag:{ufrag}
a=ice-pwd:relay-password-of-24-chars
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=mid:1
a=sendonly
a=msid:PA_1|camera TR_2
a=rtcp-mux
a=rtpmap:99 theora/90000
"""


def server_offer(ufrag: str = "relayufr", version: int = 1) -> str:
    text = SERVER_OFFER.format(ufrag=ufrag, version=version, fingerprint=":".join(["AB"] * 32))
    return text.replace("\n", "\r\n")


async def test_an_offer_is_answered_and_what_cannot_be_read_is_rejected(peer: Peer) -> None:
    offer = answer_offer(peer, server_offer())
    assert offer.lite
    assert offer.role == "client"
    (sound,) = offer.sections
    assert (sound.participant_sid, sound.track_sid, sound.ssrc) == ("PA_1", "TR_1", 77)
    assert sound.codecs == {111: "audio/opus"}
    assert "a=setup:active" in offer.answer
    assert "m=video 0 " in offer.answer
    assert "typ host" in offer.answer


async def test_only_new_credentials_restart_our_own(peer: Peer) -> None:
    first = peer.ice.local
    offer = answer_offer(peer, server_offer())
    peer.set_remote(offer.remote, offer.candidates, offer.role, offer.data, controlling=offer.lite)
    answer_offer(peer, server_offer(version=2))
    assert peer.ice.local == first
    restarted = answer_offer(peer, server_offer("otherufr", 3))
    assert peer.ice.local != first
    assert f"a=ice-ufrag:{peer.ice.local.ufrag}" in restarted.answer


@pytest.mark.parametrize("text", ["", "v=0", "nonsense", "v=0\r\no=- 1 1 IN IP4 0\r\ns=-\r\nt=0 0\r\n"])
async def test_what_is_no_description_is_an_sdp_error(peer: Peer, text: str) -> None:
    with pytest.raises(SdpError):
        answer_offer(peer, text)
    with pytest.raises(SdpError):
        read_answer(text, [CAMERA])
