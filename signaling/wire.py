"""Frames of the signaling WebSocket: LiveKit's messages as protobuf (binary) or proto3 JSON (text).

A client that sends text is answered in text. Unknown fields are skipped in
both forms, so newer clients are understood; a frame without any message is
legal and means nothing (``request.WhichOneof("message") is None``).
"""

from __future__ import annotations

import json
import re
from typing import Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from livekit.protocol import rtc

from signaling.errors import MalformedError

#: Largest frame that is parsed, in bytes; LiveKit's limit.
MAX_FRAME_BYTES: Final = 2 * 1024 * 1024

#: Values in a JSON text that are looked at; each costs microseconds, where one of protobuf costs nanoseconds.
MAX_JSON_VALUES: Final = 20_000

_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def decode_request(frame: bytes | str) -> rtc.SignalRequest:
    """The request in ``frame``: ``bytes`` are protobuf, ``str`` is JSON.

    Raises :class:`~signaling.errors.MalformedError` for a frame that is over
    :data:`MAX_FRAME_BYTES` or does not parse. Every optional part of the result
    may be missing.
    """
    if isinstance(frame, str):
        return _decode_text(frame)
    if len(frame) > MAX_FRAME_BYTES:
        raise MalformedError("frame too large")
    try:
        return rtc.SignalRequest.FromString(frame)
    except DecodeError:
        raise MalformedError("not a SignalRequest") from None


def _decode_text(frame: str) -> rtc.SignalRequest:
    # A character is one byte at least: the cheap test comes first.
    if len(frame) > MAX_FRAME_BYTES or len(frame.encode(errors="surrogatepass")) > MAX_FRAME_BYTES:
        raise MalformedError("frame too large")
    request = rtc.SignalRequest()
    if not parse_json(frame, request):
        raise MalformedError("not a SignalRequest in JSON")
    return request


def parse_json(text: str | bytes, message: Message) -> bool:
    """Read proto3 JSON from a stranger (``bytes`` are UTF-8) into ``message``, skipping unknown fields.

    Returns whether it was that, with at most :data:`MAX_JSON_VALUES`; if not,
    ``message`` may be half filled.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode()
        values = json.loads(text)
        if not isinstance(values, dict) or _has_too_many(values):
            return False
        _require_utf8(text, values)
        json_format.ParseDict(values, message, ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, RecursionError, AttributeError):
        # ParseDict lets some of protobuf's own errors through on hostile values.
        return False
    return True


def _has_too_many(values: dict[str, object]) -> bool:
    """Whether there are more than :data:`MAX_JSON_VALUES` in it."""
    found = 0
    waiting: list[dict[str, object] | list[object]] = [values]
    while waiting:
        container = waiting.pop()
        found += len(container)
        if found > MAX_JSON_VALUES:
            return True
        items = container.values() if isinstance(container, dict) else container
        waiting += [item for item in items if isinstance(item, dict | list)]
    return False


def _require_utf8(text: str, values: object) -> None:
    """Raise ``UnicodeEncodeError`` for half a surrogate pair in ``text`` or, escaped, in its ``values``.

    Protobuf's enumerations answer such a name with a SystemError.
    """
    text.encode()
    if _ESCAPED_SURROGATE.search(text):
        json.dumps(values, ensure_ascii=False).encode()


def encode_response(message: rtc.SignalResponse, text: bool) -> bytes | str:
    """``message`` as a frame in the receiver's form."""
    if not text:
        return message.SerializeToString()
    return json.dumps(json_format.MessageToDict(message), separators=(",", ":"), ensure_ascii=False)


class SharedMessage:
    """One response for many receivers, serialised at most once for each form.

    The message must not be changed after the first :meth:`frame`.
    """

    __slots__ = ("_binary", "_text", "message")

    def __init__(self, message: rtc.SignalResponse) -> None:
        self.message = message
        self._binary: bytes | None = None
        self._text: str | None = None

    def frame(self, text: bool) -> bytes | str:
        """The frame in the receiver's form; the same object at each call."""
        if text:
            if self._text is None:
                self._text = str(encode_response(self.message, text=True))
            return self._text
        if self._binary is None:
            self._binary = self.message.SerializeToString()
        return self._binary
