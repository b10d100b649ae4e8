"""A sentence that the page after a redirect shows once: "The meeting is booked."

It travels in a cookie as a key of the catalogue with its values, so that it is
said in the language of the page that shows it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import Response

from web import i18n

COOKIE: Final = "flash"
MAX_COOKIE: Final = 2_048
MAX_VALUE: Final = 300
PREFIX: Final = "flash."
"""Only keys that begin so are shown: a cookie cannot say any other sentence."""

Kind = Literal["success", "info", "warning", "error"]
KINDS: Final[tuple[Kind, ...]] = ("success", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Flash:
    """One message: ``key`` of the catalogue and what is filled into it."""

    kind: Kind
    key: str
    values: Mapping[str, str] = field(default_factory=dict)


def set_flash(response: Response, flash: Flash, *, secure: bool = False) -> None:
    """Let the next page show it."""
    values = {name: value[:MAX_VALUE] for name, value in flash.values.items()}
    text = json.dumps([flash.kind, flash.key, values], ensure_ascii=False)
    packed = base64.urlsafe_b64encode(text.encode()).decode()
    if len(packed) <= MAX_COOKIE:
        response.set_cookie(COOKIE, packed, max_age=60, httponly=True, samesite="lax", secure=secure)


def read_flash(request: Request) -> Flash | None:
    """What the last answer left, or nothing where that is not well-formed."""
    packed = request.cookies.get(COOKIE, "")
    if not packed or len(packed) > MAX_COOKIE:
        return None
    try:
        kind, key, values = json.loads(base64.urlsafe_b64decode(packed))
        text = {str(name): str(value)[:MAX_VALUE] for name, value in values.items()}
        if kind not in KINDS or not key.startswith(PREFIX):
            return None
        i18n.translate("vi", key, **text)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None
    return Flash(kind, key, text)


def forget_flash(response: Response) -> None:
    """It was shown."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
