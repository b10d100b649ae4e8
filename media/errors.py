"""The exceptions of the media part: one tree, so that callers can catch its root.

A :class:`MediaError` speaks of the caller's input; a broken invariant of our
own is an ``AssertionError`` with a reason. Malformed packets never raise past
the packet path: they are counted and dropped there.
"""


class MediaError(Exception):
    """Root of everything this part raises on purpose."""


class SdpError(MediaError):
    """A session description that cannot be understood or is over its limits."""


class PacketError(MediaError, ValueError):
    """A datagram that is not what its first byte claims; always caught inside ``media``."""


class TransportClosedError(MediaError):
    """An order to a transport that is closed or failed."""


class DataChannelError(MediaError):
    """A message that a data channel cannot carry (too large, channel not open, queue full)."""
