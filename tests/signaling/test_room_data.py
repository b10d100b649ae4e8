"""Data packets: who gets them, and whose name they bear."""

from typing import Any

import pytest
from livekit.protocol import models
from livekit.protocol import room as room_proto
from signal_world import Client, World, rights

from media.transport import TransportState

RELIABLE, LOSSY = "_reliable", "_lossy"


def say(client: Client, packet: models.DataPacket, label: str = RELIABLE) -> None:
    assert client.participant is not None
    client.participant.data_received(label, packet.SerializeToString())


def user(text: bytes = b"hello", **fields: Any) -> models.DataPacket:
    return models.DataPacket(user=models.UserPacket(payload=text, **fields))


def heard(client: Client) -> list[models.DataPacket]:
    """What reached it since the last question."""
    sent, client.transport.sent = client.transport.sent, []
    return [models.DataPacket.FromString(payload) for _, payload in sent]


def trio() -> tuple[World, Client, Client, Client]:
    world = World()
    a, b, c = (world.client(name) for name in "abc")
    return world, a, b, c


@pytest.mark.parametrize("label", [RELIABLE, LOSSY])
def test_to_all_but_never_to_oneself(label: str) -> None:
    _, a, b, c = trio()
    say(a, user(topic="chat"), label)
    for client in (b, c):
        assert client.transport.sent[0][0] == label
        (packet,) = heard(client)
        assert packet.user.payload == b"hello"
        assert packet.user.topic == "chat"
        assert (packet.participant_identity, packet.participant_sid) == ("a", a.me.sid)
        assert (packet.user.participant_identity, packet.user.participant_sid) == ("a", a.me.sid)
        assert packet.kind == (
            models.DataPacket.Kind.RELIABLE if label == RELIABLE else models.DataPacket.Kind.LOSSY
        )
    assert heard(a) == []


@pytest.mark.parametrize("how", ["packet identities", "user identities", "sids"])
def test_to_some(how: str) -> None:
    _, a, b, c = trio()
    packet = user()
    if how == "packet identities":
        packet.destination_identities.extend(["b", "nobody"])
    elif how == "user identities":
        packet.user.destination_identities.append("b")
    else:
        packet.user.destination_sids.append(b.me.sid)
    say(a, packet)
    assert len(heard(b)) == 1
    assert heard(c) == []


def test_a_packet_for_oneself_alone_goes_nowhere() -> None:
    _, a, b, _ = trio()
    packet = user()
    packet.destination_identities.append("a")
    say(a, packet)
    assert heard(a) == []
    assert heard(b) == []


def test_the_sender_is_the_servers_to_say() -> None:
    _, a, b, c = trio()
    packet = user(participant_sid=c.me.sid, participant_identity="c")
    packet.participant_sid, packet.participant_identity = c.me.sid, "c"
    say(a, packet)
    (packet,) = heard(b)
    assert (packet.participant_identity, packet.user.participant_identity) == ("a", "a")
    assert (packet.participant_sid, packet.user.participant_sid) == (a.me.sid, a.me.sid)


def test_hidden_senders_have_no_name_and_do_not_hide_each_other() -> None:
    world, _, b, _ = trio()
    ghosts = [world.client(f"ghost{index}", hidden=True) for index in range(2)]
    for ghost in ghosts:
        packet = user()
        packet.sequence = 1
        say(ghost, packet)
    for packet in heard(b):
        assert packet.participant_sid == packet.participant_identity == ""
        # Receivers drop a number that they have seen of the same sender.
        assert packet.sequence == 0


def test_sequence_numbers_of_others_pass() -> None:
    _, a, b, _ = trio()
    packet = user()
    packet.sequence = 41
    say(a, packet)
    assert heard(b)[0].sequence == 41


@pytest.mark.parametrize(
    ("label", "payload"),
    [
        (RELIABLE, b"\xff\xff"),
        (RELIABLE, b""),
        (RELIABLE, models.DataPacket(speaker=models.ActiveSpeakerUpdate()).SerializeToString()),
        (RELIABLE, user(b"x" * 1001).SerializeToString()),
        ("_data_track", user().SerializeToString()),
        ("other", user().SerializeToString()),
    ],
)
def test_what_is_not_allowed_is_counted_and_dropped(label: str, payload: bytes) -> None:
    world = World(max_data_bytes=1000)
    a, b = world.client("a"), world.client("b")
    assert a.participant is not None
    a.participant.data_received(label, payload)
    assert heard(b) == []
    assert world.room.data.dropped == 1


def test_the_right_to_send_data_is_live() -> None:
    world, a, b, _ = trio()
    rights(world, "a", can_publish_data=False)
    say(a, user())
    assert heard(b) == []
    rights(world, "a", can_publish_data=True)
    say(a, user())
    assert len(heard(b)) == 1


def test_one_receiver_that_cannot_be_reached_does_not_matter() -> None:
    world, a, b, c = trio()
    b.transport.state = TransportState.FAILED
    say(a, user())
    assert len(heard(c)) == 1
    assert world.room.data.dropped == 1


def test_nothing_passes_of_one_who_has_left() -> None:
    world, a, b, _ = trio()
    participant = a.participant
    assert participant is not None
    world.registry.remove_participant("room", "a", world.now)
    participant.data_received(RELIABLE, user().SerializeToString())
    assert heard(b) == []


@pytest.mark.parametrize(("kind", "label"), [(0, RELIABLE), (1, LOSSY)])
def test_data_of_the_administrator(kind: int, label: str) -> None:
    world, a, b, c = trio()
    world.registry.send_data(
        room_proto.SendDataRequest(
            room="room",
            data=b"news",
            kind=kind,
            topic="t",
            destination_identities=["a", "b"],  # type: ignore[arg-type]
        ),
        world.now,
    )
    for client in (a, b):
        assert client.transport.sent[0][0] == label
        (packet,) = heard(client)
        assert (packet.user.payload, packet.user.topic, packet.participant_identity) == (b"news", "t", "")
    assert heard(c) == []
