"""What a viewer in Chromium gets over a line that loses datagrams: freezes, repairs, concealed sound."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from conformance.clients.browser import BrowserSite, Chromium
from conformance.waiting import until

from load import load_people as people
from load.load_datagrams import DatagramRelay
from load.load_evidence import judge
from load.load_server import RelayServer
from media.ports import Kind
from signaling.client.encoders import VIDEO_CLOCK, Planes, VideoEncoder
from signaling.client.sources import EncodedFrame, Layer
from signaling.client.synthetic import Paced, SyntheticMicrophone
from signaling.client.tone import ToneSpec

FRONT = "127.0.0.2"
LOSS = 0.05
CONCEALED = 0.03
VIDEO = Layer("", 640, 360, 700_000)
STILL = 1.0
STEADY = 3.0
"""Seconds of media before counting begins: the first frames and the sound's start are not the subject."""

Figures = dict[str, Any]

# Freezes are counted by the browser only when the next frame comes; this tells of a picture that stands.
STILLS = """(person) => {
  const { element } = person.pictures.get("publisher/camera");
  let last = performance.now(), longest = 0;
  const note = (now) => {
    longest = Math.max(longest, now - last);
    last = now;
    element.requestVideoFrameCallback(note);
  };
  element.requestVideoFrameCallback(note);
  person.stills = () => Math.max(longest, performance.now() - last) / 1000;
}"""


