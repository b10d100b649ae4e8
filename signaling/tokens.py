"""Access tokens: JSON Web Tokens (RFC 7519) signed with HS256, in LiveKit's claims.

Times here are seconds of **Unix time**, since that is what a token carries, and
are always passed in. A token comes from a stranger: whatever is wrong with it
ends in :class:`~signaling.errors.UnauthenticatedError`, whose message never
holds the token or a part of it.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import jwt
from jwt.algorithms import HMACAlgorithm

from signaling import limits
from signaling.errors import InvalidArgumentError, UnauthenticatedError
from signaling.grants import Grants, VideoGrant

#: Longest token that is looked at, in characters: 64,000 bytes of metadata and as many of attributes fit.
MAX_TOKEN_LENGTH: Final = 256 * 1024
#: Clocks may differ by this much, in seconds. LiveKit's is the same minute.
LEEWAY: Final = 60.0
#: LiveKit's life of a refreshed token, in seconds.
REFRESH_TTL: Final = 600.0
#: RFC 7518, section 3.2: a key at least as long as the hash.
RECOMMENDED_SECRET_BYTES: Final = 32

__all__ = ["Grants", "KeyRing", "VideoGrant", "issue", "refresh", "require_join"]

_ALGORITHM: Final = "HS256"
#: Claims of ``video`` by our field names; the JSON names are the camel-case ones.
_VIDEO_BOOLS: Final = MappingProxyType(
    {
        "room_join": "roomJoin",
        "room_create": "roomCreate",
        "room_list": "roomList",
        "room_record": "roomRecord",
        "room_admin": "roomAdmin",
        "ingress_admin": "ingressAdmin",
        "hidden": "hidden",
        "recorder": "recorder",
        "agent": "agent",
    }
)
_VIDEO_TRISTATES: Final = MappingProxyType(
    {
        "can_publish": "canPublish",
        "can_subscribe": "canSubscribe",
        "can_publish_data": "canPublishData",
        "can_update_own_metadata": "canUpdateOwnMetadata",
        "can_subscribe_metrics": "canSubscribeMetrics",
        "can_manage_agent_session": "canManageAgentSession",
    }
)


class _AnyLengthHmac(HMACAlgorithm):
    """HMAC that says nothing of short secrets: LiveKit's development key has six bytes.

    Whoever starts a server is told once, by :meth:`KeyRing.weak_keys`, instead
    of by a warning for each token.
    """

    def check_key_length(self, key: Any) -> str | None:
        return None


def _make_jws() -> jwt.PyJWS:
    jws = jwt.PyJWS()
    for name in jws.get_algorithms():
        jws.unregister_algorithm(name)
    jws.register_algorithm(_ALGORITHM, _AnyLengthHmac(HMACAlgorithm.SHA256))
    return jws


_JWS: Final = _make_jws()


class KeyRing:
    """The API keys that may sign, each with its secret.

    The representation and the iterator give key names only.
    """

    __slots__ = ("_secrets",)

    def __init__(self, secrets_by_key: Mapping[str, str]) -> None:
        """``secrets_by_key``: at least one key; neither names nor secrets may be empty."""
        if not secrets_by_key:
            raise InvalidArgumentError("at least one API key is needed")
        if not all(key and secret for key, secret in secrets_by_key.items()):
            raise InvalidArgumentError("API keys and secrets must not be empty")
        self._secrets = dict(secrets_by_key)

    def __repr__(self) -> str:
        return f"KeyRing({sorted(self._secrets)!r})"

    def __iter__(self) -> Iterator[str]:
        return iter(self._secrets)

    def __contains__(self, key: object) -> bool:
        return key in self._secrets

    def weak_keys(self) -> list[str]:
        """Keys whose secret is shorter than :data:`RECOMMENDED_SECRET_BYTES`."""
        return [key for key, s in self._secrets.items() if len(s.encode()) < RECOMMENDED_SECRET_BYTES]

    def issue(self, key: str, grants: Grants, *, exp: float, now: float) -> str:
        """:func:`issue` with the secret of ``key``, which must be in the ring."""
        return issue(key, self._secrets[key], grants, exp=exp, now=now)

    def verify(self, token: str, now: float) -> Grants:
        """Read ``token`` if one of the keys signed it and ``now`` (Unix time) is within its time.

        Raises :class:`UnauthenticatedError` for anything else. A token without
        ``exp`` would be valid for ever and is refused, as by newer LiveKit
        (1.9.11 takes it); other algorithms than HS256 are refused.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise UnauthenticatedError("invalid token: too long")
        issuer = _claims(token, None).get("iss")
        secret = self._secrets.get(issuer) if isinstance(issuer, str) else None
        if secret is None:
            raise UnauthenticatedError("invalid API key")
        claims = _claims(token, secret)
        _check_times(claims, now)
        return _to_grants(claims)


def require_join(grants: Grants) -> VideoGrant:
    """The video grant, if these grants let their holder into a room.

    Raises with LiveKit's statuses: 401 without the grant, 400 for an identity
    or a room name that is empty or too long.
    """
    video = grants.video
    if video is None:
        raise UnauthenticatedError("no permissions to access the room")
    if not video.room_join:
        raise UnauthenticatedError("permissions denied")
    limits.check_identity(grants.identity)
    limits.check_room_name(video.room)
    return video


