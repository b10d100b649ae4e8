"""A datagram relay that loses packets by a seeded chance, and can change its ports as a NAT's reboot does.

It listens where clients are told to send (``--node-ip`` of the server under test) and has one socket
towards the server for each client, so the server sees as many addresses as there are clients.
"""

from __future__ import annotations

import random
import selectors
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field

Address = tuple[str, int]
MAX_FLOWS = 256
BATCH = 64
BUFFER = 2 * 1024 * 1024


@dataclass(eq=False)
class Flow:
    """One client's way: its socket towards the server, and how often something was lost on it."""

    client: Address
    socket: socket.socket
    spared: bool = False
    counts: Counter[str] = field(default_factory=Counter)


class DatagramRelay:
    """Runs in a thread between ``start`` and ``close``. ``loss`` is a share from 0 to 1, for each way."""

    def __init__(self, listen: Address, server: Address, loss: float = 0.0, seed: int = 1) -> None:
        self.loss = loss
        self._server = server
        self._rngs = {"up": random.Random(seed), "down": random.Random(seed + 1)}
        self._lock = threading.Lock()
        self._flows: dict[Address, Flow] = {}
        self._selector = selectors.DefaultSelector()
        self._front = _open(listen)
        self._selector.register(self._front, selectors.EVENT_READ, None)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="datagram relay", daemon=True)

    def start(self) -> DatagramRelay:
        """Begin to carry datagrams."""
        self._thread.start()
        return self

    def __enter__(self) -> DatagramRelay:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop and close every socket."""
        self._stopping = True
        self._thread.join()
        with self._lock:
            for flow in self._flows.values():
                flow.socket.close()
        self._front.close()
        self._selector.close()

    def spare_present(self) -> None:
        """Whoever has sent something so far loses nothing from now on."""
        with self._lock:
            for flow in self._flows.values():
                flow.spared = True

    def move_ports(self) -> int:
        """From now on every client comes to the server from another port; how many clients there are."""
        with self._lock:
            for flow in self._flows.values():
                # The old one is closed last, so that the system does not give the same port again.
                old = flow.socket
                self._selector.unregister(old)
                flow.socket = self._towards_server(flow)
                old.close()
            return len(self._flows)

    def totals(self) -> dict[str, dict[str, int]]:
        """Datagrams carried and lost each way, on lines with loss and on spared ones."""
        with self._lock:
            result: dict[str, Counter[str]] = {"lossy": Counter(), "spared": Counter()}
            for flow in self._flows.values():
                result["spared" if flow.spared else "lossy"].update(flow.counts)
        return {name: dict(counts) for name, counts in result.items()}

    # -- the thread ----------------------------------------------------------------

    def _towards_server(self, flow: Flow) -> socket.socket:
        made = _open(("127.0.0.1", 0))
        made.connect(self._server)
        self._selector.register(made, selectors.EVENT_READ, flow)
        return made

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select(0.1):
                with self._lock:
                    if key.data is None:
                        self._from_clients()
                    elif key.fileobj is key.data.socket:
                        self._from_server(key.data)

    def _from_clients(self) -> None:
        for _ in range(BATCH):
            try:
                data, client = self._front.recvfrom(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            flow = self._flows.get(client)
            if flow is None:
                if len(self._flows) >= MAX_FLOWS:
                    continue
                flow = Flow(client, self._front)
                flow.socket = self._towards_server(flow)
                self._flows[client] = flow
            if self._passes(flow, "up"):
                try:
                    flow.socket.send(data)
                except (BlockingIOError, ConnectionRefusedError):
                    flow.counts["up_refused"] += 1

    def _from_server(self, flow: Flow) -> None:
        for _ in range(BATCH):
            try:
                data = flow.socket.recv(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if self._passes(flow, "down"):
                try:
                    self._front.sendto(data, flow.client)
                except (BlockingIOError, ConnectionRefusedError):
                    flow.counts["down_refused"] += 1

    def _passes(self, flow: Flow, way: str) -> bool:
        if not flow.spared and self._rngs[way].random() < self.loss:
            flow.counts[f"{way}_lost"] += 1
            return False
        flow.counts[way] += 1
        return True


def _open(address: Address) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        made.setsockopt(socket.SOL_SOCKET, option, BUFFER)
    made.bind(address)
    return made
