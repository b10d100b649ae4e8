"""When to try again: jittered back-off without end, and what a server's ``leave`` allows.

Pure. Everybody of a room loses the server in the same instant, so the first
delay is spread as well: 579 clients that come back in the same 100 ms would
keep the server from listening to any of them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from livekit.protocol import models, rtc


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays in seconds: about ``first`` for the first try, growing by ``factor``, at most ``cap``.

    A server that is back has all its clients back within 15 s: the longest delay
    must leave room for a refused resume and a join. Each delay is drawn from half of
    its value to the whole of it, the first one from 0 to ``first``.
    """

    first: float = 0.5
    factor: float = 1.6
    cap: float = 6.0

    def delay(self, attempt: int, rng: random.Random) -> float:
        """Seconds to wait before attempt number ``attempt``, counted from 0."""
        if attempt <= 0:
            return rng.uniform(0.0, self.first)
        # Past a few dozen attempts the power has no meaning and would overflow.
        whole = min(self.cap, self.first * self.factor ** min(attempt, 40))
        return rng.uniform(whole / 2, whole)


class Next(StrEnum):
    """What to do after a session ended."""

    STOP = "stop"
    RESUME = "resume"
    REJOIN = "rejoin"


FINAL_REASONS = frozenset(
    {
        models.DisconnectReason.CLIENT_INITIATED,
        models.DisconnectReason.DUPLICATE_IDENTITY,
        models.DisconnectReason.PARTICIPANT_REMOVED,
        models.DisconnectReason.ROOM_DELETED,
    }
)
"""Reasons after which coming back by oneself would be against somebody's will."""


def after_leave(leave: rtc.LeaveRequest) -> Next:
    """What a server's ``leave`` asks for.

    A server that shuts down or lost our state says so with ``DISCONNECT`` at
    times; only the reasons of :data:`FINAL_REASONS` are final for a client that
    shall be in its room whenever that is possible.
    """
    if leave.reason in FINAL_REASONS:
        return Next.STOP
    if leave.action == rtc.LeaveRequest.Action.RESUME:
        return Next.RESUME
    return Next.REJOIN
