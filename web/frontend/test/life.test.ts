import { describe, expect, it } from "vitest";
import { advance, type Life, type LifeEvent } from "../src/meeting/life";
import { LONGEST_MS, rejoinDelay, resumeDelay } from "../src/meeting/retry";

const CONNECTED: Life = { phase: "connected", since: 0 };
const JOINING: Life = {
  phase: "joining",
  again: false,
  since: 0,
  attempt: 0,
  retryAt: null,
  cause: "network",
};

/** Runs events one after the other; one second passes between them. */
function run(life: Life, ...events: LifeEvent[]): { life: Life; effects: string[] } {
  const effects: string[] = [];
  let now = 0;
  for (const event of events) {
    now += 1_000;
    const step = advance(life, event, now, 0.5);
    life = step.life;
    effects.push(...step.effects.map((effect) => effect.type));
  }
  return { life, effects };
}

describe("advance", () => {
  it("joins, connects and leaves", () => {
    const { life, effects } = run(
      { phase: "idle" },
      { type: "join" },
      { type: "connected" },
      { type: "leave" },
    );
    expect(life).toEqual({ phase: "ended", reason: "left", refusal: null });
    expect(effects).toEqual(["attempt", "close"]);
  });

  it("lets the SDK resume first and keeps the time of the loss", () => {
    const { life } = run(CONNECTED, { type: "resuming" }, { type: "lost", cause: "interrupted" });
    expect(life).toMatchObject({
      phase: "joining",
      again: true,
      since: 1_000,
      attempt: 1,
      cause: "interrupted",
    });
  });

  it("tries for ever after a loss", () => {
    let life = run(CONNECTED, { type: "lost", cause: "server-restart" }).life;
    for (let attempt = 1; attempt < 500; attempt += 1) {
      expect(life).toMatchObject({ phase: "joining", attempt });
      life = run(life, { type: "timer" }, { type: "failed", cause: "network" }).life;
    }
    expect(run(life, { type: "timer" }, { type: "connected" }).life.phase).toBe("connected");
  });

  it("tries for ever at the first join too", () => {
    const { life, effects } = run(JOINING, { type: "failed", cause: "interrupted" }, { type: "timer" });
    expect(life).toMatchObject({ phase: "joining", again: false, attempt: 1, retryAt: null });
    expect(effects).toEqual(["close", "wait", "attempt"]);
  });

  it("waits at least as long as the server asks", () => {
    const step = advance(JOINING, { type: "failed", cause: "interrupted", notBeforeMs: 30_000 }, 500, 0);
    expect(step.effects).toContainEqual({ type: "wait", ms: 30_000 });
    expect(step.life).toMatchObject({ retryAt: 30_500 });
  });

  it("tries at once when the network is back, and not twice", () => {
    const waiting = run(CONNECTED, { type: "lost", cause: "network" }).life;
    const first = run(waiting, { type: "online" });
    expect(first.effects).toEqual(["attempt"]);
    expect(run(first.life, { type: "online" }, { type: "timer" }).effects).toEqual([]);
  });

  it.each(["removed", "room-closed", "duplicate"] as const)(
    "does not rejoin by itself after %s",
    (reason) => {
      const ended = run(CONNECTED, { type: "ended", reason });
      expect(ended.life).toEqual({ phase: "ended", reason, refusal: null });
      expect(
        run(ended.life, { type: "timer" }, { type: "online" }, { type: "lost", cause: "network" }).effects,
      ).toEqual([]);
      expect(run(ended.life, { type: "join" }).effects).toEqual(["attempt"]);
    },
  );

  it("keeps what the server said in a refusal", () => {
    const refusal = { code: "room_locked", vi: "Phòng họp đã khóa.", en: "The room is locked." };
    expect(run(JOINING, { type: "refused", refusal }).life).toEqual({
      phase: "ended",
      reason: "refused",
      refusal,
    });
  });

  it("ignores events that come too late", () => {
    const late: LifeEvent[] = [
      { type: "connected" },
      { type: "resumed" },
      { type: "failed", cause: "network" },
      { type: "timer" },
      { type: "ended", reason: "removed" },
    ];
    expect(run({ phase: "ended", reason: "left", refusal: null }, ...late)).toEqual({
      life: { phase: "ended", reason: "left", refusal: null },
      effects: [],
    });
  });
});

describe("waits", () => {
  it("grow to a ceiling and are spread below it", () => {
    expect(rejoinDelay(0, 0)).toBe(400);
    expect(rejoinDelay(0, 0.999)).toBeLessThanOrEqual(1_000);
    for (const attempt of [5, 50, 5_000]) {
      expect(rejoinDelay(attempt, 0)).toBe(0.4 * LONGEST_MS);
      expect(rejoinDelay(attempt, 1)).toBe(LONGEST_MS);
    }
  });

  it("leave a restarted server's clients time to be back within 15 s", () => {
    expect(LONGEST_MS).toBeLessThanOrEqual(10_000);
  });

  it("let the SDK resume at once, then a few times, then give over", () => {
    expect(resumeDelay(0, 0, 0.9)).toBe(0);
    expect(resumeDelay(4, 8_000, 0.5)).toBe(3_000);
    expect(resumeDelay(5, 8_000, 0.5)).toBeNull();
    expect(resumeDelay(1, 12_001, 0.5)).toBeNull();
  });
});
