"""One participant's requests, each to the method that answers it.

To add a message type: one line in ``handle_request``, one row in
``docs/signaling.md``, one test that sends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from signaling.errors import InvalidArgumentError
from signaling.limits import check_attributes, check_metadata, check_name
from signaling.publication import features

if TYPE_CHECKING:
    from signaling.participant import Participant
    from signaling.room import Room

Reason = rtc.RequestResponse.Reason


def handle_request(room: Room, participant: Participant, request: rtc.SignalRequest, now: float) -> None:
    """Act on a request. Every optional part of it may be missing."""
    if participant.gone:
        return
    kind = request.WhichOneof("message")
    publishing = participant.publishing
    subscribing = participant.subscribing
    if kind == "offer":
        publishing.offered(request.offer, now)
    elif kind == "answer":
        subscribing.answered(request.answer, now)
    elif kind == "add_track":
        publishing.add_track(request.add_track, now)
    elif kind == "mute":
        publishing.mute(request.mute.sid, request.mute.muted, now)
    elif kind == "subscription":
        subscribing.wish(named_tracks(request.subscription), request.subscription.subscribe, now)
    elif kind == "track_setting":
        subscribing.set_track_settings(request.track_setting, now)
    elif kind == "subscription_permission":
        publishing.set_subscription_permission(request.subscription_permission, now)
    elif kind == "update_metadata":
        update_own(participant, request.update_metadata, now)
    elif kind == "update_audio_track":
        publication = publishing.publications.get(request.update_audio_track.track_sid)
        if publication is not None:
            del publication.info.audio_features[:]
            publication.info.audio_features.extend(features(request.update_audio_track.features))
            participant.changed(now)
    elif kind == "update_video_track":
        publication = publishing.publications.get(request.update_video_track.track_sid)
        if publication is not None:
            publication.info.width = request.update_video_track.width
            publication.info.height = request.update_video_track.height
            participant.changed(now)
    elif kind == "sync_state":
        synchronise(participant, request.sync_state, now)
    elif kind == "leave":
        room.leave(participant, models.DisconnectReason.CLIENT_INITIATED, now)
    elif kind == "simulate":
        simulate(room, participant, request.simulate, now)
    # "trickle" needs no answer: an ICE-lite server learns addresses from checks (RFC 8445, 2.5).


def update_own(participant: Participant, request: rtc.UpdateParticipantMetadata, now: float) -> None:
    """A client changes its own name, metadata or attributes; always answered."""
    response = rtc.RequestResponse(request_id=request.request_id, update_metadata=request)
    problem = _over_limits(participant, request)
    if not participant.video.may_update_own_metadata():
        response.reason = Reason.NOT_ALLOWED
        response.message = "does not have permission to update own metadata"
    elif problem:
        response.reason = Reason.LIMIT_EXCEEDED
        response.message = problem
    else:
        apply_update(participant, request.name, request.metadata, request.attributes)
        participant.changed(now)
    participant.send(rtc.SignalResponse(request_response=response))


def _over_limits(participant: Participant, request: rtc.UpdateParticipantMetadata) -> str:
    """What is too long, in words; empty when all is well."""
    merged = {**participant.attributes, **request.attributes}
    try:
        check_name(request.name)
        check_metadata(request.metadata)
        check_attributes({key: value for key, value in merged.items() if value})
    except InvalidArgumentError as error:
        return error.message
    return ""


def apply_update(participant: Participant, name: str, metadata: str, attributes: Mapping[str, str]) -> None:
    """Set what is not empty; an attribute with an empty value is removed, as on LiveKit."""
    if name:
        participant.name = name
    if metadata:
        participant.metadata = metadata
    for key, value in attributes.items():
        if value:
            participant.attributes[key] = value
        else:
            participant.attributes.pop(key, None)


def synchronise(participant: Participant, state: rtc.SyncState, now: float) -> None:
    """After a resume the client says what it believes; its wishes are taken, each part may be missing."""
    if state.HasField("subscription"):
        participant.subscribing.wish(
            named_tracks(state.subscription), state.subscription.subscribe, now, tell_missing=False
        )
    for sid in state.track_sids_disabled[:2000]:
        participant.subscribing.disable(sid, now)
    participant.publishing.missing(published.track.sid for published in state.publish_tracks[:100])


def named_tracks(request: rtc.UpdateSubscription) -> list[str]:
    """The tracks of both lists of the message."""
    return [*request.track_sids, *(sid for tracks in request.participant_tracks for sid in tracks.track_sids)]


def simulate(room: Room, participant: Participant, request: rtc.SimulateScenario, now: float) -> None:
    """Faults that a client asks for to try itself; they touch nobody but this client."""
    scenario = request.WhichOneof("scenario")
    if scenario == "server_leave":
        room.leave(participant, models.DisconnectReason.SERVER_SHUTDOWN, now)
    elif scenario == "node_failure":
        room.leave(participant, models.DisconnectReason.SERVER_SHUTDOWN, now, tell=False)
    elif scenario == "leave_request_full_reconnect":
        room.leave(
            participant,
            models.DisconnectReason.UNKNOWN_REASON,
            now,
            action=rtc.LeaveRequest.Action.RECONNECT,
        )
    elif scenario == "disconnect_signal_on_resume" and participant.session is not None:
        participant.session.close(1001, "simulated")
