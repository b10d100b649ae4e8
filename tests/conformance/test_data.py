"""Data packets, text and byte streams, and calls from one client to another."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from livekit import api, rtc

from conformance.clients.python_sdk import Site
from conformance.target import Browsers, Sites
from conformance.waiting import units, until

SIZES = [1, 100, 1_200, 15_000, 40_000, 60_000]


def payload(size: int) -> bytes:
    """Bytes that differ along the packet, of a given size."""
    return bytes((index * 31 + size) % 251 for index in range(size))


def received(site: Site, topic: str) -> list[bytes]:
    """Payloads of one topic in order of arrival."""
    return [packet.data for (packet,) in site.happened("data_received") if packet.topic == topic]


async def test_sizes(sites: Sites) -> None:
    sender, receiver = await sites.join_all("sender", "receiver")
    for size in SIZES:
        await sender.room.local_participant.publish_data(payload(size), topic="sizes")
    await until(lambda: len(received(receiver, "sizes")) == len(SIZES), "all packets")
    assert received(receiver, "sizes") == [payload(size) for size in SIZES]


async def test_a_thousand_in_order(sites: Sites) -> None:
    sender, receiver = await sites.join_all("sender", "receiver")
    for number in range(1_000):
        await sender.room.local_participant.publish_data(str(number), topic="order")
    await until(lambda: len(received(receiver, "order")) >= 1_000, "a thousand packets", within=20)
    assert received(receiver, "order") == [str(number).encode() for number in range(1_000)]


async def test_lossy_packets(sites: Sites) -> None:
    """On loopback nothing forces a loss; each that comes is whole, and comes once."""
    sender, receiver = await sites.join_all("sender", "receiver")
    for number in range(50):
        await sender.room.local_participant.publish_data(
            number.to_bytes(2, "big") + payload(500), reliable=False, topic="lossy"
        )
        await asyncio.sleep(0.005)
    await until(lambda: len(received(receiver, "lossy")) >= 45, "nearly all")
    numbers = [int.from_bytes(data[:2], "big") for data in received(receiver, "lossy")]
    assert len(set(numbers)) == len(numbers)
    assert all(data[2:] == payload(500) for data in received(receiver, "lossy"))
    kinds = {packet.kind for (packet,) in receiver.happened("data_received") if packet.topic == "lossy"}
    assert kinds == {rtc.DataPacketKind.KIND_LOSSY}


async def test_to_some(sites: Sites) -> None:
    """To two of three, then to all; never back to the sender; and the sender's name is the server's word."""
    sender, one, two, three = await sites.join_all("sender", "one", "two", "three")
    await sender.publish_microphone("red", loud=False)
    for site in (one, two, three):
        await site.meets("sender")
    local = sender.room.local_participant
    await local.publish_data(b"some", destination_identities=["one", "three"], topic="t")
    await local.publish_data(b"nobody", destination_identities=["absent"], topic="t")
    await local.publish_data(b"all", topic="t")
    for site, wanted in ((one, [b"some", b"all"]), (two, [b"all"]), (three, [b"some", b"all"])):
        await site.event("data_received", lambda packet: packet.data == b"all")
        assert received(site, "t") == wanted
        for (packet,) in site.happened("data_received"):
            assert packet.participant is not None
            assert packet.participant.identity == "sender"
    assert not sender.happened("data_received")


async def test_from_the_server(sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    one, two = await sites.join_all("one", "two")
    request = api.SendDataRequest(room=sites.room, data=b"to one", topic="server")
    request.destination_identities.append("one")
    await livekit_api.room.send_data(request)
    await livekit_api.room.send_data(api.SendDataRequest(room=sites.room, data=b"to all", topic="server"))
    await until(lambda: b"to all" in received(two, "server"), "two gets it")
    await until(lambda: b"to all" in received(one, "server"), "one gets it")
    assert received(one, "server") == [b"to one", b"to all"]
    assert received(two, "server") == [b"to all"]
    assert one.happened("data_received")[0][0].participant is None


@pytest.mark.browser
async def test_between_browser_and_sdk(browsers: Browsers, sites: Sites) -> None:
    browser = await browsers.join("browser")
    native = await sites.join("native")
    for size in SIZES:
        await browser.do(
            """(person, LK, size) => person.room.localParticipant.publishData(
                Uint8Array.from({length: size}, (_, index) => (index * 31 + size) % 251),
                {reliable: true, topic: "sizes"})""",
            size,
        )
    await until(lambda: len(received(native, "sizes")) == len(SIZES), "all packets")
    assert received(native, "sizes") == [payload(size) for size in SIZES]
    await native.room.local_participant.publish_data("xin chào".encode(), topic="greeting")
    for size in SIZES:
        await native.room.local_participant.publish_data(payload(size), topic="sizes")

    told = "person.events.filter((event) => event[0] === 'dataReceived').map((event) => event[1])"
    await browser.value(f"(person, LK, number) => {told}.length === number", len(SIZES) + 1)
    packets = await browser.do(f"(person) => {told}.map((given) => [given[3], given[0].bytes])")
    assert packets == [["greeting", len("xin chào".encode())], *(["sizes", size] for size in SIZES)]
    first = await browser.do(f"(person) => {told}[0][0].text")
    assert first == "xin chào"


async def test_text_and_byte_streams(sites: Sites, tmp_path: Path) -> None:
    sender, receiver = await sites.join_all("sender", "receiver")
    texts: asyncio.Queue[tuple[Any, str]] = asyncio.Queue()
    files: asyncio.Queue[tuple[Any, str]] = asyncio.Queue()
    receiver.room.register_text_stream_handler("talk", lambda *given: texts.put_nowait(given))
    receiver.room.register_byte_stream_handler("file", lambda *given: files.put_nowait(given))
    text = "Kính thưa các đồng chí. " * 4_000
    await sender.room.local_participant.send_text(text, topic="talk", attributes={"lang": "vi"})
    reader, identity = await asyncio.wait_for(texts.get(), units(10))
    assert identity == "sender"
    assert reader.info.attributes == {"lang": "vi"}
    assert await asyncio.wait_for(reader.read_all(), units(10)) == text
    content = payload(200_000)
    path = tmp_path / "tài liệu.bin"
    path.write_bytes(content)
    await sender.room.local_participant.send_file(str(path), topic="file")
    stream, identity = await asyncio.wait_for(files.get(), units(10))
    assert (identity, stream.info.name, stream.info.size) == ("sender", path.name, len(content))
    digest = hashlib.sha256()
    async for chunk in stream:
        digest.update(chunk)
    assert digest.digest() == hashlib.sha256(content).digest()


@pytest.mark.browser
async def test_streams_between_browser_and_sdk(browsers: Browsers, sites: Sites) -> None:
    browser = await browsers.join("browser")
    native = await sites.join("native")
    texts: asyncio.Queue[tuple[Any, str]] = asyncio.Queue()
    native.room.register_text_stream_handler("talk", lambda *given: texts.put_nowait(given))
    await browser.do(
        """(person) => {
            person.texts = [];
            person.room.registerTextStreamHandler("talk", async (reader, from) =>
                person.texts.push([await reader.readAll(), from.identity]));
            person.room.registerByteStreamHandler("file", async (reader, from) => {
                const chunks = await reader.readAll();
                person.texts.push([reader.info.name, chunks.reduce((sum, c) => sum + c.length, 0)]);
            });
        }"""
    )
    long = "Biểu quyết. " * 3_000
    await browser.do(
        "(person, LK, text) => person.room.localParticipant.sendText(text, {topic: 'talk'})", long
    )
    reader, identity = await asyncio.wait_for(texts.get(), units(10))
    assert (identity, await asyncio.wait_for(reader.read_all(), units(10))) == ("browser", long)
    await native.room.local_participant.send_text(long, topic="talk")
    assert await browser.value("(person) => person.texts[0]") == [long, "native"]
    await native.room.local_participant.send_bytes(payload(50_000), topic="file", name="a.bin")
    assert await browser.value("(person) => person.texts[1]") == ["a.bin", 50_000]


async def test_remote_calls(sites: Sites) -> None:
    caller, callee = await sites.join_all("caller", "callee")

    async def greet(call: rtc.RpcInvocationData) -> str:
        return f"{call.caller_identity}: {call.payload}"

    async def refuse(call: rtc.RpcInvocationData) -> str:
        raise rtc.RpcError(1700, "not now", "later")

    callee.room.local_participant.register_rpc_method("greet", greet)
    callee.room.local_participant.register_rpc_method("refuse", refuse)
    local = caller.room.local_participant
    answer = await local.perform_rpc(destination_identity="callee", method="greet", payload="chào")
    assert answer == "caller: chào"
    large = "x" * 14_000
    answer = await local.perform_rpc(destination_identity="callee", method="greet", payload=large)
    assert answer == f"caller: {large}"
    with pytest.raises(rtc.RpcError) as refused:
        await local.perform_rpc(destination_identity="callee", method="refuse", payload="")
    assert (refused.value.code, refused.value.message, refused.value.data) == (1700, "not now", "later")
    with pytest.raises(rtc.RpcError) as unknown:
        await local.perform_rpc(destination_identity="callee", method="nothing", payload="")
    assert unknown.value.code == rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD


@pytest.mark.browser
async def test_calls_between_browser_and_sdk(browsers: Browsers, sites: Sites) -> None:
    browser = await browsers.join("browser")
    native = await sites.join("native")

    async def double(call: rtc.RpcInvocationData) -> str:
        return call.payload * 2

    native.room.local_participant.register_rpc_method("double", double)
    await browser.do(
        """(person) => person.room.registerRpcMethod("upper", async (call) =>
            call.callerIdentity + " " + call.payload.toUpperCase())"""
    )
    answer = await native.room.local_participant.perform_rpc(
        destination_identity="browser", method="upper", payload="đông anh"
    )
    assert answer == "native ĐÔNG ANH"
    answer = await browser.do(
        """(person) => person.room.localParticipant.performRpc(
            {destinationIdentity: "native", method: "double", payload: "ab"})"""
    )
    assert answer == "abab"
