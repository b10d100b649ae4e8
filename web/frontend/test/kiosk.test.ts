/** A site's page without its looks, over a server and a machine in memory. */
import { beforeEach, describe, expect, it } from "vitest";
import { ChannelClient, type Socket } from "../src/channel/client";
import { Kiosk } from "../src/site-kiosk/kiosk";
import { FakeMedia, settle } from "./fake-media";

const START = Date.UTC(2026, 10, 30, 2, 0);

/** An answer whose body is there at once, so that no turn of the event loop has to be waited for. */
function answerOf(status: number, body: unknown = null, headers: Record<string, string> = {}): Response {
  const json = (): Promise<unknown> => Promise.resolve(body);
  return { status, ok: status === 200, headers: new Headers(headers), json } as unknown as Response;
}

class World {
  time = 0;
  /** The server's clock is not the page's. */
  readonly offset = START - 100_000;
  answer: () => Response = () => this.told(null);
  asked: number[] = [];
  entered: string[] = [];
  stopped = 0;
  reloads = 0;
  readonly media = new FakeMedia();
  private timers: { at: number; run: () => void }[] = [];
  readonly kiosk = new Kiosk({
    fetch: () => {
      this.asked.push(this.time);
      return Promise.resolve(this.answer());
    },
    page: { protocol: "https:", host: "hop.example.vn" },
    csrf: "",
    port: this.media,
    storage: null,
    release: "a.js",
    now: () => this.time,
    random: () => 0.5,
    after: (ms, run) => this.after(ms, run),
    attachSound: () => undefined,
    detachSound: () => undefined,
    openChannel: (meeting) => this.channel(meeting),
    reload: () => (this.reloads += 1),
  });

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.time + ms, run };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((other) => other !== timer));
  }

  private channel(meeting: string): ChannelClient {
    this.entered.push(meeting);
    const silent: Socket = {
      onopen: null,
      onmessage: null,
      onclose: null,
      send: () => undefined,
      close: () => (this.stopped += 1),
    };
    return new ChannelClient({
      connect: () => silent,
      now: () => this.time,
      random: () => 0.5,
      after: (ms, run) => this.after(ms, run),
      verdict: () => Promise.resolve({ again: true, trouble: null }),
    });
  }

  told(meeting: { id: string; state: string; starts: number } | null, release = "a.js"): Response {
    const body = {
      site: { code: "00001", name: "Phường Phúc Xá", district: "Quận Ba Đình" },
      meeting:
        meeting === null
          ? null
          : {
              ...{ id: meeting.id, state: meeting.state, title: "Giao ban", chair: "Ông Bình" },
              ...{ starts_at: meeting.starts, ends_at: meeting.starts + 3_600_000 },
            },
      later: [],
      release,
    };
    const headers = { "X-Server-Time": String(this.time + this.offset), ETag: '"1"' };
    return answerOf(200, body, headers);
  }

  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await settle();
      this.timers.sort((a, b) => a.at - b.at);
      const first = this.timers[0];
      if (first === undefined || first.at > end) break;
      this.timers.shift();
      this.time = Math.max(this.time, first.at);
      first.run();
    }
    this.time = end;
  }
}

let world: World;
beforeEach(() => {
  world = new World();
  world.media.plug("videoinput", "cam-1", "Logitech");
  world.media.plug("audioinput", "mic-1", "Micro");
});

const camera = (): string | null => world.kiosk.sending.camera.snapshot.deviceId;

describe("a site's page", () => {
  it("joins when the meeting opens, within three seconds of its start, and shows itself before", async () => {
    let open = false;
    world.answer = () => world.told({ id: "m1", state: open ? "open" : "published", starts: START });
    world.kiosk.start();
    await world.pass(1_000);
    expect(world.kiosk.store.get().life.phase).toBe("waiting");
    // Two minutes before the start its camera runs; the start is 100 s from here.
    expect(camera()).toBe("cam-1");
    await world.pass(98_999);
    expect(world.entered).toEqual([]);
    open = true;
    await world.pass(3_000);
    expect(world.entered).toEqual(["m1"]);
  });

  it("leaves when the server says that it is over, and lets go of its devices", async () => {
    world.answer = () => world.told({ id: "m1", state: "open", starts: START });
    world.kiosk.start();
    await world.pass(1_000);
    expect(world.kiosk.store.get().life.phase).toBe("in");
    world.answer = () => world.told(null);
    await world.pass(90_000);
    expect(world.kiosk.store.get().life.phase).toBe("waiting");
    expect(world.stopped).toBeGreaterThan(0);
    expect(world.media.tracks.every((track) => track.readyState === "ended")).toBe(true);
  });

  it("asks for ever while nobody answers, says so, and goes on when somebody does", async () => {
    world.answer = () => {
      throw new TypeError("away");
    };
    world.kiosk.start();
    await world.pass(3_600_000);
    expect(world.kiosk.store.get().reached).toBe(false);
    const waits = world.asked.slice(1).map((at, index) => at - (world.asked[index] ?? 0));
    expect(Math.max(...waits)).toBeLessThanOrEqual(12_000);
    world.answer = () => world.told({ id: "m1", state: "open", starts: START });
    await world.pass(12_000);
    expect(world.kiosk.store.get().reached).toBe(true);
    expect(world.entered).toEqual(["m1"]);
  });

  it("stays in a meeting through a server that is away", async () => {
    world.answer = () => world.told({ id: "m1", state: "open", starts: START });
    world.kiosk.start();
    await world.pass(1_000);
    world.answer = () => answerOf(502);
    await world.pass(600_000);
    expect(world.kiosk.store.get().life.phase).toBe("in");
    expect(world.entered).toEqual(["m1"]);
  });

  it("is loaded anew when its key is not valid any more", async () => {
    world.kiosk.start();
    await world.pass(1_000);
    world.answer = () => answerOf(401);
    await world.pass(40_000);
    expect(world.kiosk.store.get().life.phase).toBe("signed-out");
    expect(world.reloads).toBe(1);
  });
});

describe("fc_e02 the room's own devices", () => {
  beforeEach(async () => {
    world.answer = () => world.told({ id: "m1", state: "open", starts: START });
    world.kiosk.start();
    await world.pass(1_000);
    expect(camera()).toBe("cam-1");
  });

  it("another camera serves while the first is away, and the first is taken again under its new id", async () => {
    world.media.plug("videoinput", "cam-2", "Camera laptop");
    world.media.pull("cam-1");
    await world.pass(2_500);
    expect(camera()).toBe("cam-2");
    world.media.plug("videoinput", "cam-9", "Logitech");
    await world.pass(2_500);
    expect(camera()).toBe("cam-9");
  });

  it("comes back within five seconds without any event of the machine", async () => {
    world.media.pull("mic-1");
    await world.pass(60_000);
    expect(world.kiosk.sending.microphone.snapshot.problem).toBe("unplugged");
    world.media.plug("audioinput", "mic-7", "Micro");
    await world.pass(5_000);
    expect(world.kiosk.sending.microphone.snapshot).toMatchObject({ status: "on", deviceId: "mic-7" });
  });

  it("tries again after a failure that nobody can name", async () => {
    world.media.pull("cam-1");
    world.media.failure = "UnknownError";
    world.media.plug("videoinput", "cam-3", "Logitech");
    await world.pass(5_000);
    expect(world.kiosk.sending.camera.snapshot.problem).toBe("failed");
    world.media.failure = null;
    await world.pass(5_000);
    expect(camera()).toBe("cam-3");
  });
});
