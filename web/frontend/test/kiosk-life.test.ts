import { describe, expect, it } from "vitest";
import {
  AGAIN_MS,
  advance,
  askAfterFailure,
  nextAsk,
  PREPARE_MS,
  shouldRenew,
  wantsDevices,
  YOUNG_MS,
  type Away,
  type KioskEvent,
  type KioskLife,
} from "../src/site-kiosk/life";
import type { Coming, Next } from "../src/site-kiosk/next";

const START = 1_800_000_000_000;

function meeting(state: Coming["state"], id = "m1", startsAt = START): Coming {
  return { id, state, startsAt, endsAt: startsAt + 3_600_000, title: "Giao ban", chair: "Bình" };
}

function next(coming: Coming | null, release = "a.js"): Next {
  return { name: "Phường 1", district: "", meeting: coming, later: [], release };
}

const told = (coming: Coming | null, askedAt: number): KioskEvent => ({
  type: "told",
  next: next(coming),
  askedAt,
});
const closed = (why: Away | "version", code = ""): KioskEvent => ({
  type: "closed",
  meeting: "m1",
  why,
  refusal: code === "" ? null : { code },
});

/** Runs events, each with its time; gives the last state and all effects in words. */
function run(...events: [number, KioskEvent][]): { life: KioskLife; effects: string[] } {
  let life: KioskLife = { phase: "starting" };
  const effects: string[] = [];
  for (const [now, event] of events) {
    const step = advance(life, event, now);
    life = step.life;
    effects.push(
      ...step.effects.map((effect) => (effect.type === "enter" ? `enter ${effect.meeting}` : effect.type)),
    );
  }
  return { life, effects };
}

const OPEN = meeting("open");
const SOON = meeting("published");
const IN: [number, KioskEvent] = [10, told(OPEN, 0)];

describe("a site's page", () => {
  it("waits, joins by itself when the meeting opens, and waits again after its end", () => {
    const { life, effects } = run(
      [0, told(SOON, 0)],
      [1_000, told(OPEN, 900)],
      [2_000, told(OPEN, 1_900)],
      [3_000, closed("ended")],
      [4_000, told(null, 3_900)],
    );
    expect(life).toEqual({ phase: "waiting" });
    expect(effects).toEqual(["enter m1", "exit", "ask"]);
  });

  it("is in the meeting again after the page was loaded anew in its middle", () => {
    expect(run(IN)).toEqual({ life: { phase: "in", meeting: "m1", since: 10 }, effects: ["enter m1"] });
  });

  it("goes from one meeting into the next that is open", () => {
    const { life, effects } = run(IN, [50, told(meeting("open", "m2"), 40)]);
    expect(life).toMatchObject({ phase: "in", meeting: "m2" });
    expect(effects).toEqual(["enter m1", "exit", "enter m2"]);
  });

  it("does not leave for an answer to a question from before it came in", () => {
    expect(run(IN, [60, told(null, 5)]).life).toMatchObject({ phase: "in" });
    expect(run(IN, [60, told(null, 20)]).life).toEqual({ phase: "waiting" });
  });

  it.each(["left", "taken_over", "removed"] as const)(
    "stays away from a meeting that it was sent from (%s) until somebody presses",
    (why) => {
      const away = run(IN, [100, closed(why)], [100_000, told(OPEN, 99_000)]);
      expect(away.life).toMatchObject({ phase: "away", why });
      expect(away.effects).toEqual(["enter m1", "exit", "ask"]);
      const back = run(IN, [100, closed(why)], [200, { type: "return" }]);
      expect(back.life).toMatchObject({ phase: "in", meeting: "m1" });
      const other = run(IN, [100, closed(why)], [200, told(meeting("open", "m2"), 190)]);
      expect(other.life).toMatchObject({ phase: "in", meeting: "m2" });
    },
  );

  it.each(["ended", "refused"] as const)("tries a meeting again that is open in spite of %s", (why) => {
    const end = 100 + AGAIN_MS[why];
    expect(run(IN, [100, closed(why)], [end - 1, told(OPEN, end - 2)]).life).toMatchObject({ why });
    expect(run(IN, [100, closed(why)], [end, told(OPEN, end - 1)]).life).toMatchObject({ phase: "in" });
  });

  it("loads itself anew when its words for the server are stale, and when nobody knows it", () => {
    for (const event of [closed("refused", "form_refused"), closed("version")])
      expect(run(IN, [20, event]).effects).toEqual(["enter m1", "exit", "reload"]);
    const out = run(IN, [20, { type: "signed-out" }], [30, { type: "signed-out" }], [40, told(OPEN, 39)]);
    expect(out).toEqual({ life: { phase: "signed-out" }, effects: ["enter m1", "exit", "reload"] });
  });

  it("does not hear the end of a meeting in which it is no longer", () => {
    const { life } = run(IN, [50, told(meeting("open", "m2"), 40)], [60, closed("taken_over")]);
    expect(life).toMatchObject({ phase: "in", meeting: "m2" });
  });
});

