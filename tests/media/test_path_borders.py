"""What strangers and broken peers can do to the Python packet path, and what it leaves behind: nothing."""

from __future__ import annotations

import random

import pytest
from path_harness import OpusSender, Vp8Sender, World, keys_of

from media.path import egress
from media.path import events as events_module
from media.path.moves import MAX_ADDRESSES, MAX_TRIES, TRIES_PER_SECOND, MoveDetector
from media.path.transport import MAX_REPORTERS
from media.ports import DtlsReceived, Kind, Moved, StunReceived
from media.rtp.rtcp import pack_pli, pack_receiver_report

STRANGER = (0, "203.0.113.9", 4444)


@pytest.fixture
def world() -> World:
    return World()


def pair(world: World):
    publisher, viewer = world.peer(), world.peer()
    source = world.source(publisher, ssrc=1, rtx_ssrc=2)
    spec = world.subscription(viewer, source=source)
    sender = Vp8Sender(publisher, 1)
    sender.frame(key=True)
    return publisher, viewer, source, spec, sender


def test_stun_is_handed_on_from_anywhere_and_dtls_from_bound_addresses(world):
    peer = world.peer()
    stun, dtls = b"\0\1" + bytes(18), bytes([22]) + bytes(40)
    world.deliver(stun, STRANGER)
    world.deliver(dtls, STRANGER)
    world.deliver(dtls, peer.address)
    assert world.events == [StunReceived(stun, STRANGER), DtlsReceived(peer.number, dtls)]
    assert world.counter("dropped_stranger") == 1


@pytest.mark.parametrize(
    ("first", "counter"),
    [
        (4, "dropped_malformed"),
        (19, "dropped_malformed"),
        (64, "dropped_malformed"),
        (200, "dropped_malformed"),
    ],
)
def test_first_bytes_of_no_protocol(world, first, counter):
    peer = world.peer()
    world.deliver(bytes([first]) + bytes(30), peer.address)
    assert world.counter("dropped_malformed") == 1
    assert world.events == []


def test_datagrams_that_are_too_short(world):
    peer = world.peer()
    for data in (b"", b"\x80", b"\x80" * 11, b"\x80\xc8" + bytes(9)):
        world.deliver(data, peer.address)
        world.deliver(data, STRANGER)
    assert world.events == []
    assert world.strays == []


def test_media_before_keys_is_counted(world):
    world.path.open_transport(50)
    world.path.bind_address(50, STRANGER)
    world.deliver(b"\x80\x60" + bytes(30), STRANGER)
    assert world.counter("dropped_before_keys") == 1


def test_wrong_keys_are_silent(world):
    publisher, viewer, *_ = pair(world)
    other = world.peer()
    seen = len(viewer.packets)
    forged = other.tx.protect(Vp8Sender(other, 1, sequence=502).packets(key=True)[0])
    world.deliver(forged, publisher.address)
    world.deliver(other.tx.protect_rtcp(pack_pli(1, 2)), publisher.address)
    assert world.counter("dropped_malformed") == 2
    assert len(viewer.packets) == seen
    assert world.strays == []


def test_random_datagrams_are_counted_and_silent(world):
    publisher, viewer, _, _, sender = pair(world)
    rng = random.Random(5)
    before = len(publisher.raw) + len(viewer.raw)
    batch = []
    for _ in range(10_000):
        data = rng.randbytes(rng.choice((0, 1, 12, 20, 60, 1200)))
        data = bytes((rng.randrange(4, 256),)) + data[1:] if data else data
        batch.append((data, rng.choice((STRANGER, publisher.address, viewer.address))))
    world.path.receive(batch, world.now)
    world.settle()
    assert len(publisher.raw) + len(viewer.raw) == before
    assert world.strays == []
    assert all(isinstance(event, DtlsReceived) for event in world.events[2:])
    sender.frame()
    assert len(viewer.packets) == 4


def test_replays_are_dropped(world):
    publisher, viewer, _, _, sender = pair(world)
    packet = publisher.tx.protect(sender.packets(count=1)[0])
    world.deliver(packet, publisher.address)
    world.deliver(packet, publisher.address)
    assert len(viewer.packets) == 3
    assert world.counter("dropped_malformed") == 1


