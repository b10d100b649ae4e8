/**
 * The life of a site's page, as a state machine without clock and network: waiting, in a meeting, away
 * from one, in the next. It never ends: whatever happened, the next meeting is joined by itself.
 *
 * The page keeps no truth. What is open is told by the server; a page that is loaded anew starts here
 * from nothing and is in the meeting again a moment later.
 */
import type { Refusal } from "../meeting/life";
import type { Coming, Next } from "./next";

/** Why the page is not in a meeting that is open. */
export type Away = "left" | "taken_over" | "removed" | "ended" | "refused";

export type KioskLife =
  | { readonly phase: "starting" }
  | { readonly phase: "waiting" }
  /** In it, or on the way in: the channel's line says how far. */
  | { readonly phase: "in"; readonly meeting: string; readonly since: number }
  | {
      readonly phase: "away";
      readonly meeting: string;
      readonly why: Away;
      readonly refusal: Refusal | null;
      readonly since: number;
    }
  | { readonly phase: "signed-out" };

export type KioskEvent =
  /** The server's answer to a question of `askedAt`. */
  | { readonly type: "told"; readonly next: Next; readonly askedAt: number }
  | {
      readonly type: "closed";
      readonly meeting: string;
      readonly why: Away | "version";
      readonly refusal: Refusal | null;
    }
  /** Somebody pressed "come back" or "take back". */
  | { readonly type: "return" }
  | { readonly type: "signed-out" };

export type KioskEffect =
  | { readonly type: "enter"; readonly meeting: string }
  | { readonly type: "exit" }
  /** Ask the server again in so many milliseconds, if nothing earlier is planned. */
  | { readonly type: "ask"; readonly ms: number }
  | { readonly type: "reload" };

export interface KioskStep {
  readonly life: KioskLife;
  readonly effects: readonly KioskEffect[];
}

/** What ended by itself, or was refused, is tried again after so long if the server says it is open. */
export const AGAIN_MS: Record<"ended" | "refused", number> = { ended: 5_000, refused: 10_000 };
/** A refusal that a page with fresh words for the server may overcome. */
const STALE = new Set(["form_refused", "wrong_origin"]);

const stay = (life: KioskLife): KioskStep => ({ life, effects: [] });

/** Next state for `event` at `now`, in milliseconds of the page's clock. */
export function advance(life: KioskLife, event: KioskEvent, now: number): KioskStep {
  if (event.type === "signed-out") {
    if (life.phase === "signed-out") return stay(life);
    const effects: readonly KioskEffect[] = life.phase === "in" ? [{ type: "exit" }] : [];
    return { life: { phase: "signed-out" }, effects: [...effects, { type: "reload" }] };
  }
  if (life.phase === "signed-out") return stay(life);
  switch (event.type) {
    case "told":
      return told(life, event.next.meeting, event.askedAt, now);
    case "closed":
      return closed(life, event, now);
    case "return":
      return life.phase === "away" ? enter(life.meeting, now) : stay(life);
  }
}

function enter(meeting: string, now: number, ...before: KioskEffect[]): KioskStep {
  return { life: { phase: "in", meeting, since: now }, effects: [...before, { type: "enter", meeting }] };
}

function told(life: KioskLife, coming: Coming | null, askedAt: number, now: number): KioskStep {
  const open = coming !== null && coming.state === "open" ? coming.id : null;
  switch (life.phase) {
    case "starting":
    case "waiting":
      return open === null ? stay({ phase: "waiting" }) : enter(open, now);
    case "in":
      // An answer to an older question may not know yet that this meeting was opened.
      if (open === life.meeting || askedAt < life.since) return stay(life);
      if (open === null) return { life: { phase: "waiting" }, effects: [{ type: "exit" }] };
      return enter(open, now, { type: "exit" });
    case "away":
      if (open === null) return askedAt < life.since ? stay(life) : stay({ phase: "waiting" });
      if (open !== life.meeting) return enter(open, now);
      if ((life.why === "ended" || life.why === "refused") && now - life.since >= AGAIN_MS[life.why])
        return enter(open, now);
      return stay(life);
    case "signed-out":
      return stay(life);
  }
}

