/** The channel's client over a line in memory: course, coming again, requests, and when it stays away. */
import { beforeEach, describe, expect, it } from "vitest";
import { ChannelClient, channelUrl, type Answer, type Socket } from "../src/channel/client";
import { LONGEST_MS, channelDelay } from "../src/channel/retry";
import { verdictOf, type Verdict } from "../src/channel/ticket";

class FakeSocket implements Socket {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: MessageEvent<unknown>) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  closed = false;
  readonly sent: Record<string, unknown>[] = [];

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.closed = true;
  }

  opens(): void {
    this.onopen?.(undefined as never);
  }

  hears(...messages: Record<string, unknown>[]): void {
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
  }

  breaks(): void {
    this.onclose?.(undefined as never);
  }
}

class World {
  time = 1_000;
  readonly sockets: FakeSocket[] = [];
  verdict: Verdict = { again: true, trouble: null };
  verdicts = 0;
  private timers: { at: number; run: () => void }[] = [];
  readonly client = new ChannelClient({
    connect: () => {
      const socket = new FakeSocket();
      this.sockets.push(socket);
      return socket;
    },
    now: () => this.time,
    random: () => 0.5,
    after: (ms, run) => {
      const timer = { at: this.time + ms, run };
      this.timers.push(timer);
      return () => {
        this.timers = this.timers.filter((other) => other !== timer);
      };
    },
    verdict: () => {
      this.verdicts += 1;
      return Promise.resolve(this.verdict);
    },
  });

  get socket(): FakeSocket {
    const last = this.sockets.at(-1);
    if (last === undefined) throw new Error("no socket");
    return last;
  }

  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await Promise.resolve();
      await Promise.resolve();
      const next = this.timers.sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.timers.shift();
      this.time = Math.max(this.time, next.at);
      next.run();
    }
    this.time = end;
  }

  enter(resumed = false): FakeSocket {
    if (this.sockets.length === 0) this.client.start();
    this.socket.opens();
    this.socket.hears(resumed ? { ...WELCOME, resumed } : WELCOME);
    if (!resumed) this.socket.hears(SNAPSHOT);
    return this.socket;
  }

  get phase(): string {
    return this.client.store.get().line.phase;
  }
}

const WELCOME = {
  ...{ type: "welcome", version: 1, epoch: "e", at: 5_000, member: "site:1", role: "site" },
  ...{ waiting: false, resumed: false, ping_seconds: 15 },
};
const ENTRY = {
  ...{ key: "site:1", name: "A", role: "site", code: "1", district: "", presence: "present" },
  ...{ head_count: null, order: 0, has_floor: false, muted: true },
};
const FLOOR = { holder: "", since: null, until: null, time_is_up: false, away: false, locked: false };
const SNAPSHOT = {
  ...{ type: "snapshot", sequence: 7, at: 5_000, floor: FLOOR, roster: [ENTRY] },
  meeting: { title: "Giao ban", state: "open", starts_at: 1, ends_at: 2 },
};

let world: World;
beforeEach(() => {
  world = new World();
});

