"""``/metrics`` and ``/healthz``: what the process is doing, read when it is asked.

Labels are bounded: names of counters, never rooms, people or addresses.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import psutil
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from web.health import BUCKETS, LagMeter

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
MAX_COUNTERS: Final = 300
_NAME: Final = re.compile(r"[^a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Reading:
    """The service at one moment. ``gauges`` and ``totals`` by metric name; ``media`` by counter name."""

    version: str
    path: str
    gauges: Mapping[str, float]
    totals: Mapping[str, float] = field(default_factory=dict)
    media: Mapping[str, int] = field(default_factory=dict)
    joins: Mapping[str, int] = field(default_factory=dict)


_HELP: Final = {
    "rooms": "Rooms that are open.",
    "participants": "Participants in all rooms.",
    "tracks": "Tracks announced in all rooms.",
    "signal_sessions": "WebSockets of participants.",
    "transports": "Media connections; a participant has up to two.",
    "sources": "RTP streams that come in.",
    "subscriptions": "Tracks that are sent to somebody.",
    "half_open_connections": "Connections that have not sent a whole request yet.",
    "webhooks_pending": "Notices that wait to be delivered.",
    "webhooks_lost": "Notices that were dropped or given up.",
    "half_open_evicted": "Half-open connections closed to make room.",
    "half_open_timed_out": "Half-open connections closed because their request did not come.",
    "stalled_connections": "Connections closed because their peer did not read the answer.",
}


class ServiceCollector(Collector):
    """Turns a reading into metric families."""

    def __init__(self, read: Callable[[], Reading], lag: LagMeter, now: Callable[[], float]) -> None:
        self._read = read
        self._lag = lag
        self._now = now
        self._process = psutil.Process()

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        reading = self._read()
        info = GaugeMetricFamily(
            "diemcau_build_info", "Version and packet path in use.", labels=["version", "path"]
        )
        info.add_metric([reading.version, reading.path], 1)
        yield info
        for name, value in sorted(reading.gauges.items()):
            yield GaugeMetricFamily(f"diemcau_{name}", _HELP.get(name, name), value=value)
        for name, value in sorted(reading.totals.items()):
            yield CounterMetricFamily(f"diemcau_{name}", _HELP.get(name, name), value=value)
        yield _labelled(
            "diemcau_media_events", "Counters of sockets and packet path.", "event", reading.media
        )
        yield _labelled(
            "diemcau_join_answers", "Answers to requests to join, by code.", "code", reading.joins
        )
        yield from self._loop()
        yield from self._resources()

    def _loop(self) -> Iterator[Metric]:
        worst = self._lag.worst(self._now())
        yield GaugeMetricFamily(
            "diemcau_loop_lag_worst_seconds", "Longest lag of the event loop lately.", value=worst
        )
        buckets = []
        total = 0
        for bound, count in zip([*map(str, BUCKETS), "+Inf"], self._lag.counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        histogram = HistogramMetricFamily("diemcau_loop_lag_seconds", "Lag of the event loop.")
        histogram.add_metric([], buckets, sum_value=self._lag.total)
        yield histogram

    def _resources(self) -> Iterator[Metric]:
        process = self._process
        with process.oneshot():
            times = process.cpu_times()
            memory = process.memory_info().rss
            threads = process.num_threads()
        yield CounterMetricFamily(
            "process_cpu_seconds", "Processor time of this process.", value=times.user + times.system
        )
        yield GaugeMetricFamily("process_resident_memory_bytes", "Memory of this process.", value=memory)
        yield GaugeMetricFamily("process_threads", "Threads of this process.", value=threads)
        yield GaugeMetricFamily("diemcau_asyncio_tasks", "Tasks of the event loop.", value=_tasks())
        yield GaugeMetricFamily("process_open_fds", "Open files and sockets.", value=process.num_fds())
        yield GaugeMetricFamily(
            "process_start_time_seconds", "Start, in Unix time.", value=process.create_time()
        )


def _tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return 0  # Asked from outside of the loop.


def _labelled(name: str, text: str, label: str, values: Mapping[str, float]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, value in sorted(values.items())[:MAX_COUNTERS]:
        family.add_metric([_NAME.sub("_", key.lower())[:60]], value)
    return family


class Observability:
    """The two routes. ``networks`` may see all; others learn only that the service is alive."""

    def __init__(
        self,
        read: Callable[[], Reading],
        lag: LagMeter,
        now: Callable[[], float],
        networks: Sequence[str],
    ) -> None:
        self._read = read
        self._lag = lag
        self._now = now
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(ServiceCollector(read, lag, now))

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        return [
            Route("/healthz", self._health, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
        ]

    def trusts(self, address: str) -> bool:
        """Whether a caller at ``address`` may see all."""
        try:
            caller = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(caller, ipaddress.IPv6Address) and caller.ipv4_mapped is not None:
            caller = caller.ipv4_mapped
        return any(caller in network for network in self._networks)

    async def _health(self, request: Request) -> Response:
        headers = {"Cache-Control": "no-store"}
        if not self.trusts(request.client.host if request.client else ""):
            return JSONResponse({"status": "ok"}, headers=headers)
        reading = self._read()
        gauges = reading.gauges
        return JSONResponse(
            {
                "status": "ok",
                "version": reading.version,
                "path": reading.path,
                "loop_lag_ms": round(self._lag.worst(self._now()) * 1000, 1),
                "rooms": int(gauges.get("rooms", 0)),
                "participants": int(gauges.get("participants", 0)),
            },
            headers=headers,
        )

    async def _metrics(self, request: Request) -> Response:
        if not self.trusts(request.client.host if request.client else ""):
            return Response("forbidden\n", status_code=403, media_type="text/plain")
        return Response(
            generate_latest(self._registry),
            headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"},
        )
