"""Wires the parts of one process together; the only place that knows all of them."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from livekit.protocol import room as room_proto
from livekit.protocol.webhook import WebhookEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from directory.access.secrets import Hashing
from media import clock
from media.engine import MediaEngine
from media.path.python_path import PythonPacketPath
from media.settings import MediaSettings
from scheduler.life import ROOM_PREFIX
from signaling import twirp
from signaling.asgi import SignalServer
from signaling.errors import ResourceExhaustedError
from signaling.events import WebhookEvents
from signaling.registry import RoomRegistry
from signaling.roomservice import RoomService
from signaling.settings import SignalSettings
from signaling.tokens import KeyRing
from signaling.webhooks import WebhookSender
from web.api import Api
from web.app import create_app
from web.assets import APP_FOLDER
from web.audit_pages import AuditPages
from web.conference import Conference, media_server, meeting_rules
from web.device_pages import DevicePages
from web.directory_pages import DirectoryPages
from web.errors import Refusal
from web.examples import VISITOR, Examples
from web.group_pages import GroupPages
from web.health import LagMeter, watch_loop
from web.home import HomePages, Meetings, Work
from web.import_pages import ImportPages
from web.joining import Joining, OpenRoom
from web.meetings_pages import meeting_pages
from web.metrics import Observability, Reading
from web.new_site_pages import NewSitePages
from web.pages import Pages
from web.people_pages import PeoplePages
from web.protocols import HalfOpen
from web.records import Records
from web.rendering import Renderer
from web.rest.api import RestApi
from web.room_pages import RoomPages, room_address
from web.server import media_start_error
from web.settings import Settings
from web.signin import SignInPages
from web.site_keys import SiteKeyPages
from web.site_pages import SitePages
from web.state import StateFolder
from web.version import VERSION
from web.visitors import HOME, TurnedAway, Visitors, csrf_token, principal, sentence, visitor

FAREWELL = 1.0
"""Seconds that clients have to hear that the server stops."""


class Relay:
    """Media and signaling: a LiveKit-compatible server without pages."""

    def __init__(self, settings: Settings, heard: Callable[[WebhookEvent], None] | None = None) -> None:
        """``heard`` is called with every event that webhooks would tell."""
        self.settings = settings
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
            reserved_prefix=ROOM_PREFIX,
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
            WebhookEvents(self.webhooks, heard),
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
        """Media, webhooks and rooms, in the order in which they need each other. Raises StartError."""
        try:
            await self.engine.start()
        except (OSError, ValueError) as error:
            raise media_start_error(self.settings["bind"], self.settings["udp_port"], error) from None
        try:
            self.webhooks.start()
            async with self.signals.lifespan():
                yield
        finally:
            await self.engine.close()
            await self.webhooks.close()

    async def farewell(self) -> None:
        """Tell every client that the server stops and that it may come back; return once they were told."""
        self.registry.close(clock.monotonic())
        deadline = clock.monotonic() + FAREWELL
        # Sessions are counted, not signalled; this is the end of the process and lasts a second at most.
        while self.signals.sessions and clock.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    def media_addresses(self) -> list[str]:
        """Where clients are told to send media. Once started."""
        port = self.engine.port
        hosts = self.settings["node_ip"] or self.engine.addresses
        return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host in hosts]

    # -- the pages' view of it -----------------------------------------------------

    def people(self, room: str) -> int:
        """See ``web.api.Rooms``."""
        found = self.registry.rooms.get(room)
        return 0 if found is None else found.info().num_participants

    def prepare(self, room: str, identity: str) -> None:
        """See ``web.api.Rooms``."""
        self.registry.create_room(room_proto.CreateRoomRequest(name=room), clock.monotonic())
        try:
            self.registry.rooms[room].check_space(identity)
        except ResourceExhaustedError:
            raise Refusal("room_full", 403) from None


class Service:
    """What one process runs: the relay, with or without pages, and its observation."""

    def __init__(self, settings: Settings, *, with_pages: bool, built: Path = APP_FOLDER) -> None:
        """``built`` is where the pages' scripts are.

        Raises StateError, AssetsMissing, and what the parts raise for impossible settings.
        """
        self.state = StateFolder(settings["state_dir"])
        if with_pages:
            settings = settings.with_values(_kept_secrets(settings, self.state))
        self.settings = settings
        self.relay = Relay(settings, self._heard)
        self.conference: Conference | None = None
        self.half_open = HalfOpen(settings["max_half_open"])
        self.lag = LagMeter()
        self.api: Api | None = None
        self.room = _open_room(settings) if with_pages else None
        self.records: Records | None = None
        self.visitors: Visitors | None = None
        self.hashing = Hashing()
        self._pages: Pages | None = None
        self._parts: list[BaseRoute] = []
        self._ringing: set[asyncio.Task[None]] = set()
        self._examples: list[BaseRoute] = []
        if with_pages:
            self.records = Records(settings, self.state)
            self.visitors = Visitors(self.records.database, self.state.secret("forms"), show=self._refused)
            joining = Joining(
                self.relay.keys,
                self.relay.api_key,
                self.state.secret("places"),
                self.room,
                settings["join_token_life"],
            )
            self.api = Api(joining, self.relay)
            self._pages = Pages(
                self._title, built, at_work=lambda request: HOME if principal(request) else ""
            )
            self.renderer = Renderer(built, visitor=visitor, csrf=csrf_token)
            sign_in = SignInPages(self.renderer, self.records.database, self.hashing)
            self._parts = [
                *sign_in.routes(),
                *RestApi(self.records.database, sign_in.door, self._booked).routes(),
                *HomePages(self.renderer, [Meetings(self.records.database, room_address), Work()]).routes(),
                *PeoplePages(self.renderer, self.records.database, self.hashing).routes(),
                *AuditPages(self.renderer, self.records.database).routes(),
                *DirectoryPages(self.renderer, self.records.database).routes(),
                *DevicePages(self.renderer, self.records.database).routes(),
                *NewSitePages(self.renderer, self.records.database).routes(),
                *SiteKeyPages(self.renderer, self.records.database, self.hashing).routes(),
                *GroupPages(self.renderer, self.records.database).routes(),
                *ImportPages(self.renderer, self.records.database).routes(),
                *RoomPages(self.renderer, self.records.database, built).routes(),
                *meeting_pages(self.renderer, self.records.database, self._booked),
                *SitePages(self.records.database, built).routes(),
            ]
            if settings["examples"]:
                self._examples = Examples(Renderer(built, visitor=lambda request: VISITOR)).routes()

    def app(self, https_port: int = 0, port: int = 0) -> Starlette:
        """The application; see :func:`web.app.create_app`. ``port`` is where it will be reached by HTTP."""
        if self.records is not None:
            media = media_server(self.settings, self.relay.api_key, self.relay.api_secret, port)
            self.conference = Conference(self.records.database, media, meeting_rules(self.settings))
        watch = Observability(self.reading, self.lag, clock.monotonic, self.settings["metrics_to"])
        routes = [*watch.routes(), *self.relay.routes()]
        if self.api is not None and self._pages is not None:
            routes += [
                *self.api.routes(),
                *self._pages.routes(),
                *self.renderer.routes(),
                *self._parts,
                *self._examples,
            ]
        lifespans = [self._watching, self.relay.lifespan]
        if self.records is not None and self.conference is not None:
            routes += self.conference.routes()
            # The relay ends first: what it tells of its end is still written down.
            lifespans[1:1] = [self._hashing_secrets, self.records.lifespan, self.conference.lifespan]
        return create_app(
            routes,
            lifespans,
            pages=self._pages is not None,
            https_port=https_port,
            proxy_from=self.settings["proxy_from"],
            layers=[self.visitors.middleware()] if self.visitors else [],
            show_error=self._show_error if self._pages is not None else None,
        )

    def reading(self) -> Reading:
        """The service now, for metrics."""
        relay = self.relay
        media = dict(relay.engine.counters())
        rooms = list(relay.registry.rooms.values())
        gauges: dict[str, float] = {
            "rooms": len(rooms),
            "participants": sum(len(room.participants) for room in rooms),
            "tracks": sum(1 for room in rooms for _ in room.publications()),
            "signal_sessions": relay.signals.sessions,
            "half_open_connections": len(self.half_open),
            "webhooks_pending": relay.webhooks.pending,
        }
        if self.conference is not None:
            gauges |= self.conference.gauges()
        for name in ("transports", "sources", "subscriptions"):
            gauges[name] = media.pop(name, 0)
        totals: dict[str, float] = {
            "webhooks_lost": relay.webhooks.lost,
            "half_open_evicted": self.half_open.evicted,
            "half_open_timed_out": self.half_open.timed_out,
            "stalled_connections": self.half_open.stalled,
        }
        if self.conference is not None:
            totals |= self.conference.totals()
        path = "python" if isinstance(relay.engine.path, PythonPacketPath) else "native"
        joins: Mapping[str, int] = self.api.joins if self.api is not None else {}
        return Reading(VERSION, path, gauges, totals, media, joins)

    def _refused(self, request: Request, turned: TurnedAway) -> Response:
        return self._show_error(request, turned.code, turned.status)

    def _show_error(self, request: Request, code: str, status: int) -> Response:
        said = sentence(request, code)
        return self.renderer.render(request, "refused.html", status=status, here=HOME, sentence=said)

    def _booked(self) -> None:
        if self.conference is not None:
            task = asyncio.create_task(self.conference.waker.ring(), name="ring after a booking")
            self._ringing.add(task)
            task.add_done_callback(self._ringing.discard)

    def _heard(self, event: WebhookEvent) -> None:
        if self.conference is not None:
            self.conference.hear(event)

    def _title(self, room: str) -> str:
        return self.room.title if self.room is not None and room == self.room.name else room

    @contextlib.asynccontextmanager
    async def _hashing_secrets(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self.hashing.close()

    @contextlib.asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        task = asyncio.create_task(watch_loop(self.lag, clock.monotonic), name="loop lag")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _kept_secrets(settings: Settings, state: StateFolder) -> dict[str, str]:
    """Secrets that the operator did not set: made once, so that links and tokens outlive a restart."""
    made = {}
    if not settings["api_secret"]:
        made["api_secret"] = state.secret("api", 36)
        made["api_key"] = settings["api_key"] or "diemcau"
    if settings["open_room"] and not settings["open_room_key"]:
        made["open_room_key"] = state.secret("open-room", 12)
    return made


def _open_room(settings: Settings) -> OpenRoom | None:
    name = settings["open_room"]
    if not name:
        return None
    return OpenRoom(name, settings["open_room_title"] or name, settings["open_room_key"])
