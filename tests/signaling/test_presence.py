"""Presence out of disordered webhooks (FC-a01) and polls."""

import itertools
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from signaling.client.presence import POLL_LAG, Interval, PresenceBoard, PresenceLog

T = 1_800_000_000
ROOM = "RM_1"


def info(sid: str, start: float, identity: str = "site", state: str = "ACTIVE") -> models.ParticipantInfo:
    return models.ParticipantInfo(
        sid=sid,
        identity=identity,
        joined_at=int(start),
        joined_at_ms=round(start * 1000),
        state=models.ParticipantInfo.State.Value(state),
    )


def told(
    kind: str, sid: str, start: float, at: float, identity: str = "site", room: str = ROOM
) -> WebhookEvent:
    return WebhookEvent(
        event=kind,
        room=models.Room(sid=room, name="họp"),
        participant=info(sid, start, identity),
        created_at=int(at),
    )


def joined(sid: str, start: float, **more: str) -> WebhookEvent:
    return told("participant_joined", sid, start, start, **more)


def left(sid: str, start: float, at: float, **more: str) -> WebhookEvent:
    return told("participant_left", sid, start, at, **more)


def finished(at: float, room: str = ROOM) -> WebhookEvent:
    return WebhookEvent(event="room_finished", room=models.Room(sid=room, name="họp"), created_at=int(at))


def folded(events: Sequence[WebhookEvent]) -> PresenceLog:
    log = PresenceLog()
    for event in events:
        log.fold(event)
    return log


@pytest.mark.parametrize("gap", [0.3, 0.8, 1.5])
@pytest.mark.parametrize("late", [0.0, 1.0, 15.0])
def test_fc_a01_every_order(gap: float, late: float) -> None:
    """Joined, cut, joined again: present with one open interval, in every order, doubled, *left* missing.

    ``late``: LiveKit notices the cut only after the new session has begun.
    """
    start, cut = T + 0.25, T + 60.25
    again, now = cut + gap, cut + 100
    j1, l1, j2 = joined("PA_1", start), left("PA_1", start, cut + late), joined("PA_2", again)
    clients_own_log = (cut - start) + (now - again)
    for events in (
        [j1, l1, j2],
        [j1, l1, l1, j2],
        [j1, j1, l1, j2, j2],
        [j1, j2],
        [l1, j2],
        [j1, l1, l1, j2, j2],
    ):
        for order in itertools.permutations(events):
            log = folded(order)
            intervals = log.intervals("site")
            assert log.present() == {"site": "PA_2"}
            assert [interval.end for interval in intervals].count(None) == 1
            assert [interval.sid for interval in intervals] == ["PA_1", "PA_2"]
            # Where the cut was told late or not at all, the gap itself counts as presence.
            slack = gap if late or l1 not in events else 0.0
            assert abs(log.seconds("site", now) - clients_own_log) <= 1 + slack


def test_fc_a01_prefixes() -> None:
    """What is known when only a part has come."""
    j1, l1, j2 = joined("PA_1", T), left("PA_1", T, T + 60), joined("PA_2", T + 61)
    for events, present in (
        ([], {}),
        ([j1], {"site": "PA_1"}),
        ([l1], {}),
        ([l1, j1], {}),
        ([j2, j1], {"site": "PA_2"}),
        ([l1, j2], {"site": "PA_2"}),
    ):
        assert folded(events).present() == present


@given(st.integers(0, 2**32), st.integers(1, 5))
def test_order_and_repeats_do_not_matter(seed: int, sessions: int) -> None:
    chance = random.Random(seed)
    events = []
    at = float(T)
    for number in range(sessions):
        start = at + chance.random() * 5
        at = start + chance.random() * 30
        kind = chance.choice(["participant_left", "participant_left", "participant_connection_aborted"])
        facts = [joined(f"PA_{number}", start), told(kind, f"PA_{number}", start, at + chance.random() * 3)]
        events += [fact for fact in facts if chance.random() < 0.8]
    if chance.random() < 0.3:
        events.append(finished(at + 5))
    log = folded(events)
    shuffled = events + [event for event in events if chance.random() < 0.5]
    chance.shuffle(shuffled)
    other = folded(shuffled)
    assert other.intervals("site") == log.intervals("site")
    intervals = log.intervals("site")
    for one, following in itertools.pairwise(intervals):
        assert one.end is not None
        assert one.start <= one.end <= following.start


