"""A relay's transports on real loopback UDP with a packet path of thirty lines, and a client for them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aioice import stun
from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport

from media.addresses import host_candidates, local_priorities
from media.dtls import Certificate
from media.ice.lite import IceLiteAgent
from media.ice.records import IceCredentials, IceSettings
from media.ports import Address, DtlsReceived, SrtpKeys, StunReceived
from media.sdp.types import DataSection, Fingerprint, RemoteTransport
from media.transport import Transport
from media.udp import UdpPort

SECTION = DataSection(mid="0", sctp_port=5000, max_message_size=262144)


class FakePath:
    """What ``media.transport`` needs of a packet path: demultiplexing by first byte and by address."""

    def __init__(self) -> None:
        self.bound: dict[Address, int] = {}
        self.target: dict[int, Address] = {}
        self.keys: dict[int, SrtpKeys] = {}
        self.open: set[int] = set()
        self.queue: list = []
        self.pending: list = []

    def receive(self, batch, now) -> None:
        for data, address in batch:
            if data and data[0] <= 3:
                self.pending.append(StunReceived(data, address))
            elif data and 20 <= data[0] <= 63 and address in self.bound:
                self.pending.append(DtlsReceived(self.bound[address], data))

    def events(self):
        events, self.pending = self.pending, []
        return events

    def outgoing(self):
        queue, self.queue = self.queue, []
        return queue

    def open_transport(self, transport) -> None:
        self.open.add(transport)

    def bind_address(self, transport, address) -> None:
        self.bound[address] = transport
        self.target[transport] = address

    def release_address(self, address) -> None:
        self.bound.pop(address, None)

    def set_keys(self, transport, keys) -> None:
        self.keys[transport] = keys

    def close_transport(self, transport) -> None:
        self.open.discard(transport)
        self.target.pop(transport, None)
        self.bound = {a: t for a, t in self.bound.items() if t != transport}

    def send(self, transport, data) -> None:
        if transport in self.target:
            self.queue.append((data, self.target[transport]))

    def send_to(self, address, data) -> None:
        self.queue.append((data, address))


class Relay:
    """Sockets, path and transports, driven as the engine drives them."""

    def __init__(self, hosts=("127.0.0.1",), settings: IceSettings | None = None, **options) -> None:
        self.port = UdpPort(list(hosts), 0, self.receive)
        self.port.open()
        self.path = FakePath()
        self.agent = IceLiteAgent(local_priorities(hosts), settings)
        self.certificate = options.pop("certificate", None) or Certificate.generate()
        self.candidates = host_candidates(hosts, self.port.port)
        self.options = options
        self.transports: dict[int, Transport] = {}
        self.sent = 0

    def receive(self, batch, now) -> None:
        self.path.receive(batch, now)
        for event in self.path.events():
            if isinstance(event, StunReceived):
                self.stun(event.data, event.address, now)
            else:
                self.transports[event.transport].feed_dtls(event.data)
        self.flush()

    def stun(self, data, address, now) -> None:
        result = self.agent.handle(data, address, now)
        if result.response is not None:
            self.path.send_to(address, result.response)
        if result.transport is not None:
            self.transports[result.transport].ice_result(result, now)

    def tick(self, now) -> None:
        for change in self.agent.poll(now):
            self.transports[change.transport].ice_changed(change, now)

    def flush(self) -> None:
        batch = self.path.outgoing()
        self.sent += len(batch)
        self.port.send(batch)

    def create(self, record: Record | None = None) -> Transport:
        record = record or Record()
        number = len(self.transports) + 1
        self.transports[number] = Transport(
            number,
            path=self.path,
            agent=self.agent,
            certificate=self.certificate,
            candidates=self.candidates,
            on_state=lambda transport, state: record.states.append(state),
            on_data=lambda label, payload: record.data.append((label, payload)),
            on_channel=lambda label, is_open: record.channels.append((label, is_open)),
            flush=self.flush,
            **self.options,
        )
        return self.transports[number]

    async def close(self) -> None:
        await asyncio.gather(*(transport.close() for transport in self.transports.values()))
        self.port.close()


class Record:
    """Remembers what a transport's listeners are told."""

    def __init__(self) -> None:
        self.states: list = []
        self.data: list = []
        self.channels: list = []