describe("ChannelClient", () => {
  it("says hello, is told everything, and follows changes", () => {
    world.client.start();
    expect(world.phase).toBe("connecting");
    world.socket.opens();
    expect(world.socket.sent).toEqual([{ type: "hello", versions: [1] }]);
    const told: (readonly string[] | "all")[] = [];
    world.client.onRoster((keys) => told.push(keys));
    world.socket.hears(WELCOME, SNAPSHOT, {
      ...{ type: "delta", sequence: 8, at: 6_000, floor: { ...FLOOR, holder: "site:1" } },
      roster: [{ key: "site:1", order: 1 }],
    });
    expect(world.phase).toBe("in");
    expect(world.client.store.get()).toMatchObject({ me: "site:1", floor: { holder: "site:1" } });
    expect(world.client.mirror.roster.get("site:1")?.order).toBe(1);
    expect(told).toEqual(["all", ["site:1"]]);
    world.time += 250;
    expect(world.client.serverNow()).toBe(6_250);
  });

  it("waits in the lobby until the second welcome", () => {
    world.client.start();
    world.socket.opens();
    world.socket.hears({ ...WELCOME, waiting: true });
    expect(world.phase).toBe("waiting");
    world.socket.hears(WELCOME, SNAPSHOT);
    expect(world.phase).toBe("in");
  });

  it("gives each request its own answer", async () => {
    const socket = world.enter();
    const answers: Answer[] = [];
    for (const [kind, fields] of [
      ["ask", {}],
      ["give", { target: "site:2" }],
    ] as const)
      void world.client.request(kind, fields).then((answer) => answers.push(answer));
    expect(socket.sent.slice(1)).toEqual([
      { type: "ask", id: "1" },
      { type: "give", id: "2", target: "site:2" },
    ]);
    socket.hears({ type: "refused", id: "2", code: "no_right" }, { type: "done", id: "1" });
    await world.pass(0);
    expect(answers).toEqual([{ type: "refused", code: "no_right", problem: "" }, { type: "done" }]);
  });

  it("comes again after a cut with its resume point, and tells open requests that they are lost", async () => {
    const socket = world.enter();
    const answer = world.client.request("ask");
    socket.breaks();
    expect(world.client.store.get().line).toMatchObject({ phase: "connecting", again: true, since: 1_000 });
    expect(await answer).toEqual({ type: "lost" });
    expect(await world.client.request("ask")).toEqual({ type: "lost" });
    await world.pass(LONGEST_MS.line);
    expect(world.sockets).toHaveLength(2);
    world.socket.opens();
    expect(world.socket.sent).toEqual([{ type: "hello", versions: [1], epoch: "e", sequence: 7 }]);
    world.socket.hears({ ...WELCOME, resumed: true });
    expect(world.phase).toBe("in");
  });

  it.each([
    ["a gap", { type: "delta", sequence: 9, at: 6_000 }],
    ["a message that does not fit", { type: "delta", sequence: 8, at: 6_000, roster: "x" }],
    ["an unknown type", { type: "other" }],
  ])("comes again without a resume point after %s", async (_, message) => {
    const socket = world.enter();
    socket.hears(message);
    expect(socket.closed).toBe(true);
    await world.pass(LONGEST_MS.line);
    world.socket.opens();
    expect(world.socket.sent).toEqual([{ type: "hello", versions: [1] }]);
    // Meanwhile what was known stays on the page.
    expect(world.client.mirror.roster.size).toBe(1);
  });

  it.each(["version", "removed", "taken_over", "left", "ended"])("stays away after %s", async (code) => {
    const socket = world.enter();
    socket.hears({ type: "closing", code });
    expect(world.client.store.get().line).toEqual({ phase: "closed", why: code, refusal: null });
    await world.pass(600_000);
    expect(world.sockets).toHaveLength(1);
    world.client.start();
    expect(world.sockets).toHaveLength(2);
    expect(world.phase).toBe("connecting");
  });

  it.each(["restart", "silent", "too_slow", "hello_expected", "full", "bad_messages", "of another day"])(
    "comes again by itself after %s",
    async (code) => {
      const socket = world.enter();
      socket.hears({ type: "closing", code });
      socket.breaks();
      await world.pass(20_000);
      expect(world.sockets.length).toBeGreaterThan(1);
    },
  );

  it("never gives up, and keeps its waits below the longest", async () => {
    world.enter().breaks();
    let last = world.time;
    for (let attempt = 1; attempt < 200; attempt += 1) {
      const before = world.sockets.length;
      while (world.sockets.length === before) {
        await world.pass(100);
        expect(world.time - last).toBeLessThanOrEqual(LONGEST_MS.line + 100);
      }
      last = world.time;
      world.socket.breaks();
    }
    await world.pass(LONGEST_MS.line);
    world.enter(true);
    expect(world.phase).toBe("in");
  });

  it("asks why when it is not let in", async () => {
    world.client.start();
    world.verdict = { again: true, trouble: { code: "meeting_not_open", vi: "Chưa mở", en: "Not open" } };
    world.socket.breaks();
    await world.pass(0);
    expect(world.client.store.get().line).toMatchObject({ trouble: { code: "meeting_not_open" } });
    await world.pass(8_000);
    expect(world.sockets.length).toBeGreaterThan(1);
    // The words stay while it tries again.
    expect(world.client.store.get().line).toMatchObject({ trouble: { code: "meeting_not_open" } });
    world.verdict = { again: false, trouble: { code: "meeting_over" } };
    world.socket.breaks();
    await world.pass(0);
    expect(world.client.store.get().line).toEqual({
      ...{ phase: "closed", why: "refused", refusal: { code: "meeting_over" } },
    });
    await world.pass(60_000);
    expect(world.verdicts).toBe(2);
  });

  it("asks nothing after a line that stood", async () => {
    world.enter().breaks();
    await world.pass(1);
    expect(world.verdicts).toBe(0);
  });

  it("pings when it has nothing to say, and leaves a line that does not answer", async () => {
    const socket = world.enter();
    await world.pass(14_000);
    void world.client.request("ask");
    await world.pass(14_000);
    expect(socket.sent.map((message) => message["type"])).toEqual(["hello", "ask"]);
    await world.pass(1_000);
    expect(socket.sent.at(-1)).toMatchObject({ type: "ping" });
    socket.hears({ type: "pong", id: "2" });
    await world.pass(14_999);
    expect(socket.closed).toBe(false);
    await world.pass(10_001);
    expect(socket.closed).toBe(true);
    expect(world.phase).toBe("connecting");
  });

  it("gives up on a connection that does not open, and hears nothing of it afterwards", async () => {
    world.client.start();
    const first = world.socket;
    await world.pass(12_000);
    expect(first.closed).toBe(true);
    await world.pass(10_000);
    expect(world.sockets.length).toBeGreaterThan(1);
    first.hears(WELCOME, SNAPSHOT);
    expect(world.phase).toBe("connecting");
  });

  it("hurries when the network is back", async () => {
    world.enter().breaks();
    world.client.hurry();
    expect(world.sockets).toHaveLength(2);
    world.client.hurry();
    expect(world.sockets).toHaveLength(2);
    await world.pass(10_000);
    expect(world.sockets).toHaveLength(2);
  });

  it.each([
    ["is told so", (socket: FakeSocket) => socket.hears({ type: "closing", code: "left" })],
    ["loses the line", (socket: FakeSocket) => socket.breaks()],
    ["hears nothing", () => undefined],
  ])("leaves by will when it %s", async (_, then) => {
    const socket = world.enter();
    world.client.leave();
    expect(socket.sent.at(-1)).toMatchObject({ type: "leave" });
    then(socket);
    await world.pass(2_000);
    expect(world.client.store.get().line).toMatchObject({ phase: "closed", why: "left" });
  });

  it("stops without a word", async () => {
    const socket = world.enter();
    world.client.stop();
    expect(socket.closed).toBe(true);
    expect(socket.sent).toHaveLength(1);
    await world.pass(60_000);
    expect(world.phase).toBe("idle");
  });
});

