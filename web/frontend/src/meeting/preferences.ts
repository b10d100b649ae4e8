/** What the page remembers on this machine: name, language, devices, and which of them were off. */
import type { DeviceChoice } from "./devices";

export interface Preferences {
  readonly name: string;
  readonly microphone: DeviceChoice | null;
  readonly camera: DeviceChoice | null;
  readonly speaker: DeviceChoice | null;
  readonly microphoneOn: boolean;
  readonly cameraOn: boolean;
}

export const DEFAULTS: Preferences = {
  name: "",
  microphone: null,
  camera: null,
  speaker: null,
  microphoneOn: true,
  cameraOn: true,
};

export type KeyValue = Pick<Storage, "getItem" | "setItem">;

const KEY = "diemcau.preferences";

function choiceOf(value: unknown): DeviceChoice | null {
  if (typeof value !== "object" || value === null) return null;
  const { deviceId, label, groupId } = value as Record<string, unknown>;
  if (typeof deviceId !== "string" || typeof label !== "string" || typeof groupId !== "string") return null;
  return { deviceId, label, groupId };
}

/** Reads what was kept; anything malformed counts as absent. */
export function load(storage: KeyValue | null): Preferences {
  try {
    const value: unknown = JSON.parse(storage?.getItem(KEY) ?? "{}");
    if (typeof value !== "object" || value === null) return DEFAULTS;
    const kept = value as Record<string, unknown>;
    return {
      name: typeof kept["name"] === "string" ? kept["name"] : "",
      microphone: choiceOf(kept["microphone"]),
      camera: choiceOf(kept["camera"]),
      speaker: choiceOf(kept["speaker"]),
      microphoneOn: kept["microphoneOn"] !== false,
      cameraOn: kept["cameraOn"] !== false,
    };
  } catch {
    return DEFAULTS;
  }
}

/** Keeps `preferences`; a browser that refuses (private window, full) only forgets. */
export function save(storage: KeyValue | null, preferences: Preferences): void {
  try {
    storage?.setItem(KEY, JSON.stringify(preferences));
  } catch {
    return;
  }
}
