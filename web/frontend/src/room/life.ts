/** What the page shows, from the channel's line and what the person did. Pure. */
import type { Line } from "../channel/client";
import type { StayAway } from "../channel/messages";
import type { Refusal } from "../meeting/life";

export type EndWhy = StayAway | "refused";

export type Scene =
  | { readonly kind: "join" }
  /** `opening`: the meeting has not begun, and the page comes in by itself. */
  | { readonly kind: "wait"; readonly why: "connecting" | "opening" | "lobby" }
  | { readonly kind: "meeting" }
  | { readonly kind: "end"; readonly why: EndWhy; readonly refusal: Refusal | null };

/** `over` is an end that the media server told, and that the channel does not know of. */
export function sceneOf(line: Line, over: Extract<Scene, { kind: "end" }> | null): Scene {
  if (over !== null) return over;
  switch (line.phase) {
    case "idle":
      return { kind: "join" };
    case "connecting":
      if (line.trouble !== null) return { kind: "wait", why: "opening" };
      // A cut does not take the meeting away: pictures and sound go on beside the channel.
      return line.again ? { kind: "meeting" } : { kind: "wait", why: "connecting" };
    case "waiting":
      return { kind: "wait", why: "lobby" };
    case "in":
      return { kind: "meeting" };
    case "closed":
      return { kind: "end", why: line.why, refusal: line.refusal };
  }
}