describe("verdictOf", () => {
  it.each([
    ["meeting_not_open", { again: true, trouble: { code: "meeting_not_open" } }],
    ["not_admitted", { again: true, trouble: null }],
    ["removed_from_meeting", { again: true, trouble: null }],
    ["meeting_over", { again: false, trouble: { code: "meeting_over" } }],
    ["not_of_this_meeting", { again: false, trouble: { code: "not_of_this_meeting" } }],
    ["sign_in_needed", { again: false, trouble: { code: "sign_in_needed" } }],
  ])("of %s", (code, verdict) => {
    expect(verdictOf({ type: "refused", refusal: { code } })).toEqual(verdict);
  });

  it("of no answer, and of a ticket", () => {
    expect(verdictOf({ type: "later", cause: "network", notBeforeMs: 0 }).again).toBe(true);
    const admission = { url: "", token: "t", identity: "", role: "" };
    expect(verdictOf({ type: "admitted", admission }).again).toBe(true);
  });
});

describe("channelDelay", () => {
  it("is spread over most of the span, and bounded", () => {
    for (const loss of ["line", "refused", "not_open"] as const)
      for (let attempt = 0; attempt < 100; attempt += 1) {
        const [least, most] = [channelDelay(loss, attempt, 0), channelDelay(loss, attempt, 0.999)];
        expect(most - least).toBeGreaterThan(1_000);
        expect(most).toBeLessThanOrEqual(LONGEST_MS[loss]);
        expect(least).toBeGreaterThan(0);
      }
  });
});

it("finds the channel on the page's own host", () => {
  expect(channelUrl("m 1", { protocol: "https:", host: "a.vn" })).toBe("wss://a.vn/channel/m%201");
  expect(channelUrl("m1", { protocol: "http:", host: "a.vn:81" })).toBe("ws://a.vn:81/channel/m1");
});
