"""A participant's two peers: offers one at a time, answers, and sharing out what the line carries."""

from __future__ import annotations

from dataclasses import replace

import pytest
from policy_harness import Stage
from sdp_samples import CLIENT, LOCAL

from media.errors import SdpError
from media.ports import Kind
from media.publisher import PublisherPeer
from media.sdp.client import PublishSection, answer_server_offer, build_publisher_offer
from media.sdp.publisher import PublisherPolicy
from media.sdp.types import EncodingInfo
from media.streams.bandwidth import Bandwidth
from media.subscriber import SubscriberPeer
from media.subscriptions import SubscriptionState
from media.tracks import PublishedTrack
from media.transport import TransportState


class StubTransport:
    """What a peer needs of its transport."""

    number = 9
    state = TransportState.CONNECTED

    def __init__(self) -> None:
        self.remotes: list = []
        self.sections: list = []
        self.restarts = 0

    def local(self):
        return LOCAL

    def local_for(self, offer):
        return LOCAL

    def set_remote(self, remote) -> None:
        self.remotes.append(remote)

    def set_data(self, section) -> None:
        self.sections.append(section)

    def restart_ice(self) -> None:
        self.restarts += 1


class Viewer(Stage):
    """A subscriber peer on a recording path."""

    def __init__(self) -> None:
        super().__init__()
        self.transport = StubTransport()
        self.registry: dict = {}
        self.peer = SubscriberPeer(self.path, self.transport, lambda: next(self.numbers), 40, self.registry)

    def see(self, track, name: str = "TR_1", **options):
        return self.peer.add(track, "PA_1", name, **options)

    def negotiate(self, **options) -> str:
        """One offer and the client's answer to it; the offer."""
        offer = self.peer.next_offer()
        self.peer.answer(answer_server_offer(offer.sdp, CLIENT, **options).sdp, offer.number, self.now)
        return offer.sdp

    def send(self, subscription, bitrate: int, seconds: float = 0.2) -> None:
        self.path.sent[subscription.number].bytes += round(bitrate * seconds / 8)
        self.path.sent[subscription.number].packets += 20


@pytest.fixture
def viewer() -> Viewer:
    return Viewer()


def test_an_offer_and_its_answer_make_a_subscription_flow(viewer):
    track = viewer.track()
    viewer.start(track)
    subscription = viewer.see(track)
    assert viewer.registry == {subscription.number: subscription}
    text = viewer.negotiate()
    assert f"a=ssrc:{subscription.ssrc}" in text
    assert subscription.state is SubscriptionState.READY
    assert viewer.path.take("switch") == [("switch", subscription.number, track.encodings[2].source)]
    assert viewer.transport.remotes[-1].ufrag == CLIENT.ufrag
    assert viewer.peer.next_offer() is None, "nothing has changed"


def test_one_offer_at_a_time(viewer):
    viewer.see(viewer.track(), "TR_1")
    first = viewer.peer.next_offer()
    assert viewer.peer.negotiating
    viewer.see(viewer.track(), "TR_2")
    assert viewer.peer.next_offer() is None
    answer = answer_server_offer(first.sdp, CLIENT).sdp
    assert viewer.peer.answer(answer, first.number + 7, viewer.now) == []
    assert viewer.peer.negotiating, "an answer to another offer is passed over"
    viewer.peer.answer(answer, 0, viewer.now)
    assert not viewer.peer.negotiating
    second = viewer.peer.next_offer()
    assert second.number == first.number + 1
    assert "TR_2" in second.sdp
    assert viewer.peer.answer(answer, first.number, viewer.now) == []


def test_an_answer_that_cannot_be_read_raises(viewer):
    viewer.see(viewer.track())
    offer = viewer.peer.next_offer()
    with pytest.raises(SdpError):
        viewer.peer.answer("v=0", offer.number, viewer.now)


def test_a_refused_section_is_told(viewer):
    subscription = viewer.see(viewer.track())
    offer = viewer.peer.next_offer()
    answer = answer_server_offer(offer.sdp, CLIENT, codecs=["audio/opus"]).sdp
    assert viewer.peer.answer(answer, offer.number, viewer.now) == [subscription]
    assert subscription.state is SubscriptionState.REFUSED


