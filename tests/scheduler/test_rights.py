"""Who may send what: each role by each state of the floor, in permissions and in tokens alike."""

from __future__ import annotations

import pytest
from livekit.protocol import models

from scheduler.floor_state import Member, Role, State
from scheduler.rights import grants, identity, may_send, member_of, permission, same

ALL = {"camera", "microphone", "screen_share", "screen_share_audio"}
SITE = "site:00004"


def floor(**changes: object) -> State:
    state = State(members={SITE: Member("site", True, True), "person:1": Member("chair", True, False)})
    for name, value in changes.items():
        setattr(state, name, value)
    return state


@pytest.mark.parametrize(
    ("member", "role", "state", "sends"),
    [
        (SITE, "site", floor(), {"camera"}),
        (SITE, "site", floor(members={SITE: Member("site", True, False)}), ALL),
        (SITE, "site", State(), {"camera"}),
        (SITE, "site", floor(lobby={SITE: "site"}), set()),
        (SITE, "site", floor(removed={SITE}), set()),
        ("person:1", "chair", floor(), ALL),
        ("person:1", "chair", State(), ALL),
        ("person:2", "secretary", State(), ALL),
        ("person:1", "chair", floor(members={"person:1": Member("chair", True, True)}), {"camera"}),
    ],
)
def test_what_a_member_may_send(member: str, role: Role, state: State, sends: set[str]) -> None:
    token = grants("meeting-1", member, role, state, "Tên")
    assert token.video is not None
    assert set(token.video.can_publish_sources) == sends
    assert token.video.can_publish is bool(sends)
    assert token.video.can_subscribe is bool(sends)
    assert not token.video.can_publish_data
    assert not token.video.can_update_own_metadata
    assert not token.video.room_admin
    allowed = permission(member, role, state)
    assert {models.TrackSource.Name(source).lower() for source in allowed.can_publish_sources} == sends
    assert (allowed.can_publish, allowed.can_subscribe) == (bool(sends), bool(sends))
    assert not allowed.can_publish_data
    assert not allowed.can_update_metadata
    assert len(may_send(member, role, state)) == len(sends)


@pytest.mark.parametrize(
    ("participant", "member"),
    [
        ("site:00004:main", "site:00004"),
        ("person:7:main", "person:7"),
        ("site:00004", ""),
        ("site::main", ""),
        ("EG_recorder", ""),
        ("agent:1:x", ""),
        ("site:1:2:3", ""),
        ("", ""),
    ],
)
def test_whose_device_a_participant_is(participant: str, member: str) -> None:
    assert member_of(participant) == member
    if member:
        assert identity(member) == participant


def test_permissions_compare_without_order() -> None:
    one = permission("person:1", "chair", State())
    other = models.ParticipantPermission()
    other.CopyFrom(one)
    del other.can_publish_sources[:]
    other.can_publish_sources.extend(reversed(one.can_publish_sources))
    assert same(one, other)
    other.can_publish_data = True
    assert not same(one, other)
