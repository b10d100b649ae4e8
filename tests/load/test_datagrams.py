"""The lossy datagram relay itself: it loses what it should, by seed, and can change its ports."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from load.load_datagrams import DatagramRelay

FRONT = "127.0.0.2"


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(5)
        yield made


@pytest.fixture
def client() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.settimeout(5)
        yield made


def relay(server: socket.socket, loss: float = 0.0, seed: int = 1) -> DatagramRelay:
    address = server.getsockname()
    return DatagramRelay((FRONT, address[1]), address, loss, seed)


def arrived(loss: float, seed: int) -> list[int]:
    """Which of a hundred numbered datagrams come through; the last one is repeated until it does."""
    kind = (socket.AF_INET, socket.SOCK_DGRAM)
    with socket.socket(*kind) as server, socket.socket(*kind) as client:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        with relay(server, loss, seed):
            front = (FRONT, server.getsockname()[1])
            found: list[int] = []
            for number in range(100):
                client.sendto(bytes([number]), front)
            while not found or found[-1] != 200:
                client.sendto(bytes([200]), front)
                found.append(server.recv(10)[0])
    return found[:-1]


def test_datagrams_go_both_ways(server: socket.socket, client: socket.socket) -> None:
    with relay(server) as line:
        client.sendto(b"there", (FRONT, server.getsockname()[1]))
        data, address = server.recvfrom(10)
        assert data == b"there"
        server.sendto(b"back", address)
        assert client.recvfrom(10) == (b"back", (FRONT, server.getsockname()[1]))
        assert line.totals()["lossy"] == {"up": 1, "down": 1}


def test_what_is_lost_is_told_by_the_seed() -> None:
    first = arrived(0.3, 5)
    assert 50 < len(first) < 90
    assert arrived(0.3, 5) == first
    assert arrived(0.3, 6) != first
    assert arrived(0.0, 5) == list(range(100))


def test_a_spared_client_loses_nothing(server: socket.socket, client: socket.socket) -> None:
    front = (FRONT, server.getsockname()[1])
    with relay(server) as line:
        client.sendto(b"first", front)
        server.recv(10)
        line.spare_present()
        line.loss = 1.0
        client.sendto(b"second", front)
        assert server.recv(10) == b"second"
        assert line.totals()["spared"]["up"] == 2


def test_after_a_move_the_server_sees_another_port(server: socket.socket, client: socket.socket) -> None:
    front = (FRONT, server.getsockname()[1])
    with relay(server) as line:
        client.sendto(b"one", front)
        before = server.recvfrom(10)[1]
        assert line.move_ports() == 1
        client.sendto(b"two", front)
        data, after = server.recvfrom(10)
        assert (data, after != before) == (b"two", True)
        server.sendto(b"back", after)
        assert client.recv(10) == b"back"
