"""Wires the parts of one process together; the only place that knows all of them."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator

from starlette.routing import BaseRoute

from media import clock
from media.engine import MediaEngine
from media.settings import MediaSettings
from signaling import twirp
from signaling.asgi import SignalServer
from signaling.events import WebhookEvents
from signaling.registry import RoomRegistry
from signaling.roomservice import RoomService
from signaling.settings import SignalSettings
from signaling.tokens import KeyRing
from signaling.webhooks import WebhookSender
from web.settings import Settings
from web.version import VERSION


class Relay:
    """Media and signaling: a LiveKit-compatible server without pages."""

    def __init__(self, settings: Settings) -> None:
        self.api_key: str = settings["api_key"] or "key" + secrets.token_hex(6)
        self.api_secret: str = settings["api_secret"] or secrets.token_urlsafe(36)
        self.keys = KeyRing({self.api_key: self.api_secret})
        self.engine = MediaEngine(
            MediaSettings(
                bind=tuple(settings["bind"]),
                port=settings["udp_port"],
                node_ips=tuple(settings["node_ip"]),
                include_loopback=settings["loopback"],
            )
        )
        signal_settings = SignalSettings(
            auto_create=settings["room_auto_create"],
            empty_timeout=settings["room_empty_timeout"],
            departure_timeout=settings["room_departure_timeout"],
            max_participants=settings["room_max_participants"],
            enable_remote_unmute=settings["room_enable_remote_unmute"],
        )
        self.webhooks = WebhookSender(settings["webhook_url"], self.api_key, self.api_secret)
        self.registry = RoomRegistry(
            signal_settings,
            self.engine,
            self.keys,
            WebhookEvents(self.webhooks),
            monotonic=clock.monotonic,
            wall=clock.wall,
            version=VERSION,
        )
        self.signals = SignalServer(self.registry, self.keys)
        service = RoomService(self.registry, enable_remote_unmute=signal_settings.enable_remote_unmute)
        self._twirp = twirp.TwirpServer(self.keys, {"livekit.RoomService": service.methods()})

    def routes(self) -> list[BaseRoute]:
        """What a LiveKit client or an administrator calls."""
        return [*self.signals.routes(), *twirp.routes(self._twirp, clock.monotonic, clock.wall)]

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Media, webhooks and rooms, in the order in which they need each other."""
        await self.engine.start()
        try:
            self.webhooks.start()
            async with self.signals.lifespan():
                yield
        finally:
            await self.engine.close()
            await self.webhooks.close()
