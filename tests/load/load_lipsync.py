"""How far apart a flash and its beep are behind the relay: in our client's sinks, and in Chromium.

An offset is the beep's instant minus the flash's, in seconds: positive means that the sound is late. Our
client's instants come from RTP timestamps and sender reports, so they tell what the relay did to the clocks.
Chromium's are those of presentation, its jitter buffers and their synchronisation included: for the picture
when the compositor is to show it (``expectedDisplayTime``), for the sound when its decoder's output is taken
for playing (``MediaStreamTrackProcessor``; a tap in Web Audio has a queue of its own, which was seen to grow
by 90 ms on a busy machine). The delays of panel and loudspeaker come after both.
"""

from __future__ import annotations

import asyncio
from typing import Any

from conformance.clients.browser import BrowserSite, Chromium
from conformance.waiting import until
from judges import brightness, offsets, onsets, rms

from load import load_people as people
from load.load_server import RelayServer
from media.rtp.sequences import timestamp_ahead
from signaling.client.lipsync import BeepMicrophone, FlashCamera
from signaling.client.room import RoomClient
from signaling.client.sinks import AudioSink, VideoSink
from signaling.client.subscribing import ReceivedTrack

LIMIT = 0.045
BRIGHT = 120
LOUD = 1000
SOURCE = "flasher"
SETTLE = 5.0
"""Seconds that Chromium has to bring the two streams together before counting begins."""

# Instants of flashes and beeps in milliseconds of `performance.now`.
WATCH = """async (person, LK, name) => {
  const flashes = [], beeps = [];
  const { element } = person.pictures.get(`${name}/camera`);
  const canvas = new OffscreenCanvas(8, 8);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  let dark = true;
  const look = (now, frame) => {
    pen.drawImage(element, 0, 0, 8, 8);
    const light = pen.getImageData(4, 4, 1, 1).data[1] > 120;
    if (light && dark) flashes.push(frame.expectedDisplayTime);
    dark = !light;
    element.requestVideoFrameCallback(look);
  };
  element.requestVideoFrameCallback(look);
  const track = person.sounds.get(`${name}/microphone`).track.mediaStreamTrack;
  const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
  const listen = async () => {
    let quiet = 0;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const now = performance.now(), rate = value.sampleRate;
      const samples = new Float32Array(value.numberOfFrames);
      value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
      value.close();
      for (let at = 0; at < samples.length; at++) {
        if (Math.abs(samples[at]) < 0.05) { quiet++; continue; }
        if (quiet > rate * 0.3) beeps.push(now - ((samples.length - at) / rate) * 1000);
        quiet = 0;
      }
    }
  };
  listen();
  person.lips = () => ({ flashes, beeps });
}"""


async def flasher(server: RelayServer) -> RoomClient:
    """Our client with a camera that flashes and a microphone that beeps at the same instants."""
    client = await people.join(server, SOURCE, auto_subscribe=False)
    await client.publish(FlashCamera())
    await client.publish(BeepMicrophone())
    return client


async def in_client(server: RelayServer, seconds: float) -> list[float]:
    """Offsets in our client's sinks, one for each flash."""
    viewer = await people.join(server, "viewer")
    async with people.closing(viewer):
        source = await flasher(server)
        async with people.closing(source):
            video = await people.received(viewer, SOURCE, people.CAMERA)
            audio = await people.received(viewer, SOURCE, people.MICROPHONE)
            light: list[tuple[int, float]] = []
            loud: list[tuple[int, float]] = []
            VideoSink(video, on_picture=lambda pic, frame: light.append((frame.timestamp, brightness(pic))))
            AudioSink(audio, on_samples=lambda pcm, frame: loud.append((frame.timestamp, rms(pcm))))
            await asyncio.sleep(seconds)
            flashes = onsets(_instants(video, light, 90_000), BRIGHT)
            beeps = onsets(_instants(audio, loud, 48_000), LOUD)
            return [round(offset, 5) for offset in offsets(flashes, beeps)]


def _instants(track: ReceivedTrack, values: list[tuple[int, float]], rate: int) -> list[tuple[float, float]]:
    """RTP timestamps as seconds of the sender's clock, by the newest sender report (RFC 3550, 6.4.1)."""
    stream = track.stream
    if stream is None or stream.sender_report is None:
        return []
    ntp, timestamp, _ = stream.sender_report
    seconds = (ntp >> 32) % 100_000 + (ntp & 0xFFFFFFFF) / 2**32
    return [(seconds + timestamp_ahead(at, timestamp) / rate, value) for at, value in values]


async def _estimated(browser: BrowserSite, seconds: float) -> list[float]:
    """Once a second: how much later than the picture the sound plays, by the browser's own account.

    ``estimatedPlayoutTimestamp`` is the sender's clock of what is being played now; where the picture's is
    ahead of the sound's, the sound is late by that much.
    """
    found = []
    for _ in range(int(seconds)):
        await asyncio.sleep(1.0)
        video = await people.stats(browser, SOURCE, "camera") or {}
        audio = await people.stats(browser, SOURCE, "microphone") or {}
        if "estimatedPlayoutTimestamp" in video and "estimatedPlayoutTimestamp" in audio:
            shown = video["estimatedPlayoutTimestamp"] - video["timestamp"]
            heard = audio["estimatedPlayoutTimestamp"] - audio["timestamp"]
            found.append(round((shown - heard) / 1000, 5))
    return found


async def in_browser(chromium: Chromium, server: RelayServer, seconds: float) -> dict[str, Any]:
    """Offsets in Chromium, one for each flash, with its jitter buffers' delays."""
    source = await flasher(server)
    async with people.closing(source):
        browser = await people.browser_joins(chromium, server, "browser")
        try:
            flows = """(person, LK, name) => (person.pictures.get(`${name}/camera`)?.frames ?? 0) > 10
              && person.sounds.has(`${name}/microphone`)"""
            await browser.value(flows, SOURCE, within=20)
            await browser.do(WATCH, SOURCE)
            await asyncio.sleep(SETTLE)
            estimated = asyncio.create_task(_estimated(browser, seconds))
            skipped = len((await browser.do("(person) => person.lips()"))["flashes"])

            async def enough() -> bool:
                told = await browser.do("(person) => person.lips()")
                return len(told["flashes"]) >= skipped + seconds and len(told["beeps"]) >= skipped

            await until(enough, "flashes and beeps in Chromium", within=seconds * 2 + 10, every=0.5)
            await asyncio.sleep(0.5)  # The beep of the last flash.
            told = await browser.do("(person) => person.lips()")
            flashes = [at / 1000 for at in told["flashes"][skipped:]]
            beeps = [at / 1000 for at in told["beeps"]]
            return {
                "offsets": [round(offset, 5) for offset in offsets(flashes, beeps)],
                "estimated_offsets": await estimated,
                "video": await people.stats(browser, SOURCE, "camera"),
                "audio": await people.stats(browser, SOURCE, "microphone"),
            }
        finally:
            await browser.leave()
            await browser.page.close()
