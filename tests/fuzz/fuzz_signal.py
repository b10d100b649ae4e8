"""Frames of the signaling WebSocket, binary and text."""

from contextlib import suppress

from google.protobuf import json_format

from signaling.errors import MalformedError
from signaling.wire import decode_request


def fuzz(data: bytes) -> None:
    """Only MalformedError may come; what was read can be written and read again in both forms."""
    for frame in (data, data.decode(errors="surrogateescape"), data.decode("latin-1")):
        with suppress(MalformedError):
            request = decode_request(frame)
            request.WhichOneof("message")
            again = request.SerializeToString()
            assert decode_request(again).SerializeToString() == again
            decode_request(json_format.MessageToJson(request))
