"""When and how a client comes back."""

from __future__ import annotations

import base64
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import models, rtc

from signaling.client.recovery import token_expiry
from signaling.client.retry import Backoff, Next, after_leave

Reason = models.DisconnectReason
Action = rtc.LeaveRequest.Action


@given(st.integers(-1, 10_000), st.integers(0, 1000))
def test_delays_are_bounded_for_ever(attempt: int, seed: int) -> None:
    policy = Backoff(first=0.5, factor=1.6, cap=10.0)
    assert 0 <= policy.delay(attempt, random.Random(seed)) <= 10.0


def test_delays_grow_and_then_stay() -> None:
    policy = Backoff()
    rng = random.Random(3)
    means = [sum(policy.delay(n, rng) for _ in range(400)) / 400 for n in (0, 2, 4, 8, 20)]
    assert means == sorted(means)
    assert 4 < means[-1] < 5


def test_579_clients_do_not_come_back_in_one_instant() -> None:
    rng = random.Random(5)
    first = sorted(Backoff(first=2.0).delay(0, rng) for _ in range(579))
    densest = max(sum(start <= delay < start + 0.1 for delay in first) for start in first)
    assert densest < 60


@pytest.mark.parametrize(
    ("reason", "action", "right"),
    [
        (Reason.DUPLICATE_IDENTITY, Action.DISCONNECT, Next.STOP),
        (Reason.PARTICIPANT_REMOVED, Action.DISCONNECT, Next.STOP),
        (Reason.ROOM_DELETED, Action.DISCONNECT, Next.STOP),
        (Reason.CLIENT_INITIATED, Action.DISCONNECT, Next.STOP),
        (Reason.DUPLICATE_IDENTITY, Action.RECONNECT, Next.STOP),
        (Reason.STATE_MISMATCH, Action.RECONNECT, Next.REJOIN),
        (Reason.SERVER_SHUTDOWN, Action.RESUME, Next.RESUME),
        (Reason.SERVER_SHUTDOWN, Action.DISCONNECT, Next.REJOIN),
        (Reason.UNKNOWN_REASON, Action.RESUME, Next.RESUME),
        (Reason.UNKNOWN_REASON, Action.DISCONNECT, Next.REJOIN),
    ],
)
def test_what_a_leave_asks_for(
    reason: models.DisconnectReason, action: rtc.LeaveRequest.Action, right: Next
) -> None:
    assert after_leave(rtc.LeaveRequest(reason=reason, action=action)) is right


def token(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.sig"


@pytest.mark.parametrize(
    ("text", "expiry"),
    [
        (token({"exp": 1234}), 1234.0),
        (token({}), 0.0),
        (token([1]), 0.0),
        (token({"exp": "soon"}), 0.0),
        ("", 0.0),
        ("a.b", 0.0),
        ("a.%%%.c", 0.0),
    ],
)
def test_fc_a04_the_end_of_a_token(text: str, expiry: float) -> None:
    assert token_expiry(text) == expiry
