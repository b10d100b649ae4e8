"""Identifiers in LiveKit's form: a prefix that names the kind and twelve random characters.

Clients check the prefix (the Rust SDK panics on a participant or track id
without its own), so identifiers are made here and nowhere else.
"""

from __future__ import annotations

import secrets
from typing import Final

#: LiveKit's alphabet (short UUID, base 57): letters and digits that are not mistaken for one another.
ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
#: Random characters after the prefix: 57**12 is about 2**70, so a collision needs no check.
RANDOM_LENGTH: Final = 12

ROOM: Final = "RM_"
PARTICIPANT: Final = "PA_"
TRACK: Final = "TR_"
EVENT: Final = "EV_"


def new_sid(prefix: str) -> str:
    """A fresh identifier, ``prefix`` (such as :data:`PARTICIPANT`) and 12 characters from the system's
    random source, so that knowing one helps nobody to guess another."""
    return prefix + "".join([secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH)])
