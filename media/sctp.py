"""Data channels with one peer: the face of the contained SCTP association (RFC 8831, RFC 8832).

Bounds and what they drop. A lossy channel (a limit on retransmissions) that
has more than ``LOSSY_LIMIT`` bytes waiting drops the newest message and counts
it. A reliable one takes up to ``RELIABLE_LIMIT`` bytes and then raises
DataChannelError: the peer has stopped reading, and whoever serves it should
end the connection. Messages over the peer's maximum raise DataChannelError.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from aiortc.rtcdatachannel import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities

from media.dtls import DtlsAssociation
from media.errors import DataChannelError
from media.sctp_transport import MAX_MESSAGE_SIZE, RelaySctpTransport
from media.sdp.types import DataSection

LOCAL_PORT = 5000
"""Our SCTP port, as ``a=sctp-port`` says."""

LOSSY_LIMIT = 128 * 1024
RELIABLE_LIMIT = 8 * 1024 * 1024

Payload = bytes | str


@dataclass(slots=True, eq=False)
class _Channel:
    number: int
    label: str
    lossy: bool
    ours: bool
    rtc: RTCDataChannel
    early: list[Payload] = field(default_factory=list)
    early_size: int = 0


class DataTransport:
    """All data channels of one DTLS association. Needs a running event loop.

    Channels are named by numbers of our own (not SCTP's stream ids, which are
    known only once the DTLS role is): ``on_open(channel, label)`` for a channel
    that the peer opened or accepted, ``on_message(channel, label, payload)``
    with str for text and bytes for binary, ``on_close(channel, label)``.
    """

    def __init__(
        self,
        dtls: DtlsAssociation,
        on_message: Callable[[int, str, Payload], None],
        on_open: Callable[[int, str], None] | None = None,
        on_close: Callable[[int, str], None] | None = None,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._on_message = on_message
        self._on_open = on_open
        self._on_close = on_close
        self._numbers = itertools.count(1)
        self._channels: dict[int, _Channel] = {}
        self._limit = MAX_MESSAGE_SIZE
        self._rtc = RelaySctpTransport(dtls.rtc, LOCAL_PORT, self.counters, self._ended)
        self._rtc.on("datachannel", self._peer_opened)

    @property
    def state(self) -> str:
        """``new``, ``connecting``, ``connected`` or ``closed``."""
        return self._rtc.state

    async def start(self, section: DataSection) -> None:
        """Begin the association; call when DTLS is connected. Later calls do nothing."""
        self._limit = min(section.max_message_size or MAX_MESSAGE_SIZE, MAX_MESSAGE_SIZE)
        await self._rtc.start(RTCSctpCapabilities(maxMessageSize=self._limit), section.sctp_port)

    def open(self, label: str, *, ordered: bool = True, max_retransmits: int | None = None) -> int:
        """Open a channel to the peer, now or once the association stands; returns its number.

        Stream ids follow the DTLS role (RFC 8832, 6). DataChannelError for a
        label that is not ASCII or over 255 characters, or a closed association.
        """
        if not label.isascii() or len(label) > 255:
            raise DataChannelError("a label is ASCII, at most 255 characters")
        if self.state == "closed":
            raise DataChannelError("the association is closed")
        rtc = RTCDataChannel(
            self._rtc, RTCDataChannelParameters(label=label, ordered=ordered, maxRetransmits=max_retransmits)
        )
        channel = self._adopt(rtc, ours=True)
        rtc.on("open", lambda: self._accepted(channel))
        return channel.number

    def _adopt(self, rtc: RTCDataChannel, *, ours: bool) -> _Channel:
        lossy = rtc.maxRetransmits is not None or rtc.maxPacketLifeTime is not None
        channel = _Channel(next(self._numbers), rtc.label, lossy, ours, rtc)
        self._channels[channel.number] = channel
        rtc.on("message", lambda payload: self._received(channel, payload))
        rtc.on("close", lambda: self._gone(channel))
        return channel

    def _peer_opened(self, rtc: RTCDataChannel) -> None:
        channel = self._adopt(rtc, ours=False)
        if self._on_open is not None:
            self._on_open(channel.number, channel.label)

    def _accepted(self, channel: _Channel) -> None:
        early, channel.early, channel.early_size = channel.early, [], 0
        for payload in early:
            channel.rtc.send(payload)
        if self._on_open is not None:
            self._on_open(channel.number, channel.label)

    def _received(self, channel: _Channel, payload: Payload) -> None:
        self.counters["messages received"] += 1
        self._on_message(channel.number, channel.label, payload)

    def _gone(self, channel: _Channel) -> None:
        if self._channels.pop(channel.number, None) is not None and self._on_close is not None:
            self._on_close(channel.number, channel.label)

    def _ended(self) -> None:
        for channel in list(self._channels.values()):
            self._gone(channel)

    def find(self, label: str) -> int | None:
        """The channel to send on under this label: our own one first, else the peer's newest."""
        same = [channel for channel in self._channels.values() if channel.label == label]
        same.sort(key=lambda channel: (channel.ours, channel.number))
        return same[-1].number if same else None

    def buffered(self, channel: int) -> int:
        """Bytes that wait to be sent; 0 for a channel that is gone."""
        found = self._channels.get(channel)
        return found.rtc.bufferedAmount + found.early_size if found else 0

    def send(self, channel: int, payload: Payload) -> bool:
        """Send or queue a message; False when a lossy channel has dropped it.

        DataChannelError when the channel is not there, the message is too long
        for the peer, or a reliable channel has its bound of bytes waiting.
        """
        found = self._channels.get(channel)
        if found is None or found.rtc.readyState not in ("connecting", "open"):
            raise DataChannelError("the channel is not open")
        size = len(payload.encode()) if isinstance(payload, str) else len(payload)
        if size > self._limit:
            raise DataChannelError(f"a message of {size} bytes is over the peer's {self._limit}")
        waiting = found.rtc.bufferedAmount + found.early_size
        is_open = found.rtc.readyState == "open"
        if found.lossy and (not is_open or (waiting and waiting + size > LOSSY_LIMIT)):
            self.counters["lossy dropped"] += 1
            return False
        if waiting + size > RELIABLE_LIMIT:
            self.counters["reliable refused"] += 1
            raise DataChannelError("too much is waiting for the peer to read")
        if is_open:
            found.rtc.send(payload)
        else:
            found.early.append(payload)
            found.early_size += size
        self.counters["messages sent"] += 1
        return True

    def close_channel(self, channel: int) -> None:
        """Close one channel; an unknown number is no error."""
        found = self._channels.get(channel)
        if found is not None:
            found.rtc.close()

    async def close(self) -> None:
        """Abort the association and let every channel go. Call before the DTLS association closes."""
        await self._rtc.stop()
        self._ended()
        # The association's own short tasks end within the next turn of the loop.
        await asyncio.sleep(0)
