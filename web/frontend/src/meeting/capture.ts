/**
 * Keeps one camera or microphone running for as long as it is wanted, whatever happens to the cable.
 *
 * Start, refusal, another program's grip, unplugging and return are states; after an unplugging the
 * choice is looked for by label, another device serves meanwhile, and the chosen one is taken again
 * when it is back. Whoever uses the track is told by `onTrack`.
 */
import {
  findChosen,
  mayHeal,
  ofKind,
  problemOf,
  type DeviceChoice,
  type DeviceEntry,
  type DeviceProblem,
} from "./devices";

/** The part of `navigator.mediaDevices` that is used. */
export interface MediaPort {
  getUserMedia(constraints: MediaStreamConstraints): Promise<MediaStream>;
  enumerateDevices(): Promise<readonly DeviceEntry[]>;
}

export interface CaptureState {
  readonly wanted: boolean;
  readonly status: "off" | "starting" | "on" | "problem";
  readonly problem: DeviceProblem | null;
  /** The device in use, from the track's own settings. */
  readonly deviceId: string | null;
  readonly label: string;
  /** Changes with every track, so that the page attaches anew. */
  readonly trackId: string | null;
}

const NOTHING = { deviceId: null, label: "", trackId: null } as const;

export const OFF: CaptureState = { wanted: false, status: "off", problem: null, ...NOTHING };

export interface CaptureEvents {
  onState(state: CaptureState): void;
  onTrack(track: MediaStreamTrack | null): void;
}

export class Capture {
  private state: CaptureState = OFF;
  private track: MediaStreamTrack | null = null;
  private choice: DeviceChoice | null = null;
  /** Rises with every start and stop; an answer to an older question is thrown away. */
  private generation = 0;
  private working = false;
  private restarts = 0;

  constructor(
    private readonly kind: "audioinput" | "videoinput",
    private readonly media: MediaPort | null,
    private readonly constraints: MediaTrackConstraints,
    private readonly events: CaptureEvents,
  ) {}

  get current(): MediaStreamTrack | null {
    return this.track;
  }

  get snapshot(): CaptureState {
    return this.state;
  }

  /** Remembers the choice; a running capture changes over to it. */
  async choose(choice: DeviceChoice | null): Promise<void> {
    this.choice = choice;
    if (this.state.wanted && choice?.deviceId !== this.state.deviceId) await this.open();
  }

  async start(): Promise<void> {
    if (this.state.wanted && this.state.status === "on") return;
    this.update({ wanted: true });
    await this.open();
  }

  stop(): void {
    this.generation += 1;
    this.working = false;
    this.restarts = 0;
    this.drop();
    this.update({ ...OFF });
  }

  /** To be called when devices change, and now and then: takes up what has come back. */
  async look(): Promise<void> {
    if (!this.state.wanted || this.working || this.media === null) return;
    const generation = this.generation;
    let devices: readonly DeviceEntry[];
    try {
      devices = ofKind(await this.media.enumerateDevices(), this.kind);
    } catch {
      return;
    }
    if (generation !== this.generation || this.isWorking()) return;
    if (this.state.status === "on") {
      const chosen = findChosen(devices, this.choice);
      if (chosen !== null && this.state.deviceId !== null && chosen.deviceId !== this.state.deviceId)
        await this.open();
    } else if (this.state.problem !== null && mayHeal(this.state.problem) && devices.length > 0) {
      await this.open();
    }
  }

  /** Permission was given after a refusal. */
  async permitted(): Promise<void> {
    if (this.state.wanted && this.state.problem === "denied" && !this.working) await this.open();
  }

  /** The person asks for another try. */
  async retry(): Promise<void> {
    this.restarts = 0;
    if (this.state.wanted && !this.working) await this.open();
  }

  /** The track is live but brings nothing: start the device once more, then say so. */
  async frozen(): Promise<void> {
    if (!this.state.wanted || this.state.status !== "on" || this.working) return;
    if (this.restarts > 0) {
      this.update({ problem: "frozen" });
      return;
    }
    this.restarts += 1;
    await this.open();
  }

  /** Frames flow (again). */
  flowing(): void {
    this.restarts = 0;
    if (this.state.problem === "frozen") this.update({ problem: null });
  }

  private async open(): Promise<void> {
    const generation = ++this.generation;
    if (this.media === null) {
      this.update({ status: "problem", problem: "insecure" });
      return;
    }
    this.working = true;
    // A problem stays named while we try again, so that the page does not flicker.
    this.update({ status: "starting" });
    // Some systems give a camera to one reader at a time: let go of it first.
    this.drop();
    try {
      const track = await this.acquire(this.media);
      if (generation !== this.generation) {
        track.stop();
        return;
      }
      this.working = false;
      this.adopt(track);
    } catch (error) {
      if (generation !== this.generation) return;
      this.working = false;
      const found = problemOf(error);
      // What was there and is gone was unplugged; "not found" is for what never was.
      const problem = found === "notfound" && this.state.problem === "unplugged" ? "unplugged" : found;
      this.update({ status: "problem", problem, ...NOTHING });
    }
  }

  private async acquire(media: MediaPort): Promise<MediaStreamTrack> {
    const devices = ofKind(await media.enumerateDevices(), this.kind);
    const chosen = findChosen(devices, this.choice);
    // With no device list yet (no permission so far) the remembered id is still worth a wish.
    const id = chosen?.deviceId ?? (devices.length === 0 ? this.choice?.deviceId : undefined);
    const attempts: MediaTrackConstraints[] = [];
    if (chosen !== null) attempts.push({ ...this.constraints, deviceId: { exact: chosen.deviceId } });
    attempts.push(id === undefined ? this.constraints : { ...this.constraints, deviceId: { ideal: id } });
    let failure: unknown = null;
    for (const wish of attempts) {
      try {
        const stream = await media.getUserMedia(
          this.kind === "audioinput" ? { audio: wish } : { video: wish },
        );
        const track = stream.getTracks()[0];
        if (track !== undefined) return track;
      } catch (error) {
        failure = error;
        // Refused is refused: asking a second time would only nag.
        if (problemOf(error) === "denied") break;
      }
    }
    throw failure instanceof Error ? failure : new Error("no track");
  }

  private adopt(track: MediaStreamTrack): void {
    this.track = track;
    track.addEventListener("ended", () => void this.ended(track), { once: true });
    const deviceId = track.getSettings().deviceId ?? null;
    this.update({ status: "on", problem: null, deviceId, label: track.label, trackId: track.id });
    this.events.onTrack(track);
  }

  private async ended(track: MediaStreamTrack): Promise<void> {
    if (track !== this.track) return;
    this.drop();
    this.update({ status: "problem", problem: "unplugged", ...NOTHING });
    await this.look();
  }

  private drop(): void {
    const track = this.track;
    this.track = null;
    if (track === null) return;
    track.stop();
    this.events.onTrack(null);
  }

  private isWorking(): boolean {
    return this.working;
  }

  private update(change: Partial<CaptureState>): void {
    this.state = { ...this.state, ...change };
    this.events.onState(this.state);
  }
}
