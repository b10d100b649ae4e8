/** What all parts of the meeting page share. */
import type { DeviceChoice, DeviceEntry } from "../meeting/devices";
import type { NoticeAction } from "../meeting/notices";
import { save, type KeyValue, type Preferences } from "../meeting/preferences";
import type { Meeting } from "../meeting/session";
import type { LevelMeter } from "./level";

/** A part of the page: its element, what to do with each new state, and how to take it away. */
export interface View {
  readonly element: HTMLElement;
  update(): void;
  destroy(): void;
}

export class Page {
  /** What a notice's button does, besides what every page does. */
  readonly acts: Partial<Record<NoticeAction, () => void>> = {};

  constructor(
    readonly meeting: Meeting,
    readonly level: LevelMeter,
    readonly roomTitle: string,
    private readonly storage: KeyValue | null,
    private kept: Preferences,
    private readonly enter: (name: string) => void,
  ) {}

  get preferences(): Preferences {
    return this.kept;
  }

  remember(change: Partial<Preferences>): void {
    this.kept = { ...this.kept, ...change };
    save(this.storage, this.kept);
  }

  join(name: string): void {
    this.remember({ name });
    void this.level.wake();
    this.enter(name);
  }

  /** Joins as whom the server knows. */
  go(): void {
    void this.level.wake();
    this.enter("");
  }

  /** After an end: capture as before, and join with the same name. */
  comeBack(): void {
    void this.level.wake();
    void this.open();
    this.meeting.joinAgain();
  }

  /** Starts what was on the last time; who never chose gets both. */
  async open(): Promise<void> {
    const { microphone, camera, speaker, microphoneOn, cameraOn } = this.kept;
    const { local } = this.meeting;
    await this.meeting.refreshDevices();
    await Promise.all([
      local.choose("audioinput", microphone),
      local.choose("videoinput", camera),
      this.meeting.chooseSpeaker(speaker),
    ]);
    // One after the other: some browsers show one question at a time and drop the second.
    await local.setMicrophone(microphoneOn);
    if (cameraOn) await local.setCamera(true);
  }

  async setMicrophone(on: boolean): Promise<void> {
    this.remember({ microphoneOn: on });
    await this.meeting.setMicrophone(on);
  }

  async setCamera(on: boolean): Promise<void> {
    this.remember({ cameraOn: on });
    await this.meeting.local.setCamera(on);
  }

  /** Takes `device` for its kind from now on; null is the computer's default. */
  async chooseDevice(kind: DeviceEntry["kind"], device: DeviceEntry | null): Promise<void> {
    const choice: DeviceChoice | null =
      device === null ? null : { deviceId: device.deviceId, label: device.label, groupId: device.groupId };
    if (kind === "audiooutput") {
      this.remember({ speaker: choice });
      await this.meeting.chooseSpeaker(choice);
    } else {
      this.remember(kind === "audioinput" ? { microphone: choice } : { camera: choice });
      await this.meeting.local.choose(kind, choice);
    }
  }
}
