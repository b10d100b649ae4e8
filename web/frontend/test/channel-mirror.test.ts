/** The reader of the meeting channel, held to what `scheduler/channel/mirror.py` makes of the same texts. */
import { describe, expect, it } from "vitest";
import { Mirror } from "../src/channel/mirror";
import { MessageError } from "../src/channel/reading";
import kept from "./channel-vectors.json";

interface Step {
  readonly text: string;
  readonly type: string;
  readonly seen: unknown;
}

const courses: readonly (readonly Step[])[] = [kept["course 0"], kept["course 1"], kept["course 2"]];
const vectors = kept;

/** What a mirror knows, in the form in which the vectors have it. */
function seen(mirror: Mirror): unknown {
  const { me, role, epoch, sequence, waiting, resumed, at, meeting, floor, lobby, closing, dropped } = mirror;
  return {
    ...{ me, role, epoch, sequence, waiting, resumed, at, lobby, closing, dropped },
    meeting: meeting && {
      title: meeting.title,
      state: meeting.state,
      starts_at: meeting.startsAt,
      ends_at: meeting.endsAt,
    },
    floor: {
      holder: floor.holder,
      since: floor.since,
      until: floor.until,
      time_is_up: floor.timeIsUp,
      away: floor.away,
      locked: floor.locked,
    },
    roster: [...mirror.roster.values()].map(({ headCount, hasFloor, ...same }) => ({
      ...same,
      head_count: headCount,
      has_floor: hasFloor,
    })),
    queue: mirror.queue(),
    hello: mirror.hello(),
  };
}

describe("Mirror", () => {
  it.each(courses.map((steps, index) => [index, steps] as const))(
    "knows after each message of course %i what the reference knows",
    (_, steps) => {
      const mirror = new Mirror();
      for (const step of steps) {
        expect(mirror.receive(step.text).type).toBe(step.type);
        if (step.seen !== null) expect(seen(mirror)).toEqual(step.seen);
      }
      expect(steps.length).toBeGreaterThan(20);
    },
  );

  it.each(vectors.single.map((one) => [one.text.slice(0, 120), one] as const))("judges %s", (_, one) => {
    const mirror = new Mirror();
    mirror.receive(vectors.snapshot);
    let problem = "";
    let field = "";
    try {
      mirror.receive(one.text);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      ({ problem, field } = error);
    }
    expect({ problem, field, seen: seen(mirror) }).toEqual({
      problem: one.problem,
      field: one.field,
      seen: one.seen,
    });
  });

  it("refuses a text that is too long before it reads it", () => {
    expect(() => new Mirror().receive(`"${"x".repeat(9 * 1024 * 1024)}"`)).toThrow("too_large");
  });

  it("names the entries that a delta touched", () => {
    const mirror = new Mirror();
    mirror.receive(vectors.snapshot);
    const delta = { type: "delta", sequence: 5, at: 2, roster: [{ key: "site:1", order: 1 }] };
    expect(mirror.receive(JSON.stringify(delta))).toEqual({ type: "delta", keys: ["site:1"] });
    const gone = { type: "delta", sequence: 6, at: 2, gone: ["site:1"] };
    expect(mirror.receive(JSON.stringify(gone))).toEqual({ type: "delta", keys: ["site:1"] });
    expect(mirror.roster.size).toBe(0);
  });

  it("asks for everything after it forgot its resume point, and shows what it had", () => {
    const mirror = new Mirror();
    mirror.receive(vectors.snapshot);
    expect(mirror.hello()).toMatchObject({ sequence: 4 });
    mirror.forget();
    expect(mirror.hello()).toEqual({ type: "hello", versions: [1] });
    expect(mirror.roster.size).toBe(1);
  });
});
