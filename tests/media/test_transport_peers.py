"""The transport with whole peer connections that we did not write: aiortc's and Chromium's."""

from __future__ import annotations

import re
from pathlib import Path

import aioice.ice
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from playwright.async_api import async_playwright
from transport_harness import SECTION, Record, Relay, relay_running, until

from media.sdp.types import Fingerprint, LocalTransport, RemoteTransport

CHROMIUM = Path("/usr/bin/chromium")
MISSING = "" if CHROMIUM.exists() else f"{CHROMIUM} is missing: install Debian's package chromium"


def answer_for(local: LocalTransport) -> str:
    """The least answer to an offer that has one data section."""
    lines = [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        "a=group:BUNDLE 0",
        f"m=application {local.candidates[0].port} UDP/DTLS/SCTP webrtc-datachannel",
        f"c=IN IP4 {local.candidates[0].host}",
        "a=mid:0",
        "a=setup:passive",
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.pwd}",
        "a=sctp-port:5000",
        "a=max-message-size:262144",
        *(f"a=fingerprint:{f.algorithm} {f.value}" for f in local.fingerprints),
        *(
            f"a=candidate:{c.foundation} {c.component} {c.protocol} {c.priority} {c.host} {c.port} typ host"
            for c in local.candidates
        ),
        "a=end-of-candidates",
    ]
    return "".join(line + "\r\n" for line in lines)


def remote_in(offer: str, setup: str = "actpass") -> RemoteTransport:
    def value(name: str) -> str:
        return re.search(rf"^a={name}:(\S+)", offer, re.MULTILINE)[1]

    prints = re.findall(r"^a=fingerprint:(\S+) (\S+)", offer, re.MULTILINE)
    return RemoteTransport(
        value("ice-ufrag"), value("ice-pwd"), tuple(Fingerprint(*found) for found in prints), setup
    )


async def test_aiortc_peer_connection(monkeypatch):
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])
    record = Record()
    async with relay_running() as relay:
        transport = relay.create(record)
        client = RTCPeerConnection()
        heard: list = []
        channel = client.createDataChannel("chat")
        channel.on("message", heard.append)
        await client.setLocalDescription(await client.createOffer())
        transport.set_remote(remote_in(client.localDescription.sdp))
        transport.set_data(SECTION)
        await client.setRemoteDescription(RTCSessionDescription(answer_for(transport.local()), "answer"))
        await until(lambda: channel.readyState == "open" and transport.connected)
        channel.send("question")
        await until(lambda: record.data == [("chat", b"question")])
        transport.send_data("chat", "answer")
        await until(lambda: heard == ["answer"])
        assert client.connectionState == "connected"
        await client.close()
        await until(lambda: transport.state == "closed")


PAGE = """async () => {
    const pc = window.pc = new RTCPeerConnection();
    window.heard = [];
    const channel = window.channel = pc.createDataChannel('chat');
    channel.onmessage = event => window.heard.push(event.data);
    pc.ondatachannel = event => { window.theirs = event.channel; };
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
}"""

TAKE = "answer => window.pc.setRemoteDescription({type: 'answer', sdp: answer})"

RESTART = """async () => {
    await window.pc.setLocalDescription(await window.pc.createOffer({iceRestart: true}));
    return window.pc.localDescription.sdp;
}"""


@pytest.fixture
async def browser_page():
    if MISSING:
        pytest.fail(MISSING)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-features=WebRtcHideLocalIpsWithMdns",
                "--allow-loopback-in-peer-connection",
            ],
        )
        page = await browser.new_page()
        try:
            yield page
        finally:
            await browser.close()


@pytest.mark.browser
async def test_chromium_connects_sends_data_and_restarts(browser_page):
    record = Record()
    page = browser_page
    relay = Relay()
    try:
        transport = relay.create(record)
        offer = await page.evaluate(PAGE)
        transport.set_remote(remote_in(offer))
        transport.set_data(SECTION)
        transport.open_channels(["_lossy"])
        await page.evaluate(TAKE, answer_for(transport.local_for(offer)))
        await until(lambda: transport.connected and ("chat", True) in record.channels)
        assert transport.srtp_profile == "SRTP_AEAD_AES_128_GCM"
        await page.evaluate("window.channel.send('question'.repeat(7000))")
        await until(lambda: record.data == [("chat", b"question" * 7000)])
        transport.send_data("chat", "answer")
        await page.wait_for_function("window.heard[0] === 'answer'")
        await page.wait_for_function("window.theirs && window.theirs.readyState === 'open'")
        lossy = await page.evaluate("[theirs.label, theirs.ordered, theirs.maxRetransmits, theirs.id % 2]")
        assert lossy == ["_lossy", False, 0, 1]

        old = transport.local()
        offer = await page.evaluate(RESTART)
        new = transport.local_for(offer)
        assert new.ufrag != old.ufrag
        transport.set_remote(remote_in(offer))
        await page.evaluate(TAKE, answer_for(new))
        await page.wait_for_function("['connected', 'completed'].includes(window.pc.iceConnectionState)")
        await page.evaluate("window.channel.send('after')")
        await until(lambda: record.data[-1] == ("chat", b"after"))
        await until(lambda: relay.agent.credentials(transport.number).ufrag == new.ufrag)

        await page.evaluate("window.pc.close()")
        await until(lambda: transport.state == "closed")
    finally:
        await relay.close()
    assert record.states == ["connecting", "connected", "closed"]
