// Participants on livekit-client for the conformance suite. The page judges nothing: it hands averages of
// pixels and samples of sound to Python, where one judge serves all clients.
"use strict";

const LK = window.LivekitClient;
const people = new Map();
const speaker = new AudioContext({ sampleRate: 48000 });
const ear = new AudioContext({ sampleRate: 16000 });
const MOST_KEPT = 2000;

/** Keeps a list from growing without a bound: the oldest go. */
function keep(list, item) {
  list.push(item);
  if (list.length > MOST_KEPT) list.shift();
}

/** A square of grey noise. */
function makeNoise(side) {
  const noise = new ImageData(side, side);
  const pixels = new Uint32Array(noise.data.buffer);
  for (let at = 0; at < pixels.length; at++) pixels[at] = (0xff << 24) | (Math.floor(90 + Math.random() * 70) * 0x010101);
  const canvas = new OffscreenCanvas(side, side);
  canvas.getContext("2d").putImageData(noise, 0, 0);
  return canvas;
}

const noise = makeNoise(1024);

/**
 * A canvas in one colour with a bar moving along its lower edge, as a media track. With `detail` a strip of it
 * is noise, so that a frame takes some packets.
 */
class Camera {
  constructor(rgb, width, height, fps, detail) {
    this.canvas = document.createElement("canvas");
    this.canvas.width = width;
    this.canvas.height = height;
    const paint = this.canvas.getContext("2d");
    let step = 0;
    this.draw = () => {
      paint.fillStyle = `rgb(${rgb.join(",")})`;
      paint.fillRect(0, 0, width, height);
      if (detail) {
        const [x, y, w, h] = [Math.random() * 60, Math.random() * 60, width / 2, height / 12];
        paint.drawImage(noise, x, y, w, h, 0, height - h, w, h);
      }
      paint.fillStyle = "white";
      paint.fillRect(((step++ % 20) * width) / 20, (height * 3) / 4, width / 20, height / 4);
    };
    this.draw();
    this.track = this.canvas.captureStream(fps).getVideoTracks()[0];
    this.timer = setInterval(this.draw, 1000 / fps);
  }

  stop() {
    clearInterval(this.timer);
    this.track.stop();
  }
}

/** An oscillator as a media track; `loud(false)` makes it silent. */
class Microphone {
  constructor(hertz) {
    this.oscillator = new OscillatorNode(speaker, { frequency: hertz });
    this.gain = new GainNode(speaker, { gain: 0.3 });
    const out = new MediaStreamAudioDestinationNode(speaker, { channelCount: 1 });
    this.oscillator.connect(this.gain).connect(out);
    this.oscillator.start();
    this.track = out.stream.getAudioTracks()[0];
  }

  loud(yes) {
    this.gain.gain.value = yes ? 0.3 : 0;
  }

  stop() {
    this.oscillator.stop();
    this.track.stop();
  }
}

/** Draws every frame of a remote video on a small canvas and keeps the average colour of its middle. */
class Picture {
  constructor(track) {
    this.track = track;
    this.element = track.attach();
    this.element.muted = true;
    document.body.append(this.element);
    this.frames = 0;
    this.averages = [];
    const canvas = new OffscreenCanvas(8, 8);
    const paint = canvas.getContext("2d", { willReadFrequently: true });
    const look = (_now, frame) => {
      if (this.stopped) return;
      this.frames++;
      this.width = frame.width;
      this.height = frame.height;
      const { width, height } = frame;
      paint.drawImage(this.element, width / 4, height / 4, width / 2, height / 4, 0, 0, 8, 8);
      const pixels = paint.getImageData(0, 0, 8, 8).data;
      const sum = [0, 0, 0];
      for (let at = 0; at < pixels.length; at += 4) for (let c = 0; c < 3; c++) sum[c] += pixels[at + c];
      keep(this.averages, sum.map((value) => Math.round(value / 64)));
      this.element.requestVideoFrameCallback(look);
    };
    this.element.requestVideoFrameCallback(look);
  }

  report() {
    return { frames: this.frames, width: this.width ?? 0, height: this.height ?? 0, averages: this.averages };
  }

  forget() {
    this.frames = 0;
    this.averages = [];
  }

  stop() {
    this.stopped = true;
    this.track.detach(this.element);
    this.element.remove();
  }
}

/** Newest quarter second of a remote sound, as 16-bit samples. */
class Sound {
  constructor(track) {
    this.track = track;
    // Chromium feeds a remote track to Web Audio only while some element plays it.
    this.element = track.attach();
    this.element.muted = true;
    this.source = ear.createMediaStreamSource(new MediaStream([track.mediaStreamTrack]));
    this.analyser = new AnalyserNode(ear, { fftSize: 4096 });
    this.source.connect(this.analyser);
  }