def test_removed_before_the_answer_comes(viewer):
    track = viewer.track()
    subscription = viewer.see(track)
    other = viewer.see(viewer.track(), "TR_2")
    offer = viewer.peer.next_offer()
    viewer.peer.remove(subscription)
    viewer.peer.remove(subscription)
    answer = answer_server_offer(offer.sdp, CLIENT).sdp
    assert viewer.peer.answer(answer, offer.number, viewer.now) == []
    assert subscription.state is SubscriptionState.CLOSED
    assert other.state is SubscriptionState.READY
    assert set(viewer.path.subscriptions) == {other.number}
    assert track.subscriptions == set()


def test_an_ice_restart_is_part_of_the_next_offer(viewer):
    viewer.see(viewer.track())
    viewer.peer.next_offer()
    viewer.peer.restart_ice()  # the answer to the first may never come
    assert viewer.transport.restarts == 0
    offer = viewer.peer.next_offer()
    assert viewer.transport.restarts == 1
    viewer.peer.answer(answer_server_offer(offer.sdp, CLIENT).sdp, offer.number, viewer.now)
    assert viewer.peer.next_offer() is None
    assert viewer.peer.next_offer(force=True) is not None


def test_subscriptions_follow_the_transport(viewer):
    viewer.transport.state = TransportState.CONNECTING
    track = viewer.track()
    viewer.start(track)
    viewer.see(track)
    viewer.negotiate()
    assert viewer.path.take("switch") == []
    viewer.peer.set_connected(True, viewer.now)
    assert len(viewer.path.take("switch")) == 1


def test_a_thin_line_pauses_pictures_once_and_never_sound(viewer):
    """A falling REMB is congestion: down, then paused, and the state is told once each way."""
    states: list[bool] = []
    sound, picture = viewer.track(Kind.AUDIO, rids=""), viewer.track()
    viewer.start(sound)
    viewer.start(picture)
    heard = viewer.see(sound, "TR_A")
    seen = viewer.see(picture, "TR_V", on_paused=states.append)
    viewer.negotiate()
    viewer.keyframe(picture, 2)

    def go_on(seconds: float, bitrate: int, remb: int | None = None) -> None:
        for _ in range(round(seconds / 0.2)):
            viewer.now += 0.2
            viewer.send(seen, bitrate)
            viewer.send(heard, 32_000)
            if remb is not None:
                viewer.peer.estimate(remb, viewer.now)
            viewer.peer.allocate(viewer.now)

    go_on(3, 1_500_000)
    assert seen.allowed == 2
    go_on(1, 1_500_000, 1_400_000)
    go_on(3, 1_500_000, 400_000)
    assert seen.allowed == 0
    assert states == []
    go_on(4, 150_000, 50_000)
    assert seen.allowed is None
    assert states == [True]
    assert heard.wanted_source == sound.encodings[0].source
    assert viewer.path.take("switch")[-1] == ("switch", seen.number, None)
    go_on(20, 0, 5_000_000)
    assert states == [True, False]


def test_a_muted_track_that_comes_back_is_no_burst(viewer, monkeypatch):
    """What was sent is counted for each subscription, so a change of the set is no jump of the rate."""
    rates: list[float] = []
    track = viewer.track()
    viewer.start(track)
    seen = viewer.see(track)
    viewer.negotiate()
    monkeypatch.setattr(Bandwidth, "sent", lambda _, bitrate, now, sound=0.0: rates.append(bitrate))
    other = viewer.track()
    viewer.see(other, "TR_2")
    viewer.negotiate()
    for muted in (False, True, False):
        track.muted = muted
        for _ in range(10):
            viewer.now += 0.2
            if not muted:
                viewer.send(seen, 1_000_000)
            viewer.peer.allocate(viewer.now)
    assert max(rates) == pytest.approx(1_000_000, rel=0.25)
    assert min(rates) == 0


def test_loss_is_weighed_by_what_was_sent(viewer, monkeypatch):
    told: list[tuple] = []
    track = viewer.track()
    viewer.start(track)
    seen = viewer.see(track)
    viewer.negotiate()
    monkeypatch.setattr(Bandwidth, "loss", lambda _, fraction, now, packets: told.append((fraction, packets)))
    viewer.path.sent[seen.number].packets = 300
    viewer.peer.loss(seen.number, 0.1, 0.05, viewer.now)
    viewer.peer.loss(seen.number, 0.5, 0.05, viewer.now)
    assert told == [(0.1, 300)]


