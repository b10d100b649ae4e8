"""LiveKit's webhooks: signed notices of what happens in rooms, posted to addresses of an application.

A notice is proto3 JSON of a ``WebhookEvent``, with the type
``application/webhook+json`` and an ``Authorization`` header that is a token
(without "Bearer") whose ``sha256`` claim is the base64 of the body's hash.
:mod:`signaling.webhook_plan` decides when what goes; here it is sent. Reading
such notices is :mod:`signaling.client.webhook_receiver`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import logging
import math
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

import httpx
import structlog
from google.protobuf import json_format
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from media import clock
from signaling import ids, tokens
from signaling.errors import InvalidArgumentError
from signaling.tokens import Grants
from signaling.webhook_plan import Delivery, RetryPlan, RetryPolicy

ROOM_STARTED: Final = "room_started"
ROOM_FINISHED: Final = "room_finished"
#: A participant's media is connected.
PARTICIPANT_JOINED: Final = "participant_joined"
PARTICIPANT_LEFT: Final = "participant_left"
#: A participant is gone that never got so far; there was no ``participant_joined``.
PARTICIPANT_CONNECTION_ABORTED: Final = "participant_connection_aborted"
TRACK_PUBLISHED: Final = "track_published"
TRACK_UNPUBLISHED: Final = "track_unpublished"

CONTENT_TYPE: Final = "application/webhook+json"
#: Life of the token in a notice, in seconds; LiveKit's.
TOKEN_TTL: Final = 300.0
#: One attempt, from connecting to the answer's status, takes at most so many seconds.
ATTEMPT_TIMEOUT: Final = 10.0
#: So much of an answer is read, to keep the connection; what is longer closes it.
_MAX_ANSWER_BYTES: Final = 16 * 1024

#: Answers below 500 after which another attempt may help: timeout, too early, too many requests.
_RETRIED_STATUSES: Final = frozenset({408, 425, 429})

_log = structlog.get_logger(__name__)


def room_event(name: str, room: models.Room) -> WebhookEvent:
    """:data:`ROOM_STARTED` or :data:`ROOM_FINISHED`."""
    return WebhookEvent(event=name, room=room)


def participant_event(name: str, room: models.Room, participant: models.ParticipantInfo) -> WebhookEvent:
    """One of the ``PARTICIPANT_`` events, with the room as it is after it."""
    return WebhookEvent(event=name, room=room, participant=participant)


def track_event(
    name: str, room: models.Room, participant: models.ParticipantInfo, track: models.TrackInfo
) -> WebhookEvent:
    """One of the ``TRACK_`` events; room and participant by name and id only, as LiveKit's."""
    return WebhookEvent(
        event=name,
        room=models.Room(sid=room.sid, name=room.name),
        participant=models.ParticipantInfo(
            sid=participant.sid, identity=participant.identity, name=participant.name
        ),
        track=track,
    )


