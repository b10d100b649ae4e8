import { describe, expect, it } from "vitest";
import { NO_FLOOR, type FloorView, type RosterEntry } from "../src/channel/messages";
import { ServerClock } from "../src/site-kiosk/clock";
import { countdown, inHanoi, timer } from "../src/site-kiosk/hanoi";
import { readHeads, shown, stepped, toSend } from "../src/site-kiosk/heads";
import { askNext, readNext } from "../src/site-kiosk/next";
import { maySend } from "../src/site-kiosk/permission";
import { floorAction, keyOf, lightOf, microphoneAction, sceneOf, type Sender } from "../src/site-kiosk/scene";

describe("ServerClock", () => {
  it("shows the server's time, whatever the machine's own clock says", () => {
    const clock = new ServerClock();
    expect(clock.at(5_000)).toBeNull();
    clock.learn(1_000_000, 1_000, 1_200);
    expect(clock.at(1_100)).toBe(1_000_000);
    expect(clock.at(61_100)).toBe(1_060_000);
  });

  it("keeps the better of two readings, and the newer one once the old one has aged", () => {
    const clock = new ServerClock();
    clock.learn(1_000_000, 0, 100);
    clock.learn(1_010_900, 10_000, 12_000);
    expect(clock.at(11_000)).toBe(1_010_950);
    clock.learn(2_200_100, 1_200_000, 1_200_400);
    expect(clock.at(1_200_200)).toBe(2_200_100);
  });

  it("believes a jump at once: the server's clock was set, or the machine slept", () => {
    const clock = new ServerClock();
    clock.learn(1_000_000, 0, 10);
    clock.learn(5_000_000, 1_000, 1_400);
    expect(clock.at(1_200)).toBe(5_000_000);
  });

  it.each([
    [Number.NaN, 0, 10],
    [1, 10, 0],
  ])("takes no reading that cannot be (%s, %s, %s)", (server, asked, heard) => {
    const clock = new ServerClock();
    clock.learn(server, asked, heard);
    expect(clock.at(0)).toBeNull();
  });
});

describe("times in Hanoi", () => {
  it.each([
    [Date.UTC(2026, 10, 26, 0, 5, 9), "07:05", "09", "26/11/2026", "weekday.4"],
    [Date.UTC(2026, 10, 25, 17, 0, 0), "00:00", "00", "26/11/2026", "weekday.4"],
    [Date.UTC(2026, 10, 29, 16, 59, 59), "23:59", "59", "29/11/2026", "weekday.7"],
  ])("%s", (ms, time, seconds, date, weekday) => {
    expect(inHanoi(ms)).toEqual({ time, seconds, date, weekday });
  });

  it.each([
    [0, "kiosk.opening", {}],
    [-1, "kiosk.opening", {}],
    [1, "kiosk.in.minutes", { minutes: "00", seconds: "01" }],
    [299_001, "kiosk.in.minutes", { minutes: "05", seconds: "00" }],
    [3_599_000, "kiosk.in.minutes", { minutes: "59", seconds: "59" }],
    [3_600_000, "kiosk.in.hours", { hours: 1, minutes: 0 }],
    [5_340_001, "kiosk.in.hours", { hours: 1, minutes: 30 }],
    [172_800_000, "kiosk.in.days", { days: 2, hours: 0 }],
  ])("%s ms before", (left, key, values) => {
    expect(countdown(1_000_000_000 + left, 1_000_000_000)).toEqual({ key, values });
  });

  it.each([
    [299_000, "04:59"],
    [1, "00:01"],
    [0, "00:00"],
    [-7_000, "-00:07"],
  ])("timer %s", (left, text) => expect(timer(left, 0)).toBe(text));
});

const MEETING = { id: "m", state: "open", starts_at: 1, ends_at: 2, title: "Giao ban", chair: "Bình" };
const BODY = {
  site: { code: "00001", name: "Phường 1", district: "Quận A" },
  meeting: MEETING,
  later: [{ ...MEETING, id: "n", state: "published" }],
  release: "a.js",
};

