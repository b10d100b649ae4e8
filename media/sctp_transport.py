"""aiortc's SCTP association, contained: hostile input is refused, bounded and counted.

The one place that changes ``RTCSctpTransport``'s private methods; ``sctp.py``
gives it a face.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiortc import rtcsctptransport as aio

from media.dtls import RelayDtlsTransport
from media.errors import PacketError
from media.sctp_checks import MAX_STREAMS, Sack, check_packet

MAX_MESSAGE_SIZE = aio.LOCAL_MAX_MESSAGE_SIZE
"""Longest message that we take, as our description says, in bytes."""

MAX_CHANNELS = 32
"""Data channels per association, both sides' together."""

MAX_LABEL = 255

MAX_STORED_CHUNKS = 1024
"""Out-of-order fragments kept; at 1,160 bytes each this is the receive window of 1 MiB."""

TSN_WINDOW = 8192
"""How far ahead of the last number in order a fragment may be."""

MAX_GAPS = 200
"""Gap blocks that we put in one acknowledgement, so that it fits a packet."""

MAX_OFFENCES = 1000
"""Refused packets after which the association is aborted."""

RTO_INITIAL = 1.0
RTO_MIN = 0.4
"""Retransmission times in seconds. RFC 9260, 16 says 1 and 1, aiortc 3 and 1: a chat message lost last would
wait for a second. The least is that of browsers."""

_TSN = 1 << 32


class _GuardedLoop:
    """An event loop whose timers report an exception instead of ending in the loop's handler."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_error: Callable[[], None]) -> None:
        self._loop = loop
        self._on_error = on_error

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        def run() -> None:
            try:
                callback(*args)
            except Exception:
                self._on_error()

        return self._loop.call_later(delay, run)


class RelaySctpTransport(aio.RTCSctpTransport):
    """The association. ``on_closed`` is called once when it ends, from whichever side."""

    def __init__(
        self, dtls: RelayDtlsTransport, port: int, counters: Counter[str], on_closed: Callable[[], None]
    ) -> None:
        super().__init__(dtls, port)
        self._counters = counters
        self._on_closed = on_closed
        self._offences = 0
        self._inbound_streams_max = MAX_STREAMS
        self._rto = RTO_INITIAL
        loop = _GuardedLoop(asyncio.get_running_loop(), self._offence)
        self._loop = loop  # type: ignore[assignment]  # aiortc only calls call_later on it

    def _offence(self, reason: str = "handler error") -> None:
        self._counters[f"sctp {reason}"] += 1
        self._offences += 1

    def _update_rto(self, R: float) -> None:
        super()._update_rto(R)
        if self._srtt is not None and self._rttvar is not None:
            self._rto = max(RTO_MIN, min(self._srtt + 4 * self._rttvar, self._rto))

    async def _handle_data(self, data: bytes) -> None:
        if self._association_state is self.State.CLOSED:
            self._counters["sctp after the end"] += 1
            return
        try:
            for sack in check_packet(data):
                self._check_sack(sack)
            await super()._handle_data(data)
        except PacketError:
            self._offence("malformed")
        except Exception:
            self._offence()
        if self._offences > MAX_OFFENCES:
            self._counters["sctp aborted"] += 1
            await self.stop()

    def _check_sack(self, sack: Sack) -> None:
        """Refuse what acknowledges more than was sent."""
        newest = (self._local_tsn - 1) % _TSN
        unsent = (newest - sack.cumulative) % _TSN
        if unsent >= _TSN // 2:
            raise PacketError("acknowledges what was not sent")
        if sack.gaps and sack.gaps[-1][1] > unsent:
            raise PacketError("acknowledges what was not sent")

    async def _receive_data_chunk(self, chunk: aio.DataChunk) -> None:
        last = self._last_received_tsn
        if last is None:
            raise PacketError("DATA before INIT")
        ahead = (chunk.tsn - last) % _TSN
        if ahead < _TSN // 2 and ahead > 1:
            # A fragment out of order is kept only within bounds; the peer sends it again.
            stored = sum(len(stream.reassembly) for stream in self._inbound_streams.values())
            if ahead > TSN_WINDOW or stored >= MAX_STORED_CHUNKS or self._advertised_rwnd <= 0:
                self._counters["sctp out of window"] += 1
                self._sack_needed = True
                return
        elif ahead == 1 and self._advertised_rwnd < -MAX_MESSAGE_SIZE:
            # In order and still no message complete: it is longer than any that we agreed to.
            self._offences = MAX_OFFENCES + 1
            raise PacketError("message over the limit")
        await super()._receive_data_chunk(chunk)

    async def _receive(self, stream_id: int, pp_id: int, data: bytes) -> None:
        if len(data) > MAX_MESSAGE_SIZE:
            self._offence("message too long")
            return
        try:
            if pp_id == aio.WEBRTC_DCEP and not self._admits(stream_id, data):
                return
            await super()._receive(stream_id, pp_id, data)
        except Exception:
            # One bad message (text that is no UTF-8, say) must not keep those behind it.
            self._offence("bad message")

    def _admits(self, stream_id: int, data: bytes) -> bool:
        """Whether a control message of RFC 8832 makes sense here."""
        known = stream_id in self._data_channels
        if data[:1] == bytes([aio.DATA_CHANNEL_OPEN]):
            lengths = int.from_bytes(data[8:10], "big"), int.from_bytes(data[10:12], "big")
            if known or len(data) != 12 + sum(lengths) or max(lengths) > MAX_LABEL:
                self._offence("bad channel open")
                return False
            if len(self._data_channels) >= MAX_CHANNELS:
                self._offence("too many channels")
                return False
            return True
        if not known:
            self._offence("bad channel message")
        return known

    async def _send_chunk(self, chunk: aio.Chunk) -> None:
        if isinstance(chunk, aio.SackChunk):
            del chunk.gaps[MAX_GAPS:]
            del chunk.duplicates[MAX_GAPS // 4 :]
        await super()._send_chunk(chunk)

    def _set_state(self, state: aio.RTCSctpTransport.State) -> None:
        ended = (
            state is self.State.CLOSED
            and self.state != "new"
            and self._association_state is not self.State.CLOSED
        )
        super()._set_state(state)
        if ended:
            self._on_closed()
