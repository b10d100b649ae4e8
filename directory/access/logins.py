"""What a login can be, for those who give them and for those who look them up."""

from __future__ import annotations

import re
from typing import Final

_LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}[a-z0-9]", re.ASCII)


def read_login(text: str) -> str | None:
    """The login that somebody typed, nothing if it can be nobody's.

    2 to 64 of a-z, 0-9 and ``. _ -`` with a letter or digit at both ends; capitals are made small, and
    space around it does not count.
    """
    # Capitals that become plain letters only when made small (the sign of Kelvin) are not plain ones.
    login = text.strip()
    return login.lower() if login.isascii() and _LOGIN.fullmatch(login.lower()) else None