function closed(life: KioskLife, event: KioskEvent & { type: "closed" }, now: number): KioskStep {
  if (life.phase !== "in" || life.meeting !== event.meeting) return stay(life);
  const { meeting, why, refusal } = event;
  if (why === "version" || (refusal !== null && STALE.has(refusal.code)))
    return {
      life: { phase: "away", meeting, why: "refused", refusal, since: now },
      effects: [{ type: "exit" }, { type: "reload" }],
    };
  return {
    life: { phase: "away", meeting, why, refusal, since: now },
    effects: [{ type: "exit" }, { type: "ask", ms: why === "ended" || why === "refused" ? 1_000 : 5_000 }],
  };
}

// -- when to ask again -----------------------------------------------------------------------

const MINUTE = 60_000;
const QUIET_MS = 20_000;
const NEAR_MS = 10_000;
const OPENING_MS = 2_000;
const IN_MS = 60_000;
const FAILED_MS = 2_000;
const FAILED_LONGEST_MS = 12_000;

/**
 * How long to wait until the server is asked again, in milliseconds. `serverNow` is its clock, null if it
 * is not known; `random` in [0, 1) spreads 579 sites. Shortly after the start of a meeting it is asked
 * often, so that joining does not wait for the next turn.
 */
export function nextAsk(
  life: KioskLife,
  meeting: Coming | null,
  serverNow: number | null,
  random: number,
): number {
  if (life.phase === "in") return Math.round(IN_MS * (0.7 + 0.6 * random));
  if (life.phase === "away") return Math.round(OPENING_MS * (1.5 + random));
  const quiet = Math.round(QUIET_MS * (0.7 + 0.6 * random));
  if (meeting === null || serverNow === null) return quiet;
  const left = meeting.startsAt - serverNow;
  if (left <= 0) {
    // The service is late, or down: soon at first, then as a page that waits.
    const late = -left < 2 * MINUTE ? OPENING_MS : NEAR_MS;
    return Math.round(late * (0.6 + 0.8 * random));
  }
  const spread = 300 + Math.round(1_200 * random);
  const usual = left < 2 * MINUTE ? Math.round(NEAR_MS * (0.7 + 0.6 * random)) : quiet;
  return Math.min(usual, left + spread);
}

/** The same after `failures` questions in a row that brought no answer. */
export function askAfterFailure(failures: number, notBeforeMs: number, random: number): number {
  const ceiling = Math.min(FAILED_LONGEST_MS, FAILED_MS * 1.6 ** Math.min(failures, 20));
  return Math.max(notBeforeMs, Math.round(ceiling * (0.4 + 0.6 * random)));
}

// -- renewal ---------------------------------------------------------------------------------

/** A page younger than this is not loaded anew: two servers of different age must not make it flap. */
export const YOUNG_MS = 10 * MINUTE;
const CLEAR_MS = 5 * MINUTE;

/** Whether a page of another release should be loaded now: only while nothing is near. */
export function shouldRenew(
  life: KioskLife,
  next: Next,
  own: string,
  age: number,
  serverNow: number | null,
): boolean {
  if (life.phase !== "waiting" || next.release === "" || next.release === own || age < YOUNG_MS) return false;
  if (next.meeting === null) return true;
  return serverNow !== null && next.meeting.startsAt - serverNow > CLEAR_MS;
}

/** Before the start the camera runs for so long, so that a room can see itself and set things right. */
export const PREPARE_MS = 2 * MINUTE;

/** Whether camera and microphone should run. */
export function wantsDevices(
  life: KioskLife,
  meeting: Coming | null,
  serverNow: number | null,
  testing: boolean,
): boolean {
  if (testing || life.phase === "in") return true;
  if (life.phase !== "waiting" || meeting === null || serverNow === null) return false;
  return meeting.startsAt - serverNow <= PREPARE_MS;
}