  report() {
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    return { samples: Array.from(samples, (value) => Math.round(value * 32767)), rate: ear.sampleRate };
  }

  stop() {
    this.source.disconnect();
    this.track.detach(this.element);
  }
}

/** What Python may see of an event's argument. */
function describe(value) {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return { bytes: value.length, text: new TextDecoder().decode(value.slice(0, 200)) };
  if (Array.isArray(value)) return value.map(describe);
  if (value instanceof LK.Participant) return { identity: value.identity, sid: value.sid };
  if (value instanceof LK.TrackPublication) {
    return { sid: value.trackSid, source: value.source, kind: value.kind, muted: value.isMuted };
  }
  if (value instanceof LK.Track) return { sid: value.sid, source: value.source, kind: value.kind };
  if (typeof value === "object") {
    return Object.fromEntries(Object.entries(value).filter(([, part]) => typeof part !== "object"));
  }
  return typeof value === "function" ? null : value;
}

/** One room of livekit-client and everything it was told, in order. */
class Person {
  constructor(identity, options) {
    this.identity = identity;
    this.room = new LK.Room(options);
    this.events = [];
    this.pictures = new Map();
    this.sounds = new Map();
    this.sources = [];
    for (const name of Object.values(LK.RoomEvent)) {
      this.room.on(name, (...given) => keep(this.events, [name, given.map(describe)]));
    }
    this.room.on(LK.RoomEvent.TrackSubscribed, (track, publication, participant) => {
      const watchers = track.kind === "video" ? this.pictures : this.sounds;
      const key = `${participant.identity}/${publication.source}`;
      watchers.get(key)?.stop();
      watchers.set(key, track.kind === "video" ? new Picture(track) : new Sound(track));
    });
    this.room.on(LK.RoomEvent.TrackUnsubscribed, (track, publication, participant) => {
      const watchers = track.kind === "video" ? this.pictures : this.sounds;
      const key = `${participant.identity}/${publication.source}`;
      if (watchers.get(key)?.track === track) {
        watchers.get(key).stop();
        watchers.delete(key);
      }
    });
  }

  async publishCamera({ rgb, width, height, fps, detail, ...options }) {
    const camera = new Camera(rgb, width, height, fps, detail);
    this.sources.push(camera);
    const publication = await this.room.localParticipant.publishTrack(camera.track, {
      source: LK.Track.Source.Camera,
      ...options,
    });
    return publication.trackSid;
  }

  async publishMicrophone({ hertz, loud, ...options }) {
    const microphone = new Microphone(hertz);
    microphone.loud(loud);
    this.sources.push(microphone);
    const publication = await this.room.localParticipant.publishTrack(microphone.track, {
      source: LK.Track.Source.Microphone,
      ...options,
    });
    return publication.trackSid;
  }

  publication(identity, source) {
    return this.room.remoteParticipants.get(identity)?.getTrackPublication(source);
  }

  async leave() {
    await this.room.disconnect();
    for (const watcher of [...this.pictures.values(), ...this.sounds.values()]) watcher.stop();
    for (const source of this.sources) source.stop();
  }
}

/** What every participant of the page sends and receives, for the report of a failed test. */
async function diagnose() {
  const lines = [`page ${document.visibilityState}, sound ${speaker.state} and ${ear.state}`];
  const wanted = ["framesEncoded", "framesSent", "framesDecoded", "keyFramesDecoded", "bytesSent", "bytesReceived"];
  for (const { identity, room } of people.values()) {
    for (const participant of [room.localParticipant, ...room.remoteParticipants.values()]) {
      for (const { trackSid, track } of participant.trackPublications.values()) {
        const stats = [...((await track?.getRTCStatsReport()) ?? new Map()).values()].filter((part) => /-rtp$/.test(part.type));
        const numbers = stats.map((part) => wanted.filter((name) => name in part).map((name) => `${name}=${part[name]}`));
        lines.push(`${identity}: ${participant.identity} ${trackSid} ${numbers.join(" | ")}`);
      }
    }
  }
  return lines.join("\n");
}

/** Makes a participant under a name; `encryption` is a shared passphrase for end-to-end encryption. */
async function make(identity, options, encryption) {
  await Promise.all([speaker.resume(), ear.resume()]);
  if (encryption) {
    const keyProvider = new LK.ExternalE2EEKeyProvider();
    await keyProvider.setKey(encryption);
    options = { ...options, encryption: { keyProvider, worker: new Worker("/client/livekit-client.e2ee.worker.js") } };
  }
  const person = new Person(identity, options);
  people.set(identity, person);
  if (encryption) await person.room.setE2EEEnabled(true);
}
