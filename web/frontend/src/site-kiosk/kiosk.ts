/**
 * The site's page without its looks: asks what comes next, enters and leaves meetings as life.ts says,
 * and holds channel, media and devices together. The state is in `store`; commands are methods.
 */
import type { ChannelClient, ChannelState } from "../channel/client";
import type { RosterEntry } from "../channel/messages";
import type { MediaPort } from "../meeting/capture";
import { ofKind, type DeviceChoice, type DeviceEntry, type DeviceKind } from "../meeting/devices";
import { load, save, type KeyValue, type Preferences } from "../meeting/preferences";
import { Store } from "../meeting/store";
import { ServerClock } from "./clock";
import {
  advance,
  askAfterFailure,
  nextAsk,
  shouldRenew,
  wantsDevices,
  type KioskEvent,
  type KioskLife,
} from "./life";
import { Media, NO_MEDIA, type MediaEnvironment, type MediaState } from "./media";
import { askNext, type Next } from "./next";
import { floorAction, lightOf, microphoneAction, sceneOf, type Light, type Scene } from "./scene";
import { Sending, SENDING_NOTHING, type SendingState } from "./sending";

export interface KioskState {
  readonly life: KioskLife;
  readonly next: Next | null;
  /** The last question to the server was answered. */
  readonly reached: boolean;
  readonly channel: ChannelState | null;
  readonly media: MediaState;
  readonly sending: SendingState;
  readonly devices: readonly DeviceEntry[];
  readonly testing: boolean;
  /** A press is on its way to the server. */
  readonly busy: boolean;
  /** Goes up with every change of the roster. */
  readonly roster: number;
}

export interface KioskEnvironment extends MediaEnvironment {
  readonly port: MediaPort | null;
  readonly storage: KeyValue | null;
  /** The script that this page was loaded with. */
  readonly release: string;
  readonly openChannel: (meeting: string) => ChannelClient;
  /** Monotonic milliseconds since the page was loaded. */
  now(): number;
  reload(): void;
}

const LOOK_MS = 2_000;

export class Kiosk {
  readonly store: Store<KioskState>;
  readonly clock = new ServerClock();
  readonly sending: Sending;
  readonly media: Media;
  private channel: ChannelClient | null = null;
  private stopListening: () => void = () => undefined;
  private etag = "";
  private asking = false;
  private failures = 0;
  private cancelAsk: () => void = () => undefined;
  private kept: Preferences;
  private running = false;
  private readonly settled = new Set<"camera" | "microphone">();

  constructor(private readonly env: KioskEnvironment) {
    this.kept = load(env.storage);
    this.store = new Store<KioskState>({
      life: { phase: "starting" },
      next: null,
      reached: true,
      channel: null,
      media: NO_MEDIA,
      sending: SENDING_NOTHING,
      devices: [],
      testing: false,
      busy: false,
      roster: 0,
    });
    this.sending = new Sending(env.port, (sending) => {
      const before = this.store.get().sending;
      this.store.set({ sending });
      if (
        before.camera.status !== sending.camera.status ||
        before.microphone.status !== sending.microphone.status
      )
        void this.refreshDevices();
    });
    this.media = new Media(
      env,
      this.sending,
      (media) => this.store.set({ media }),
      () => this.closed("taken_over"),
    );
  }

  start(): void {
    void this.ask();
    this.tick();
  }

  get preferences(): Preferences {
    return this.kept;
  }

  /** The server's clock, in milliseconds of Unix time; null before it told any. */
  serverNow(): number | null {
    return this.clock.at(this.env.now());
  }

  /** Our own line in the roster, once in the meeting. */
  own(): RosterEntry | undefined {
    return this.channel?.mirror.roster.get(this.channel.mirror.me);
  }

  nameOf(key: string): string {
    const entry = this.channel?.mirror.roster.get(key);
    if (entry === undefined) return "";
    return entry.district === "" ? entry.name : `${entry.name}, ${entry.district}`;
  }

  scene(): Scene {
    const { channel, media } = this.store.get();
    if (channel === null || this.channel === null) return { face: "", faceFrom: "", screenFrom: "" };
    return sceneOf(channel.me, channel.floor, this.channel.mirror.roster, media.senders);
  }

  light(): Light {
    const { channel, sending } = this.store.get();
    const phase = channel?.line.phase;
    const line = phase === "in" || phase === "waiting" ? phase : "cut";
    return lightOf({ line, entry: this.own(), sounding: sending.sounding });
  }

  // -- what people press ---------------------------------------------------------------

  async pressFloor(): Promise<void> {
    const action = floorAction(this.own());
    if (action === null || this.store.get().busy) return;
    this.store.set({ busy: true });
    await this.channel?.request(action);
    this.store.set({ busy: false });
  }

  async tellHeads(count: number): Promise<boolean> {
    const answer = await this.channel?.request("head_count", { count });
    return answer?.type === "done";
  }

  leave(): void {
    this.channel?.leave();
  }

  comeBack(): void {
    this.dispatch({ type: "return" });
  }

  test(on: boolean): void {
    this.store.set({ testing: on });
    this.followDevices();
  }

  setMicrophone(on: boolean): void {
    this.sending.setMicrophone(on);
  }

  /** The room's own switch; while the server withholds the right to be heard there is nothing to switch. */
  pressMicrophone(): "switched" | "not_allowed" {
    if (microphoneAction(this.own(), this.store.get().sending.microphoneOn) === "wait") return "not_allowed";
    this.setMicrophone(!this.store.get().sending.microphoneOn);
    return "switched";
  }

