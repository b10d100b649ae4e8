"""Simulated sites: real clients over the network path, each with a picture and a tone of its own.

Names come from the caller; nothing here knows the directory of a city.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from livekit.protocol import models

from signaling.client.events import (
    Connected,
    Disconnected,
    LocalTrackUnpublished,
    ParticipantUpdated,
    Reconnecting,
    Resumed,
    RoomEvent,
)
from signaling.client.looped import LoopedCamera, LoopedMicrophone, LoopSpec
from signaling.client.picture import PictureSpec, site_colour
from signaling.client.room import RoomClient
from signaling.client.sources import Layer, MediaSource
from signaling.client.synthetic import DEFAULT_LAYERS, SyntheticCamera, SyntheticMicrophone
from signaling.client.tone import ToneSpec, site_frequency
from signaling.errors import SignalingError

JOIN_GAP = 0.05
"""Seconds between the first joins of two sites, so that a start is no burst."""


@dataclass(frozen=True, slots=True)
class SiteName:
    """A simulated site: ``code`` of its unit, and what its picture shows. Codes keep equal names apart."""

    code: str
    unit: str
    district: str = ""

    @property
    def identity(self) -> str:
        """The participant's identity: the main device of the site."""
        return f"site:{self.code}:main"

    @property
    def title(self) -> str:
        """The participant's name."""
        return f"{self.unit}, {self.district}" if self.district else self.unit


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """``looped`` plays recordings instead of encoding; ``watch`` receives what the others publish."""

    looped: bool = False
    watch: bool = True
    silence: float = 2.0
    layers: tuple[Layer, ...] = DEFAULT_LAYERS
    fps: int = 15


TokenFor = Callable[[SiteName], str | Awaitable[str]]
Report = Callable[[SiteName, RoomEvent], None]


class SimulatedSite:
    """One site: joins, publishes camera and microphone, and stays, whatever happens to the line."""

    def __init__(self, name: SiteName, index: int, options: SiteOptions) -> None:
        self.name = name
        self.client = RoomClient()
        self.options = options
        self._index = index

    def camera(self) -> MediaSource:
        """A camera that shows this site's name on its own colour."""
        lines = tuple(filter(None, (self.name.unit, self.name.district)))
        picture = PictureSpec(site_colour(self._index), lines)
        if self.options.looped:
            return LoopedCamera(LoopSpec(picture, self.options.layers, self.options.fps))
        return SyntheticCamera(picture, layers=self.options.layers, fps=self.options.fps)

    def microphone(self) -> MediaSource:
        """A microphone with this site's own tone; each site is silent at a time of its own."""
        shift = self._index * 1.3 % 5.0
        tone = ToneSpec(site_frequency(self._index), silence=self.options.silence, shift=shift)
        return LoopedMicrophone(tone) if self.options.looped else SyntheticMicrophone(tone)

    async def run(self, url: str, token_for: TokenFor) -> Disconnected:
        """Stay in the room until sent away for good or cancelled; why it ended."""
        queue = self.client.queue()
        try:
            await self.client.connect(
                url,
                lambda: token_for(self.name),
                auto_subscribe=self.options.watch,
                adaptive_stream=True,
                wait_for_server=True,
            )
            await self._publish_missing()
            while True:
                event = await queue.get()
                if isinstance(event, Disconnected):
                    return event
                if isinstance(event, (LocalTrackUnpublished, ParticipantUpdated, Connected)):
                    await self._publish_missing()
        except SignalingError as exc:
            return Disconnected(models.DisconnectReason.JOIN_FAILURE, exc.message)
        finally:
            await self.client.close()

    async def _publish_missing(self) -> None:
        """Publish what is not there and is allowed now, so that the floor can be given again."""
        permission = self.client.local.info.permission
        if not permission.can_publish:
            return
        published = {track.track_source for track in self.client.tracks}
        allowed = permission.can_publish_sources
        for wanted, make in (
            (models.TrackSource.CAMERA, self.camera),
            (models.TrackSource.MICROPHONE, self.microphone),
        ):
            if wanted in published or (allowed and wanted not in allowed):
                continue
            # A line that breaks meanwhile is looked after by the client; this is tried again then.
            with contextlib.suppress(SignalingError):
                await self.client.publish(make(), track_source=wanted)


async def run_sites(
    url: str,
    token_for: TokenFor,
    names: Sequence[SiteName],
    options: SiteOptions | None = None,
    *,
    report: Report | None = None,
    join_gap: float = JOIN_GAP,
) -> None:
    """Run simulated sites until cancelled; every one then leaves with a farewell.

    ``token_for`` gives a fresh token for a site each time it joins. ``report``
    hears of each site's coming and going. ValueError for two sites of one code.
    """
    doubled = [code for code, count in Counter(name.code for name in names).items() if count > 1]
    if doubled:
        raise ValueError(f"two sites with the code {doubled[0]}")
    chosen = options or SiteOptions()

    async def one(index: int, name: SiteName) -> None:
        await asyncio.sleep(index * join_gap)
        site = SimulatedSite(name, index, chosen)
        if report is not None:
            site.client.listen(lambda event: _tell(report, name, event))
        await site.run(url, token_for)

    async with asyncio.TaskGroup() as group:
        for index, name in enumerate(names):
            group.create_task(one(index, name))


def _tell(report: Report, name: SiteName, event: RoomEvent) -> None:
    if isinstance(event, (Connected, Resumed, Reconnecting, Disconnected)):
        report(name, event)
