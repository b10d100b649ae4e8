/** Choosing among cameras, microphones and loudspeakers, and naming what went wrong with them. */

export type DeviceKind = "audioinput" | "videoinput" | "audiooutput";

/** What is remembered of a choice. Browsers change ids (new profile, other port), so the label counts too. */
export interface DeviceChoice {
  readonly deviceId: string;
  readonly label: string;
  readonly groupId: string;
}

export interface DeviceEntry extends DeviceChoice {
  readonly kind: DeviceKind;
}

export type DeviceProblem = "denied" | "notfound" | "inuse" | "unplugged" | "frozen" | "insecure" | "failed";

/** Devices of one kind that can be chosen; entries without id (no permission yet) are left out. */
export function ofKind(devices: readonly DeviceEntry[], kind: DeviceKind): readonly DeviceEntry[] {
  return devices.filter((device) => device.kind === kind && device.deviceId !== "");
}

/**
 * The device that `choice` means among `devices`: the same id; else the same label in the same group;
 * else the same label. Null if it is not there, or nothing was chosen.
 */
export function findChosen(devices: readonly DeviceEntry[], choice: DeviceChoice | null): DeviceEntry | null {
  if (choice === null) return null;
  const sameId = devices.find((device) => device.deviceId === choice.deviceId);
  if (sameId !== undefined) return sameId;
  if (choice.label === "") return null;
  const sameLabel = devices.filter((device) => device.label === choice.label);
  return sameLabel.find((device) => device.groupId === choice.groupId) ?? sameLabel[0] ?? null;
}

/** Names the fault behind a rejected getUserMedia, by the exception's name (Media Capture and Streams, 10.3). */
export function problemOf(error: unknown): DeviceProblem {
  const name = typeof error === "object" && error !== null && "name" in error ? String(error.name) : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "notfound";
    case "NotReadableError":
    case "AbortError":
    case "TrackStartError":
      return "inuse";
    default:
      return "failed";
  }
}

/** Problems that may end by themselves: the device comes back, another program lets go of it, a driver wakes. */
export function mayHeal(problem: DeviceProblem): boolean {
  return problem !== "denied" && problem !== "insecure";
}
