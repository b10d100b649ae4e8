"""Sessions that end and roles that are taken away while their people are in a meeting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import websockets
from changed_page import Scene, Seat, eventually, scene
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from test_conference import signed_in

from directory.access import sessions
from directory.database import Database
from directory.model import Credential, Endpoint, Person, PersonRole, Session
from scheduler.channel.messages import CLOSE_CODES
from signaling.client.room import RoomClient
from signaling.errors import SignalingError
from web import access_watch
from web.access_watch import ATTRIBUTE
from web.settings import Settings

AGAIN = CLOSE_CODES["restart"]


@pytest.fixture
async def meeting(settings: Settings, built: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(access_watch, "EVERY", 0.2)
    async with scene(settings, built) as made:
        yield made


def database_of(meeting: Scene) -> Database:
    records = meeting.served.service.records
    assert records is not None
    return records.database


async def session_of(meeting: Scene, number: int) -> Session:
    """The session of a site."""
    async with database_of(meeting).read() as session:
        found = await session.scalars(select(Session).where(Session.endpoint_id == number))
        return found.one()


async def revoke_session(session: AsyncSession, now: datetime) -> None:
    [number] = await session.scalars(select(Session.id).where(Session.endpoint_id == 1))
    await sessions.revoke(session, number, by="person:4", now=now)


async def revoke_credential(session: AsyncSession, now: datetime) -> None:
    [number] = await session.scalars(select(Credential.id).where(Credential.endpoint_id == 1))
    await session.execute(update(Credential).where(Credential.id == number).values(revoked_at=now))


async def retire_site(session: AsyncSession, now: datetime) -> None:
    await session.execute(update(Endpoint).where(Endpoint.id == 1).values(retired_at=now))


async def expire(session: AsyncSession, now: datetime) -> None:
    await session.execute(update(Session).where(Session.endpoint_id == 1).values(expires_at=now))


async def out_of_all(seat: Seat, meeting: Scene) -> None:
    """The channel is closed, the room is left, and nothing lets it in again."""
    assert await seat.closed() == AGAIN
    await seat.client.until(lambda: seat.client.disconnected is not None, 20)
    assert (await seat.browser.ticket(meeting.meeting)).json()["code"] == "sign_in_needed"
    with pytest.raises(websockets.InvalidStatus):
        async with seat.browser.channel(meeting.meeting):
            pass
    # The token itself has not expired. Who comes by it is put out again.
    async with RoomClient() as again:
        try:
            await again.connect(meeting.base, seat.ticket["token"], reconnect=False)
            await again.until(lambda: again.disconnected is not None, 20)
        except SignalingError:
            pass
        assert again.disconnected is not None or not again.connected


@pytest.mark.parametrize("end", [revoke_session, revoke_credential, retire_site, expire])
async def test_whose_access_ends_is_cut_off(
    meeting: Scene, end: Callable[[AsyncSession, datetime], object]
) -> None:
    async with database_of(meeting).write() as session:
        await end(session, datetime.now(UTC))  # type: ignore[misc]
    await out_of_all(meeting.site, meeting)
    assert meeting.other.client.disconnected is None
    assert (await meeting.other.browser.ticket(meeting.meeting)).status_code == 200


async def test_a_new_credential_lets_the_site_in_beside_its_old_token(meeting: Scene) -> None:
    """The stolen token is put out; the site that came in by the new key in the same place stays."""
    async with database_of(meeting).write() as session:
        await revoke_credential(session, datetime.now(UTC))
    await out_of_all(meeting.site, meeting)
    async with database_of(meeting).write() as session:
        await session.execute(delete(Session).where(Session.endpoint_id == 1))
        await session.execute(delete(Credential).where(Credential.endpoint_id == 1))
    again = await signed_in(meeting.served, endpoint_id=1)
    async with again.channel(meeting.meeting) as page, RoomClient() as client:
        await page.until(lambda: bool(page.roster))
        ticket = (await again.ticket(meeting.meeting)).json()
        await client.connect(meeting.base, ticket["token"], reconnect=False)
        conference = meeting.served.service.conference
        assert conference is not None
        await conference.watch.look()
        assert client.disconnected is None
        found = client.local.info.attributes[ATTRIBUTE]
        assert found == sessions.handle_of((await session_of(meeting, 1)).id)


async def test_an_administrator_who_is_one_no_longer_leads_no_longer(meeting: Scene) -> None:
    database = database_of(meeting)
    async with database.write() as session:
        await session.execute(insert(PersonRole).values(person_id=5, role="administrator"))
    browser = await signed_in(meeting.served, person_id=5)
    async with browser.channel(meeting.meeting) as page:
        seat = Seat(browser, page)
        assert (await seat.answer('{"type": "lock", "id": "1"}'))["type"] == "done"
        async with database.write() as session:
            await session.execute(delete(PersonRole).where(PersonRole.person_id == 5))
        assert await seat.closed() == AGAIN
    with pytest.raises(websockets.InvalidStatus):
        async with browser.channel(meeting.meeting):
            pass
    assert meeting.chair.client.disconnected is None


async def test_a_person_who_is_kept_out_is_out_of_the_meeting(meeting: Scene) -> None:
    async with database_of(meeting).write() as session:
        await session.execute(update(Person).where(Person.id == 1).values(disabled_at=datetime.now(UTC)))
    await out_of_all(meeting.chair, meeting)


async def test_a_page_that_only_listens_keeps_its_session(meeting: Scene) -> None:
    """Hours without a request are no idleness while the channel stands."""
    database = database_of(meeting)
    long_ago = datetime.now(UTC).replace(microsecond=0) - sessions.LIFETIMES.site.idle * 0.9
    async with database.write() as session:
        await session.execute(update(Session).where(Session.endpoint_id == 1).values(seen_at=long_ago))
    conference = meeting.served.service.conference
    assert conference is not None
    conference.watch._kept_alive = None

    async def kept() -> bool:
        return (await session_of(meeting, 1)).seen_at > long_ago

    await eventually(kept)


async def test_a_service_that_starts_again_knows_who_is_in_the_room(meeting: Scene) -> None:
    """A media server of its own goes on meanwhile, and tells of nobody who was there before."""
    conference = meeting.served.service.conference
    assert conference is not None
    watch = conference.watch
    watch._guests.clear()
    watch._caught_up = False
    async with database_of(meeting).write() as session:
        await revoke_session(session, datetime.now(UTC))
    # The page is gone; only the participant is left.
    await meeting.site.page.socket.close()
    async with asyncio.timeout(20):
        await meeting.site.client.until(lambda: meeting.site.client.disconnected is not None, 20)
    assert meeting.other.client.disconnected is None


async def test_sound_that_is_called_a_picture_is_put_out_on_servers_that_let_it_in(meeting: Scene) -> None:
    """LiveKit 1.9.11 takes a track of type audio and source camera by the right to a camera, as was seen."""
    conference = meeting.served.service.conference
    assert conference is not None

    def told(kind: models.TrackType, source: models.TrackSource) -> WebhookEvent:
        return WebhookEvent(
            event="track_published",
            id=f"EV_{kind}_{source}",
            created_at=1,
            room=models.Room(name=meeting.site.ticket["room"]),
            participant=models.ParticipantInfo(identity="site:00001:main"),
            track=models.TrackInfo(sid="TR_x", type=kind, source=source),
        )

    audio, video = models.TrackType.AUDIO, models.TrackType.VIDEO
    await conference.take(told(video, models.TrackSource.CAMERA))
    await conference.take(told(audio, models.TrackSource.MICROPHONE))
    assert conference.watch.cut == 0
    await conference.take(told(audio, models.TrackSource.CAMERA))
    await meeting.site.client.until(lambda: meeting.site.client.disconnected is not None)
    assert conference.watch.cut == 1
    assert meeting.other.client.disconnected is None
