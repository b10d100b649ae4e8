/** The pure parts of a booked meeting's page: floor, main screen, roster, scenes, lines, refusals. */
import { describe, expect, it } from "vitest";
import type { Line } from "../src/channel/client";
import { NO_FLOOR, type FloorView, type RosterEntry } from "../src/channel/messages";
import { OFF } from "../src/meeting/capture";
import { LOCAL_OFF } from "../src/meeting/local";
import type { Person } from "../src/meeting/people";
import type { MeetingState } from "../src/meeting/session";
import { clockText, floorClock, ownFloor } from "../src/room/floor";
import { focusOf, memberOf } from "../src/room/focus";
import { RosterIndex } from "../src/room/index";
import { sceneOf } from "../src/room/life";
import { roomNotices, type RoomNow } from "../src/room/notices";
import { spanOf } from "../src/room/rows";
import { refusalKey } from "../src/room/words";

const entry = (key: string, change: Partial<RosterEntry> = {}): RosterEntry => ({
  key,
  name: key,
  role: key.startsWith("person:") ? "chair" : "site",
  code: key.split(":")[1] ?? "",
  district: "",
  presence: "present",
  headCount: null,
  order: 0,
  hasFloor: false,
  muted: true,
  ...change,
});
const rosterOf = (...entries: RosterEntry[]): Map<string, RosterEntry> =>
  new Map(entries.map((one) => [one.key, one]));
const floorOf = (change: Partial<FloorView>): FloorView => ({ ...NO_FLOOR, ...change });

describe("the own button for the floor", () => {
  it.each([
    [undefined, { state: "silent" }],
    [entry("site:1"), { state: "silent" }],
    [entry("site:1", { order: 3 }), { state: "asking", place: 3 }],
    [entry("site:1", { hasFloor: true, order: 2 }), { state: "speaking" }],
  ])("%o is %o", (me, state) => {
    expect(ownFloor(me)).toEqual(state);
  });
});

describe("the floor's clock", () => {
  it.each<[Partial<FloorView>, number | null, ReturnType<typeof floorClock>]>([
    [{}, 5_000, null],
    [{ holder: "site:1", since: 1_000 }, null, null],
    [{ holder: "site:1", since: 1_000 }, 64_999, { kind: "since", seconds: 63 }],
    [{ holder: "site:1", since: 9_000 }, 5_000, { kind: "since", seconds: 0 }],
    [{ holder: "site:1", since: 0, until: 60_000 }, 500, { kind: "left", seconds: 60 }],
    [{ holder: "site:1", since: 0, until: 60_000 }, 59_001, { kind: "left", seconds: 1 }],
    [{ holder: "site:1", since: 0, until: 60_000 }, 60_000, { kind: "over", seconds: 0 }],
    [{ holder: "site:1", since: 0, until: 60_000 }, 75_000, { kind: "over", seconds: 15 }],
    // The server says that it is over, whatever our clock believes.
    [{ holder: "site:1", since: 0, until: 60_000, timeIsUp: true }, 58_000, { kind: "over", seconds: 0 }],
    [{ holder: "site:1", since: null }, 58_000, null],
  ])("%o at %s: %o", (floor, now, clock) => {
    expect(floorClock(floorOf(floor), now)).toEqual(clock);
  });

  it.each([
    [0, "00:00"],
    [75, "01:15"],
    [3_599, "59:59"],
    [3_600, "1:00:00"],
    [36_061, "10:01:01"],
  ])("%i s is written %s", (seconds, text) => {
    expect(clockText(seconds)).toBe(text);
  });
});

const person = (identity: string, change: Partial<Person> = {}): [string, Person] => [
  identity,
  {
    identity,
    name: identity,
    kind: "site",
    local: false,
    sid: "PA",
    microphone: "none",
    camera: "on",
    screen: false,
    speaking: false,
    quality: "good",
    joinedAt: 0,
    cameraTrack: null,
    screenTrack: null,
    ...change,
  },
];