class NoisyCamera(Paced):
    """A live encoder on a picture whose upper part is noise: it spends its bitrate, and a keyframe comes
    only when one is asked for, so that a packet that stays lost is seen."""

    kind = Kind.VIDEO
    codec = "video/vp8"

    def __init__(self, fps: int = 15) -> None:
        super().__init__(1.0 / fps)
        self.layers = (VIDEO,)
        width, height = VIDEO.width, VIDEO.height
        self._encoder = VideoEncoder(self.codec, width, height, fps, VIDEO.bitrate)
        rng = random.Random(7)
        grey = bytes([128]) * (width // 2 * (height // 2))
        noisy = width * (height // 6)
        self._pictures = [
            Planes(
                width,
                height,
                bytes(value // 4 + 96 for value in rng.randbytes(noisy))
                + bytes([90]) * (width * height - noisy),
                grey,
                grey,
            )
            for _ in range(8)
        ]
        self._keyframe = True

    def request_keyframe(self, rid: str) -> None:
        """The next frame is a keyframe."""
        self._keyframe = True

    def enable(self, rids: frozenset[str]) -> None:
        """One layer only."""

    async def step(self, number: int, due: float) -> None:
        """Send the picture of this instant."""
        pts = round(due * VIDEO_CLOCK)
        data, keyframe = self._encoder.encode(self._pictures[number % 8], pts, self._keyframe)
        self._keyframe = False
        self.emit(EncodedFrame("", data, pts & 0xFFFFFFFF, due, keyframe))


async def measure(
    chromium: Chromium, folder: Path, *, seconds: float, loss: float, browser_publishes: bool
) -> Figures:
    """One run; what the browser's statistics gained in ``seconds``, with every second's totals."""
    with RelayServer(folder, node_ip=FRONT) as server:
        front = (FRONT, server.udp_port)
        with DatagramRelay(front, ("127.0.0.1", server.udp_port), loss) as line:
            publishing = _browser_publishes if browser_publishes else _client_publishes
            async with publishing(chromium, server, line):
                viewer = await people.browser_joins(chromium, server, "viewer")
                try:
                    return await _count(viewer, server, line, seconds)
                finally:
                    await viewer.leave()
                    await viewer.page.close()


@contextlib.asynccontextmanager
async def _browser_publishes(
    chromium: Chromium, server: RelayServer, line: DatagramRelay
) -> AsyncIterator[None]:
    publisher = await people.browser_joins(chromium, server, "publisher")
    encoding = {"maxBitrate": VIDEO.bitrate, "maxFramerate": 15}
    size = {"width": VIDEO.width, "height": VIDEO.height}
    try:
        await publisher.publish_camera("red", fps=15, detail=True, videoEncoding=encoding, **size)
        await publisher.publish_microphone("red")
        yield
    finally:
        await publisher.leave()
        await publisher.page.close()


@contextlib.asynccontextmanager
async def _client_publishes(
    chromium: Chromium, server: RelayServer, line: DatagramRelay
) -> AsyncIterator[None]:
    """Our client, whose own line is clean: what is lost is lost between relay and viewer."""
    client = await people.join(server, "publisher", auto_subscribe=False)
    async with people.closing(client):
        await client.publish(NoisyCamera())
        await client.publish(SyntheticMicrophone(ToneSpec(500, silence=0.0)))
        line.spare_present()
        yield


async def _count(viewer: BrowserSite, server: RelayServer, line: DatagramRelay, seconds: float) -> Figures:
    async def both() -> tuple[Figures, Figures] | None:
        picture = await people.stats(viewer, "publisher", "camera")
        sound = await people.stats(viewer, "publisher", "microphone")
        if not picture or not sound:
            return None
        return (
            (picture, sound) if picture.get("framesDecoded") and sound.get("totalSamplesReceived") else None
        )

    await until(both, "the viewer gets picture and sound", within=30)
    await asyncio.sleep(STEADY)
    await viewer.do(STILLS)
    before_server = await asyncio.to_thread(server.metrics)
    first = await both()
    assert first is not None, "tracks do not vanish"
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    series = []
    last = first
    while loop.time() < end:
        await asyncio.sleep(min(1.0, max(0.05, end - loop.time())))
        last = await both() or last
        series.append([{name: part.get(name, 0) for name in KEPT} for part in last])
    after_server = await asyncio.to_thread(server.metrics)
    gained = [
        {name: after[name] - before.get(name, 0) for name in after}
        for before, after in zip(first, last, strict=True)
    ]
    video, audio = gained
    heard = audio["concealedSamples"] - audio.get("silentConcealedSamples", 0)
    return {
        "seconds": seconds,
        "longest_still_seconds": await viewer.do("(person) => person.stills()"),
        "freezes": video["freezeCount"],
        "freeze_seconds": round(video["totalFreezesDuration"], 3),
        "retransmitted_packets_received": video.get("retransmittedPacketsReceived", 0),
        "frames_decoded": video["framesDecoded"],
        "video_packets_received": video["packetsReceived"],
        "video_packets_lost": video["packetsLost"],
        "concealed_share": round(heard / max(1, audio["totalSamplesReceived"]), 5),
        "concealment_events": audio["concealmentEvents"],
        "audio_packets_received": audio["packetsReceived"],
        "audio_packets_lost": audio["packetsLost"],
        "audio_nacks": audio.get("nackCount", 0),
        "line": line.totals(),
        "relay": {
            name: after_server[name] - before_server.get(name, 0)
            for name in after_server
            if name.startswith(("packets_", "retransmitted", "plis", "dropped", "udp_"))
        },
        "loop_lag_worst_seconds": after_server.get("diemcau_loop_lag_worst_seconds"),
        "last_video": last[0],
        "last_audio": last[1],
        "every_second": series,
    }


KEPT = (
    "packetsReceived",
    "packetsLost",
    "retransmittedPacketsReceived",
    "framesDecoded",
    "keyFramesDecoded",
    "freezeCount",
    "totalFreezesDuration",
    "nackCount",
    "pliCount",
    "totalSamplesReceived",
    "concealedSamples",
    "silentConcealedSamples",
    "concealmentEvents",
)


def judgements(name: str, figures: Figures) -> dict[str, dict[str, Any]]:
    """The targets of one run with loss."""
    share = figures["concealed_share"]
    still = round(figures["longest_still_seconds"], 3)
    again = figures["retransmitted_packets_received"]
    return {
        f"{name}: freezes": judge(figures["freezes"], "0", figures["freezes"] == 0),
        f"{name}: seconds frozen": judge(figures["freeze_seconds"], "0", figures["freeze_seconds"] == 0),
        f"{name}: longest still picture": judge(still, f"under {STILL} s", still < STILL),
        f"{name}: retransmitted packets received": judge(again, "over 0", again > 0),
        f"{name}: share of sound concealed": judge(share, f"under {CONCEALED}", share < CONCEALED),
    }
