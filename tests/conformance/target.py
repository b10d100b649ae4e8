"""The server under test with its tokens, and native participants of one room that are cleaned up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from livekit import api
from playwright.async_api import Page

from conformance.clients.browser import BrowserSite
from conformance.clients.python_sdk import TWO_CONNECTIONS, Site
from conformance.clients.raw_signal import RawSignal
from conformance.processes import ServerProcess
from conformance.webhook_sink import WebhookSink


@dataclass(frozen=True)
class Target:
    """The server under test. `ours` tells rules that only our relay keeps (see README)."""

    url: str
    key: str
    secret: str
    ours: bool
    webhooks: WebhookSink | None
    process: ServerProcess | None

    @property
    def websocket_url(self) -> str:
        """The same address with the scheme of a WebSocket."""
        return self.url.replace("http", "ws", 1)

    def token(self, room: str, identity: str, **options: Any) -> str:
        """A joining token; options are grants, or name, metadata, attributes, ttl (seconds)."""
        token = api.AccessToken(self.key, self.secret).with_identity(identity)
        if "name" in options:
            token = token.with_name(options.pop("name"))
        if "metadata" in options:
            token = token.with_metadata(options.pop("metadata"))
        if "attributes" in options:
            token = token.with_attributes(options.pop("attributes"))
        if "ttl" in options:
            token = token.with_ttl(timedelta(seconds=options.pop("ttl")))
        return token.with_grants(api.VideoGrants(room_join=True, room=room, **options)).to_jwt()


class Sites:
    """Makes native participants of one room and puts them out at the end."""

    def __init__(self, server: Target, room: str) -> None:
        self._server = server
        self.room = room
        self._made: list[Site] = []

    async def join(self, identity: str, *, token: str | None = None, **options: Any) -> Site:
        """Join with a fresh token; options of `Site.join` go there, the others into the token.

        `present` publishes a silent microphone: LiveKit tells the others of a participant at once only if it
        publishes, and else within three seconds.
        """
        joining = {
            name: options.pop(name) for name in ("auto_subscribe", "dynacast", "key") if name in options
        }
        site = Site(identity)
        site.watching = options.pop("watching", True)
        present = options.pop("present", False)
        self._made.append(site)
        token = token or self._server.token(self.room, identity, **options)
        await site.join(self._server.websocket_url, token, **joining)
        if present:
            await site.publish_microphone("red", loud=False)
        return site

    async def join_all(self, *identities: str, **options: Any) -> list[Site]:
        """Join several at once."""
        return list(await asyncio.gather(*(self.join(identity, **options) for identity in identities)))

    async def close(self) -> None:
        """Disconnect all."""
        await asyncio.gather(*(site.leave() for site in self._made))


class Browsers:
    """Makes participants on livekit-client in one page and puts them out at the end."""

    def __init__(self, server: Target, room: str, page: Page) -> None:
        self._server = server
        self.page = page
        self.room = room
        self._made: list[BrowserSite] = []

    async def join(
        self,
        identity: str,
        *,
        token: str | None = None,
        room_options: dict[str, Any] | None = None,
        encryption: str | None = None,
        auto_subscribe: bool = True,
        **options: Any,
    ) -> BrowserSite:
        """Join with a fresh token; `room_options` are livekit-client's, the others go into the token."""
        site = self.unconnected(identity)
        token = token or self._server.token(self.room, identity, **options)
        return await site.join(
            self._server.websocket_url,
            token,
            room=({"singlePeerConnection": False} if TWO_CONNECTIONS else {}) | (room_options or {}),
            encryption=encryption,
            autoSubscribe=auto_subscribe,
        )

    def unconnected(self, identity: str) -> BrowserSite:
        """A participant that has not connected, nor made its room, yet."""
        site = BrowserSite(self.page, identity)
        self._made.append(site)
        return site

    async def close(self) -> None:
        """Disconnect all."""
        for site in self._made:
            await site.leave()


class Signals:
    """Opens bare signalling connections into one room and closes them at the end."""

    def __init__(self, server: Target, room: str) -> None:
        self._server = server
        self.room = room
        self._made: list[RawSignal] = []

    async def open(
        self, identity: str, *, token: str | None = None, text: bool = False, query: Any = (), **options: Any
    ) -> RawSignal:
        """Connect with a fresh token; `query` is a dictionary of further parameters of the address."""
        token = token or self._server.token(self.room, identity, **options)
        signal = await RawSignal.open(self._server.websocket_url, token, text=text, **dict(query))
        self._made.append(signal)
        return signal

    async def close(self) -> None:
        """Close all."""
        for signal in self._made:
            await signal.close()