describe("what comes next", () => {
  it("is read", () => {
    expect(readNext(BODY)).toMatchObject({
      name: "Phường 1",
      meeting: { id: "m", startsAt: 1, chair: "Bình" },
      later: [{ id: "n" }],
      release: "a.js",
    });
    expect(readNext({ ...BODY, meeting: null })?.meeting).toBeNull();
  });

  it.each([
    null,
    [],
    "text",
    {},
    { ...BODY, site: null },
    { ...BODY, meeting: undefined },
    { ...BODY, meeting: { ...MEETING, id: "" } },
    { ...BODY, meeting: { ...MEETING, state: "draft" } },
    { ...BODY, meeting: { ...MEETING, starts_at: "1" } },
    { ...BODY, meeting: { ...MEETING, ends_at: 1e300 } },
  ])("is not believed if it is something else (%#)", (body) => expect(readNext(body)).toBeNull());

  const answering =
    (status: number, body: unknown, headers: Record<string, string> = {}): typeof fetch =>
    () =>
      Promise.resolve(new Response(body === null ? null : JSON.stringify(body), { status, headers }));

  it.each([
    [200, BODY, { ETag: '"e"', "X-Server-Time": "1800000000000" }, { type: "told", etag: '"e"', at: 18e11 }],
    [304, null, { "X-Server-Time": "5" }, { type: "same", at: 5 }],
    [304, null, { "X-Server-Time": "soon" }, { type: "same", at: null }],
    [401, {}, {}, { type: "signed-out" }],
    [403, {}, {}, { type: "signed-out" }],
    [200, {}, {}, { type: "failed", notBeforeMs: 0 }],
    [503, {}, { "Retry-After": "6" }, { type: "failed", notBeforeMs: 6_000 }],
    [503, {}, { "Retry-After": "9999" }, { type: "failed", notBeforeMs: 60_000 }],
    [500, {}, { "Retry-After": "tomorrow" }, { type: "failed", notBeforeMs: 0 }],
  ] as const)("answer %s %#", async (status, body, headers, wanted) => {
    expect(await askNext(answering(status, body, headers), "")).toMatchObject(wanted);
  });

  it("is a failure when nobody answers, and tells the ETag that is known", async () => {
    expect(await askNext(() => Promise.reject(new Error("down")), "")).toMatchObject({ type: "failed" });
    const asked: unknown[] = [];
    await askNext((_address, options) => {
      asked.push((options?.headers as Record<string, string>)["If-None-Match"]);
      return Promise.resolve(new Response(null, { status: 304 }));
    }, '"e"');
    expect(asked).toEqual(['"e"']);
  });
});

describe("maySend", () => {
  it.each([
    [undefined, false, false],
    [{ canPublish: false, canPublishSources: [] }, false, false],
    [{ canPublish: true, canPublishSources: [] }, true, true],
    [{ canPublish: true, canPublishSources: [1] }, true, false],
    [{ canPublish: true, canPublishSources: [1, 2, 3, 4] }, true, true],
    [{ canPublish: false, canPublishSources: [1, 2] }, false, false],
  ])("%j", (permission, camera, microphone) => {
    expect([maySend(permission, "camera"), maySend(permission, "microphone")]).toEqual([camera, microphone]);
  });
});

function entry(key: string, change: Partial<RosterEntry> = {}): RosterEntry {
  return {
    key,
    name: key,
    role: key.startsWith("person") ? "chair" : "site",
    code: "",
    district: "",
    presence: "present",
    headCount: null,
    order: 0,
    hasFloor: false,
    muted: true,
    ...change,
  };
}

const ME = "site:00001";
const CHAIR = "person:1";
const roster = (...entries: RosterEntry[]): ReadonlyMap<string, RosterEntry> =>
  new Map(entries.map((one) => [one.key, one]));
const EVERYBODY = roster(entry(ME), entry("site:00002"), entry(CHAIR));
const sends = (identity: string, screen = false, camera = true): Sender => ({ identity, camera, screen });
const floor = (holder: string): FloorView => ({ ...NO_FLOOR, holder });
const ALL = [sends(`${ME}:main`), sends("site:00002:main"), sends(`${CHAIR}:main`)];