def test_events_are_bounded(world, monkeypatch):
    monkeypatch.setattr(events_module, "MAX_EVENTS", 100)
    _, viewer, source, spec, _ = pair(world)
    world.path.receive([(b"\0\1" + bytes(18), STRANGER)] * 90, world.now)
    compound = pack_pli(7, spec.ssrc) * 50
    world.path.receive([(viewer.tx.protect_rtcp(compound), viewer.address)], world.now)
    assert len(world.path.events()) == 100
    assert world.counter("dropped_events") == 40
    assert source


def test_outgoing_is_bounded(world, monkeypatch):
    monkeypatch.setattr(egress, "MAX_OUTGOING", 10)
    for _ in range(15):
        world.path.send_to(STRANGER, b"x")
    assert len(world.path.outgoing()) == 10
    assert world.counter("dropped_outgoing") == 5


def test_an_address_serves_its_newest_transport(world):
    first, second = world.peer(), world.peer()
    world.path.bind_address(second.number, first.address)
    world.path.send(first.number, b"one")
    world.path.send(second.number, b"two")
    assert world.path.outgoing() == [(b"two", first.address)]
    world.path.bind_address(second.number, second.address)
    world.path.release_address(first.address)
    world.path.release_address(first.address)
    world.deliver(bytes([22]) + bytes(20), first.address)
    assert world.happened(DtlsReceived) == []


def test_the_same_keys_again_begin_nothing_anew(world):
    _, viewer, _, spec, sender = pair(world)
    session = world.path._transports[viewer.number].srtp
    world.path.set_keys(viewer.number, keys_of(viewer.number))
    assert world.path._transports[viewer.number].srtp is session
    sender.frame()
    assert len(viewer.of(spec.ssrc)) == 4


def empty(world: World) -> bool:
    path = world.path
    tables = (path._transports, path._by_address, path._sources, path._subscriptions, path._moves.index)
    return not any(map(len, tables))


def test_closed_transports_leave_nothing_behind(world):
    publisher, viewer, source, spec, _sender = pair(world)
    sound = world.source(publisher, Kind.AUDIO, mid="a")
    world.subscription(viewer, Kind.AUDIO, sound)
    OpusSender(
        publisher,
        44,
    ).send()
    viewer.control(pack_receiver_report(1))
    world.path.bind_address(viewer.number, (0, "192.0.2.77", 5))
    world.path.close_transport(publisher.number)
    assert world.path.subscription_stats(spec.subscription).source == 0
    world.path.tick(world.now + 1)
    world.path.close_transport(viewer.number)
    world.path.close_transport(viewer.number)
    assert empty(world)
    assert source


def test_removed_streams_leave_nothing_behind(world):
    publisher, _viewer, source, spec, sender = pair(world)
    other = world.source(publisher, ssrc=9, rtx_ssrc=10)
    world.path.switch(spec.subscription, other)
    state = world.path._subscriptions[spec.subscription]
    world.path.remove_source(other)
    assert state.pending is None
    world.path.remove_source(source)
    assert state.source is None
    world.path.remove_source(source)
    world.path.remove_subscription(spec.subscription)
    world.path.remove_subscription(spec.subscription)
    transports = world.path._transports
    assert not any(
        (transports[n].ssrcs, transports[n].rtx_ssrcs, transports[n].outgoing) != ({}, {}, {}) for n in (1, 2)
    )
    assert len(world.path._moves.index) == 0
    sender.frame()
    assert world.counter("dropped_unknown_ssrc") == 2
    for order in (
        lambda: world.path.switch(spec.subscription, source),
        lambda: world.path.set_forwarding(source, False),
        lambda: world.path.request_keyframe(source),
    ):
        order()
    assert world.path.source_stats(source).packets == 0
    assert world.path.subscription_stats(spec.subscription).packets == 0


def test_a_removed_subscription_is_fed_no_more(world):
    _, viewer, source, spec, sender = pair(world)
    world.path.remove_subscription(spec.subscription)
    sender.frame()
    assert len(viewer.packets) == 2
    assert world.path._sources[source].subscribers == []


# -- moves ---------------------------------------------------------------------------


