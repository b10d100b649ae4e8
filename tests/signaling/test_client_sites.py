"""Simulated sites against our own relay."""

from __future__ import annotations

import asyncio

import pytest
from client_relay import TestRelay, token
from client_seats import CAMERA, QUICK, SMALL
from judges import dominant_colour, nearest_colour

from signaling.client.events import (
    Connected,
    RoomEvent,
)
from signaling.client.picture import site_colour
from signaling.client.room import RoomClient
from signaling.client.sinks import VideoSink
from signaling.client.sites import SiteName, SiteOptions, run_sites


async def test_sites_see_and_hear_each_other_and_leave_together(relay: TestRelay) -> None:
    names = [
        SiteName("00001", "Phường Phúc Xá", "Quận Ba Đình"),
        SiteName("00004", "Phường Trúc Bạch", "Quận Ba Đình"),
    ]
    told: list[tuple[str, type[RoomEvent]]] = []
    sites = asyncio.create_task(
        run_sites(
            relay.url,
            lambda site: token(site.identity),
            names,
            SiteOptions(layers=SMALL),
            report=lambda site, event: told.append((site.code, type(event))),
        )
    )
    async with RoomClient(backoff=QUICK) as client:
        await client.connect(relay.url, token("watcher"))
        await client.until(lambda: len(client.received) == 4, 20)
        assert {p.identity for p in client.participants.values()} == {"site:00001:main", "site:00004:main"}
        sinks = [VideoSink(client.received_from(name.identity, CAMERA)[0]) for name in names]
        await client.until(lambda: all(sink.decoded > 3 for sink in sinks))
        for index, sink in enumerate(sinks):
            assert sink.picture is not None
            found = nearest_colour(dominant_colour(sink.picture), [site_colour(0), site_colour(1)])
            assert found == index
        sites.cancel()
        await client.until(lambda: client.participants == {})
        await asyncio.gather(sites, return_exceptions=True)
    assert told.count(("00001", Connected)) == 1


async def test_two_sites_of_one_code_are_refused() -> None:
    name = SiteName("00001", "Phường Phúc Xá")
    with pytest.raises(ValueError, match="two sites"):
        await run_sites("http://127.0.0.1:9", lambda site: "", [name, name])
