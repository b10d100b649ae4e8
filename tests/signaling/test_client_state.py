"""Who is in the room, from the server's messages."""

from __future__ import annotations

from livekit.protocol import models, rtc

from signaling.client.event_queue import EventQueue
from signaling.client.events import (
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    QualityChanged,
    RoomEvent,
    SpeakersChanged,
    TrackMuted,
    TrackPublished,
    TrackUnpublished,
)
from signaling.client.state import RoomState

GONE = models.ParticipantInfo.State.DISCONNECTED


def info(sid: str, identity: str, version: int = 1, **fields: object) -> models.ParticipantInfo:
    return models.ParticipantInfo(sid=sid, identity=identity, version=version, **fields)  # type: ignore[arg-type]


def track(sid: str, *, muted: bool = False) -> models.TrackInfo:
    return models.TrackInfo(sid=sid, source=models.TrackSource.CAMERA, muted=muted)


def joined(*others: models.ParticipantInfo) -> tuple[RoomState, list[RoomEvent]]:
    state = RoomState()
    join = rtc.JoinResponse(
        room=models.Room(sid="RM_1", name="giao-ban"),
        participant=info("PA_me", "me"),
        other_participants=others,
    )
    return state, state.joined(join)


def kinds(events: list[RoomEvent]) -> list[type]:
    return [type(event) for event in events]


def test_those_who_are_there_are_told_with_their_tracks() -> None:
    state, events = joined(info("PA_a", "a", tracks=[track("TR_1")]), info("PA_b", "b"))
    assert kinds(events) == [ParticipantJoined, TrackPublished, ParticipantJoined]
    assert state.local.identity == "me"
    owner = state.owner_of("TR_1")
    assert owner is not None
    assert owner.identity == "a"
    assert owner.track(models.TrackSource.CAMERA) is not None


def test_a_track_is_published_muted_and_gone() -> None:
    state, _ = joined(info("PA_a", "a"))
    assert kinds(state.updated([info("PA_a", "a", 2, tracks=[track("TR_1")])])) == [TrackPublished]
    events = state.updated([info("PA_a", "a", 3, tracks=[track("TR_1", muted=True)])])
    assert [e.muted for e in events if isinstance(e, TrackMuted)] == [True]
    assert kinds(state.updated([info("PA_a", "a", 4)])) == [TrackUnpublished]


def test_an_older_version_changes_nothing() -> None:
    state, _ = joined(info("PA_a", "a", 5, name="new"))
    assert state.updated([info("PA_a", "a", 4, name="old")]) == []
    assert state.participants["PA_a"].name == "new"


def test_leaving_ends_tracks_and_speech() -> None:
    state, _ = joined(info("PA_a", "a", tracks=[track("TR_1")]))
    state.speakers_changed([models.SpeakerInfo(sid="PA_a", level=0.5, active=True)])
    left = info("PA_a", "a", 2, state=GONE, disconnect_reason=models.DisconnectReason.PARTICIPANT_REMOVED)
    events = state.updated([left])
    assert kinds(events) == [TrackUnpublished, ParticipantLeft]
    assert isinstance(events[1], ParticipantLeft)
    assert events[1].reason == models.DisconnectReason.PARTICIPANT_REMOVED
    assert state.speakers == {}


def test_fc_a01_a_late_left_of_the_old_session_changes_nothing_of_the_new_one() -> None:
    state, _ = joined(info("PA_1", "a"))
    events = state.updated([info("PA_2", "a")])
    assert kinds(events) == [ParticipantLeft, ParticipantJoined]
    assert state.updated([info("PA_1", "a", 9, state=GONE)]) == []
    present = state.by_identity("a")
    assert present is not None
    assert present.sid == "PA_2"


def test_changes_of_ourselves_are_updates_and_never_joins() -> None:
    state, _ = joined()
    permission = models.ParticipantPermission(can_publish=True)
    events = state.updated([info("PA_me", "me", 2, permission=permission, metadata="m")])
    assert kinds(events) == [ParticipantUpdated]
    assert isinstance(events[0], ParticipantUpdated)
    assert events[0].changed == {"permission", "metadata"}
    assert state.local.info.permission.can_publish
    assert state.participants == {}


def test_a_new_join_begins_anew() -> None:
    state, _ = joined(info("PA_a", "a"))
    join = rtc.JoinResponse(participant=info("PA_me2", "me"), other_participants=[info("PA_b", "b")])
    assert kinds(state.joined(join)) == [ParticipantLeft, ParticipantJoined]


def test_speakers_are_deltas_and_loudest_first() -> None:
    state, _ = joined()
    state.speakers_changed([models.SpeakerInfo(sid="a", level=0.2, active=True)])
    events = state.speakers_changed([models.SpeakerInfo(sid="b", level=0.9, active=True)])
    assert isinstance(events[0], SpeakersChanged)
    assert list(events[0].speakers) == ["b", "a"]
    state.speakers_changed([models.SpeakerInfo(sid="a", active=False), models.SpeakerInfo(sid="b")])
    assert state.speakers == {}


def test_quality_of_somebody_unknown_is_passed_over() -> None:
    state, _ = joined(info("PA_a", "a"))
    poor = models.ConnectionQuality.POOR
    events = state.quality_changed(
        [
            rtc.ConnectionQualityInfo(participant_sid="PA_a", quality=poor),
            rtc.ConnectionQualityInfo(participant_sid="PA_x", quality=poor),
        ]
    )
    assert kinds(events) == [QualityChanged]
    assert state.participants["PA_a"].quality == poor


def test_empty_messages_do_no_harm() -> None:
    state, _ = joined()
    assert state.updated([models.ParticipantInfo()]) == []
    assert state.quality_changed([rtc.ConnectionQualityInfo()]) == []


async def test_a_reader_that_does_not_read_loses_the_oldest_and_is_told() -> None:
    queue = EventQueue(2)
    for number in range(5):
        queue.put(SpeakersChanged({"a": float(number)}))
    assert queue.dropped == 3
    found = [await queue.get(), await queue.get()]
    assert found == [SpeakersChanged({"a": 3.0}), SpeakersChanged({"a": 4.0})]
