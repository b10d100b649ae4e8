"""How a client comes back: resume, full join, publish and subscribe again. The loop behind ``RoomClient``.

A resume (``reconnect=1``, same participant, ICE restart) is tried while the
server may still know us; a full join after that, with no end of attempts. The
delays are drawn at random, since everybody lost the server in the same instant.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import inspect
import json
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from livekit.protocol import models

from media.clock import monotonic
from media.errors import MediaError
from signaling.client.events import Disconnected, Reconnecting, Resumed
from signaling.client.retry import Backoff, Next, after_leave
from signaling.client.session import Session, SessionEnded
from signaling.errors import (
    PermissionDeniedError,
    SignalingError,
    UnauthenticatedError,
    UnavailableError,
)

if TYPE_CHECKING:
    from signaling.client.room import RoomClient

TokenSource = str | Callable[[], str | Awaitable[str]]

RESUME_WINDOW: Final = 20.0
"""Seconds after the loss in which a resume is tried; LiveKit forgets a silent participant after about 21."""
STABLE_AFTER: Final = 10.0
"""Seconds of a good connection after which the next loss begins with the short delay again."""


def token_expiry(token: str) -> float:
    """The ``exp`` of a token in Unix seconds, unverified; 0 when it has none that can be read."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return float(claims.get("exp", 0))
    except (IndexError, ValueError, TypeError, AttributeError, binascii.Error):
        return 0.0


class Recovery:
    """The task that keeps a :class:`RoomClient` in its room."""

    def __init__(self, room: RoomClient, backoff: Backoff, rng: random.Random) -> None:
        self._room = room
        self._backoff = backoff
        self._rng = rng
        self._token: TokenSource = ""
        self._refreshed = ""
        self._enabled = True
        self._task: asyncio.Task[None] | None = None
        self._trouble: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._attempt = 0
        self.resumes = 0
        """Resumes that worked."""
        self.rejoins = 0
        """Full joins after the first that worked."""

    def configure(self, token: TokenSource, *, enabled: bool) -> None:
        """Before the first join."""
        self._token = token
        self._enabled = enabled

    # -- joining -------------------------------------------------------------------

    async def first_join(self, *, wait: bool) -> None:
        """Join for the first time; with ``wait`` for ever, else the first failure is raised."""
        while True:
            try:
                await self._join(rejoined=False)
                break
            except (SignalingError, SessionEnded, MediaError) as exc:
                final = isinstance(exc, SessionEnded) and exc.leave and after_leave(exc.leave) is Next.STOP
                if not wait or final:
                    await self._room.drop_session()
                    if isinstance(exc, SessionEnded):
                        raise UnavailableError(exc.message) from exc
                    raise
                await self._pause(str(exc))
        self._task = asyncio.create_task(self._run())

    async def _join(self, *, rejoined: bool) -> None:
        while not self._trouble.empty():
            self._trouble.get_nowait()
        if self._room.session is not None:
            self._refreshed = self._room.session.token or self._refreshed
        token = await self._fresh_token()
        await self._room.drop_session(silent=True)
        session = self._room.new_session(lambda kind, detail: self._trouble.put_nowait((kind, detail)))
        await session.join(token)
        self._room.joined(rejoined)
        if rejoined:
            self.rejoins += 1
            await self._room.restore(session)

    async def _fresh_token(self) -> str:
        if isinstance(self._token, str):
            # A refreshed token can end before the first one; the later end is the better choice.
            return max(self._token, self._refreshed, key=token_expiry) or self._token
        try:
            given = self._token()
            return await given if inspect.isawaitable(given) else given
        except SignalingError:
            raise
        except Exception as exc:
            # Whoever gives tokens may be restarting as well; its text may hold a secret.
            raise UnavailableError(f"no token: {type(exc).__name__}") from exc

    async def _resume_token(self, session: Session) -> str:
        self._refreshed = session.token or self._refreshed
        if isinstance(self._token, str) or not self._refreshed:
            return await self._fresh_token()
        return self._refreshed

    async def _pause(self, reason: str) -> None:
        delay = self._backoff.delay(self._attempt, self._rng)
        self._room.emit(Reconnecting(self._attempt, delay, reason))
        self._attempt += 1
        await asyncio.sleep(delay)

    # -- coming back -----------------------------------------------------------------

    async def _run(self) -> None:
        try:
            await self._watch()
        except Exception as exc:
            context = {"message": "the client's recovery failed", "exception": exc}
            asyncio.get_running_loop().call_exception_handler(context)
            await self._room.ended(Disconnected(models.DisconnectReason.UNKNOWN_REASON, "internal error"))

    async def _watch(self) -> None:
        while True:
            connected_at = monotonic()
            kind, detail = await self._trouble.get()
            if monotonic() - connected_at > STABLE_AFTER:
                self._attempt = 0
            session = self._room.session
            if session is None:
                raise AssertionError("trouble comes from a session")
            leave = session.leave
            plan = after_leave(leave) if kind == "leave" and leave is not None else Next.RESUME
            if plan is Next.STOP and leave is not None:
                await self._room.ended(Disconnected(leave.reason, "sent away by the server"))
                return
            if not self._enabled:
                reason = models.DisconnectReason.SIGNAL_CLOSE
                await self._room.ended(Disconnected(leave.reason if leave else reason, detail or kind))
                return
            self._room.connected = False
            final = await self._come_back(session, plan, f"{kind}: {detail}")
            if final is not None:
                await self._room.ended(final)
                return

    async def _come_back(self, session: Session, plan: Next, reason: str) -> Disconnected | None:
        """Try until it works (None), or until the server sends us away for good."""
        lost_at = monotonic()
        while True:
            await self._pause(reason)
            resuming = plan is Next.RESUME and monotonic() - lost_at < RESUME_WINDOW
            try:
                if resuming:
                    await self._resume(session)
                else:
                    await self._join(rejoined=True)
                return None
            except SessionEnded as exc:
                reason = exc.message
                plan = Next.REJOIN
                if resuming:
                    # The server is there again, only without our session: no need to wait as for a dead one.
                    self._attempt = 0
                if exc.leave is not None and after_leave(exc.leave) is Next.STOP:
                    return Disconnected(exc.leave.reason, "sent away by the server")
            except (UnauthenticatedError, PermissionDeniedError) as exc:
                reason = exc.message
                plan = Next.REJOIN
                # A given token does not get better by waiting; one that is fetched may.
                if isinstance(self._token, str) and not resuming:
                    return Disconnected(models.DisconnectReason.JOIN_FAILURE, exc.message)
            except SignalingError as exc:
                reason = exc.message
                if resuming and session.signal_open:
                    # The signalling works and media does not: nothing is left to resume.
                    plan = Next.REJOIN
            except MediaError as exc:
                reason = str(exc)
                plan = Next.REJOIN

    async def _resume(self, session: Session) -> None:
        token = await self._resume_token(session)
        while not self._trouble.empty():
            self._trouble.get_nowait()
        await session.resume(token, models.ReconnectReason.RR_SIGNAL_DISCONNECTED)
        self.resumes += 1
        self._room.connected = True
        self._room.emit(Resumed())

    async def stop(self) -> None:
        """End the task; called by the task itself too, at its end."""
        task = self._task
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
