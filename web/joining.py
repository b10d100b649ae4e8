"""Who may join the open room, and as whom: link keys, places of browsers, tokens. Pure.

A *place* is the identity that the server gave to one browser. Its ticket, a
signed cookie that scripts cannot read, lets the browser come back into the same
place, and proves that it once had the room's key. Others see identities, so an
identity alone must never be enough to take somebody's place.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from signaling.grants import Grants, VideoGrant
from signaling.tokens import KeyRing
from web.errors import Refusal
from web.throttle import Throttle

MAX_NAME: Final = 80
"""Characters of a person's name."""

_ID_BYTES: Final = 12
_SIGNATURE_CHARACTERS: Final = 32

REQUESTS_PER_SECOND: Final = 20.0
REQUEST_BURST: Final = 700.0
"""Of one address: all of a city's sites may come through one gateway."""

WRONG_KEYS_PER_SECOND: Final = 0.1
WRONG_KEY_BURST: Final = 10.0
"""Of one address; then every request without a ticket waits, with the right key too."""


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """The room whose link is handed around. ``key`` is the word in the link."""

    name: str
    title: str
    key: str

    def __repr__(self) -> str:
        return f"OpenRoom({self.name!r})"


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What a page asks. ``ticket`` is the cookie as it came, or nothing."""

    room: str
    name: str
    key: str
    ticket: str

    def __repr__(self) -> str:
        return f"JoinRequest({self.room!r})"


@dataclass(frozen=True, slots=True)
class Admission:
    """The way in: ``token`` for the media server, ``ticket`` for the cookie."""

    identity: str
    role: str
    token: str
    ticket: str

    def __repr__(self) -> str:
        return f"Admission({self.identity!r})"


def parse_join(body: Any, ticket: str) -> JoinRequest:
    """Read the request's JSON. Raises Refusal ``bad_request``, ``name_required`` or ``name_invalid``."""
    if not isinstance(body, Mapping):
        raise Refusal("bad_request", 400)
    room, name, key = (_text(body, field) for field in ("room", "name", "k"))
    if len(room) > 256 or len(key) > 256:
        raise Refusal("bad_request", 400)
    return JoinRequest(room, clean_name(name), key, ticket[:256])


def _text(body: Mapping[Any, Any], field: str) -> str:
    value = body.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refusal("bad_request", 400)
    return value


def clean_name(text: str) -> str:
    """A name as it is shown: composed (NFC), without surrounding and doubled blanks.

    Raises Refusal for one that is empty, too long, or holds what cannot be
    seen: control and direction characters, or halves of surrogate pairs.
    """
    if len(text) > 4 * MAX_NAME:
        raise Refusal("name_invalid", 400)
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise Refusal("name_required", 400)
    hidden = any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co") for character in name)
    if len(name) > MAX_NAME or hidden:
        raise Refusal("name_invalid", 400)
    return name


class Joining:
    """Answers requests to join. Times: ``now`` monotonic, ``wall`` Unix seconds."""

    def __init__(
        self, keys: KeyRing, api_key: str, signing_secret: str, room: OpenRoom | None, token_life: float
    ) -> None:
        self.room = room
        self._keys = keys
        self._api_key = api_key
        self._secret = signing_secret.encode()
        self._life = token_life
        self._requests = Throttle(REQUESTS_PER_SECOND, REQUEST_BURST)
        self._wrong_keys = Throttle(WRONG_KEYS_PER_SECOND, WRONG_KEY_BURST)

    def admit(self, request: JoinRequest, address: str, now: float, wall: float) -> Admission:
        """The way into the room. Raises Refusal: ``too_many``, ``room_not_found``, ``key_invalid``."""
        if not self._requests.take(address, now):
            raise Refusal("too_many", 429, self._requests.wait(address, now))
        room = self.room
        place, admitted = self._read_ticket(request.ticket)
        if room is None or not _same(request.room, room.name):
            raise Refusal("room_not_found", 404)
        if not admitted:
            wait = self._wrong_keys.wait(address, now)
            if wait > 0:
                raise Refusal("too_many", 429, wait)
            if not _same(request.key, room.key):
                self._wrong_keys.take(address, now)
                raise Refusal("key_invalid", 403)
        place = place or secrets.token_hex(_ID_BYTES)
        identity = f"person:{place}"
        grants = Grants(
            identity=identity,
            name=request.name,
            video=VideoGrant(
                room_join=True,
                room=room.name,
                can_publish=True,
                can_subscribe=True,
                can_publish_data=True,
                can_update_own_metadata=False,
            ),
        )
        token = self._keys.issue(self._api_key, grants, exp=wall + self._life, now=wall)
        return Admission(identity, "official", token, self._ticket(place))

    def _ticket(self, place: str) -> str:
        return f"{place}.{self._sign('place', place)}.{self._proof(place)}"

    def _proof(self, place: str) -> str:
        """Holds for this room and this key only: a new key ends what the old one allowed."""
        if self.room is None:
            return "-" * _SIGNATURE_CHARACTERS
        return self._sign("key", place, self.room.name, self.room.key)

    def _read_ticket(self, ticket: str) -> tuple[str, bool]:
        """The place of a genuine ticket, or nothing; and whether it proves the key of today."""
        place, _, rest = ticket.partition(".")
        signature, _, proof = rest.partition(".")
        if not place or not _same(signature, self._sign("place", place)):
            return "", False
        return place, self.room is not None and _same(proof, self._proof(place))

    def _sign(self, *parts: str) -> str:
        text = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:_SIGNATURE_CHARACTERS]


def _same(given: str, right: str) -> bool:
    """Comparison in a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))
