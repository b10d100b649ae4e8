/** What has to be said to the person now, as a list of lines made from the state alone. */
import type { MessageKey } from "../generated/catalogue";
import type { DeviceProblem } from "./devices";
import type { Cause, EndReason, Life, Refusal } from "./life";
import type { ShareProblem } from "./local";
import type { MeetingState } from "./session";

export type NoticeAction =
  | "retry-microphone"
  | "retry-camera"
  | "unmute"
  | "close-share"
  | "stop-share"
  | "start-sound"
  | "ask-floor"
  | "tell-heads";

export interface Notice {
  readonly id: string;
  readonly level: "info" | "warning" | "error";
  readonly key: MessageKey;
  readonly seconds?: number;
  readonly values?: Readonly<Record<string, string | number>>;
  readonly action?: { readonly id: NoticeAction; readonly key: MessageKey };
}

const AGAIN: Record<Cause, MessageKey> = {
  network: "connection.offline",
  "server-restart": "connection.restarting",
  interrupted: "connection.interrupted",
};

const MICROPHONE: Record<DeviceProblem, MessageKey> = {
  denied: "microphone.denied",
  notfound: "microphone.notfound",
  inuse: "microphone.inuse",
  unplugged: "microphone.unplugged",
  frozen: "microphone.failed",
  insecure: "microphone.insecure",
  failed: "microphone.failed",
};

const CAMERA: Record<DeviceProblem, MessageKey> = {
  denied: "camera.denied",
  notfound: "camera.notfound",
  inuse: "camera.inuse",
  unplugged: "camera.unplugged",
  frozen: "camera.frozen",
  insecure: "camera.insecure",
  failed: "camera.failed",
};

const SHARE: Record<ShareProblem, MessageKey> = {
  refused: "share.refused",
  failed: "share.failed",
  unsupported: "share.unsupported",
};

/** Refusals that the server may send with only a code. */
const REFUSALS: Readonly<Record<string, MessageKey>> = {
  key_invalid: "error.key_invalid",
  key_expired: "error.key_expired",
  name_required: "error.name_required",
  name_invalid: "error.name_invalid",
  not_allowed: "error.not_allowed",
  room_not_found: "error.room_not_found",
  room_locked: "error.room_locked",
  room_full: "error.room_full",
  token_refused: "error.token_refused",
};

const ENDS: Record<EndReason, MessageKey> = {
  left: "ended.left",
  removed: "ended.removed",
  "room-closed": "ended.closed",
  duplicate: "ended.duplicate",
  refused: "error.other",
};

/** The sentence for an end; a refusal's own sentences, if the server gave both, go before it. */
export function endKey(reason: EndReason, refusal: Refusal | null): MessageKey {
  if (reason !== "refused" || refusal === null) return ENDS[reason];
  return (Object.hasOwn(REFUSALS, refusal.code) ? REFUSALS[refusal.code] : undefined) ?? ENDS.refused;
}

function connection(life: Life, online: boolean, now: number): Notice | null {
  const seconds = "since" in life ? Math.max(0, Math.floor((now - life.since) / 1000)) : 0;
  if (life.phase === "resuming") {
    return {
      id: "connection",
      level: "warning",
      key: online ? "connection.resuming" : "connection.offline",
      seconds,
    };
  }
  if (life.phase === "joining") {
    if (!life.again && life.attempt === 0)
      return { id: "connection", level: "info", key: "connection.connecting", seconds };
    const key = online ? AGAIN[life.cause] : "connection.offline";
    return {
      id: "connection",
      level: "warning",
      key: life.again || key !== "connection.interrupted" ? key : "connection.unreachable",
      seconds,
    };
  }
  return null;
}

export function deviceNotices(state: Pick<MeetingState, "local">): readonly Notice[] {
  const { microphone, camera } = state.local;
  if (microphone.problem === "insecure" && camera.problem === "insecure") {
    return [{ id: "browser", level: "warning", key: "browser.insecure" }];
  }
  const notices: Notice[] = [];
  if (microphone.wanted && microphone.problem !== null) {
    notices.push({
      id: "microphone",
      level: "warning",
      key: MICROPHONE[microphone.problem],
      ...(microphone.problem === "insecure"
        ? {}
        : { action: { id: "retry-microphone", key: "action.retry" } }),
    });
  }
  if (camera.wanted && camera.problem !== null) {
    notices.push({
      id: "camera",
      level: "warning",
      key: CAMERA[camera.problem],
      ...(camera.problem === "insecure" ? {} : { action: { id: "retry-camera", key: "action.retry" } }),
    });
  }
  return notices;
}

/** All lines for a meeting under way, most pressing first. `now` is of the clock that made `life`. */
export function notices(state: MeetingState, now: number): readonly Notice[] {
  const lines: Notice[] = [];
  const line = connection(state.life, state.online, now);
  if (line !== null) lines.push(line);
  if (state.soundBlocked) {
    lines.push({
      id: "sound",
      level: "error",
      key: "sound.blocked",
      action: { id: "start-sound", key: "bar.sound" },
    });
  }
  lines.push(...deviceNotices(state));
  if (state.speakerProblem) lines.push({ id: "speaker", level: "warning", key: "speaker.failed" });
  if (!state.mayPublish) lines.push({ id: "permission", level: "info", key: "permission.listen" });
  if (state.mutedByOthers) {
    lines.push({
      id: "muted",
      level: "info",
      key: "microphone.muted_by_chair",
      action: { id: "unmute", key: "bar.microphone.off" },
    });
  } else if (state.speakingMuted) {
    lines.push({
      id: "muted",
      level: "warning",
      key: "microphone.speaking_muted",
      action: { id: "unmute", key: "bar.microphone.off" },
    });
  }
  if (state.local.sharing === "on") {
    lines.push({
      id: "sharing",
      level: "info",
      key: "tile.screen.own",
      action: { id: "stop-share", key: "bar.share.stop" },
    });
  }
  if (state.local.shareProblem !== null) {
    lines.push({
      id: "share",
      level: "info",
      key: SHARE[state.local.shareProblem],
      action: { id: "close-share", key: "action.dismiss" },
    });
  }
  return lines;
}