class ClientIce(asyncio.DatagramProtocol):
    """A controlling peer that sends the checks it is told to; what aiortc needs of an ICE transport."""

    role = "controlling"

    def __init__(self, relay: Relay, transport: Transport) -> None:
        self.relay_address = ("127.0.0.1", relay.port.port)
        local = transport.local()
        self.remote = IceCredentials(local.ufrag, local.pwd)
        self.local = IceCredentials.generate()
        self.answers: dict[bytes, asyncio.Future[stun.Message]] = {}
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.received = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.endpoint: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        """A new socket: the first, or another source port in place of the one before."""
        if self.endpoint is not None:
            self.endpoint.close()
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind(("127.0.0.1", 0))
        loop = asyncio.get_running_loop()
        self.endpoint, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)

    def datagram_received(self, data: bytes, _: object) -> None:
        self.received += 1
        if data[0] <= 3:
            message = stun.parse_message(data)
            future = self.answers.pop(message.transaction_id, None)
            if future is not None and not future.done():
                future.set_result(message)
        else:
            self.queue.put_nowait(data)

    def request(self, *, nominate: bool = True, priority: int = 1000, key: str = "") -> stun.Message:
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{self.remote.ufrag}:{self.local.ufrag}"
        message.attributes["PRIORITY"] = priority
        message.attributes["ICE-CONTROLLING"] = 1
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((key or self.remote.pwd).encode())
        return message

    async def check(self, **options) -> stun.Message:
        """One check; the answer, verified."""
        message = self.request(**options)
        future = asyncio.get_running_loop().create_future()
        self.answers[message.transaction_id] = future
        self.send(bytes(message))
        async with asyncio.timeout(5):
            answer = await future
        assert answer.check_message_integrity(self.remote.pwd.encode())
        return answer

    def send(self, data: bytes) -> None:
        self.endpoint.sendto(data, self.relay_address)

    async def _recv(self) -> bytes:
        data = await self.queue.get()
        if data is None:
            raise ConnectionError
        return data

    async def _send(self, data: bytes) -> None:
        self.send(data)

    def close(self) -> None:
        self.queue.put_nowait(None)
        if self.endpoint is not None:
            self.endpoint.close()


class Client:
    """aiortc's DTLS and SCTP over :class:`ClientIce`."""

    def __init__(self, relay: Relay, transport: Transport, certificate: RTCCertificate | None = None) -> None:
        self.ice = ClientIce(relay, transport)
        self.certificate = certificate or RTCCertificate.generateCertificate()
        self.dtls = RTCDtlsTransport(self.ice, [self.certificate])
        self.sctp = RTCSctpTransport(self.dtls)
        self.channels: dict[str, object] = {}
        self.messages: list = []
        self.sctp.on("datachannel", self.adopt)
        local = transport.local()
        self.fingerprints = [RTCDtlsFingerprint(f.algorithm, f.value) for f in local.fingerprints]

    def adopt(self, channel) -> None:
        self.channels[channel.label] = channel
        channel.on("message", lambda payload: self.messages.append((channel.label, payload)))

    def remote(self, setup: str = "active") -> RemoteTransport:
        """What this client's description says."""
        prints = tuple(Fingerprint(f.algorithm, f.value) for f in self.certificate.getFingerprints())
        local = self.ice.local
        return RemoteTransport(local.ufrag, local.pwd, prints[:1], setup)

    async def start(self, role: str = "client", data: bool = True) -> None:
        self.dtls._set_role(role)
        await self.dtls.start(RTCDtlsParameters(fingerprints=self.fingerprints))
        if data and self.dtls.state == "connected":
            await self.sctp.start(RTCSctpCapabilities(maxMessageSize=262144), 5000)

    async def close(self) -> None:
        await self.sctp.stop()
        pump = self.dtls._task
        await self.dtls.stop()
        if pump is not None:
            await asyncio.gather(pump, return_exceptions=True)
        self.ice.close()


async def until(condition: Callable[[], object], limit: float = 30.0) -> None:
    """Wait for a condition by polling; AssertionError when it does not come true."""
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110 - the conditions are of many kinds
            await asyncio.sleep(0.005)


@asynccontextmanager
async def nothing_left() -> AsyncIterator[list]:
    """Fails when a task is left behind or the loop's exception handler was called."""
    loop = asyncio.get_running_loop()
    complaints: list = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    before = asyncio.all_tasks()
    try:
        yield complaints
    finally:
        loop.set_exception_handler(None)
    for _ in range(3):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert complaints == []


@asynccontextmanager
async def relay_running(**options) -> AsyncIterator[Relay]:
    """A relay for one test that leaves nothing behind."""
    async with nothing_left():
        relay = Relay(**options)
        try:
            yield relay
        finally:
            await relay.close()


@asynccontextmanager
async def connected(relay: Relay, record: Record | None = None, data: bool = True, **options):
    """A transport of the relay and a client that are connected."""
    transport = relay.create(record)
    client = Client(relay, transport, **options)
    await client.ice.open()
    try:
        transport.set_remote(client.remote())
        if data:
            transport.set_data(SECTION)
        await client.ice.check()
        await client.start(data=data)
        await until(lambda: transport.state == "connected")
        if data:
            await until(lambda: client.sctp.state == "connected" and transport.data.state == "connected")
        yield transport, client
    finally:
        await client.close()
        await transport.close()