@pytest.mark.parametrize(
    ("events", "intervals"),
    [
        # Left to the second: the middle of it; never before the start.
        ([joined("PA_1", T + 0.9), left("PA_1", T + 0.9, T)], [Interval("PA_1", T + 0.9, T + 0.9)]),
        ([joined("PA_1", T), left("PA_1", T, T + 5)], [Interval("PA_1", T, T + 5.5)]),
        # The first of two lefts counts.
        ([left("PA_1", T, T + 9), left("PA_1", T, T + 5)], [Interval("PA_1", T, T + 5.5)]),
        # An older session that was never closed does not make anybody present after the newer one left.
        (
            [joined("PA_1", T), joined("PA_2", T + 10), left("PA_2", T + 10, T + 20)],
            [Interval("PA_1", T, T + 10), Interval("PA_2", T + 10, T + 20.5)],
        ),
        # Aborted while connecting: never there. Aborted after joining: an end like any other.
        ([told("participant_connection_aborted", "PA_1", T, T + 5)], []),
        (
            [told("participant_connection_aborted", "PA_1", T, T + 5), joined("PA_1", T)],
            [Interval("PA_1", T, T + 5.5)],
        ),
        # An aborted attempt does not end the session before it.
        (
            [joined("PA_1", T), told("participant_connection_aborted", "PA_2", T + 5, T + 6)],
            [Interval("PA_1", T, None)],
        ),
        # The room's end closes; the end of an earlier room of the same name does not.
        ([joined("PA_1", T), finished(T + 30)], [Interval("PA_1", T, T + 30.5)]),
        ([finished(T + 30), joined("PA_1", T)], [Interval("PA_1", T, T + 30.5)]),
        ([joined("PA_1", T), finished(T + 1, "RM_0")], [Interval("PA_1", T, None)]),
        ([joined("PA_1", T), finished(T + 30), left("PA_1", T, T + 20)], [Interval("PA_1", T, T + 20.5)]),
        # Two of one moment: the one that ended comes first.
        (
            [joined("PA_1", T), joined("PA_2", T), left("PA_2", T, T + 3)],
            [Interval("PA_2", T, T), Interval("PA_1", T, None)],
        ),
        # Nothing to hold on to.
        ([WebhookEvent(event="participant_joined")], []),
        ([told("track_published", "PA_1", T, T)], []),
        ([told("egress_started", "PA_1", T, T)], []),
    ],
)
def test_intervals(events: list[WebhookEvent], intervals: list[Interval]) -> None:
    for order in itertools.permutations(events):
        assert folded(order).intervals("site") == intervals


def test_start_without_milliseconds() -> None:
    event = WebhookEvent(
        event="participant_joined",
        participant=models.ParticipantInfo(sid="PA_1", identity="site", joined_at=T),
        created_at=T + 1,
    )
    assert folded([event]).intervals("site") == [Interval("PA_1", T + 0.5, None)]
    event.participant.joined_at = 0
    assert folded([event]).intervals("site") == [Interval("PA_1", T + 1.5, None)]


def test_identities_are_apart() -> None:
    log = folded([joined("PA_1", T), joined("PA_9", T + 1, identity="other"), left("PA_1", T, T + 5)])
    assert log.present() == {"other": "PA_9"}
    assert sorted(log.identities()) == ["other", "site"]


def test_poll_closes_a_missing_left_and_takes_it_back() -> None:
    log = folded([joined("PA_1", T)])
    log.poll(ROOM, [], T + 60)
    log.poll(ROOM, [], T + 70)
    assert log.intervals("site") == [Interval("PA_1", T, T + 60)]
    log.poll(ROOM, [info("PA_1", T)], T + 80)
    assert log.present() == {"site": "PA_1"}
    # An older answer that comes late changes nothing.
    log.poll(ROOM, [], T + 75)
    assert log.present() == {"site": "PA_1"}


def test_poll_says_nothing_of_new_sessions() -> None:
    log = folded([joined("PA_1", T)])
    log.poll(ROOM, [], T + POLL_LAG - 0.1)
    assert log.present() == {"site": "PA_1"}


def test_poll_does_not_undo_a_left() -> None:
    log = folded([joined("PA_1", T), left("PA_1", T, T + 20)])
    log.poll(ROOM, [info("PA_1", T)], T + 21)
    assert log.present() == {}


def test_poll_finds_a_session_whose_joined_is_missing() -> None:
    log = PresenceLog()
    joining, gone = info("PA_2", T, "other", "JOINED"), info("PA_3", T, "x", "DISCONNECTED")
    log.poll(ROOM, [info("PA_1", T), joining, gone], T + 5)
    assert log.present() == {"site": "PA_1"}
    log.fold(joined("PA_2", T, identity="other"))
    log.poll(ROOM, [info("PA_1", T), joining], T + 50)
    assert log.present() == {"site": "PA_1", "other": "PA_2"}


@given(st.integers(0, 2**32))
def test_polls_in_any_order(seed: int) -> None:
    chance = random.Random(seed)
    polls = [(T + 20 + number, chance.random() < 0.5) for number in range(6)]

    def after(order: list[tuple[int, bool]]) -> dict[str, str]:
        log = folded([joined("PA_1", T)])
        for at, there in order:
            log.poll(ROOM, [info("PA_1", T)] if there else [], at)
        return log.present()

    shuffled = polls.copy()
    chance.shuffle(shuffled)
    assert after(shuffled) == after(polls) == ({"site": "PA_1"} if polls[-1][1] else {})


def test_forget() -> None:
    log = folded(
        [
            joined("PA_1", T),
            joined("PA_2", T + 10),
            left("PA_2", T + 10, T + 20),
            joined("PA_3", T + 30),
            joined("PA_9", T, identity="gone"),
            left("PA_9", T, T + 1, identity="gone"),
            told("participant_connection_aborted", "PA_8", T, T + 1, identity="never"),
        ]
    )
    log.forget(T + 25)
    assert log.intervals("site") == [Interval("PA_3", T + 30, None)]
    assert log.identities() == ["site"]
    log.forget(T + 1000)
    assert log.present() == {"site": "PA_3"}


def test_board_keeps_rooms_apart() -> None:
    board = PresenceBoard()
    board.fold(joined("PA_1", T))
    elsewhere = joined("PA_2", T)
    elsewhere.room.name = "khác"
    board.fold(elsewhere)
    board.fold(WebhookEvent(event="participant_joined", participant=info("PA_3", T)))
    assert {name: log.present() for name, log in board.logs.items()} == {
        "họp": {"site": "PA_1"},
        "khác": {"site": "PA_2"},
    }
