"""Access tokens: the whole text, and claims under a good signature."""

from contextlib import suppress

import jwt

from signaling.errors import InvalidArgumentError, UnauthenticatedError
from signaling.grants import SOURCE_NAMES
from signaling.tokens import KeyRing, require_join

NOW = 1_800_000_000.0
SECRET = "s" * 32
RING = KeyRing({"devkey": SECRET})


def fuzz(data: bytes) -> None:
    """Only UnauthenticatedError may come, and InvalidArgumentError where one wants to join."""
    signed = jwt.PyJWS().encode(data, SECRET, algorithm="HS256")
    for token in (data.decode("latin-1"), signed, signed[: -1 - len(data) % 7]):
        with suppress(UnauthenticatedError, InvalidArgumentError):
            grants = RING.verify(token, NOW)
            assert token == signed, "a token that nobody signed"
            assert grants.expires_at >= NOW - 60
            grants.participant_kind()
            assert RING.verify(RING.issue("devkey", grants, exp=NOW + 9, now=NOW), NOW) == grants
            video = require_join(grants)
            video.permission()
            for source in SOURCE_NAMES.values():
                video.may_publish_source(source)
