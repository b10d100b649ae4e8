"""A whole peer connection's end on loopback: ICE, DTLS, keys and data with a real client."""

from __future__ import annotations

import asyncio

import pytest
from aiortc import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities
from pylibsrtp import Policy, Session
from transport_harness import SECTION, Client, Record, connected, relay_running, until

from media import clock
from media.errors import DataChannelError, TransportClosedError
from media.ice.records import IceSettings
from media.path.srtp import SrtpPair
from media.transport import ChannelSpec, TransportState


async def test_connects_and_echoes_data_both_ways():
    record = Record()
    async with relay_running() as relay, connected(relay, record) as (transport, client):
        transport.open_channels(["_reliable", "_lossy"])
        await until(lambda: ("_reliable", True) in record.channels and ("_lossy", True) in record.channels)
        assert client.channels["_lossy"].maxRetransmits == 0
        assert client.channels["_lossy"].ordered is False
        # RFC 8832, 6: the DTLS server, which the relay is, has the odd stream ids.
        assert {c.id % 2 for c in client.channels.values()} == {1}
        assert transport.send_data("_reliable", b"down")
        assert transport.send_data("_reliable", "xuống")
        client.channels["_reliable"].send(b"up")
        client.channels["_reliable"].send("lên")
        await until(lambda: len(record.data) == 2 and len(client.messages) == 2)
        assert client.messages == [("_reliable", b"down"), ("_reliable", "xuống")]
        assert record.data == [("_reliable", b"up"), ("_reliable", "lên".encode())]
        with pytest.raises(DataChannelError):
            transport.send_data("nobody", b"")
    assert record.states == ["connecting", "connected", "closed"]


