/**
 * What this place sends: microphone, camera and a shared screen. Capturing is one thing (capture.ts),
 * publishing another: `reconcile` brings what the room has from us in line with what we want it to have,
 * however often either changes, so a rejoin and a replugged cable take the same path.
 */
import { LocalAudioTrack, LocalVideoTrack, Track, VideoPresets, type Room } from "livekit-client";
import { Capture, OFF, type CaptureState, type MediaPort } from "./capture";
import type { DeviceChoice } from "./devices";
import { maySend } from "./rights";

export type ShareProblem = "refused" | "failed" | "unsupported";

export interface LocalState {
  readonly microphone: CaptureState;
  /** True while our microphone is meant to be heard. */
  readonly microphoneOn: boolean;
  readonly camera: CaptureState;
  readonly sharing: "off" | "starting" | "on";
  readonly shareProblem: ShareProblem | null;
}

export const LOCAL_OFF: LocalState = {
  microphone: OFF,
  microphoneOn: true,
  camera: OFF,
  sharing: "off",
  shareProblem: null,
};

export type ScreenPort = (constraints: DisplayMediaStreamOptions) => Promise<MediaStream>;

const AUDIO: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};
const VIDEO: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 25, max: 30 },
};
const SCREEN: DisplayMediaStreamOptions = { video: { frameRate: { max: 15 } }, audio: true };

type LocalTrack = LocalAudioTrack | LocalVideoTrack;
type Source = "microphone" | "camera" | "screen" | "screenSound";

const SOURCE: Record<Source, Track.Source> = {
  microphone: Track.Source.Microphone,
  camera: Track.Source.Camera,
  screen: Track.Source.ScreenShare,
  screenSound: Track.Source.ScreenShareAudio,
};

export class LocalMedia {
  private state: LocalState = LOCAL_OFF;
  private room: Room | null = null;
  private screen: MediaStream | null = null;
  private readonly published = new Map<Source, LocalTrack>();
  private dirty = false;
  private running = false;
  readonly microphone: Capture;
  readonly camera: Capture;

  constructor(
    media: MediaPort | null,
    private readonly share: ScreenPort | null,
    private readonly onState: (state: LocalState) => void,
  ) {
    const changed = (): void => this.reconcile();
    this.microphone = new Capture("audioinput", media, AUDIO, {
      onState: (microphone) => this.update({ microphone }),
      onTrack: changed,
    });
    this.camera = new Capture("videoinput", media, VIDEO, {
      onState: (camera) => this.update({ camera }),
      onTrack: changed,
    });
  }

  get snapshot(): LocalState {
    return this.state;
  }

  /** The shared screen, for showing ourselves what we show. */
  get screenTrack(): MediaStreamTrack | null {
    return this.screen?.getVideoTracks()[0] ?? null;
  }

  /** From now on publish into `room` (connected), or nowhere. */
  enter(room: Room | null): void {
    this.room = room;
    this.published.clear();
    this.reconcile();
  }

  async setMicrophone(on: boolean): Promise<void> {
    this.update({ microphoneOn: on });
    this.reconcile();
    if (on && this.state.microphone.status !== "on") await this.microphone.start();
  }

  async setCamera(on: boolean): Promise<void> {
    if (on) await this.camera.start();
    else this.camera.stop();
    this.reconcile();
  }

  async choose(kind: "audioinput" | "videoinput", choice: DeviceChoice | null): Promise<void> {
    await (kind === "audioinput" ? this.microphone : this.camera).choose(choice);
  }

  async startSharing(): Promise<void> {
    if (this.state.sharing !== "off") return;
    if (this.share === null) {
      this.update({ shareProblem: "unsupported" });
      return;
    }
    this.update({ sharing: "starting", shareProblem: null });
    try {
      const stream = await this.share(SCREEN);
      this.screen = stream;
      // The browser's own "stop sharing" bar ends the track.
      stream.getVideoTracks()[0]?.addEventListener("ended", () => {
        if (this.screen === stream) this.stopSharing();
      });
      this.update({ sharing: "on" });
      this.reconcile();
    } catch (error) {
      const refused = error instanceof Error && error.name === "NotAllowedError";
      this.update({ sharing: "off", shareProblem: refused ? "refused" : "failed" });
    }
  }

