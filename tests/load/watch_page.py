"""What a page itself sees and hears, and when, by its own clock in milliseconds since 1970.

The scripts poll every 20 ms inside the page, so that no round trip of the test's own is in the figures.
"""

from __future__ import annotations

import json
from typing import Final

from conformance.judges import BY_NAME

START: Final = """(() => {
  window.pressed = 0;
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-testid=member-give]")) window.pressed = Date.now();
  }, true);
})()"""
"""Notes in ``window.pressed`` when the floor is given."""


def watch(video: str, colour: str) -> str:
    """Notes in ``window.watched`` when a video first had that colour, and any sound its tone."""
    mark = BY_NAME[colour]
    return _WATCH % {"video": json.dumps(video), "rgb": json.dumps(list(mark.rgb)), "hertz": mark.hertz}


def hold(element: str, attribute: str, value: str) -> str:
    """Notes in ``window.held`` when an attribute first had a value, and when it had it last."""
    return _HOLD % {
        "element": json.dumps(element),
        "attribute": json.dumps(attribute),
        "value": json.dumps(value),
    }


_WATCH = """(() => {
  const seen = window.watched = { picture: 0, sound: 0 };
  const rgb = %(rgb)s;
  const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 18 });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const ear = new AudioContext();
  const size = 2048;
  const known = new Map();
  const picture = () => {
    const video = document.querySelector(%(video)s);
    if (!video || !video.videoWidth) return false;
    pen.drawImage(video, 0, 0, 32, 18);
    const { data } = pen.getImageData(8, 4, 16, 5);
    const sum = [0, 0, 0];
    for (let at = 0; at < data.length; at += 4) for (let c = 0; c < 3; c += 1) sum[c] += data[at + c];
    return Math.hypot(...sum.map((value, c) => value / (data.length / 4) - rgb[c])) < 60;
  };
  const sound = () => {
    void ear.resume();
    for (const element of document.querySelectorAll("audio")) {
      const stream = element.paused ? null : element.srcObject;
      if (!stream) continue;
      if (!known.has(stream)) {
        known.set(stream, new AnalyserNode(ear, { fftSize: size, smoothingTimeConstant: 0 }));
        ear.createMediaStreamSource(stream).connect(known.get(stream));
      }
      const levels = new Float32Array(size / 2);
      known.get(stream).getFloatFrequencyData(levels);
      const bin = Math.round((%(hertz)d * size) / ear.sampleRate);
      const near = Math.max(...levels.slice(bin - 1, bin + 2));
      const rest = Math.max(...levels.slice(4, bin - 4), ...levels.slice(bin + 5, 200));
      if (near > -60 && near > rest + 10) return true;
    }
    return false;
  };
  const timer = setInterval(() => {
    const now = Date.now();
    if (!seen.picture && picture()) seen.picture = now;
    if (!seen.sound && sound()) seen.sound = now;
    if (seen.picture && seen.sound) { clearInterval(timer); void ear.close(); }
  }, 20);
})()"""

_HOLD = """(() => {
  const held = window.held = { on: 0, off: 0 };
  setInterval(() => {
    const now = Date.now();
    const right = document.querySelector(%(element)s)?.getAttribute(%(attribute)s) === %(value)s;
    if (right && !held.on) held.on = now;
    if (right) held.off = now;
  }, 20);
})()"""