@pytest.mark.parametrize(
    ("profile", "policy"),
    [
        ("SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM),
        ("SRTP_AEAD_AES_256_GCM", Policy.SRTP_PROFILE_AEAD_AES_256_GCM),
        ("SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80),
    ],
)
@pytest.mark.parametrize("setup", ["active", "passive"])
async def test_keys_of_both_ends_match(profile, policy, setup):
    async with relay_running(profiles=[profile]) as relay:
        transport = relay.create()
        client = Client(relay, transport)
        await client.ice.open()
        transport.set_remote(client.remote(setup))
        await client.ice.check()
        await client.start("client" if setup == "active" else "server", data=False)
        await until(lambda: transport.state == "connected")
        keys = relay.path.keys[transport.number]
        assert keys.profile == transport.srtp_profile == profile
        pair = SrtpPair(keys)
        packet = bytes.fromhex("80600001000000010000000a") + b"hello"
        assert pair.unprotect(client.dtls._tx_srtp.protect(packet)) == packet
        assert client.dtls._rx_srtp.unprotect(pair.protect(packet)) == packet
        assert isinstance(client.dtls._tx_srtp, Session)
        await client.close()
        await transport.close()


async def test_restarts_ice_while_data_goes_on():
    record = Record()
    async with relay_running() as relay, connected(relay, record) as (transport, client):
        client.adopt(RTCDataChannel(client.sctp, RTCDataChannelParameters(label="up")))
        await until(lambda: client.channels["up"].readyState == "open")
        old = client.ice.remote
        transport.restart_ice()
        local = transport.local()
        assert local.ufrag != old.ufrag
        await client.ice.check()  # the old credentials still count
        client.channels["up"].send(b"one")
        await until(lambda: ("up", b"one") in record.data)
        client.ice.remote = type(old)(local.ufrag, local.pwd)
        client.ice.local = type(old).generate()
        transport.set_remote(client.remote())
        await client.ice.open()
        await client.ice.check()
        client.channels["up"].send(b"two")
        await until(lambda: ("up", b"two") in record.data)
        client.ice.remote = old
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.ice.check()
        client.ice.remote = type(old)(local.ufrag, local.pwd)
    assert record.states.count(TransportState.CONNECTED) == 1


@pytest.mark.parametrize("nominate", [True, False])
async def test_follows_a_changed_port(nominate):
    settings = IceSettings(silence_rebound=0.0)
    async with relay_running(settings=settings) as relay, connected(relay) as (transport, client):
        before = relay.path.target[transport.number]
        await client.ice.open()
        await client.ice.check(nominate=nominate)
        assert relay.path.target[transport.number] != before
        transport.open_channels([ChannelSpec("x")])
        await until(lambda: "x" in client.channels)


async def test_wrong_integrity_gets_no_byte():
    async with relay_running() as relay, connected(relay) as (transport, client):
        stranger = Client(relay, transport).ice
        await stranger.open()
        before = relay.sent
        for key in ("x" * 24, "short"):
            stranger.send(bytes(stranger.request(key=key)))
        stranger.send(bytes(stranger.request())[:-1])
        await until(lambda: relay.port.counters["received"] and relay.agent.counters["unauthentic"] == 2)
        await client.ice.check()
        assert stranger.received == 0
        assert relay.sent == before + 1
        stranger.close()


async def test_dtls_hello_of_a_stranger_gets_no_byte():
    async with relay_running() as relay, connected(relay) as (transport, client):
        stranger = Client(relay, transport)
        await stranger.ice.open()
        hello = asyncio.create_task(stranger.start(data=False))
        received = relay.port.counters["received"]
        await until(lambda: relay.port.counters["received"] > received)
        await client.ice.check()
        assert stranger.ice.received == 0
        hello.cancel()
        await asyncio.gather(hello, return_exceptions=True)
        stranger.ice.close()


async def test_wrong_fingerprint_fails_with_a_reason():
    record = Record()
    async with relay_running() as relay:
        transport = relay.create(record)
        client = Client(relay, transport)
        other = Client(relay, transport)
        await client.ice.open()
        remote = client.remote()
        wrong = type(remote)(remote.ufrag, remote.pwd, other.remote().fingerprints, "active")
        transport.set_remote(wrong)
        await client.ice.check()
        await client.start(data=False)
        await until(lambda: transport.state == "failed")
        assert "fingerprint" in transport.reason
        assert transport.number not in relay.path.keys
        # The peer is told.
        await until(lambda: client.dtls.state == "closed")
        with pytest.raises(TransportClosedError):
            transport.restart_ice()
        await client.close()


async def test_handshake_time_limit_leaves_no_task():
    record = Record()
    async with relay_running(handshake_timeout=0.1) as relay:
        transport = relay.create(record)
        client = Client(relay, transport)
        await client.ice.open()
        transport.set_remote(client.remote())
        await client.ice.check()
        await until(lambda: transport.state == "failed")
        assert "time limit" in transport.reason
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("dtls")]
        await transport.close()
        client.ice.close()
    assert record.states == ["connecting", "failed"]


async def test_client_that_leaves_closes_the_transport():
    record = Record()
    async with relay_running() as relay, connected(relay, record) as (transport, client):
        await client.close()
        await until(lambda: transport.state == "closed")
        assert "closed by the peer" in transport.reason


async def test_close_tells_the_peer_and_is_idempotent():
    async with relay_running() as relay, connected(relay) as (transport, client):
        await asyncio.gather(transport.close(), transport.close())
        await until(lambda: client.dtls.state == "closed")
        assert len(relay.agent) == 0
        assert not relay.path.open
        assert not relay.path.bound


async def test_check_before_the_description_is_answered_and_remembered():
    async with relay_running() as relay:
        transport = relay.create()
        client = Client(relay, transport)
        await client.ice.open()
        await client.ice.check()
        assert transport.state == "new"
        start = asyncio.create_task(client.start())
        await until(lambda: relay.port.counters["received"] >= 2)
        transport.set_remote(client.remote())
        transport.set_data(SECTION)
        await until(lambda: transport.state == "connected")
        await start
        await client.close()


async def test_silence_disconnects_then_fails():
    record = Record()
    async with relay_running() as relay, connected(relay, record) as (transport, client):
        now = clock.monotonic()
        relay.tick(now + 16)
        assert transport.state == "disconnected"
        relay.stun(bytes(client.ice.request()), relay.path.target[transport.number], now + 17)
        assert transport.state == "connected"
        relay.tick(now + 50)
        assert transport.state == "failed"
        assert transport.reason == "no connectivity check from the peer"


async def test_data_section_may_come_later():
    async with relay_running() as relay, connected(relay, data=False) as (transport, client):
        transport.open_channels([ChannelSpec("late")])
        transport.set_remote(client.remote())
        transport.set_data(SECTION)
        await client.sctp.start(RTCSctpCapabilities(maxMessageSize=65536), 5000)
        await until(lambda: "late" in client.channels)


async def test_local_for_restarts_only_for_another_user_name():
    async with relay_running() as relay, connected(relay) as (transport, client):
        first = transport.local()
        same = f"v=0\r\na=ice-ufrag:{client.ice.local.ufrag}\r\na=ice-pwd:x\r\n"
        assert transport.local_for(same) == first
        assert transport.local_for("v=0\r\n") == first
        second = transport.local_for("v=0\r\na=ice-ufrag:other\r\n")
        assert second.ufrag != first.ufrag
        assert second.pwd != first.pwd
        assert second.candidates == first.candidates


async def test_local_shows_no_password():
    async with relay_running() as relay:
        transport = relay.create()
        local = transport.local()
        assert local.pwd not in repr(local) + repr(transport) + repr(relay.agent.credentials(1))


async def test_failing_listener_is_logged_and_the_transport_goes_on(caplog):
    async with relay_running() as relay, connected(relay) as (transport, client):
        transport._on_data = None  # calling it raises
        channel = RTCDataChannel(client.sctp, RTCDataChannelParameters(label="up"))
        await until(lambda: channel.readyState == "open")
        channel.send(b"x")
        await until(lambda: "listener of transport 1 failed" in caplog.text)
        assert transport.connected


@pytest.mark.parametrize("part", ["dtls", "data"])
async def test_a_defect_in_a_task_fails_this_transport_and_nothing_else(part, monkeypatch, caplog):
    async def broken(*_):
        raise KeyError("a defect")

    async with relay_running() as relay:
        transport = relay.create()
        monkeypatch.setattr(transport.dtls if part == "dtls" else transport.data, "start", broken)
        client = Client(relay, transport)
        await client.ice.open()
        transport.set_remote(client.remote("active"))
        await client.ice.check()
        if part == "data":
            await client.start("client", data=False)
            await until(lambda: transport.state == "connected")
            transport.set_data(SECTION)
        await until(lambda: transport.state == "failed")
        assert transport.reason.endswith("internal error")
        assert [record.exc_info for record in caplog.records if "raised KeyError" in record.message] == [None]
        await client.close()
        await transport.close()
