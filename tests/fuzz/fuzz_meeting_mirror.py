"""Lines of a server of the meeting channel, read by our client: only MessageError."""

from scheduler.channel.mirror import Mirror
from scheduler.errors import MessageError


def fuzz(data: bytes) -> None:
    """A refused line leaves no trace."""
    mirror = Mirror()
    for line in data.split(b"\n")[:40]:
        before = mirror.sequence, mirror.roster.copy(), mirror.floor, mirror.meeting, mirror.lobby
        try:
            mirror.receive(line.decode("utf-8", "replace"))
        except MessageError:
            assert before == (mirror.sequence, mirror.roster, mirror.floor, mirror.meeting, mirror.lobby)