  async chooseDevice(kind: DeviceKind, choice: DeviceChoice | null): Promise<void> {
    const field = kind === "audioinput" ? "microphone" : kind === "videoinput" ? "camera" : "speaker";
    this.kept = { ...this.kept, [field]: choice };
    save(this.env.storage, this.kept);
    if (kind === "audiooutput") await this.media.chooseSpeaker(choice, this.store.get().devices);
    else await (kind === "audioinput" ? this.sending.microphone : this.sending.camera).choose(choice);
  }

  // -- what the machine says -------------------------------------------------------------

  async devicesChanged(): Promise<void> {
    await this.refreshDevices();
    await this.sending.look();
  }

  online(): void {
    this.channel?.hurry();
    this.media.hurry();
    void this.ask();
  }

  // -- inside ------------------------------------------------------------------------------

  private async ask(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    this.cancelAsk();
    const askedAt = this.env.now();
    const answer = await askNext(this.env.fetch, this.etag);
    const heardAt = this.env.now();
    this.asking = false;
    if ((answer.type === "told" || answer.type === "same") && answer.at !== null)
      this.clock.learn(answer.at, askedAt, heardAt);
    if (answer.type === "signed-out") {
      this.dispatch({ type: "signed-out" });
      return;
    }
    this.store.set({ reached: answer.type !== "failed" });
    if (answer.type === "failed") {
      this.askIn(askAfterFailure(this.failures, answer.notBeforeMs, this.env.random()));
      this.failures += 1;
      return;
    }
    this.failures = 0;
    if (answer.type === "told") {
      this.etag = answer.etag;
      this.store.set({ next: answer.next });
    }
    const { next } = this.store.get();
    if (next === null) return;
    this.askIn(nextAsk(this.store.get().life, next.meeting, this.serverNow(), this.env.random()));
    this.dispatch({ type: "told", next, askedAt });
    if (shouldRenew(this.store.get().life, next, this.env.release, heardAt, this.serverNow()))
      this.env.reload();
  }

  private askIn(ms: number): void {
    this.cancelAsk();
    this.cancelAsk = this.env.after(ms, () => void this.ask());
  }

  private dispatch(event: KioskEvent): void {
    const step = advance(this.store.get().life, event, this.env.now());
    this.store.set({ life: step.life });
    for (const effect of step.effects) {
      switch (effect.type) {
        case "enter":
          this.enter(effect.meeting);
          break;
        case "exit":
          this.exit();
          break;
        case "ask":
          this.askIn(effect.ms);
          break;
        case "reload":
          this.env.reload();
          break;
      }
    }
    this.followDevices();
  }

  private enter(meeting: string): void {
    const channel = this.env.openChannel(meeting);
    this.channel = channel;
    this.setMicrophone(true);
    this.store.set({ channel: channel.store.get(), busy: false });
    const stopState = channel.store.subscribe((state) => this.channelChanged(meeting, channel, state));
    const stopRoster = channel.onRoster(() => {
      this.store.set({ roster: this.store.get().roster + 1 });
      // Who is given the floor the next time must be heard, however the last statement ended.
      if (this.own()?.muted === true && !this.store.get().sending.microphoneOn) this.setMicrophone(true);
    });
    this.stopListening = () => {
      stopState();
      stopRoster();
    };
    channel.start();
  }

  private exit(): void {
    this.stopListening();
    this.stopListening = () => undefined;
    this.channel?.stop();
    this.channel = null;
    this.media.leave();
    this.store.set({ channel: null, busy: false });
  }

  private channelChanged(meeting: string, channel: ChannelClient, state: ChannelState): void {
    if (channel !== this.channel) return;
    this.store.set({ channel: state });
    const { line } = state;
    if (line.phase === "in") this.media.enter(meeting);
    else if (line.phase === "waiting") this.media.leave();
    else if (line.phase === "closed")
      this.dispatch({ type: "closed", meeting, why: line.why, refusal: line.refusal });
  }

  private closed(why: "taken_over"): void {
    const { life } = this.store.get();
    if (life.phase === "in") this.dispatch({ type: "closed", meeting: life.meeting, why, refusal: null });
  }

  private followDevices(): void {
    const { life, next, testing } = this.store.get();
    const want = wantsDevices(life, next?.meeting ?? null, this.serverNow(), testing);
    if (want === this.running) return;
    this.running = want;
    if (want) void this.openDevices();
    else void this.sending.run(false);
  }

  private async openDevices(): Promise<void> {
    await this.refreshDevices();
    await this.sending.camera.choose(this.kept.camera);
    await this.sending.microphone.choose(this.kept.microphone);
    if (this.running) await this.sending.run(true);
  }

  private async refreshDevices(): Promise<void> {
    const devices = await this.env.port?.enumerateDevices().catch(() => null);
    if (devices === null || devices === undefined) return;
    this.settle(devices);
    if (JSON.stringify(this.store.get().devices) === JSON.stringify(devices)) return;
    this.store.set({ devices });
    await this.media.chooseSpeaker(this.kept.speaker, ofKind(devices, "audiooutput"));
  }

  /** Where nobody chose, the first device that served is the room's own: it is taken again when it is back. */
  private settle(devices: readonly DeviceEntry[]): void {
    for (const field of ["camera", "microphone"] as const) {
      const capture = this.sending[field];
      const { status, deviceId } = capture.snapshot;
      if (this.settled.has(field) || this.kept[field] !== null || status !== "on") continue;
      const kind = field === "camera" ? "videoinput" : "audioinput";
      const entry = ofKind(devices, kind).find((device) => device.deviceId === deviceId);
      if (entry === undefined) continue;
      this.settled.add(field);
      void capture.choose(entry);
    }
  }

  private tick(): void {
    this.env.after(LOOK_MS, () => {
      this.followDevices();
      void this.sending.look();
      this.tick();
    });
  }
}