def issue(key: str, secret: str, grants: Grants, *, exp: float, now: float) -> str:
    """A token that says ``grants``, valid from ``now`` to ``exp`` (Unix time, whole seconds kept)."""
    claims: dict[str, Any] = {"iss": key, "nbf": math.floor(now), "exp": math.ceil(exp)}
    texts = {
        "sub": grants.identity,
        "name": grants.name,
        "kind": grants.kind,
        "metadata": grants.metadata,
        "sha256": grants.sha256,
    }
    claims.update({name: text for name, text in texts.items() if text})
    if grants.attributes:
        claims["attributes"] = dict(grants.attributes)
    if grants.video is not None:
        claims["video"] = _from_video(grants.video)
    payload = json.dumps(claims, separators=(",", ":")).encode()
    return _JWS.encode(payload, secret, algorithm=_ALGORITHM, headers={"typ": "JWT"})


def refresh(
    ring: KeyRing, key: str, grants: Grants, old_exp: float, now: float, ttl: float = REFRESH_TTL
) -> tuple[str, float]:
    """A fresh token for a connected client and its ``exp``.

    ``grants`` are those in force now. The new end is never before the old one
    (livekit/livekit#4580: a token of six hours was replaced by one of ten
    minutes, and a client that was away for longer could not come back).
    """
    exp = float(math.ceil(max(old_exp, now + ttl)))
    return ring.issue(key, grants, exp=exp, now=now), exp


def _claims(token: str, secret: str | None) -> dict[str, Any]:
    """The claims; the signature is checked when ``secret`` is given."""
    try:
        if secret is None:
            payload = _JWS.decode_complete(token, options={"verify_signature": False})["payload"]
        else:
            _require_canonical_signature(token)
            payload = _JWS.decode(token, secret, algorithms=[_ALGORITHM])
        claims = json.loads(payload)
    except (jwt.PyJWTError, ValueError, RecursionError, TypeError):
        # The cause may quote the token: it goes no further.
        raise UnauthenticatedError("invalid token") from None
    if not isinstance(claims, dict):
        raise UnauthenticatedError("invalid token")
    return claims


def _require_canonical_signature(token: str) -> None:
    """Refuse the other spellings of one signature that a lenient base64 decoder takes (RFC 4648, 3.5)."""
    text = token.rpartition(".")[2]
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise UnauthenticatedError("invalid token") from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise UnauthenticatedError("invalid token")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    exp = _time_claim(claims, "exp")
    if exp is None:
        raise UnauthenticatedError("invalid token: it has no end")
    if now > exp + LEEWAY:
        raise UnauthenticatedError("invalid token: expired")
    for name in ("nbf", "iat"):
        start = _time_claim(claims, name)
        if start is not None and now < start - LEEWAY:
            raise UnauthenticatedError("invalid token: not valid yet")


def _time_claim(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UnauthenticatedError(f"invalid token: {name} is not a time")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise UnauthenticatedError(f"invalid token: {name} is not a time")
    return seconds


def _to_grants(claims: Mapping[str, Any]) -> Grants:
    attributes = _typed(claims, "attributes", dict, {})
    for name, value in attributes.items():
        if not (_is_text(name) and _is_text(value)):
            raise UnauthenticatedError("invalid token: attributes must be strings")
    video = _typed(claims, "video", dict, None)
    return Grants(
        # Tokens of old SDKs carry the identity as the token's id.
        identity=_typed(claims, "sub", str, "") or _typed(claims, "jti", str, ""),
        name=_typed(claims, "name", str, ""),
        kind=_typed(claims, "kind", str, ""),
        metadata=_typed(claims, "metadata", str, ""),
        attributes=MappingProxyType(dict(attributes)),
        video=None if video is None else _to_video(video),
        sha256=_typed(claims, "sha256", str, ""),
        api_key=_typed(claims, "iss", str, ""),
        expires_at=_time_claim(claims, "exp") or 0.0,
    )


def _to_video(claim: Mapping[str, Any]) -> VideoGrant:
    sources = _typed(claim, "canPublishSources", list, [])
    if not all(_is_text(source) for source in sources):
        raise UnauthenticatedError("invalid token: canPublishSources must be strings")
    values: dict[str, Any] = {field: _typed(claim, name, bool, False) for field, name in _VIDEO_BOOLS.items()}
    values.update({field: _typed(claim, name, bool, None) for field, name in _VIDEO_TRISTATES.items()})
    return VideoGrant(
        room=_typed(claim, "room", str, ""),
        destination_room=_typed(claim, "destinationRoom", str, ""),
        can_publish_sources=tuple(sources),
        **values,
    )


def _typed(claims: Mapping[str, Any], name: str, kind: type, default: Any) -> Any:
    """The claim, or ``default`` when it is absent or null; any other type is refused, as by LiveKit."""
    value = claims.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or (kind is str and not _is_text(value)):
        raise UnauthenticatedError(f"invalid token: {name} has a wrong type")
    return value


def _is_text(value: object) -> bool:
    """Whether it is a string that UTF-8 can carry: JSON may escape half a surrogate pair."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _from_video(video: VideoGrant) -> dict[str, Any]:
    claim: dict[str, Any] = {name: True for field, name in _VIDEO_BOOLS.items() if getattr(video, field)}
    for field, name in _VIDEO_TRISTATES.items():
        value = getattr(video, field)
        if value is not None:
            claim[name] = value
    if video.room:
        claim["room"] = video.room
    if video.destination_room:
        claim["destinationRoom"] = video.destination_room
    if video.can_publish_sources:
        claim["canPublishSources"] = list(video.can_publish_sources)
    return claim
