import { describe, expect, it } from "vitest";
import { OFF, type CaptureState } from "../src/meeting/capture";
import type { Life } from "../src/meeting/life";
import { LOCAL_OFF } from "../src/meeting/local";
import { endKey, notices } from "../src/meeting/notices";
import type { MeetingState } from "../src/meeting/session";

const STATE: MeetingState = {
  life: { phase: "connected", since: 0 },
  people: new Map(),
  speakers: [],
  local: LOCAL_OFF,
  devices: [],
  soundBlocked: false,
  speakerProblem: false,
  mutedByOthers: false,
  speakingMuted: false,
  mayPublish: true,
  maySpeak: true,
  mayShare: true,
  online: true,
};

const keys = (change: Partial<MeetingState>, now = 5_400): string[] =>
  notices({ ...STATE, ...change }, now).map(({ key }) => key);
const joining = (change: Partial<Life & { phase: "joining" }>): Life => ({
  phase: "joining",
  again: true,
  since: 1_000,
  attempt: 2,
  retryAt: null,
  cause: "interrupted",
  ...change,
});
const broken = (problem: CaptureState["problem"]): CaptureState => ({
  ...OFF,
  wanted: true,
  status: "problem",
  problem,
});

describe("notices", () => {
  it("are silent while all is well", () => {
    expect(notices(STATE, 9)).toEqual([]);
  });

  it.each<[Life, boolean, string]>([
    [joining({ again: false, attempt: 0 }), true, "connection.connecting"],
    [joining({ again: false }), true, "connection.unreachable"],
    [joining({}), true, "connection.interrupted"],
    [joining({ cause: "server-restart" }), true, "connection.restarting"],
    [joining({ again: false, cause: "server-restart" }), true, "connection.restarting"],
    [joining({ cause: "network" }), false, "connection.offline"],
    [joining({}), false, "connection.offline"],
    [{ phase: "resuming", since: 1_000 }, true, "connection.resuming"],
    [{ phase: "resuming", since: 1_000 }, false, "connection.offline"],
  ])("%o, online %s: %s", (life, online, key) => {
    const [line] = notices({ ...STATE, life, online }, 5_400);
    expect(line).toMatchObject({ key, seconds: 4 });
  });

  it.each(["denied", "notfound", "inuse", "unplugged"] as const)(
    "offer another try when a device is %s",
    (problem) => {
      const local = { ...LOCAL_OFF, microphone: broken(problem), camera: broken(problem) };
      const lines = notices({ ...STATE, local }, 0);
      expect(lines.map(({ key }) => key)).toEqual([`microphone.${problem}`, `camera.${problem}`]);
      expect(lines.map(({ action }) => action?.id)).toEqual(["retry-microphone", "retry-camera"]);
    },
  );

  it("say one thing about a page that is not secure", () => {
    const local = { ...LOCAL_OFF, microphone: broken("insecure"), camera: broken("insecure") };
    expect(keys({ local })).toEqual(["browser.insecure"]);
  });

  it("do not complain of a device that nobody wants", () => {
    expect(keys({ local: { ...LOCAL_OFF, camera: { ...broken("unplugged"), wanted: false } } })).toEqual([]);
  });

  it("prefer who muted us to what we say into it", () => {
    expect(keys({ mutedByOthers: true, speakingMuted: true })).toEqual(["microphone.muted_by_chair"]);
    expect(keys({ speakingMuted: true })).toEqual(["microphone.speaking_muted"]);
  });

  it("put the connection first", () => {
    const life: Life = { phase: "resuming", since: 0 };
    expect(keys({ life, soundBlocked: true, mayPublish: false })).toEqual([
      "connection.resuming",
      "sound.blocked",
      "permission.listen",
    ]);
  });

  it.each([
    ["left", null, "ended.left"],
    ["duplicate", null, "ended.duplicate"],
    ["refused", { code: "room_full" }, "error.room_full"],
    ["refused", { code: "toString" }, "error.other"],
    ["refused", { code: "http_418" }, "error.other"],
  ] as const)("end %s %o: %s", (reason, refusal, key) => {
    expect(endKey(reason, refusal)).toBe(key);
  });
});
