/** What the screen of a site shows of a meeting, chosen from the roster and from who sends what. Pure. */
import type { FloorView, RosterEntry } from "../channel/messages";

/** Somebody in the media room: key of the member, and which pictures come from there. */
export interface Sender {
  readonly identity: string;
  readonly camera: boolean;
  readonly screen: boolean;
}

export interface Scene {
  /** Whose face is shown, by key; empty while nobody leads. */
  readonly face: string;
  /** Identity of the camera that is shown; empty: a card with the name. */
  readonly faceFrom: string;
  /** Identity whose shared screen is shown; empty for none. */
  readonly screenFrom: string;
}

/** The member whose device a participant is, by `site:<code>:<device>` or `person:<id>:<device>`. */
export function keyOf(identity: string): string {
  const parts = identity.split(":");
  return parts.length === 3 && parts.every((part) => part !== "") ? parts.slice(0, 2).join(":") : "";
}

/**
 * The holder of the floor, else the chair. Our own picture is never the large one: while we speak we want
 * to see the chair.
 */
export function sceneOf(
  me: string,
  floor: FloorView,
  roster: ReadonlyMap<string, RosterEntry>,
  senders: readonly Sender[],
): Scene {
  const others = senders.filter((sender) => keyOf(sender.identity) !== me);
  const from = (key: string, what: "camera" | "screen"): string =>
    key === "" ? "" : (others.find((one) => keyOf(one.identity) === key && one[what])?.identity ?? "");
  const leaders = leadersOf(roster).filter((key) => key !== me);
  const present = leaders.find((key) => isHere(roster.get(key))) ?? leaders[0] ?? "";
  const face = floor.holder !== "" && floor.holder !== me ? floor.holder : present;
  return {
    face,
    faceFrom: from(face, "camera"),
    screenFrom:
      from(floor.holder, "screen") ||
      from(present, "screen") ||
      (others.find((one) => one.screen)?.identity ?? ""),
  };
}

function isHere(entry: RosterEntry | undefined): boolean {
  return entry?.presence === "present" || entry?.presence === "late";
}

function leadersOf(roster: ReadonlyMap<string, RosterEntry>): readonly string[] {
  return [...roster.values()].filter((entry) => entry.role === "chair").map((entry) => entry.key);
}

// -- the light -------------------------------------------------------------------------------

export type Light =
  /** Before the door. */
  | "lobby"
  /** No line to the server: what is shown may be old. */
  | "cut"
  /** Has the floor and is heard. */
  | "floor"
  /** Has the floor, and cannot be heard: own switch, or no microphone. */
  | "floor_silent"
  /** Heard without the floor. */
  | "heard"
  | "asking"
  | "muted";

export interface Hearing {
  readonly line: "in" | "waiting" | "cut";
  readonly entry: RosterEntry | undefined;
  /** Our microphone is published and not muted. */
  readonly sounding: boolean;
}

/** The light over the picture, by the server's state; our own wish never counts (FC-e04). */
export function lightOf({ line, entry, sounding }: Hearing): Light {
  if (line === "waiting") return "lobby";
  if (line === "cut" || entry === undefined) return "cut";
  if (entry.hasFloor) return sounding && !entry.muted ? "floor" : "floor_silent";
  if (!entry.muted && sounding) return "heard";
  return entry.order > 0 ? "asking" : "muted";
}

/** What the floor's button does now, by the server's state alone. */
export type FloorAction = "ask" | "withdraw" | "finish";

export function floorAction(entry: RosterEntry | undefined): FloorAction | null {
  if (entry === undefined) return null;
  if (entry.hasFloor) return "finish";
  return entry.order > 0 ? "withdraw" : "ask";
}

/** What the microphone's button does now; `wait` while the server lets nobody here be heard. */
export type MicrophoneAction = "mute" | "unmute" | "wait";

export function microphoneAction(entry: RosterEntry | undefined, switchedOn: boolean): MicrophoneAction {
  if (entry === undefined || entry.muted) return "wait";
  return switchedOn ? "mute" : "unmute";
}
