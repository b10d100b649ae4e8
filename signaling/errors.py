"""The exceptions of the signaling part, with LiveKit's words for each.

``code`` is a Twirp error code, ``http_status`` the status of a refused upgrade
or call; ``message`` is for a person who writes a client. Translated into
frames and HTTP answers at one place each: ``signaling.asgi`` and
``signaling.twirp``.
"""

from __future__ import annotations


class SignalingError(Exception):
    """Root of everything this part raises on purpose."""

    code = "internal"
    http_status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidArgumentError(SignalingError):
    code = "invalid_argument"
    http_status = 400


class MalformedError(SignalingError):
    """A frame or body that cannot be parsed, or is over its limit."""

    code = "malformed"
    http_status = 400


class UnauthenticatedError(SignalingError):
    """No token, or one that is forged, expired or not yet valid."""

    code = "unauthenticated"
    http_status = 401


class PermissionDeniedError(SignalingError):
    """A valid token without the grant for this."""

    code = "permission_denied"
    http_status = 403


class NotFoundError(SignalingError):
    code = "not_found"
    http_status = 404


class FailedPreconditionError(SignalingError):
    code = "failed_precondition"
    http_status = 412


class ResourceExhaustedError(SignalingError):
    """A limit is reached: participants of a room, rate, queue."""

    code = "resource_exhausted"
    http_status = 429


class UnavailableError(SignalingError):
    code = "unavailable"
    http_status = 503
