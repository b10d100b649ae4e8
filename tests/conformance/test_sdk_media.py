"""Native SDK to native SDK: join, publish, subscribe, and whose media it is."""

from __future__ import annotations

import asyncio

from conformance.judges import MARKS
from conformance.target import Sites
from conformance.waiting import until


async def test_one_sees_and_hears_the_other(sites: Sites) -> None:
    talker, listener = await sites.join_all("talker", "listener")
    await talker.publish_camera("green")
    await talker.publish_microphone("green")
    await listener.sees("talker", "green")
    await listener.hears("talker", "green")
    assert talker.room.name == sites.room


async def test_six_publishers_by_six_subscribers(sites: Sites) -> None:
    names = [mark.name for mark in MARKS]
    everybody = await sites.join_all(*names)
    await asyncio.gather(*(site.publish_camera(site.identity) for site in everybody))
    await asyncio.gather(*(site.publish_microphone(site.identity) for site in everybody))
    for site in everybody:
        for name in names:
            if name != site.identity:
                await site.sees(name, name, within=20)
                await site.hears(name, name, within=20)
    pictures = [picture for site in everybody for picture in site.pictures.values()]
    assert len(pictures) == 30
    await until(lambda: all(p.frames > 20 for p in pictures), "20 frames of everybody by everybody")
    for site in everybody:
        for (identity, _), picture in site.pictures.items():
            assert set(picture.colours) <= {identity, None}
            assert picture.colours[None] <= 2
        for (identity, _), sound in site.sounds.items():
            assert set(sound.tones) <= {identity, None}