def test_close_ends_all(viewer):
    tracks = [viewer.track(), viewer.track(Kind.AUDIO, rids="")]
    for number, track in enumerate(tracks):
        viewer.see(track, f"TR_{number}")
    viewer.negotiate()
    viewer.peer.close()
    assert viewer.registry == viewer.path.subscriptions == viewer.peer.subscriptions == {}
    assert all(track.subscriptions == set() for track in tracks)


# -- publishing ------------------------------------------------------------------------

MICROPHONE = PublishSection("1", Kind.AUDIO, "mic", ("audio/opus",), (EncodingInfo("", 11, None),))
CAMERA = PublishSection(
    "2", Kind.VIDEO, "cam", ("video/vp8",), tuple(EncodingInfo(rid, 20, 30) for rid in "qhf")
)


class Sender(Stage):
    """A publisher peer on a recording path; tracks are announced by their client ids."""

    def __init__(self) -> None:
        super().__init__()
        self.announced: dict[str, object] = {}
        self.sources: dict[int, object] = {}
        self.ended: list = []
        self.version = 0
        self.peer = PublisherPeer(
            StubTransport(), PublisherPolicy(), lambda: next(self.numbers), self.note, self.ended.append
        )

    def note(self, sources, track) -> None:
        for source in sources:
            if track is None:
                del self.sources[source]
            else:
                self.sources[source] = track

    def announce(self, name: str, kind: Kind):
        self.announced[name] = PublishedTrack(self.path, kind, muted=False)
        return self.announced[name]

    def claim(self, section, by_name):
        if by_name:
            return self.announced.get(section.track_id)
        return next(
            (t for t in self.announced.values() if t.section is None and t.kind is section.kind), None
        )

    def offer(self, *sections) -> str:
        self.version += 1
        text = build_publisher_offer(CLIENT, list(sections), session=5, version=self.version)
        return self.peer.answer(text, self.claim, {})


@pytest.fixture
def sender() -> Sender:
    return Sender()


def test_announced_tracks_get_their_sections(sender):
    camera = sender.announce("cam", Kind.VIDEO)
    text = sender.offer(MICROPHONE, CAMERA)
    assert text.count("m=") == 3
    assert [encoding.rid for encoding in camera.encodings] == ["q", "h", "f"]
    assert list(sender.sources.values()) == [camera] * 3
    assert set(sender.peer.tracks) == {"2"}
    microphone = sender.announce("mic", Kind.AUDIO)
    sender.peer.claim_waiting(sender.claim)
    assert set(sender.peer.tracks.values()) == {camera, microphone}
    sender.peer.claim_waiting(sender.claim)
    assert len(sender.sources) == 4


def test_a_track_published_again_is_known_by_its_kind(sender):
    """A browser gives it another id in the description than the one it announced; names come first."""
    again, named = sender.announce("cid of the first time", Kind.AUDIO), sender.announce("mic", Kind.AUDIO)
    sender.offer(replace(MICROPHONE, mid="7", track_id="another"), MICROPHONE)
    assert sender.peer.tracks == {"7": again, MICROPHONE.mid: named}


def test_a_second_offer_adds_and_takes_back(sender):
    microphone, camera = sender.announce("mic", Kind.AUDIO), sender.announce("cam", Kind.VIDEO)
    sender.offer(MICROPHONE)
    sender.offer(MICROPHONE, CAMERA)
    assert len(sender.sources) == 4
    sender.offer(MICROPHONE, replace(CAMERA, sending=False))
    assert sender.ended == [camera]
    assert camera.closed
    assert list(sender.sources.values()) == [microphone]
    assert list(sender.path.sources) == [microphone.encodings[0].source]


def test_an_offer_that_cannot_be_read_changes_nothing(sender):
    camera = sender.announce("cam", Kind.VIDEO)
    sender.offer(MICROPHONE, CAMERA)
    with pytest.raises(SdpError):
        sender.peer.answer("v=0\r\n", sender.claim, {})
    assert set(sender.peer.tracks.values()) == {camera}
    assert len(sender.peer.transport.remotes) == 1


def test_close_takes_all_sources_back(sender):
    sender.announce("cam", Kind.VIDEO)
    sender.announce("mic", Kind.AUDIO)
    sender.offer(MICROPHONE, CAMERA)
    sender.peer.close()
    sender.peer.close()
    assert sender.sources == sender.path.sources == sender.peer.tracks == {}
