"""What a page sends to join, and what its browser's cookie and host say."""

from __future__ import annotations

import contextlib
import json

from signaling.tokens import KeyRing
from web.errors import Refusal
from web.joining import Joining, OpenRoom, parse_join
from web.middleware import content_security_policy, host_of

_JOINING = Joining(
    KeyRing({"key": "secret-of-the-fuzzer-with-32-characters"}), "key", "s", OpenRoom("r", "", "k"), 60.0
)


def fuzz(data: bytes) -> None:
    """May raise nothing but Refusal; JSON that is none is refused by the caller."""
    host, _, body = data.partition(b"\n")
    policy = content_security_policy(host_of({"type": "http", "headers": [(b"host", host)]}))
    assert policy.count(";") == 11
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    with contextlib.suppress(Refusal):
        asked = parse_join(value, host.decode("latin-1"))
        _JOINING.admit(asked, "192.0.2.1", 0.0, 1e9)
