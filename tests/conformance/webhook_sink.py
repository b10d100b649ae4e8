"""A webhook receiver in a thread of its own: verifies signatures with the SDK's receiver, keeps the order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from livekit import api
from livekit.protocol.webhook import WebhookEvent


@dataclass(frozen=True)
class Delivery:
    """One request to the sink: the event (None if the signature was wrong), its error, its content type."""

    event: WebhookEvent | None
    error: str
    content_type: str


class WebhookSink:
    """Listens on 127.0.0.1; `port` 0 takes a free one. `answer` chooses the status of each delivery."""

    def __init__(self, port: int, key: str, secret: str) -> None:
        self.deliveries: list[Delivery] = []
        self.answer: Callable[[WebhookEvent | None], int] = lambda _event: 200
        self.delay: Callable[[], float] = lambda: 0.0
        receiver = api.WebhookReceiver(api.TokenVerifier(key, secret))
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                event, error = None, ""
                try:
                    event = receiver.receive(body, self.headers.get("Authorization", ""))
                except Exception as problem:
                    error = repr(problem)
                time.sleep(sink.delay())
                sink.deliveries.append(Delivery(event, error, self.headers.get("Content-Type", "")))
                self.send_response(sink.answer(event))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Address to give to the server under test."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/webhook"

    def events(self, room: str) -> list[WebhookEvent]:
        """Verified events of one room, in order of arrival."""
        return [
            delivery.event
            for delivery in list(self.deliveries)
            if delivery.event is not None and delivery.event.room.name == room
        ]

    def names(self, room: str, identity: str | None = None) -> list[str]:
        """Event names of one room in order of arrival, of one participant if given."""
        return [
            event.event
            for event in self.events(room)
            if identity is None or event.participant.identity == identity
        ]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
