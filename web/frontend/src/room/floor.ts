/** The floor from one place's point of view, and its clock. Pure. */
import type { FloorView, RosterEntry } from "../channel/messages";

/** What our own button for the floor stands for; the server's state, never the wish. */
export type OwnFloor =
  | { readonly state: "silent" }
  | { readonly state: "asking"; readonly place: number }
  | { readonly state: "speaking" };

export function ownFloor(entry: RosterEntry | undefined): OwnFloor {
  if (entry?.hasFloor === true) return { state: "speaking" };
  if (entry !== undefined && entry.order > 0) return { state: "asking", place: entry.order };
  return { state: "silent" };
}

export interface FloorClock {
  /** `left` counts down to the limit, `over` up from it, `since` up from the beginning. */
  readonly kind: "left" | "over" | "since";
  readonly seconds: number;
}

/** The clock of who speaks, at `now` by the server's clock; null while nobody speaks. */
export function floorClock(floor: FloorView, now: number | null): FloorClock | null {
  if (floor.holder === "" || now === null) return null;
  if (floor.until !== null) {
    const left = Math.ceil((floor.until - now) / 1000);
    if (floor.timeIsUp || left <= 0) return { kind: "over", seconds: Math.max(0, -left) };
    return { kind: "left", seconds: left };
  }
  if (floor.since === null) return null;
  return { kind: "since", seconds: Math.max(0, Math.floor((now - floor.since) / 1000)) };
}

/** `75` → `01:15`; hours only where there are any. */
export function clockText(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** Speaking times that are offered, in minutes; 0 is without limit. */
export const MINUTES = [0, 1, 2, 3, 5, 7, 10, 15, 20, 30] as const;