describe("the main screen", () => {
  const chair = "person:1";
  const roster = rosterOf(entry(chair), entry("site:1"), entry("site:2"));
  const people = (...change: [string, Partial<Person>][]): Map<string, Person> =>
    new Map(
      [
        ["person:1:main", {}],
        ["site:1:main", {}],
        ["site:2:main", {}],
        ["site:9:main", { local: true }],
      ].map(([identity, more]) => {
        const extra = change.find(([other]) => other === identity)?.[1] ?? {};
        return person(identity as string, { ...(more as Partial<Person>), ...extra });
      }),
    );

  it.each<[string, Map<string, Person>, Partial<FloorView>, string, ReturnType<typeof focusOf>]>([
    ["the chair", people(), {}, "", { main: { kind: "camera", identity: "person:1:main" }, strip: [] }],
    [
      "who has the floor, the chair beside",
      people(),
      { holder: "site:2" },
      "",
      { main: { kind: "camera", identity: "site:2:main" }, strip: ["person:1:main"] },
    ],
    [
      "a shared screen, the holder and the chair beside",
      people(["site:2:main", { screen: true }]),
      { holder: "site:2" },
      "",
      { main: { kind: "screen", identity: "site:2:main" }, strip: ["site:2:main", "person:1:main"] },
    ],
    [
      "the holder's screen before another's",
      people(["site:1:main", { screen: true }], ["site:2:main", { screen: true }]),
      { holder: "site:2" },
      "",
      { main: { kind: "screen", identity: "site:2:main" }, strip: ["site:2:main", "person:1:main"] },
    ],
    [
      "a preview beside",
      people(),
      { holder: "site:2" },
      "site:1",
      { main: { kind: "camera", identity: "site:2:main" }, strip: ["site:1:main", "person:1:main"] },
    ],
    [
      "the chair where the holder has no device here",
      people(),
      { holder: "site:7" },
      "site:8",
      { main: { kind: "camera", identity: "person:1:main" }, strip: [] },
    ],
    [
      "the chair for who has the floor itself",
      people(),
      { holder: "site:9" },
      "",
      { main: { kind: "camera", identity: "person:1:main" }, strip: [] },
    ],
    ["nobody", new Map(), { holder: "site:2" }, "", { main: null, strip: [] }],
  ])("is %s", (_what, everybody, floor, preview, focus) => {
    expect(focusOf(everybody, roster, floorOf(floor), preview)).toEqual(focus);
  });

  it.each([
    ["site:00001:main", "site:00001"],
    ["person:12:main", "person:12"],
    ["site:00004-2:main", "site:00004-2"],
    ["odd", "odd"],
  ])("%s is a device of %s", (identity, member) => {
    expect(memberOf(identity)).toBe(member);
  });
});

describe("the roster", () => {
  const roster = rosterOf(
    entry("site:2", { name: "Phường Quang Trung", district: "Quận Hà Đông", order: 2, headCount: 7 }),
    entry("site:1", { name: "Phường Quang Trung", district: "Quận Đống Đa", order: 1, presence: "late" }),
    entry("site:3", { name: "Xã Đường Lâm", district: "Thị xã Sơn Tây", presence: "absent", headCount: 90 }),
    entry("site:4", { name: "Phường 10", presence: "invited" }),
    entry("site:5", { name: "Phường 9", headCount: 5 }),
    entry("person:2", { name: "Nguyễn Thị Hồng Ánh", role: "secretary", presence: "invited" }),
    entry("person:1", { name: "Trần Văn Dũng" }),
  );
  const index = new RosterIndex(roster);
  index.change("all");

  it("has chairs first, then secretaries, then sites by name and district, numbers by value", () => {
    const keys = ["person:1", "person:2", "site:5", "site:4", "site:1", "site:2", "site:3"];
    expect(index.list("all", "")).toEqual(keys);
  });

  it("counts who is here, and delegates of those alone", () => {
    expect(index.counts).toEqual({ all: 7, here: 4, missing: 3, hands: 2, heads: 12 });
  });

  it.each([
    ["quang trung", ["site:1", "site:2"]],
    ["QUANG hà đông", ["site:2"]],
    ["dong da", ["site:1"]],
    ["duong lam", ["site:3"]],
    ["Đường", ["site:3"]],
    ["anh", ["person:2"]],
    ["nothing", []],
  ])("finds %s without marks", (query, keys) => {
    expect(index.list("all", query)).toEqual(keys);
  });

  it("lists hands in their order", () => {
    expect(index.list("hands", "")).toEqual(["site:1", "site:2"]);
    expect(index.list("hands", "ha dong")).toEqual(["site:2"]);
    expect(index.list("missing", "")).toEqual(["person:2", "site:4", "site:3"]);
  });

  it("follows changes of single entries, and those who go", () => {
    const known = new Map(roster);
    const following = new RosterIndex(known);
    following.change("all");
    known.set("site:4", entry("site:4", { name: "Phường 8", headCount: 1 }));
    known.delete("site:3");
    following.change(["site:4", "site:3", "site:unknown"]);
    expect(following.list("all", "")).toEqual([
      "person:1",
      "person:2",
      "site:4",
      "site:5",
      "site:1",
      "site:2",
    ]);
    expect(following.list("all", "10")).toEqual([]);
    expect(following.counts).toMatchObject({ all: 6, here: 5, heads: 13 });
  });

  it("gives each list anew, so that nobody's order is changed by another's", () => {
    index.list("hands", "");
    expect(index.list("all", "")[0]).toBe("person:1");
  });
});

describe("rows that stand in the page", () => {
  it.each([
    [0, 40, 0, 400, { from: 0, to: 0 }],
    [579, 0, 0, 400, { from: 0, to: 0 }],
    [579, 40, 0, 400, { from: 0, to: 14 }],
    [579, 40, 4_000, 400, { from: 96, to: 114 }],
    [579, 40, 999_999, 400, { from: 574, to: 579 }],
    [579, 40, -50, 400, { from: 0, to: 14 }],
    [3, 40, 0, 400, { from: 0, to: 3 }],
    [579, 40, 0, 0, { from: 0, to: 5 }],
  ])("%i rows of %i px at %i in a box of %i: %o", (count, height, top, box, span) => {
    expect(spanOf(count, height, top, box)).toEqual(span);
  });
});