def safe_url(url: str) -> str:
    """``url`` as it may stand in a log: without user, password, query and fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


class WebhookSender:
    """Posts events to some addresses, each with a plan and a task of its own.

    :meth:`notify` never blocks and may be called before :meth:`start`.
    """

    def __init__(
        self,
        urls: Sequence[str],
        key: str,
        secret: str,
        *,
        policy: RetryPolicy | None = None,
        client: httpx.AsyncClient | None = None,
        monotonic: Callable[[], float] = clock.monotonic,
        wall: Callable[[], float] = clock.wall,
    ) -> None:
        """``client`` is closed by its giver; without one, one is made and closed here.

        Raises ``InvalidArgumentError`` for an address that is not http or https.
        """
        for url in urls:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise InvalidArgumentError(f"not a webhook address: {safe_url(url)}")
        # httpx logs whole addresses at INFO, with what safe_url takes out.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._key = key
        self._secret = secret
        self._wall = wall
        self._own_client = client is None
        self._client = client or httpx.AsyncClient(trust_env=False, follow_redirects=False)
        self._lanes = [_Lane(url, RetryPlan(policy), self._post, monotonic) for url in dict.fromkeys(urls)]
        self._closing = False

    def __repr__(self) -> str:
        return f"WebhookSender({[safe_url(lane.url) for lane in self._lanes]!r})"

    @property
    def pending(self) -> int:
        """Notices that are not delivered yet, over all addresses."""
        return sum(len(lane.plan) for lane in self._lanes)

    @property
    def lost(self) -> int:
        """Notices that were dropped or given up since the start, over all addresses."""
        return sum(lane.plan.lost for lane in self._lanes)

    def start(self) -> None:
        """Begin to send; needs a running event loop."""
        for lane in self._lanes:
            lane.start()

    def notify(self, event: WebhookEvent) -> None:
        """Queue ``event`` for all addresses. Its ``id`` and ``created_at`` are set where they are missing.

        The event must not be changed afterwards. After :meth:`close` it is ignored.
        """
        if self._closing:
            return
        if not event.id:
            event.id = ids.new_sid(ids.EVENT)
        if not event.created_at:
            event.created_at = math.floor(self._wall())
        for lane in self._lanes:
            lane.offer(event)

    async def close(self, timeout: float = 5.0) -> None:
        """Try to send what waits for at most ``timeout`` seconds, then stop and count the rest as lost."""
        self._closing = True
        try:
            async with asyncio.timeout(timeout):
                await asyncio.gather(*(lane.flush() for lane in self._lanes))
        except TimeoutError:
            _log.warning("webhooks_unsent", count=self.pending)
        finally:
            await asyncio.gather(*(lane.stop() for lane in self._lanes))
            if self._own_client:
                await self._client.aclose()

    async def _post(self, url: str, delivery: Delivery) -> int:
        """One attempt; the answer's status. The body is the same at each attempt, the token is fresh."""
        event = delivery.event
        if delivery.num_dropped:
            event = WebhookEvent()
            event.CopyFrom(delivery.event)
            event.num_dropped = delivery.num_dropped
        body = encode(event)
        headers = {
            "authorization": sign(body, self._key, self._secret, self._wall()),
            "content-type": CONTENT_TYPE,
        }
        # The plain Auth keeps httpx from putting the address's user in the place of our token.
        async with (
            asyncio.timeout(ATTEMPT_TIMEOUT),
            self._client.stream(
                "POST", url, content=body, headers=headers, auth=httpx.Auth(), follow_redirects=False
            ) as response,
        ):
            seen = 0
            async for chunk in response.aiter_raw():
                seen += len(chunk)
                if seen > _MAX_ANSWER_BYTES:
                    break
            return response.status_code


def encode(event: WebhookEvent) -> bytes:
    """The body of a notice."""
    values = json_format.MessageToDict(event)
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()


def sign(body: bytes, key: str, secret: str, wall: float) -> str:
    """The ``Authorization`` header for ``body``, made at Unix time ``wall``."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    return tokens.issue(key, secret, Grants(sha256=digest), exp=wall + TOKEN_TTL, now=wall)


class _Lane:
    """One address: its plan, the task that follows it, and the attempts under way."""

    def __init__(
        self,
        url: str,
        plan: RetryPlan,
        post: Callable[[str, Delivery], Awaitable[int]],
        monotonic: Callable[[], float],
    ) -> None:
        self.url = url
        self.plan = plan
        self._post = post
        self._monotonic = monotonic
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._task: asyncio.Task[None] | None = None
        self._attempts: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"webhooks {safe_url(self.url)}")

    def offer(self, event: WebhookEvent) -> None:
        lost = self.plan.lost
        self.plan.offer(event.room.name, event)
        if self.plan.lost > lost:
            _log.warning("webhooks_dropped", url=safe_url(self.url), count=self.plan.lost - lost)
        self._empty.clear()
        self._wake.set()

    async def flush(self) -> None:
        """Return once nothing waits any more."""
        self.start()
        self.plan.hurry()
        self._wake.set()
        await self._empty.wait()

    async def stop(self) -> None:
        tasks = [*self._attempts, *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.plan.abandon()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            for delivery in self.plan.due(self._monotonic()):
                attempt = asyncio.create_task(self._attempt(delivery))
                self._attempts.add(attempt)
                attempt.add_done_callback(self._attempts.discard)
            deadline = self.plan.next_deadline()
            pause = None if deadline is None else max(0.0, deadline - self._monotonic())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _attempt(self, delivery: Delivery) -> None:
        retry = True
        try:
            status = await self._post(self.url, delivery)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            # The text of the error may hold the address: its type says enough.
            outcome: int | str = type(error).__name__
        except Exception:
            # As text: a renderer that shows local variables would show the token.
            _log.error("webhook_failed", url=safe_url(self.url), traceback=traceback.format_exc())
            outcome = "internal error"
        else:
            outcome = status
            retry = status in _RETRIED_STATUSES or status >= 500
        if isinstance(outcome, int) and 200 <= outcome < 300:
            self.plan.succeeded(delivery)
        else:
            again = self.plan.failed(delivery, self._monotonic(), retry=retry)
            _log.warning(
                "webhook_not_delivered",
                url=safe_url(self.url),
                event_name=delivery.event.event,
                event_id=delivery.event.id,
                attempt=delivery.attempts,
                outcome=outcome,
                again=again,
            )
        if not len(self.plan):
            self._empty.set()
        self._wake.set()
