/**
 * What a site sends: its camera always, its microphone while the server lets it. Capturing is one thing
 * (meeting/capture.ts), publishing another: `reconcile` brings the room in line with what is captured and
 * allowed, however often either changes, so the chair's word, a rejoin and a replugged cable take one path.
 */
import {
  ConnectionState,
  LocalAudioTrack,
  LocalVideoTrack,
  Track,
  VideoPresets,
  type Room,
} from "livekit-client";
import { Capture, OFF, type CaptureState, type MediaPort } from "../meeting/capture";
import { maySend, type Source } from "./permission";

export interface SendingState {
  readonly camera: CaptureState;
  readonly microphone: CaptureState;
  /** The room's own switch; who has the floor may still want to be silent for a moment. */
  readonly microphoneOn: boolean;
  /** Our microphone is heard by the others. */
  readonly sounding: boolean;
  /** Our picture goes out. */
  readonly seen: boolean;
}

export const SENDING_NOTHING: SendingState = {
  camera: OFF,
  microphone: OFF,
  microphoneOn: true,
  sounding: false,
  seen: false,
};

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

type LocalTrack = LocalAudioTrack | LocalVideoTrack;

const SOURCE: Record<Source, Track.Source> = {
  camera: Track.Source.Camera,
  microphone: Track.Source.Microphone,
};

export class Sending {
  readonly camera: Capture;
  readonly microphone: Capture;
  private state: SendingState = SENDING_NOTHING;
  private room: Room | null = null;
  private readonly published = new Map<Source, LocalTrack>();
  private dirty = false;
  private working = false;

  constructor(
    media: MediaPort | null,
    private readonly onState: (state: SendingState) => void,
  ) {
    const onTrack = (): void => this.reconcile();
    this.camera = new Capture("videoinput", media, VIDEO, {
      onState: (camera) => this.update({ camera }),
      onTrack,
    });
    this.microphone = new Capture("audioinput", media, AUDIO, {
      onState: (microphone) => this.update({ microphone }),
      onTrack,
    });
  }

  get snapshot(): SendingState {
    return this.state;
  }

  /** Publishes into `room` (connected) from now on, or nowhere. */
  enter(room: Room | null): void {
    this.room = room;
    this.published.clear();
    this.update({ sounding: false, seen: false });
    this.reconcile();
  }

  /** Camera and microphone run, or are let go of. */
  async run(on: boolean): Promise<void> {
    if (!on) {
      this.camera.stop();
      this.microphone.stop();
      this.reconcile();
      return;
    }
    // One after the other: some browsers show one question at a time and drop the second.
    if (!this.camera.snapshot.wanted) await this.camera.start();
    if (!this.microphone.snapshot.wanted) await this.microphone.start();
  }

  setMicrophone(on: boolean): void {
    this.update({ microphoneOn: on });
    this.reconcile();
  }

  /** Devices may have changed: take up what is back, publish what could not be published before. */
  async look(): Promise<void> {
    await Promise.all([this.camera.look(), this.microphone.look()]);
    this.reconcile();
  }

  /** Safe to call at any time, also while it is at work. */
  reconcile(): void {
    this.dirty = true;
    if (this.working) return;
    this.working = true;
    void this.work().finally(() => {
      this.working = false;
      this.tell();
    });
  }

  private async work(): Promise<void> {
    while (this.dirty) {
      this.dirty = false;
      const room = this.room;
      // While the SDK comes back it publishes again by itself; media.ts calls once it is done.
      if (room?.state !== ConnectionState.Connected) return;
      // What fails (not permitted any more, the connection went in the middle) is tried at the next look;
      // one of the two never keeps the other back.
      await this.bring(room, "camera", this.camera.current, true).catch(() => undefined);
      await this.bring(room, "microphone", this.microphone.current, this.state.microphoneOn).catch(
        () => undefined,
      );
    }
  }

  private async bring(
    room: Room,
    source: Source,
    track: MediaStreamTrack | null,
    wanted: boolean,
  ): Promise<void> {
    const { localParticipant } = room;
    let local = this.published.get(source);
    if (local !== undefined && localParticipant.getTrackPublication(SOURCE[source])?.track !== local) {
      // The server took it away.
      this.published.delete(source);
      local = undefined;
    }
    if (!maySend(localParticipant.permissions, source)) {
      if (local === undefined) return;
      this.published.delete(source);
      await localParticipant.unpublishTrack(local, false);
      return;
    }
    if (local === undefined) {
      if (track === null || !wanted || track.readyState === "ended") return;
      local = wrap(source, track);
      this.published.set(source, local);
      try {
        await localParticipant.publishTrack(local, OPTIONS[source]);
      } catch (error) {
        this.published.delete(source);
        throw error;
      }
      return;
    }
    if (track === null) {
      // Viewers see that there is no picture now, instead of the last one standing still.
      if (!local.isMuted) await local.mute();
      return;
    }
    if (local.mediaStreamTrack !== track) await local.replaceTrack(track, { userProvidedTrack: true });
    if (wanted && local.isMuted) await local.unmute();
    if (!wanted && !local.isMuted) await local.mute();
  }

  private tell(): void {
    const goesOut = (source: Source): boolean => {
      const publication = this.room?.localParticipant.getTrackPublication(SOURCE[source]);
      return publication?.track !== undefined && !publication.isMuted;
    };
    this.update({ sounding: goesOut("microphone"), seen: goesOut("camera") });
  }

  private update(change: Partial<SendingState>): void {
    this.state = { ...this.state, ...change };
    this.onState(this.state);
  }
}

/** Tracks are "user provided": the SDK must neither stop nor restart what capture.ts looks after. */
function wrap(source: Source, track: MediaStreamTrack): LocalTrack {
  const local =
    source === "microphone"
      ? new LocalAudioTrack(track, undefined, true)
      : new LocalVideoTrack(track, undefined, true);
  local.source = SOURCE[source];
  return local;
}

const OPTIONS: Record<Source, Parameters<Room["localParticipant"]["publishTrack"]>[1]> = {
  microphone: { source: Track.Source.Microphone, dtx: true, red: true },
  camera: {
    source: Track.Source.Camera,
    simulcast: true,
    videoCodec: "vp8",
    videoEncoding: VideoPresets.h720.encoding,
    videoSimulcastLayers: [VideoPresets.h180, VideoPresets.h360],
  },
};
