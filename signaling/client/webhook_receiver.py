"""Reading LiveKit's webhooks: from our own relay, or from a LiveKit cluster in its place."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

from livekit.protocol.webhook import WebhookEvent

from signaling.errors import MalformedError, UnauthenticatedError
from signaling.tokens import KeyRing
from signaling.wire import parse_json

#: Longest body that is looked at, in bytes: two participants' worth of metadata and attributes fit.
MAX_BODY_BYTES: Final = 1024 * 1024


def receive(keys: KeyRing, body: bytes, authorization: str, wall: float) -> WebhookEvent:
    """The event in ``body``, if the token in the ``Authorization`` header signs it. ``wall`` is Unix time.

    Raises ``UnauthenticatedError`` for a token or body that do not belong
    together, ``MalformedError`` for a body that is too long or no event.
    """
    if len(body) > MAX_BODY_BYTES:
        raise MalformedError("webhook too large")
    grants = keys.verify(authorization.removeprefix("Bearer "), wall)
    try:
        expected = base64.b64decode(grants.sha256, validate=True)
    except (binascii.Error, ValueError):
        raise UnauthenticatedError("the token signs no body") from None
    if not hmac.compare_digest(hashlib.sha256(body).digest(), expected):
        raise UnauthenticatedError("the token does not sign this body")
    event = WebhookEvent()
    if not parse_json(body, event):
        raise MalformedError("not a webhook event")
    return event
