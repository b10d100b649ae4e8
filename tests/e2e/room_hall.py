"""One booked meeting at a time, with those who are in it; all are gone after each test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from conformance.waiting import units, until
from livekit.protocol import models
from playwright.async_api import Browser

from directory.sites import Site as SiteRow
from e2e.room_service import TITLE, Member, RoomCity, RoomWindow

MICROPHONE = models.TrackSource.MICROPHONE

AUDIO = """() => {
  window.heard ??= new Map();
  window.ear ??= new AudioContext();
  for (const element of document.querySelectorAll("audio")) {
    const stream = element.srcObject;
    if (!stream || window.heard.has(stream)) continue;
    const analyser = new AnalyserNode(window.ear, { fftSize: 8192 });
    window.ear.createMediaStreamSource(stream).connect(analyser);
    window.heard.set(stream, analyser);
  }
  const peaks = [];
  for (const element of document.querySelectorAll("audio")) {
    const analyser = window.heard.get(element.srcObject);
    if (!analyser || element.paused) continue;
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    let best = 4;
    for (let at = 4; at < bins.length; at += 1) if (bins[at] > bins[best]) best = at;
    if (bins[best] > -70) peaks.push(Math.round((best * window.ear.sampleRate) / analyser.fftSize));
  }
  return peaks; }"""
"""The strongest frequency in hertz of each audio element that plays."""


@dataclass
class Hall:
    """``meeting`` is the one under way."""

    city: RoomCity
    browsers: dict[str, Browser]
    meeting: str = ""
    members: list[Member] = field(default_factory=list)
    windows: list[RoomWindow] = field(default_factory=list)

    async def open(self, *sites: SiteRow, title: str = "") -> str:
        """Book a meeting of these sites and wait until the service has opened it."""
        self.meeting = await self.city.book(sites, title=title or TITLE)
        return self.meeting

    async def member(self, site: SiteRow, colour: str | None = None, *, media: bool = True) -> Member:
        """A site that comes in without a page; with ``media`` it joins picture and sound."""
        member = await self.city.member(site, self.meeting)
        self.members.append(member)
        await member.come()
        return await member.join(colour) if media else member

    async def window(
        self, who: str | SiteRow, *, browser: str = "kind", script: str = "", **options: Any
    ) -> RoomWindow:
        """A browser at the room's page."""
        window = await self.city.window(self.browsers[browser], who, self.meeting, script=script, **options)
        self.windows.append(window)
        return window

    async def chair(self, **options: Any) -> RoomWindow:
        """The chair, in the meeting."""
        return await (await self.window("chair", **options)).enter()

    async def site(self, site: SiteRow, **options: Any) -> RoomWindow:
        """A site's own device, which comes in without a press."""
        window = await self.window(site, **options)
        await window.connected()
        return window

    async def site_at_the_door(self, site: SiteRow) -> RoomWindow:
        """The device of a site that was not invited."""
        window = await self.window(site)
        await window.at("wait-view").wait_for()
        return window

    async def heard_by_right(self, member: Member) -> None:
        """Wait until the media server lets this one be heard."""

        async def may() -> bool:
            found = (await self.city.participants(self.meeting)).get(member.identity)
            return found is not None and MICROPHONE in found.permission.can_publish_sources

        await until(may, f"{member.key} may be heard")

    async def close(self) -> None:
        """Everybody goes, and chair and sites are free for another meeting."""
        for member in self.members:
            await member.close()
        for window in self.windows:
            await window.close()
        if self.meeting:
            await self.city.end(self.meeting)


async def holder(window: RoomWindow, key: str) -> None:
    """Wait until the page says that ``key`` (empty: nobody) has the floor."""
    line = window.page.locator(f'[data-testid=floor-line][data-holder="{key}"]')
    await line.wait_for(timeout=units(15) * 1000)
