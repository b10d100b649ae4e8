"""Our own relay in the test's event loop, and tokens for it: what the client's tests connect to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette

from media import clock
from media.engine import MediaEngine
from media.settings import MediaSettings
from signaling import twirp
from signaling.asgi import SignalServer
from signaling.events import WebhookEvents
from signaling.grants import Grants, VideoGrant
from signaling.registry import RoomRegistry
from signaling.roomservice import SERVICE, RoomService
from signaling.settings import SignalSettings
from signaling.tokens import KeyRing
from signaling.webhooks import WebhookSender

KEY, SECRET = "key", "a-secret-of-thirty-two-characters"


def token(identity: str, room: str = "room", *, lifetime: float = 600.0, **grant: object) -> str:
    """A token that joins ``room``; ``grant`` are more fields of :class:`VideoGrant`."""
    video = VideoGrant(room_join=True, room=room, **grant)  # type: ignore[arg-type]
    now = clock.wall()
    return KeyRing({KEY: SECRET}).issue(
        KEY, Grants(identity=identity, name=f"Name of {identity}", video=video), exp=now + lifetime, now=now
    )


@dataclass
class TestRelay:
    """A relay that can be stopped and started again on the same ports."""

    __test__ = False

    settings: SignalSettings = field(default_factory=SignalSettings)
    port: int = 0
    udp_port: int = 0

    def __post_init__(self) -> None:
        self._stack: contextlib.AsyncExitStack | None = None

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen; the ports of the first start are kept."""
        keys = KeyRing({KEY: SECRET})
        engine = MediaEngine(MediaSettings(bind=("127.0.0.1",), port=self.udp_port))
        self.registry = RoomRegistry(
            self.settings,
            engine,
            keys,
            WebhookEvents(WebhookSender([], KEY, SECRET)),
            monotonic=clock.monotonic,
            wall=clock.wall,
            version="0",
        )
        signals = SignalServer(self.registry, keys)
        calls = twirp.TwirpServer(keys, {SERVICE: RoomService(self.registry).methods()})
        config = uvicorn.Config(
            Starlette(routes=[*signals.routes(), *twirp.routes(calls, clock.monotonic, clock.wall)]),
            host="127.0.0.1",
            port=self.port,
            log_level="error",
            lifespan="off",
            ws_max_queue=1000,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        sock = config.bind_socket()
        sock.listen(128)
        self.port = sock.getsockname()[1]
        await engine.start()
        self.udp_port = engine.port
        stack = contextlib.AsyncExitStack()
        stack.callback(sock.close)
        stack.push_async_callback(engine.close)
        await stack.enter_async_context(signals.lifespan())
        task = asyncio.create_task(server.serve(sockets=[sock]))

        async def end() -> None:
            server.should_exit = server.force_exit = True
            await task

        stack.push_async_callback(end)
        self._stack = stack

    async def stop(self) -> None:
        """Close everything."""
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.aclose()


@contextlib.asynccontextmanager
async def running_relay(settings: SignalSettings | None = None) -> AsyncIterator[TestRelay]:
    """A relay on free ports of loopback."""
    relay = TestRelay(settings or SignalSettings())
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()