describe("nextAsk", () => {
  const waiting: KioskLife = { phase: "waiting" };

  it.each([
    ["nothing booked", null, START, 14_000, 26_000],
    ["an hour before", SOON, START - 3_600_000, 14_000, 26_000],
    ["a minute before", SOON, START - 60_000, 7_000, 13_000],
    ["a second before: right after the start", SOON, START - 1_000, 1_300, 2_500],
    ["just after the start", SOON, START + 100, 1_200, 2_800],
    ["long after the start", SOON, START + 600_000, 6_000, 14_000],
  ] as const)("%s", (_name, coming, now, least, most) => {
    for (const random of [0, 0.5, 0.999]) {
      const wait = nextAsk(waiting, coming, now, random);
      expect(wait).toBeGreaterThanOrEqual(least);
      expect(wait).toBeLessThanOrEqual(most);
    }
  });

  it("never sleeps over a start, and is spread", () => {
    for (let left = 1_000; left < 200_000; left += 7_000) {
      const waits = [0, 0.25, 0.5, 0.75].map((random) => nextAsk(waiting, SOON, START - left, random));
      expect(Math.max(...waits)).toBeLessThanOrEqual(left + 1_500);
      expect(new Set(waits).size).toBe(4);
    }
  });

  it("asks for ever after failures, never more than every second nor less than every 12", () => {
    for (const failures of [0, 1, 5, 500])
      for (const random of [0, 0.999]) {
        const wait = askAfterFailure(failures, 0, random);
        expect(wait).toBeGreaterThanOrEqual(800);
        expect(wait).toBeLessThanOrEqual(12_000);
      }
    expect(askAfterFailure(0, 30_000, 0)).toBe(30_000);
  });
});

describe("shouldRenew", () => {
  const waiting: KioskLife = { phase: "waiting" };
  const far = START - 3_600_000;

  it.each([
    ["another release, nothing near", waiting, next(SOON, "b.js"), YOUNG_MS, far, true],
    ["another release, nothing booked", waiting, next(null, "b.js"), YOUNG_MS, far, true],
    ["the same release", waiting, next(SOON), YOUNG_MS, far, false],
    ["a young page", waiting, next(SOON, "b.js"), YOUNG_MS - 1, far, false],
    ["a meeting is near", waiting, next(SOON, "b.js"), YOUNG_MS, START - 60_000, false],
    ["in a meeting", { phase: "in", meeting: "m1", since: 0 }, next(OPEN, "b.js"), YOUNG_MS, far, false],
  ] as const)("%s", (_name, life, what, age, now, wanted) => {
    expect(shouldRenew(life, what, "a.js", age, now)).toBe(wanted);
  });
});

describe("wantsDevices", () => {
  it.each([
    ["long before", { phase: "waiting" }, SOON, START - PREPARE_MS - 1, false, false],
    ["shortly before", { phase: "waiting" }, SOON, START - PREPARE_MS, false, true],
    ["late", { phase: "waiting" }, SOON, START + 5_000, false, true],
    ["nothing booked", { phase: "waiting" }, null, START, false, false],
    ["testing", { phase: "waiting" }, null, START, true, true],
    ["in", { phase: "in", meeting: "m1", since: 0 }, OPEN, null, false, true],
    [
      "away",
      { phase: "away", meeting: "m1", why: "left", refusal: null, since: 0 },
      OPEN,
      START,
      false,
      false,
    ],
  ] as const)("%s", (_name, life, coming, now, testing, wanted) => {
    expect(wantsDevices(life, coming, now, testing)).toBe(wanted);
  });
});
