import type { MediaPort } from "../src/meeting/capture";
import type { DeviceEntry } from "../src/meeting/devices";

/** A track that ends when told to. */
export class FakeTrack extends EventTarget {
  readyState: "live" | "ended" = "live";
  enabled = true;
  static made = 0;
  readonly id = `track-${++FakeTrack.made}`;

  constructor(
    readonly kind: "audio" | "video",
    private readonly device: DeviceEntry,
  ) {
    super();
  }

  get label(): string {
    return this.device.label;
  }

  getSettings(): MediaTrackSettings {
    return { deviceId: this.device.deviceId, groupId: this.device.groupId };
  }

  stop(): void {
    this.readyState = "ended";
  }

  /** What a pulled cable does. */
  unplug(): void {
    this.readyState = "ended";
    this.dispatchEvent(new Event("ended"));
  }
}

/** A machine with cables that can be pulled, and a person who may refuse. */
export class FakeMedia implements MediaPort {
  devices: DeviceEntry[] = [];
  failure: string | null = null;
  asked: MediaStreamConstraints[] = [];
  tracks: FakeTrack[] = [];
  hold: Promise<void> | null = null;

  enumerateDevices(): Promise<readonly DeviceEntry[]> {
    return Promise.resolve([...this.devices]);
  }

  async getUserMedia(constraints: MediaStreamConstraints): Promise<MediaStream> {
    this.asked.push(constraints);
    if (this.hold !== null) await this.hold;
    const error = (name: string): Error => Object.assign(new Error(name), { name });
    if (this.failure !== null) throw error(this.failure);
    const kind = constraints.video === undefined ? "audio" : "video";
    const wish = (constraints.video ?? constraints.audio) as MediaTrackConstraints;
    const id = wish.deviceId as { exact?: string; ideal?: string } | undefined;
    const all = this.devices.filter((device) => device.kind === `${kind}input`);
    const device =
      all.find((each) => each.deviceId === (id?.exact ?? id?.ideal)) ??
      (id?.exact === undefined ? all[0] : undefined);
    if (device === undefined) throw error(id?.exact === undefined ? "NotFoundError" : "OverconstrainedError");
    const track = new FakeTrack(kind, device);
    this.tracks.push(track);
    return { getTracks: () => [track] } as unknown as MediaStream;
  }

  plug(kind: "audioinput" | "videoinput", deviceId: string, label: string): void {
    this.devices.push({ kind, deviceId, label, groupId: `group of ${label}` });
  }

  pull(deviceId: string): void {
    this.devices = this.devices.filter((device) => device.deviceId !== deviceId);
    for (const track of this.tracks)
      if (track.readyState === "live" && track.getSettings().deviceId === deviceId) track.unplug();
  }
}

/** Lets everything that is already under way finish. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}
