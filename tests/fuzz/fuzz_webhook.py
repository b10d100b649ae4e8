"""Webhooks under a good signature, folded into presence."""

from contextlib import suppress

from signaling import webhooks
from signaling.client.presence import PresenceBoard
from signaling.client.webhook_receiver import receive
from signaling.errors import MalformedError, UnauthenticatedError
from signaling.tokens import KeyRing

NOW = 1_800_000_000.0
SECRET = "s" * 32
RING = KeyRing({"devkey": SECRET})


def fuzz(data: bytes) -> None:
    """Only MalformedError may come, and UnauthenticatedError for the unsigned."""
    with suppress(UnauthenticatedError):
        receive(RING, data, data.decode("latin-1"), NOW)
        raise AssertionError("a webhook that nobody signed")
    with suppress(MalformedError):
        board = PresenceBoard()
        event = receive(RING, data, webhooks.sign(data, "devkey", SECRET, NOW), NOW)
        for _ in range(2):
            board.fold(event)
        for log in board.logs.values():
            log.poll("RM_1", [event.participant], NOW)
            assert len(log.intervals(event.participant.identity)) <= 1
            log.forget(NOW)
