"""What the outside is told: the right order, and the numbers after each event (FC-a01)."""

import random
from itertools import permutations

import pytest
from livekit.protocol import models, rtc
from livekit.protocol.webhook import WebhookEvent
from signal_world import EPOCH, Client, Source, TrackType, World

from signaling import webhooks
from signaling.client.presence import PresenceLog
from signaling.events import WebhookEvents


def test_a_visit_is_told_in_order_with_the_numbers_after_it() -> None:
    world = World(departure_timeout=20)
    a = world.client("a")
    b = world.client("b")
    sid = a.publish()
    world.run()
    a.ask(leave=rtc.LeaveRequest())
    b.ask(leave=rtc.LeaveRequest())
    world.run(21)
    told = [
        (name, who.identity if who else "", room.num_participants, room.num_publishers)
        for name, room, who, _ in world.events.log
    ]
    assert told == [
        ("room_started", "", 0, 0),
        ("participant_joined", "a", 1, 0),
        ("participant_joined", "b", 2, 0),
        ("track_published", "a", 2, 1),
        ("track_unpublished", "a", 1, 0),
        ("participant_left", "a", 1, 0),
        ("participant_left", "b", 0, 0),
        ("room_finished", "", 0, 0),
    ]
    assert {track.sid for *_, track in world.events.log if track is not None} == {sid}
    left = next(who for name, _, who, _ in world.events.log if name == "participant_left")
    assert left is not None
    assert left.state == models.ParticipantInfo.State.DISCONNECTED
    assert left.disconnect_reason == models.DisconnectReason.CLIENT_INITIATED


def test_a_track_of_one_who_has_not_joined_yet_waits() -> None:
    world = World()
    a = Client(world, "a")
    a.join()
    a.publish(muted=True)
    world.run()
    assert world.events.names() == ["room_started"]
    a.connect()
    assert world.events.names() == ["room_started", "participant_joined a", "track_published a"]
    a.transport.become(a.transport.state)
    assert world.events.names()[1:] == ["participant_joined a", "track_published a"]


def test_one_who_never_connected_was_aborted_and_had_no_tracks() -> None:
    world = World()
    a = Client(world, "a")
    a.join()
    a.publish(muted=True)
    a.cut()
    world.run()
    assert world.events.names() == ["room_started", "participant_aborted a"]


def test_a_duplicate_leaves_before_the_newer_one_joins() -> None:
    world = World()
    first = world.client("a")
    world.client("a")
    names = world.events.names()
    assert names == ["room_started", "participant_joined a", "participant_left a", "participant_joined a"]
    sids = [who.sid for _, _, who, _ in world.events.log if who]
    assert sids[0] == sids[1] == first.me.sid != sids[2]
    assert [room.num_participants for _, room, _, _ in world.events.log] == [0, 1, 0, 1]


def test_a_deleted_room_is_told_to_its_end() -> None:
    world = World()
    a = world.client("a")
    a.publish()
    b = world.client("b")
    world.run()
    world.registry.delete_room("room", world.now)
    assert world.events.names()[-4:] == [
        "track_unpublished a",
        "participant_left a",
        "participant_left b",
        "room_finished",
    ]
    b.turn()
    assert b.last("leave").reason == models.DisconnectReason.ROOM_DELETED
    assert world.registry.rooms == {}


class Folding:
    """A sender that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[WebhookEvent] = []

    def notify(self, event: WebhookEvent) -> None:
        self.events.append(event)


def cut_and_back(pause: float) -> tuple[list[WebhookEvent], Client]:
    """A is cut without a word and joins again after ``pause``: the events, with the server's own times."""
    world = World()
    sender = Folding()
    adapter = WebhookEvents(sender)  # type: ignore[arg-type]
    first = world.client("a")
    first.publish("cam", TrackType.VIDEO, Source.CAMERA)
    world.run(3)
    first.cut()
    world.run(pause)
    second = world.client("a")
    world.run(2)
    at = world.wall()
    for name, room, who, track in world.events.log:
        if track is not None:
            getattr(adapter, name)(room, who, track)
        elif who is not None:
            getattr(adapter, name)(room, who)
        else:
            getattr(adapter, name)(room)
        sender.events[-1].created_at = int(
            at if name != "participant_joined" or who is None else who.joined_at
        )
    return sender.events, second


@pytest.mark.parametrize("pause", [0.3, 0.8, 1.5])
def test_fc_a01_a_late_left_does_not_end_the_newer_session(pause: float) -> None:
    events, second = cut_and_back(pause)
    presence = [event for event in events if event.event.startswith("participant_")]
    assert [event.event for event in presence] == [
        webhooks.PARTICIPANT_JOINED,
        webhooks.PARTICIPANT_LEFT,
        webhooks.PARTICIPANT_JOINED,
    ]
    doubled = [*presence, presence[1]]
    missing = [presence[0], presence[2]]
    orders = [*permutations(presence), *permutations(doubled), *permutations(missing)]
    for order in orders:
        log = PresenceLog()
        for event in order:
            log.fold(event)
        assert log.present() == {"a": second.me.sid}
        intervals = log.intervals("a")
        assert [interval.end is None for interval in intervals].count(True) == 1
    assert all(
        event.room.num_participants == expected for event, expected in zip(presence, (1, 0, 1), strict=True)
    )


def test_numbers_are_those_of_the_list_at_every_event() -> None:
    """Random visits: what an event says is what a question at that moment says."""
    world = World()
    rng = random.Random(7)
    checked = 0

    def check(room: models.Room) -> None:
        nonlocal checked
        people = world.registry.list_participants("room")
        visible = [info for info in people if not info.permission.hidden]
        assert room.num_participants == len(visible)
        assert room.num_publishers == sum(info.is_publisher for info in visible)
        checked += 1

    for name in (
        "participant_joined",
        "participant_left",
        "participant_aborted",
        "track_published",
        "track_unpublished",
    ):
        setattr(world.events, name, lambda room, *rest: check(room))
    clients: list[Client] = []
    for index in range(60):
        if clients and rng.random() < 0.4:
            clients.pop(rng.randrange(len(clients))).ask(leave=rtc.LeaveRequest())
        else:
            client = world.client(f"p{rng.randrange(12)}", hidden=rng.random() < 0.2)
            clients = [c for c in clients if c.identity != client.identity] + [client]
            if rng.random() < 0.6:
                client.publish(f"m{index}")
        world.run(0.1)
    assert checked > 80
    assert world.wall() > EPOCH
