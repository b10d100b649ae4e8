"""The UDP port on real loopback sockets."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest
from transport_harness import nothing_left, until

from media.udp import BATCH, MAX_DATAGRAM, UdpPort


class Inbox:
    def __init__(self) -> None:
        self.batches: list = []

    def __call__(self, batch, now) -> None:
        self.batches.append((batch, now))

    @property
    def datagrams(self):
        return [item for batch, _ in self.batches for item in batch]


def client(host="127.0.0.1"):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    sock.settimeout(5)
    return sock


async def test_receives_and_answers_on_every_address():
    async with nothing_left():
        inbox = Inbox()
        port = UdpPort(["127.0.0.1", "127.0.0.2", "::1"], 0, inbox, now=lambda: 42.0)
        port.open()
        assert port.port
        for index, host in enumerate(port.addresses):
            with client(host if ":" in host else "127.0.0.1") as sock:
                sock.sendto(b"question", (host, port.port))
                await until(lambda: inbox.batches)
                [([(data, address)], now)] = inbox.batches
                assert (data, now) == (b"question", 42.0)
                assert address == (index, *sock.getsockname()[:2])
                port.send([(b"answer", address)])
                answer, source = sock.recvfrom(100)
                assert (answer, source[:2]) == (b"answer", (host, port.port))
            inbox.batches.clear()
        assert port.counters == {"received": 3, "sent": 3}
        assert len(port.granted) == 3
        assert all(receive > 0 and send > 0 for receive, send in port.granted)
        port.close()
        port.close()


async def test_reads_in_batches():
    inbox = Inbox()
    port = UdpPort(["127.0.0.1"], 0, inbox)
    port.open()
    with client() as sock:
        for number in range(BATCH + 10):
            sock.sendto(bytes([number]), ("127.0.0.1", port.port))
    await until(lambda: len(inbox.datagrams) == BATCH + 10)
    assert [data[0] for data, _ in inbox.datagrams] == list(range(BATCH + 10))
    assert max(len(batch) for batch, _ in inbox.batches) == BATCH
    port.close()


async def test_cuts_what_is_too_long():
    inbox = Inbox()
    port = UdpPort(["127.0.0.1"], 0, inbox)
    port.open()
    with client() as sock:
        sock.sendto(bytes(MAX_DATAGRAM + 1), ("127.0.0.1", port.port))
        sock.sendto(b"", ("127.0.0.1", port.port))
    await until(lambda: len(inbox.datagrams) == 2)
    assert [len(data) for data, _ in inbox.datagrams] == [MAX_DATAGRAM, 0]
    port.close()


async def test_send_counts_what_cannot_go_and_never_raises():
    port = UdpPort(["127.0.0.1"], 0, Inbox())
    port.open()
    with client() as sock:
        good = (b"x", (0, *sock.getsockname()))
        port.send([good, (b"x", (1, "127.0.0.1", 9)), (b"x", (-1, "127.0.0.1", 9)), good])
        port.send([(bytes(70000), good[1]), good])
        port.send([(b"x", (0, "127.0.0.1", 0)), good])
        for _ in range(4):
            assert sock.recv(10) == b"x"
    assert port.counters["sent"] == 4
    assert port.counters["send no such socket"] == 2
    assert port.counters["send EMSGSIZE"] == 1
    assert port.counters["send EINVAL"] == 1
    port.close()


class Refusing:
    """A socket whose buffer is full, or whose peer is gone."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    def sendto(self, data, address):
        raise self.error

    def recvfrom(self, size):
        error, self.error = self.error, BlockingIOError()
        raise error

    def close(self):
        pass


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (BlockingIOError(), {"send buffer full": 1}),
        (OSError(errno.ENOBUFS, ""), {"send buffer full": 1}),
        (OSError(errno.ENETUNREACH, ""), {"send ENETUNREACH": 1}),
        (OSError(errno.ECONNREFUSED, ""), {}),
        (OSError("no number"), {"send OSError": 1}),
    ],
)
def test_errors_of_send_are_counted_by_name(error, counted):
    port = UdpPort(["127.0.0.1"], 0, Inbox())
    port._sockets = [Refusing(error)]
    port.send([(b"x", (0, "127.0.0.1", 9))])
    assert {k: v for k, v in port.counters.items() if v} == counted


def test_errors_of_receive_are_counted_and_reading_goes_on():
    inbox = Inbox()
    port = UdpPort(["127.0.0.1"], 0, inbox)
    port._read(0, Refusing(OSError(errno.EHOSTUNREACH, "")))
    assert port.counters == {"receive EHOSTUNREACH": 1}
    assert inbox.batches == []


async def test_taken_port_names_the_address_and_leaves_nothing():
    with client() as sock:
        taken = sock.getsockname()[1]
        port = UdpPort(["127.0.0.2", "127.0.0.1"], taken, Inbox())
        with pytest.raises(OSError, match=f"127.0.0.1 port {taken}"):
            port.open()
        other = client("127.0.0.2")
        other.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind(("127.0.0.2", taken))


@pytest.mark.parametrize("addresses", [[], ["nonsense"]])
async def test_bad_addresses(addresses):
    with pytest.raises(ValueError, match=r"address|nonsense"):
        UdpPort(addresses, 0, Inbox()).open()


async def test_chooses_another_port_when_the_first_choice_is_taken_elsewhere(monkeypatch):
    import media.udp

    bound, real = [], media.udp._bound

    def sometimes_taken(address, port, size):
        bound.append((address, port))
        if len(bound) == 2:
            raise OSError(errno.EADDRINUSE, "taken")
        return real(address, port, size)

    monkeypatch.setattr(media.udp, "_bound", sometimes_taken)
    port = UdpPort(["127.0.0.1", "127.0.0.2"], 0, Inbox())
    port.open()
    assert [p for _, p in bound][::2] == [0, 0]
    assert len(bound) == 4
    port.close()


async def test_closed_port_reads_no_more():
    async with nothing_left():
        inbox = Inbox()
        port = UdpPort(["127.0.0.1"], 0, inbox)
        port.open()
        port.close()
        with client() as sock:
            sock.sendto(b"x", ("127.0.0.1", port.port))
        await asyncio.sleep(0)
        assert inbox.batches == []
        port.send([(b"x", (0, "127.0.0.1", 9))])
        assert port.counters["send no such socket"] == 1
