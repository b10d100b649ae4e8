"""A law of rooms: whatever happens, each client's folded view is the truth, and only rights carry packets."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from livekit.protocol import models, rtc
from signal_world import Client, Source, TrackType, World, rights

NAMES = ["a", "b", "c", "d"]
ACTIONS = [
    "join",
    "leave",
    "cut",
    "resume",
    "kill",
    "audio",
    "video",
    "muted",
    "mute",
    "unpublish",
    "wish",
    "refuse",
    "rights",
    "hide",
    "permission",
    "remove",
    "wait",
    "metadata",
]
step = st.tuples(st.sampled_from(ACTIONS), st.sampled_from(NAMES), st.integers(0, 7))


class Story:
    """The clients by name, and what may be done with them."""

    def __init__(self) -> None:
        self.world = World(media_silence_limit=5.0)
        self.clients: dict[str, Client] = {}
        self.count = 0

    def present(self, name: str) -> Client | None:
        client = self.clients.get(name)
        if client is None or client.participant is None or client.participant.gone:
            return None
        return client

    def act(self, action: str, name: str, number: int) -> None:
        world = self.world
        client = self.present(name)
        if action == "wait":
            world.run(0.05 * (number + 1))
        elif action == "join":
            self.clients[name] = Client(world, name, auto_subscribe=number != 0, hidden=number == 7)
            self.clients[name].join()
            self.clients[name].connect()
        elif client is None:
            return
        elif action == "resume":
            client.resume()
        elif action == "hide":
            rights(world, name, hidden=bool(number % 2))
        elif action == "rights":
            rights(
                world,
                name,
                can_publish=bool(number & 1),
                can_subscribe=bool(number & 2),
                can_publish_sources=[Source.MICROPHONE] if number & 4 else [],
                hidden=client.participant.hidden,  # type: ignore[union-attr]
            )
        elif action == "remove":
            world.registry.remove_participant("room", name, world.now)
        elif not client.alive:
            return
        elif action in ("cut", "kill"):
            client.media_alive = action == "cut"
            client.cut()
        elif action == "leave":
            client.ask(leave=rtc.LeaveRequest())
        else:
            self.speak(client, action, number)

    def speak(self, client: Client, action: str, number: int) -> None:
        own = list(client.participant.publishing.publications)  # type: ignore[union-attr]
        all_sids = [publication.sid for publication in self.world.room.publications()]
        if action in ("audio", "video", "muted"):
            self.count += 1
            kind = TrackType.VIDEO if action == "video" else TrackType.AUDIO
            source = Source.CAMERA if action == "video" else Source.MICROPHONE
            video = client.participant.video  # type: ignore[union-attr]
            if video.may_publish_source(source) and len(own) < 4:
                client.publish(f"cid{self.count}", kind, source, muted=action == "muted")
        elif action == "mute" and own:
            sid = own[number % len(own)]
            client.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=bool(number & 1)))
        elif action == "unpublish" and own:
            publication = client.participant.publishing.publications[own[number % len(own)]]  # type: ignore[union-attr]
            client.participant.publishing.unpublish(publication, self.world.now)  # type: ignore[union-attr]
        elif action == "wish" and all_sids:
            sid = all_sids[number % len(all_sids)]
            client.ask(subscription=rtc.UpdateSubscription(track_sids=[sid], subscribe=bool(number & 1)))
        elif action == "refuse":
            client.refuse = (
                (lambda sdp: sdp.replace("a=recvonly", "a=inactive")) if number & 1 else lambda sdp: sdp
            )
        elif action == "permission":
            allowed = [rtc.TrackPermission(participant_identity=NAMES[number % 4], all_tracks=True)]
            client.ask(
                subscription_permission=rtc.SubscriptionPermission(
                    all_participants=bool(number & 1), track_permissions=allowed
                )
            )
        elif action == "metadata":
            self.world.registry.update_room_metadata("room", f"m{number}", self.world.now)

    def check_always(self) -> None:
        """What holds at every moment, between two ticks too."""
        room = self.world.registry.rooms.get("room")
        if room is None:
            return
        here = set(room.participants.values())
        for publication in room.publications():
            assert publication.publisher in here, "a publication of one who is gone"
            assert publication.sid in publication.publisher.publishing.publications
        for participant in here:
            for sid in participant.subscribing.subscriptions:
                publication = room.publication(sid)
                assert publication is not None, "a subscription to what is not there"
                assert participant.subscribing.should_receive(publication), "packets without a right"
            for publication in participant.publishing.publications.values():
                assert participant.video.may_publish_source(publication.info.source)
        path = self.world.media.path
        owned = {s.number for p in here for s in p.subscribing.subscriptions.values()}
        assert set(path.subscriptions) <= owned
        live = {
            e.source
            for p in here
            for q in p.publishing.publications.values()
            if q.track
            for e in q.track.encodings
        }
        assert set(path.sources) == live
        for participant in here:
            for publication in participant.publishing.publications.values():
                for encoding in publication.track.encodings if publication.track else ():
                    assert path.forwarding[encoding.source] is not publication.info.muted

    def check_settled(self) -> None:
        """What each client believes, once all has been told."""
        for name in NAMES:
            client = self.present(name)
            if client is not None and not client.alive:
                client.media_alive = True
                client.resume()
        self.world.run(1.5)
        room = self.world.registry.rooms.get("room")
        for name in NAMES:
            client = self.present(name)
            if client is None or room is None:
                continue
            truth = {
                p.identity: p.info()
                for p in room.participants.values()
                if not p.hidden and p.identity != name
            }
            assert client.others == truth
            assert client.me == room.participants[name].info()
            assert client.room.metadata == room.metadata
            self.check_media(client, room)
        assert len(self.world.media.closed) == len(set(self.world.media.closed))

    def check_media(self, client: Client, room: object) -> None:
        participant = client.participant
        assert participant is not None
        wanted = {
            publication.sid
            for publication in participant.room.publications()
            if participant.subscribing.should_receive(publication)
        }
        assert set(participant.subscribing.subscriptions) == wanted
        if client.offers and not participant.subscribing.subscriber.negotiating:
            assert client.receiving() - participant.subscribing.refused == wanted
        for sid in wanted:
            publication = participant.room.publication(sid)
            assert publication is not None
            assert client.hears(sid) is (bool(publication.track.encodings) and not publication.info.muted)  # type: ignore[union-attr]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(step, max_size=40))
def test_every_view_is_the_truth(steps: list[tuple[str, str, int]]) -> None:
    story = Story()
    for action, name, number in steps:
        story.act(action, name, number)
        story.check_always()
    story.check_settled()
    story.check_always()


def test_a_long_story_leaves_nothing_behind() -> None:
    rng = random.Random(2026)
    story = Story()
    for _ in range(3000):
        story.act(rng.choice(ACTIONS), rng.choice(NAMES), rng.randrange(8))
    story.check_settled()
    for name in NAMES:
        if story.present(name) is not None:
            story.world.registry.remove_participant("room", name, story.world.now)
    story.world.run(25)
    assert story.world.registry.rooms == {}
    media = story.world.media
    assert (media.path.sources, media.path.subscriptions, media.subscriptions) == ({}, {}, {})
    assert not media.tracks
    states = [info.state for *_, info, _ in story.world.events.log if info is not None]
    assert models.ParticipantInfo.State.DISCONNECTED in states