  stopSharing(): void {
    for (const track of this.screen?.getTracks() ?? []) track.stop();
    this.screen = null;
    this.update({ sharing: "off", shareProblem: null });
    this.reconcile();
  }

  forgetShareProblem(): void {
    this.update({ shareProblem: null });
  }

  /** Devices may have changed: take up what is back, publish what could not be published before. */
  async look(): Promise<void> {
    await Promise.all([this.microphone.look(), this.camera.look()]);
    this.reconcile();
  }

  stop(): void {
    this.stopSharing();
    this.microphone.stop();
    this.camera.stop();
  }

  /** Brings the room in line with our wishes; safe to call at any time, also while it is at work. */
  reconcile(): void {
    this.dirty = true;
    if (this.running) return;
    this.running = true;
    void this.work().finally(() => {
      this.running = false;
    });
  }

  private async work(): Promise<void> {
    while (this.dirty) {
      this.dirty = false;
      const room = this.room;
      if (room === null) return;
      try {
        await this.bring(room, "microphone", this.microphone.current, this.state.microphoneOn);
        await this.bring(room, "camera", this.camera.current, true);
        await this.bring(room, "screen", this.screenTrack, true);
        await this.bring(room, "screenSound", this.screen?.getAudioTracks()[0] ?? null, true);
      } catch {
        // Not permitted, or the connection went in the middle: the next look() tries again.
        return;
      }
    }
  }

  private async bring(
    room: Room,
    source: Source,
    track: MediaStreamTrack | null,
    audible: boolean,
  ): Promise<void> {
    const permitted = maySend(room.localParticipant.permissions, SOURCE[source]);
    let local = this.published.get(source);
    if (local !== undefined && room.localParticipant.getTrackPublication(SOURCE[source])?.track !== local) {
      this.published.delete(source);
      local = undefined;
    }
    if (local === undefined) {
      if (track === null || !permitted || track.readyState === "ended") return;
      local = wrap(source, track);
      if (!audible) await local.mute();
      await room.localParticipant.publishTrack(local, publishOptions(source));
      this.published.set(source, local);
      return;
    }
    if (!permitted) {
      // The server takes it away by itself; what we still send would be thrown away.
      this.published.delete(source);
      await room.localParticipant.unpublishTrack(local, false);
      if (source === "screen") this.stopSharing();
      return;
    }
    if (track === null) {
      if (source === "screen" || source === "screenSound") {
        this.published.delete(source);
        await room.localParticipant.unpublishTrack(local, false);
      } else if (!local.isMuted) {
        await local.mute();
      }
      return;
    }
    if (local.mediaStreamTrack !== track) await local.replaceTrack(track, { userProvidedTrack: true });
    if (audible && local.isMuted) await local.unmute();
    if (!audible && !local.isMuted) await local.mute();
  }

  private update(change: Partial<LocalState>): void {
    this.state = { ...this.state, ...change };
    this.onState(this.state);
  }
}

/** Tracks are "user provided": the SDK must neither stop nor restart what capture.ts looks after. */
function wrap(source: Source, track: MediaStreamTrack): LocalTrack {
  const local =
    source === "microphone" || source === "screenSound"
      ? new LocalAudioTrack(track, undefined, true)
      : new LocalVideoTrack(track, undefined, true);
  local.source = SOURCE[source];
  return local;
}

function publishOptions(source: Source): Parameters<Room["localParticipant"]["publishTrack"]>[1] {
  switch (source) {
    case "microphone":
      return { source: SOURCE.microphone, dtx: true, red: true };
    case "screenSound":
      return { source: SOURCE.screenSound, dtx: false };
    case "camera":
      return {
        source: SOURCE.camera,
        simulcast: true,
        videoCodec: "vp8",
        videoEncoding: VideoPresets.h720.encoding,
        videoSimulcastLayers: [VideoPresets.h180, VideoPresets.h360],
      };
    case "screen":
      return {
        source: SOURCE.screen,
        simulcast: false,
        videoCodec: "vp8",
        screenShareEncoding: { maxBitrate: 2_500_000, maxFramerate: 15 },
      };
  }
}
