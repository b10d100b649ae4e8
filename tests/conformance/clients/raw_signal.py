"""The signalling protocol message by message: what no SDK lets a test send or see."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from google.protobuf import json_format
from livekit.protocol.rtc import SignalRequest, SignalResponse
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from conformance.waiting import units, until


class RawSignal:
    """One WebSocket to `/rtc` (two peer connections, none of them ever made here)."""

    def __init__(self, connection: ClientConnection, text: bool) -> None:
        self.connection = connection
        self.messages: list[SignalResponse] = []
        self.frames: list[str | bytes] = []
        self.closed = False
        self._text = text
        self._task = asyncio.get_running_loop().create_task(self._run())

    @classmethod
    async def open(cls, url: str, token: str, *, text: bool = False, **query: Any) -> RawSignal:
        """Connect with the token in the address, as browsers do; `text` speaks JSON instead of protobuf."""
        parameters = {"access_token": token, "protocol": 16, "auto_subscribe": 1, "sdk": "js", **query}
        connection = await connect(
            f"{url}/rtc?{urlencode(parameters)}", open_timeout=units(10), compression=None, max_size=None
        )
        return cls(connection, text)

    async def _run(self) -> None:
        try:
            async for frame in self.connection:
                self.frames.append(frame)
                message = SignalResponse()
                if isinstance(frame, str):
                    json_format.Parse(frame, message, ignore_unknown_fields=True)
                else:
                    message.ParseFromString(frame)
                self.messages.append(message)
        except ConnectionClosed:
            pass
        finally:
            self.closed = True

    async def send(self, request: SignalRequest) -> None:
        """Send one request in this connection's format."""
        if self._text:
            await self.connection.send(json_format.MessageToJson(request))
        else:
            await self.connection.send(request.SerializeToString())

    def all(self, kind: str) -> list[Any]:
        """All messages of one kind so far."""
        return [getattr(m, kind) for m in self.messages if m.WhichOneof("message") == kind]

    def kinds(self) -> list[str | None]:
        """Kinds of all messages so far, in order."""
        return [message.WhichOneof("message") for message in self.messages]

    async def get(self, kind: str, match: Any = lambda _message: True, *, within: float = 10) -> Any:
        """Wait for a message of one kind (past ones count) that matches."""
        found = await until(
            lambda: [message for message in self.all(kind) if match(message)],
            lambda: f"a message {kind}; there were {self.kinds()}, closed: {self.closed}",
            within=within,
        )
        return found[0]

    async def ended(self, *, within: float = 10) -> None:
        """Wait until the server has closed the connection."""
        await until(lambda: self.closed, lambda: f"server closes; messages: {self.kinds()}", within=within)

    async def close(self) -> None:
        """Close without a `leave`."""
        await self.connection.close()
        await self._task

    def cut(self) -> None:
        """Break the TCP connection, without any goodbye."""
        self.connection.transport.abort()
