/**
 * The life of one place in a meeting, as a pure state machine: events in, next state and effects out.
 * Times are milliseconds of any monotonic clock, given by the caller.
 *
 * A lost connection is first resumed by the SDK ("resuming"); when that fails the page joins anew with
 * a fresh token ("joining" with `again`), for ever. Only a decision ends it: the person's own, the
 * server's (removed, closed, refused), or the same identity entering elsewhere.
 */
import { rejoinDelay } from "./retry";

export type Cause = "network" | "server-restart" | "interrupted";

export type EndReason = "left" | "removed" | "room-closed" | "duplicate" | "refused";

/** What the server said, when it said something: both languages, made by the server. */
export interface Refusal {
  readonly code: string;
  readonly vi?: string;
  readonly en?: string;
}

export type Life =
  | { readonly phase: "idle" }
  | {
      readonly phase: "joining";
      readonly again: boolean;
      readonly since: number;
      readonly attempt: number;
      /** When the next attempt starts; null while one is under way. */
      readonly retryAt: number | null;
      readonly cause: Cause;
    }
  | { readonly phase: "connected"; readonly since: number }
  | { readonly phase: "resuming"; readonly since: number }
  | { readonly phase: "ended"; readonly reason: EndReason; readonly refusal: Refusal | null };

export type LifeEvent =
  | { readonly type: "join" }
  | { readonly type: "connected" }
  | { readonly type: "resuming" }
  | { readonly type: "resumed" }
  /** The connection is gone and the SDK has given up, or the server ended it. */
  | { readonly type: "lost"; readonly cause: Cause }
  | { readonly type: "ended"; readonly reason: EndReason }
  /** An attempt to join failed in a way that another attempt may cure. */
  | { readonly type: "failed"; readonly cause: Cause; readonly notBeforeMs?: number }
  | { readonly type: "refused"; readonly refusal: Refusal }
  | { readonly type: "timer" }
  | { readonly type: "online" }
  | { readonly type: "leave" };

export type Effect =
  { readonly type: "attempt" } | { readonly type: "wait"; readonly ms: number } | { readonly type: "close" };

export interface Step {
  readonly life: Life;
  readonly effects: readonly Effect[];
}

const stay = (life: Life): Step => ({ life, effects: [] });

/** Next state for `event` at time `now`; `random` in [0, 1) spreads the waits. */
export function advance(life: Life, event: LifeEvent, now: number, random: number): Step {
  switch (event.type) {
    case "join":
      if (life.phase !== "idle" && life.phase !== "ended") return stay(life);
      return {
        life: { phase: "joining", again: false, since: now, attempt: 0, retryAt: null, cause: "network" },
        effects: [{ type: "attempt" }],
      };
    case "connected":
      return life.phase === "joining" ? stay({ phase: "connected", since: now }) : stay(life);
    case "resuming":
      return life.phase === "connected" ? stay({ phase: "resuming", since: now }) : stay(life);
    case "resumed":
      return life.phase === "resuming" ? stay({ phase: "connected", since: now }) : stay(life);
    case "lost":
      return lost(life, event.cause, now, random);
    case "failed":
      if (life.phase !== "joining" || life.retryAt !== null) return stay(life);
      return waitAgain(
        life,
        event.cause,
        Math.max(rejoinDelay(life.attempt, random), event.notBeforeMs ?? 0),
        now,
      );
    case "timer":
    case "online":
      if (life.phase !== "joining" || life.retryAt === null) return stay(life);
      return { life: { ...life, retryAt: null }, effects: [{ type: "attempt" }] };
    case "ended":
    case "refused":
    case "leave":
      return finish(life, event);
  }
}

function lost(life: Life, cause: Cause, now: number, random: number): Step {
  if (life.phase === "connected" || life.phase === "resuming") {
    const since = life.phase === "resuming" ? life.since : now;
    const fresh = { phase: "joining", again: true, since, attempt: 0, retryAt: null, cause } as const;
    // The SDK has tried for a while already, or the server has told all at once: spread the first attempt.
    return waitAgain(fresh, cause, rejoinDelay(0, random), now);
  }
  return stay(life);
}

function waitAgain(life: Life & { phase: "joining" }, cause: Cause, ms: number, now: number): Step {
  return {
    life: { ...life, attempt: life.attempt + 1, retryAt: now + ms, cause },
    effects: [{ type: "close" }, { type: "wait", ms }],
  };
}

function finish(life: Life, event: LifeEvent & { type: "ended" | "refused" | "leave" }): Step {
  if (life.phase === "idle" || life.phase === "ended") return stay(life);
  const refusal = event.type === "refused" ? event.refusal : null;
  const reason = event.type === "refused" ? "refused" : event.type === "leave" ? "left" : event.reason;
  return { life: { phase: "ended", reason, refusal }, effects: [{ type: "close" }] };
}
