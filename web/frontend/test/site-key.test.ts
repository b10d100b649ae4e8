import { describe, expect, it } from "vitest";
import { keyIn, signIn, type Door } from "../src/islands/site-key";

describe("keyIn", () => {
  it.each([
    ["#key=abc.def-_9", "abc.def-_9"],
    ["#key=%20abc%20", "abc"],
    ["#lang=vi&key=abc", "abc"],
    ["", ""],
    ["#", ""],
    ["#content", ""],
    ["#key=", ""],
  ])("reads %s as %s", (hash, key) => expect(keyIn(hash)).toBe(key));
});

interface Told {
  status: number;
  waitMs?: number;
}

/** A door that gives these answers, one after the other, with time that passes at once. */
function doorOf(answers: readonly Told[]): {
  door: Door;
  log: string[];
  waits: number[];
  done: Promise<void>;
} {
  const log: string[] = [];
  const waits: number[] = [];
  const left = [...answers];
  let finish = (): void => undefined;
  const done = new Promise<void>((resolve) => (finish = resolve));
  const end = (what: string): void => {
    log.push(what);
    finish();
  };
  const door: Door = {
    send: (key) => {
      const { status, waitMs = 0 } = left.shift() ?? { status: 200 };
      log.push(`send ${key}`);
      return Promise.resolve({ status, waitMs, goal: "/kiosk" });
    },
    go: (goal) => end(`go ${goal}`),
    show: (key) => end(`show ${key}`),
    reload: () => end("reload"),
    after: (ms, run) => {
      waits.push(ms);
      run();
    },
    random: () => 0.5,
  };
  return { door, log, waits, done };
}

describe("signIn", () => {
  it("goes where the server leads", async () => {
    const { door, log, done } = doorOf([{ status: 200 }]);
    await signIn(door, "k");
    await done;
    expect(log).toEqual(["send k", "go /kiosk"]);
  });

  it("tries for ever while the server is away, ever more slowly", async () => {
    const { door, log, waits, done } = doorOf(
      Array.from({ length: 12 }, (_, index) => ({ status: index % 2 === 0 ? 0 : 503 })),
    );
    await signIn(door, "k");
    await done;
    expect(log.at(-1)).toBe("go /kiosk");
    expect(waits[0]).toBe(3_000);
    expect(Math.max(...waits)).toBe(60_000);
    for (let at = 1; at < waits.length; at += 1) expect(waits[at]).toBeGreaterThanOrEqual(waits[at - 1] ?? 0);
  });

  it("waits as long as the server asks for", async () => {
    const { door, waits, done } = doorOf([{ status: 429, waitMs: 90_000 }, { status: 200 }]);
    await signIn(door, "k");
    await done;
    expect(waits).toEqual([90_000]);
  });

  it("shows a wrong key to people, once, and takes a fresh form for a stale one", async () => {
    const wrong = doorOf([{ status: 422 }]);
    await signIn(wrong.door, "k");
    await wrong.done;
    expect(wrong.log).toEqual(["send k", "show k"]);
    const stale = doorOf([{ status: 403 }]);
    await signIn(stale.door, "k");
    await stale.done;
    expect(stale.log).toEqual(["send k", "reload"]);
    expect(stale.waits).toHaveLength(1);
  });
});
