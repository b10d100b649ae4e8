"""Connection quality: what is told to whom, and that a quiet line is not a bad one."""

from typing import Any

import pytest
from livekit.protocol import models, rtc
from signal_world import Client, Source, TrackType, World

from media.ports import Kind
from signaling.participant import Participant

Quality = models.ConnectionQuality


def quality(client: Client, of: Client | None = None) -> int:
    """What a client was told last of itself, or of another."""
    sid = (of or client).me.sid
    told = [
        u for message in client.all("connection_quality") for u in message.updates if u.participant_sid == sid
    ]
    assert told, f"{client.identity} was told nothing of {sid}"
    return int(told[-1].quality)


class Traffic:
    """Packets of A's track and of B's subscription to it, so many a second."""

    def __init__(self, world: World, a: Client, b: Client, sid: str) -> None:
        self.world, self.a, self.b, self.sid = world, a, b, sid

    def run(
        self, seconds: float, up: int = 50, down: int = 50, lost: int = 0, fraction_lost: float = 0.0
    ) -> None:
        for _ in range(round(seconds)):
            path = self.world.media.path
            publication = self.a.participant.publishing.publications.get(self.sid)  # type: ignore[union-attr]
            if publication is not None and publication.track is not None:
                stats = path.source_stats(publication.track.encodings[0].source)
                stats.packets += up
                stats.expected += up + lost
                stats.lost += lost
                stats.bytes += 100 * up
            subscription = self.b.participant.subscribing.subscriptions.get(self.sid)  # type: ignore[union-attr]
            if subscription is not None:
                subscription.fraction_lost = fraction_lost
                totals = path.subscription_stats(subscription.number)
                totals.packets += down
                totals.bytes += 100 * down
            self.world.run(1)


def pair(
    type: int = TrackType.AUDIO, source: int = Source.MICROPHONE
) -> tuple[World, Client, Client, Traffic]:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish("c", type, source)
    world.run()
    return world, a, b, Traffic(world, a, b, sid)


def test_a_good_line_is_excellent_and_told_to_both() -> None:
    _, a, b, traffic = pair()
    traffic.run(11)
    assert quality(a) == quality(b) == quality(b, a) == Quality.EXCELLENT
    told = [u.participant_sid for message in a.all("connection_quality") for u in message.updates]
    assert b.me.sid not in told, "A receives nothing of B"


def test_told_every_five_seconds_and_soon_after_joining() -> None:
    _, _, b, traffic = pair()
    traffic.run(3)
    assert len(b.all("connection_quality")) == 1
    traffic.run(20)
    assert 4 <= len(b.all("connection_quality")) <= 6


def test_loss_on_the_way_up_is_the_publishers() -> None:
    _, a, b, traffic = pair()
    traffic.run(20, lost=10)
    assert quality(a) < Quality.EXCELLENT
    assert quality(b) == Quality.EXCELLENT
    assert quality(b, a) < Quality.EXCELLENT


def test_loss_on_the_way_down_is_the_receivers() -> None:
    _, a, b, traffic = pair()
    traffic.run(20, fraction_lost=0.3)
    assert quality(a) == Quality.EXCELLENT
    assert quality(b) < Quality.EXCELLENT


def test_a_new_subscription_to_the_same_track_counts_from_zero() -> None:
    _, a, b, traffic = pair()
    traffic.run(10)
    for _ in range(3):
        b.ask(subscription=rtc.UpdateSubscription(track_sids=[traffic.sid], subscribe=False))
        traffic.run(1)
        b.ask(subscription=rtc.UpdateSubscription(track_sids=[traffic.sid], subscribe=True))
        for _ in range(7):
            traffic.run(1)
            assert quality(b) == quality(a) == Quality.EXCELLENT


@pytest.mark.parametrize("up", [0, 3])
def test_silence_with_dtx_is_no_fault_of_anybody(up: int) -> None:
    _, a, b, traffic = pair()
    traffic.run(6)
    traffic.run(20, up=up, down=up)
    assert quality(a) == quality(b) == Quality.EXCELLENT


def test_sound_without_dtx_that_stops_is() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    a.ask(
        add_track=rtc.AddTrackRequest(
            cid="c", type=TrackType.AUDIO, source=Source.MICROPHONE, disable_dtx=True
        )
    )
    sid = a.last("track_published").track.sid
    a.offer("c", Kind.AUDIO)
    a.send(sid)
    world.run()
    traffic = Traffic(world, a, b, sid)
    traffic.run(6)
    traffic.run(12, up=0, down=0)
    assert quality(a) < Quality.EXCELLENT
    assert quality(b) == Quality.EXCELLENT


def test_muted_tracks_and_empty_rooms_are_excellent() -> None:
    world, a, b, traffic = pair()
    traffic.run(6)
    a.ask(mute=rtc.MuteTrackRequest(sid=traffic.sid, muted=True))
    traffic.run(12, up=0, down=0)
    assert quality(a) == quality(b) == Quality.EXCELLENT
    newcomer = world.client("n")
    world.run(3)
    assert quality(newcomer) == Quality.EXCELLENT


def test_a_picture_that_stops_on_the_way_up_is_poor() -> None:
    _, a, b, traffic = pair(TrackType.VIDEO, Source.CAMERA)
    traffic.run(6)
    traffic.run(12, up=0, down=0)
    assert quality(a) < Quality.EXCELLENT
    assert quality(b) == Quality.EXCELLENT


def test_a_picture_for_which_the_line_has_no_room_is_poor() -> None:
    world, a, b, traffic = pair(TrackType.VIDEO, Source.CAMERA)
    traffic.run(6)
    assert b.participant is not None
    b.participant.subscribing.subscriptions[traffic.sid].allow(None, world.now)
    traffic.run(12, down=0)
    assert quality(b) <= Quality.GOOD
    assert quality(b) != Quality.EXCELLENT
    assert quality(a) == Quality.EXCELLENT


def test_nothing_heard_at_all_is_lost_and_told_to_those_who_watch() -> None:
    _, a, b, traffic = pair()
    traffic.run(6)
    a.media_alive = False
    traffic.run(14, up=0, down=0)
    assert quality(b, a) == Quality.LOST
    assert quality(a) == Quality.LOST
    a.media_alive = True
    traffic.run(15)
    assert quality(b, a) >= Quality.GOOD
    assert quality(b, a) != Quality.LOST


def test_a_large_room_is_scored_in_slices() -> None:
    world = World()
    for index in range(60):
        client = world.client(f"p{index}")
        client.alive = False
    board = world.room.quality
    world.now += 10
    scored: list[str] = []
    original = board._score

    def noted(participant: Participant, line: Any, now: float) -> Any:
        scored.append(participant.sid)
        return original(participant, line, now)

    board._score = noted
    sizes = []
    for _ in range(40):
        world.now += 0.05
        before = len(scored)
        board.tick(world.now)
        sizes.append(len(scored) - before)
    assert max(sizes) <= 4
    assert len(set(scored)) == 60
