"""Who calls: a browser by its session cookie, another system by a person's or a device's credential.

Other systems send ``Authorization`` with each request: Basic with login and password, or Bearer with
the key of a device or agent. The first one signs in, throttled as the pages are; what it opened is
kept, so that an address that asks every second costs one hash and one session, and ends with that.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from datetime import datetime
from typing import Final

from starlette.requests import Request

from directory.access import sessions
from directory.access.errors import SignInError
from directory.access.principal import Principal
from directory.access.rights import Action, may
from directory.access.sessions import Opened
from directory.access.signin import SignIn
from directory.database import Database
from directory.errors import DirectoryError
from web.errors import Refusal
from web.rest.errors import ApiError, of_directory
from web.visitors import check_header, require, visit

MOST_KEPT: Final = 2_000
"""Callers whose session is remembered; beyond that the one unseen for longest signs in anew."""
LONGEST: Final = 1_000
"""Characters of the header."""
SAFE: Final = frozenset({"GET", "HEAD"})


class Callers:
    """See the module. ``door`` is the pages' own, so that tries count together."""

    def __init__(self, database: Database, door: SignIn) -> None:
        self._database = database
        self._door = door
        # Headers are kept under a keyed hash: no copy of this memory tells a password.
        self._secret = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, str] = OrderedDict()
        self._turns: dict[bytes, tuple[asyncio.Lock, int]] = {}

    async def who(self, request: Request, action: Action | None, now: datetime) -> Principal:
        """Who calls, and may do ``action``. Raises ApiError."""
        header = request.headers.get("authorization", "")
        if not header:
            try:
                found = require(request, action)
                if request.method not in SAFE:
                    check_header(request)
                return found
            except Refusal as turned:
                raise ApiError(turned.status, turned.code) from None
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise ApiError(403, "wrong_origin")
        try:
            found = await self._by_credential(request, header, now)
        except SignInError:
            raise ApiError(401, "sign_in_wrong") from None
        except DirectoryError as error:
            raise of_directory(error) from None
        if found.must_change:
            raise ApiError(403, "password_first")
        if action is not None and not may(found, action):
            raise ApiError(403, "forbidden")
        return found

    async def _by_credential(self, request: Request, header: str, now: datetime) -> Principal:
        key = hmac.digest(self._secret, header.encode(), hashlib.sha256)
        lock, waiting = self._turns.get(key, (asyncio.Lock(), 0))
        self._turns[key] = lock, waiting + 1
        try:
            # Requests that come at once share one sign-in.
            async with lock:
                return await self._known(key, now) or await self._sign_in(request, header, key, now)
        finally:
            lock, waiting = self._turns[key]
            if waiting == 1:
                del self._turns[key]
            else:
                self._turns[key] = lock, waiting - 1

    async def _known(self, key: bytes, now: datetime) -> Principal | None:
        cookie = self._kept.get(key)
        found = await sessions.look_up(self._database, cookie, now) if cookie else None
        if found is None:
            self._kept.pop(key, None)
        else:
            self._kept.move_to_end(key)
        return found

    async def _sign_in(self, request: Request, header: str, key: bytes, now: datetime) -> Principal:
        opened = await self._open(request, header)
        found = await sessions.look_up(self._database, opened.cookie, now)
        if found is None:
            raise SignInError("the session ended at once")
        self._kept[key] = opened.cookie
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    async def _open(self, request: Request, header: str) -> Opened:
        scheme, _, rest = header.partition(" ")
        match scheme.lower():
            case _ if len(header) > LONGEST:
                raise SignInError("too long")
            case "basic":
                login, password = _basic(rest.strip())
                return await self._door.person(login, password, visit(request))
            case "bearer":
                return await self._door.device(rest.strip(), visit(request))
            case _:
                raise SignInError("no such scheme")


def _basic(text: str) -> tuple[str, str]:
    """Login and password (RFC 7617, section 2)."""
    try:
        login, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise SignInError("malformed") from None
    if not colon:
        raise SignInError("malformed")
    return login, password
