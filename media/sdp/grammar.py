"""Small checks that every reader of this folder uses: numbers in range, tokens, words for errors."""

from __future__ import annotations

import re
from typing import Final

from media.errors import SdpError

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+\Z")
"""RFC 8866, section 9 (``token``)."""

_ICE: Final = re.compile(r"[A-Za-z0-9+/=_\-]+\Z")
"""``ice-char`` of RFC 8839, and the base64 signs beyond it that some stacks use."""

_RID: Final = re.compile(r"[A-Za-z0-9_\-]+\Z")
"""``rid-id`` of RFC 8851, section 10."""

MAX_RID: Final = 16
"""A RID travels in a one-byte header extension (RFC 8285), which holds 16 octets."""

MAX_MID: Final = 64
"""Longest identification tag taken; browsers use one to three characters."""


def excerpt(text: str, limit: int = 40) -> str:
    """``text`` as it may stand in an error message: printable and short."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return ascii(short)


def number(text: str, low: int, high: int, what: str) -> int:
    """A decimal number from ``low`` to ``high``. Raises SdpError that names ``what``."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise SdpError(f"{what} is not a number: {excerpt(text)}")
    value = int(text)
    if not low <= value <= high:
        raise SdpError(f"{what} {value} is not in {low} to {high}")
    return value


def is_token(text: str, limit: int = MAX_MID) -> bool:
    """Whether ``text`` is a token of RFC 8866 of at most ``limit`` characters."""
    return 0 < len(text) <= limit and _TOKEN.match(text) is not None


def is_ice_text(text: str, low: int, high: int = 256) -> bool:
    """Whether ``text`` can be an ICE user name fragment or password of ``low`` to ``high`` characters."""
    return low <= len(text) <= high and _ICE.match(text) is not None


def is_rid(text: str) -> bool:
    """Whether ``text`` can name an encoding, in SDP and in the header extension."""
    return 0 < len(text) <= MAX_RID and _RID.match(text) is not None
