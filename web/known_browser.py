"""Browsers in which somebody has signed in before: a cookie that opens nothing.

Whoever knows a login can make its owner wait, by typing wrong passwords for it. So tries of a browser
that has been let in with that login count for themselves; strangers who block the login do not block it.
(OWASP, Authentication Cheat Sheet, "Device cookies".)
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from directory.access.logins import read_login
from web.visitors import cookie_name, is_secure, sign

COOKIE: Final = "diemcau_known"
LIFE: Final = 180 * 24 * 3600

_FORM: Final = re.compile(r"([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{32})", re.ASCII)


def known_browser(request: Request, login: str) -> str:
    """The name of the browser, if this login has come in by it; else nothing."""
    found = _FORM.fullmatch(request.cookies.get(cookie_name(COOKIE, request.scope), ""))
    if found is None or not hmac.compare_digest(found[2], _proof(request, login, found[1])):
        return ""
    return found[1]


def remember_browser(request: Request, response: Response, login: str) -> None:
    """``login`` has come in by this browser."""
    name = known_browser(request, login) or secrets.token_urlsafe(12)
    response.set_cookie(
        cookie_name(COOKIE, request.scope),
        f"{name}.{_proof(request, login, name)}",
        max_age=LIFE,
        path="/",
        secure=is_secure(request.scope),
        httponly=True,
        samesite="lax",
    )


def _proof(request: Request, login: str, name: str) -> str:
    return sign(request, f"known:{read_login(login) or ''}:{name}")