def test_media_from_another_port_is_reported_and_not_used(world):
    publisher, viewer, _, _, sender = pair(world)
    elsewhere = (0, publisher.address[1], 60001)
    packet = sender.packets(count=1)[0]
    publisher.rtp(packet, address=elsewhere)
    assert world.happened(Moved) == [Moved(publisher.number, elsewhere)]
    assert len(viewer.packets) == 2
    for _ in range(20):  # not again within 0.2 s
        world.now += 0.009
        publisher.rtp(sender.packets(count=1)[0], address=elsewhere)
    assert len(world.happened(Moved)) == 1
    world.now += 0.1
    publisher.rtp(sender.packets(count=1)[0], address=elsewhere)
    assert len(world.happened(Moved)) == 2
    assert world.strays == []


def test_a_viewer_is_known_by_its_reports(world):
    """Browsers that only receive all report under SSRC 1; the keys tell whose report it is."""
    viewers = [world.peer() for _ in range(5)]
    elsewhere = (0, "198.51.100.7", 7)
    viewers[3].control(pack_receiver_report(1), address=elsewhere)
    assert world.happened(Moved) == [], "nothing is known of it yet"
    for viewer in viewers:
        viewer.control(pack_receiver_report(1))
    world.now += 1
    viewers[3].control(pack_receiver_report(1), address=elsewhere)
    assert world.happened(Moved) == [Moved(viewers[3].number, elsewhere)]


def test_among_many_viewers_those_of_the_host_come_first(world):
    viewers = [world.peer(address=(0, f"192.0.2.{index + 1}", 9)) for index in range(3 * MAX_TRIES)]
    for viewer in viewers:
        viewer.control(pack_receiver_report(1))
    for viewer in viewers:
        world.now += 1
        viewer.control(pack_receiver_report(1), address=(0, viewer.address[1], 10))
    assert [event.transport for event in world.happened(Moved)] == [viewer.number for viewer in viewers]


def test_forged_packets_from_elsewhere_are_no_move(world):
    publisher, *_ = pair(world)
    stranger = world.peer()
    for number in range(50):
        forged = Vp8Sender(stranger, 1, sequence=number).packets(count=1)[0]
        stranger.rtp(forged, address=(0, "203.0.113.1", number))
    replay = publisher.tx.protect(Vp8Sender(publisher, 1, sequence=600).packets(count=1)[0])
    world.deliver(replay, publisher.address)
    world.deliver(replay, STRANGER)
    assert world.happened(Moved) == []
    assert world.counter("moves_seen") == 0


def test_looking_is_limited_in_all(world):
    publisher, *_ = pair(world)
    packet = b"\x80\x60" + bytes(6) + (1).to_bytes(4, "big") + bytes(40)
    batch = [(packet, (0, "203.0.113.1", port)) for port in range(1, 1001)]
    world.path.receive(batch, world.now)
    assert world.counter("moves_not_examined") == 1000 - TRIES_PER_SECOND
    assert len(world.path._moves._looked) <= MAX_ADDRESSES
    for port in range(1, 4000):
        world.now += 0.01
        world.path.receive([(packet, (0, "203.0.113.2", port))], world.now)
    assert len(world.path._moves._looked) <= MAX_ADDRESSES
    world.now += 1
    publisher.rtp(Vp8Sender(publisher, 1, sequence=700).packets(count=1)[0], address=STRANGER)
    assert world.happened(Moved) == [Moved(publisher.number, STRANGER)]


def test_reporters_are_bounded(world):
    peer = world.peer()
    for ssrc in range(100, 120):
        peer.control(pack_receiver_report(ssrc))
    assert world.path._transports[peer.number].reporters == list(range(120 - MAX_REPORTERS, 120))
    assert len(world.path._moves.index) == MAX_REPORTERS
    assert isinstance(world.path._moves, MoveDetector)


def test_an_ssrc_that_is_source_and_reporter_stays_known_until_both_are_gone(world):
    peer = world.peer()
    source = world.source(peer, ssrc=1)
    peer.control(pack_receiver_report(1))
    world.path.remove_source(source)
    assert len(world.path._moves.index) == 1
    world.path.close_transport(peer.number)
    assert len(world.path._moves.index) == 0