describe("sceneOf", () => {
  it.each([
    ["nobody speaks: the chair", "", ALL, CHAIR, `${CHAIR}:main`, ""],
    ["another site speaks", "site:00002", ALL, "site:00002", "site:00002:main", ""],
    ["we speak: the chair", ME, ALL, CHAIR, `${CHAIR}:main`, ""],
    ["the speaker sends no picture", "site:00002", [ALL[2]], "site:00002", "", ""],
    [
      "the chair shares a screen",
      "site:00002",
      [sends("site:00002:main"), sends(`${CHAIR}:main`, true)],
      "site:00002",
      "site:00002:main",
      `${CHAIR}:main`,
    ],
    ["our own screen is not shown to us", "", [sends(`${ME}:main`, true)], CHAIR, "", ""],
    ["a stranger's identity", "", [sends("a:b:c:d"), sends("x")], CHAIR, "", ""],
  ] as const)("%s", (_name, holder, senders, face, faceFrom, screenFrom) => {
    expect(sceneOf(ME, floor(holder), EVERYBODY, senders as readonly Sender[])).toEqual({
      face,
      faceFrom,
      screenFrom,
    });
  });

  it("takes a chair who is here before one who is not, and nobody where there is none", () => {
    const two = roster(entry(ME), entry(CHAIR, { presence: "absent" }), entry("person:2"));
    expect(sceneOf(ME, floor(""), two, []).face).toBe("person:2");
    expect(sceneOf(ME, floor(""), roster(entry(ME)), []).face).toBe("");
  });

  it.each([
    ["site:00001:main", "site:00001"],
    ["person:7:phone", "person:7"],
    ["site:00001", ""],
    ["a::b", ""],
    ["", ""],
  ])("keyOf %s", (identity, key) => expect(keyOf(identity)).toBe(key));
});

describe("fc_e04 the light and the button follow the server", () => {
  it.each([
    ["in", { hasFloor: true, muted: false }, true, "floor", "finish"],
    ["in", { hasFloor: true, muted: false }, false, "floor_silent", "finish"],
    ["in", { hasFloor: true, muted: true }, false, "floor_silent", "finish"],
    ["in", { muted: false }, true, "heard", "ask"],
    ["in", { order: 3 }, false, "asking", "withdraw"],
    ["in", { order: 3 }, true, "asking", "withdraw"],
    ["in", {}, false, "muted", "ask"],
    ["waiting", { hasFloor: true, muted: false }, true, "lobby", "finish"],
    ["cut", { hasFloor: true, muted: false }, true, "cut", "finish"],
  ] as const)("%s %j %s", (line, change, sounding, light, action) => {
    const own = entry(ME, change);
    expect(lightOf({ line, entry: own, sounding })).toBe(light);
    expect(floorAction(own)).toBe(action);
  });

  it.each([
    [undefined, true, "wait"],
    [{ muted: true }, true, "wait"],
    [{ muted: true }, false, "wait"],
    [{ muted: true, hasFloor: true }, true, "wait"],
    [{ muted: false }, true, "mute"],
    [{ muted: false, hasFloor: true }, false, "unmute"],
  ] as const)("the microphone's button for %o, switched on: %s", (change, on, action) => {
    const own = change === undefined ? undefined : entry("site:00001", change);
    expect(microphoneAction(own, on)).toBe(action);
  });

  it("shows nothing that it does not know", () => {
    expect(lightOf({ line: "in", entry: undefined, sounding: true })).toBe("cut");
    expect(floorAction(undefined)).toBeNull();
  });
});

describe("heads", () => {
  it.each([
    ["0", 0],
    [" 25 ", 25],
    ["1000", 1_000],
    ["1001", null],
    ["-1", null],
    ["2,5", null],
    ["12345", null],
    ["", null],
    ["hai", null],
  ])("reads %j", (text, count) => expect(readHeads(text)).toBe(count));

  it("counts up and down within the bounds, from what the server knows", () => {
    expect(stepped({ draft: null, told: 12 }, 1)).toBe(13);
    expect(stepped({ draft: 0, told: 12 }, -1)).toBe(0);
    expect(stepped({ draft: 1_000, told: null }, 1)).toBe(1_000);
    expect(shown({ draft: null, told: null })).toBe(0);
    expect(toSend({ draft: 12, told: 12 })).toBe(false);
    expect(toSend({ draft: 13, told: 12 })).toBe(true);
  });
});
