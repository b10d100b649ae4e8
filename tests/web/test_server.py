from __future__ import annotations

import asyncio
import datetime
import os
import signal
import socket
import ssl
from pathlib import Path

import httpx
import pytest
from serving_harness import running

from web.assembly import Service
from web.certificates import ensure
from web.server import StartError, media_start_error, open_listener, serving, until_signal
from web.settings import Settings
from web.state import StateFolder
from web.tls import Tls


def test_all_addresses_get_the_same_port() -> None:
    listener = open_listener(["127.0.0.1", "::1"], 0)
    try:
        assert [sock.getsockname()[:2] for sock in listener.sockets] == [
            ("127.0.0.1", listener.port),
            ("::1", listener.port),
        ]
    finally:
        listener.close()


def test_without_addresses_both_families_listen() -> None:
    listener = open_listener([], 0)
    try:
        assert listener.sockets[0].family == socket.AF_INET
        assert {sock.getsockname()[0] for sock in listener.sockets} <= {"0.0.0.0", "::"}
    finally:
        listener.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_taken_port_is_said_in_one_sentence(address: str) -> None:
    first = open_listener([address], 0)
    try:
        for sock in first.sockets:
            sock.listen()
        with pytest.raises(StartError) as caught:
            open_listener([address], first.port)
        assert str(caught.value) == f"TCP port {first.port} of {address} is taken by another program"
    finally:
        first.close()


def test_a_foreign_address_is_said_in_one_sentence() -> None:
    with pytest.raises(StartError, match=r"203\.0\.113\.1 is not an address of this machine"):
        open_listener(["203.0.113.1"], 0)


def test_no_socket_is_left_when_one_cannot_be_opened() -> None:
    taken = open_listener(["::1"], 0)
    try:
        for sock in taken.sockets:
            sock.listen()
        with pytest.raises(StartError):
            open_listener(["127.0.0.1", "::1"], taken.port)
        again = open_listener(["127.0.0.1"], taken.port)
        again.close()
    finally:
        taken.close()


def test_media_errors_become_sentences() -> None:
    assert "UDP port 7882 of 127.0.0.1 is taken" in str(
        media_start_error(["127.0.0.1"], 7882, OSError(98, "Address already in use"))
    )
    assert "no address" in str(media_start_error([], 7882, ValueError("no address to listen on")))


@pytest.mark.parametrize("name", ["missing", "damaged", "swapped"])
def test_certificates_that_cannot_be_used_are_named(tmp_path: Path, name: str) -> None:
    issued = ensure(StateFolder(tmp_path), ["localhost"], datetime.datetime.now(datetime.UTC))
    (tmp_path / "damaged.pem").write_text("nothing")
    tls = {
        "missing": Tls(str(tmp_path / "none.pem"), issued.tls.key),
        "damaged": Tls(str(tmp_path / "damaged.pem"), issued.tls.key),
        "swapped": Tls(issued.tls.certificate, str(tmp_path / "tls" / "ca-key.pem")),
    }[name]
    assert tls.problem().startswith("the certificate")
    assert "none.pem is not there" in tls.problem() or name != "missing"


async def test_the_first_signal_ends_and_the_second_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "_exit", killed.append)
    loop = asyncio.get_running_loop()
    try:
        waiting = asyncio.create_task(until_signal())
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGINT)
        async with asyncio.timeout(10):
            await waiting
        assert killed == []
        os.kill(os.getpid(), signal.SIGINT)
        async with asyncio.timeout(10):
            while not killed:  # noqa: ASYNC110 - the handler runs on this loop
                await asyncio.sleep(0)
        assert killed == [128 + signal.SIGINT]
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def test_media_ports_that_are_taken_stop_the_start(settings: Settings, built: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"UDP port {port} of 127.0.0.1 is taken"):
            async with running(settings.with_values({"udp_port": port}), built):
                pass


async def test_http_and_https_are_served_together(settings: Settings, built: Path, tmp_path: Path) -> None:
    issued = ensure(StateFolder(tmp_path / "state"), ["127.0.0.1"], datetime.datetime.now(datetime.UTC))
    service = Service(settings, with_pages=True, built=built)
    plain, secure = open_listener(["127.0.0.1"], 0), open_listener(["127.0.0.1"], 0, issued.tls)
    app = service.app(secure.port)
    trust = ssl.create_default_context(cafile=str(issued.authority))
    lifespan = app.router.lifespan_context(app)
    try:
        async with (
            serving(app, lifespan, [plain, secure], service.half_open, service.relay.farewell),
            httpx.AsyncClient(verify=trust, trust_env=False) as client,
        ):
            for base in (f"http://127.0.0.1:{plain.port}", f"https://127.0.0.1:{secure.port}"):
                page = await client.get(f"{base}/meet/giao-ban")
                assert page.status_code == 200
                assert 'data-room="giao-ban"' in page.text
    finally:
        plain.close()
        secure.close()


async def test_at_the_end_clients_hear_a_farewell_and_nothing_is_left(
    settings: Settings, built: Path
) -> None:
    before = set(asyncio.all_tasks())
    async with running(settings, built) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    async with asyncio.timeout(10):
        await reader.read()
    writer.close()
    assert set(asyncio.all_tasks()) - before == set()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", server.port)