describe("the scene", () => {
  const connecting = (again: boolean, trouble: string | null): Line => ({
    phase: "connecting",
    again,
    since: 0,
    trouble: trouble === null ? null : { code: trouble },
  });
  it.each<[Line, ReturnType<typeof sceneOf>]>([
    [{ phase: "idle" }, { kind: "join" }],
    [connecting(false, null), { kind: "wait", why: "connecting" }],
    [connecting(false, "meeting_not_open"), { kind: "wait", why: "opening" }],
    [connecting(true, null), { kind: "meeting" }],
    [{ phase: "waiting" }, { kind: "wait", why: "lobby" }],
    [{ phase: "in" }, { kind: "meeting" }],
    [
      { phase: "closed", why: "removed", refusal: null },
      { kind: "end", why: "removed", refusal: null },
    ],
  ])("of %o is %o", (line, scene) => {
    expect(sceneOf(line, null)).toEqual(scene);
  });

  it("is the media server's end where it told one", () => {
    const over = { kind: "end", why: "taken_over", refusal: null } as const;
    expect(sceneOf({ phase: "in" }, over)).toEqual(over);
  });
});

describe("lines that need saying", () => {
  const media: MeetingState = {
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
    maySpeak: false,
    mayShare: false,
    online: true,
  };
  const quiet: RoomNow = {
    media,
    line: { phase: "in" },
    floor: NO_FLOOR,
    me: entry("site:1", { headCount: 3 }),
    refused: null,
  };
  const keys = (change: Partial<RoomNow>, now = 5_000): string[] =>
    roomNotices({ ...quiet, ...change }, now).map((notice) => notice.key);

  it("are silent while all is well", () => {
    expect(keys({})).toEqual([]);
  });

  it.each<[string, Partial<RoomNow>, string[]]>([
    [
      "the channel is cut",
      { line: { phase: "connecting", again: true, since: 1_000, trouble: null } },
      ["room.channel.lost"],
    ],
    [
      "without a network one line is enough",
      {
        line: { phase: "connecting", again: true, since: 1_000, trouble: null },
        media: { ...media, online: false, life: { phase: "resuming", since: 1_000 } },
      },
      ["connection.offline"],
    ],
    ["a refusal", { refused: "room.refused.no_right" }, ["room.refused.no_right"]],
    ["the floor", { me: entry("site:1", { headCount: 3, hasFloor: true }) }, ["room.floor.yours"]],
    [
      "too long",
      { me: entry("site:1", { headCount: 3, hasFloor: true }), floor: floorOf({ timeIsUp: true }) },
      ["room.floor.yours.over"],
    ],
    ["next in line", { me: entry("site:1", { headCount: 3, order: 1 }) }, ["room.floor.next"]],
    ["second in line", { me: entry("site:1", { headCount: 3, order: 2 }) }, []],
    [
      "heard without the floor",
      { me: entry("site:1", { headCount: 3, muted: false }), media: { ...media, maySpeak: true } },
      ["room.floor.may"],
    ],
    ["chairs are heard always", { me: entry("person:1"), media: { ...media, maySpeak: true } }, []],
    ["speaking unheard", { media: { ...media, speakingMuted: true } }, ["room.unheard"]],
    [
      "speaking before one's turn",
      { me: entry("site:1", { headCount: 3, order: 4 }), media: { ...media, speakingMuted: true } },
      ["room.unheard.asking"],
    ],
    [
      "speaking with a microphone that is off",
      {
        me: entry("person:1"),
        media: {
          ...media,
          maySpeak: true,
          speakingMuted: true,
          local: { ...LOCAL_OFF, microphone: { ...OFF, status: "on" } },
        },
      },
      ["microphone.speaking_muted"],
    ],
    ["delegates are not told yet", { me: entry("site:1") }, ["room.heads.please"]],
    ["guests have no delegates", { me: entry("person:7", { role: "site" }) }, []],
  ])("%s", (_what, change, wanted) => {
    expect(keys(change)).toEqual(wanted);
  });

  it("count the seconds without a line", () => {
    const line: Line = { phase: "connecting", again: true, since: 1_000, trouble: null };
    expect(roomNotices({ ...quiet, line }, 8_900)[0]).toMatchObject({ seconds: 7 });
  });
});

describe("what the server refused", () => {
  it.each([
    [{ type: "done" } as const, null],
    [{ type: "lost" } as const, "room.refused.lost"],
    [{ type: "refused", code: "no_right", problem: "" } as const, "room.refused.no_right"],
    [{ type: "refused", code: "floor", problem: "nobody_asks" } as const, "room.refused.nobody_asks"],
    [{ type: "refused", code: "message", problem: "too_fast" } as const, "room.refused.too_fast"],
    [{ type: "refused", code: "floor", problem: "constructor" } as const, "room.refused.other"],
  ])("%o is said as %s", (answer, key) => {
    expect(refusalKey(answer)).toBe(key);
  });
});
