import { beforeEach, describe, expect, it } from "vitest";
import { Capture, type CaptureState } from "../src/meeting/capture";
import { FakeMedia, settle } from "./fake-media";

let media: FakeMedia;
let states: CaptureState[];
let tracks: (MediaStreamTrack | null)[];
let capture: Capture;

beforeEach(() => {
  media = new FakeMedia();
  states = [];
  tracks = [];
  capture = new Capture(
    "videoinput",
    media,
    { width: { ideal: 1280 } },
    {
      onState: (state) => states.push(state),
      onTrack: (track) => tracks.push(track),
    },
  );
});

const logi = { deviceId: "a", label: "Logitech C920", groupId: "group of Logitech C920" };

describe("Capture", () => {
  it("starts and stops, and the track is really let go of", async () => {
    media.plug("videoinput", "a", "Logitech C920");
    await capture.start();
    expect(capture.snapshot).toMatchObject({
      wanted: true,
      status: "on",
      problem: null,
      deviceId: "a",
      label: "Logitech C920",
    });
    capture.stop();
    expect(media.tracks[0]?.readyState).toBe("ended");
    expect(capture.snapshot).toMatchObject({ wanted: false, status: "off", deviceId: null });
    expect(tracks.at(-1)).toBeNull();
  });

  it.each([
    ["NotAllowedError", "denied"],
    ["NotFoundError", "notfound"],
    ["NotReadableError", "inuse"],
    ["TypeError", "failed"],
  ])("names %s %s", async (failure, problem) => {
    media.plug("videoinput", "a", "x");
    media.failure = failure;
    await capture.start();
    expect(capture.snapshot).toMatchObject({ wanted: true, status: "problem", problem });
    expect(capture.current).toBeNull();
  });

  it("says that the page is not secure where there is no access to devices at all", async () => {
    const bare = new Capture(
      "audioinput",
      null,
      {},
      { onState: (state) => states.push(state), onTrack: () => undefined },
    );
    await bare.start();
    expect(states.at(-1)).toMatchObject({ status: "problem", problem: "insecure" });
  });

  it("does not ask a second time when refused, until permission changes or the person asks", async () => {
    media.plug("videoinput", "a", "Logitech C920");
    await capture.choose(logi);
    media.failure = "NotAllowedError";
    await capture.start();
    await capture.look();
    expect(media.asked).toHaveLength(1);
    media.failure = null;
    await capture.permitted();
    expect(capture.snapshot.status).toBe("on");
  });

  it("takes the chosen device, and another if that one will not start", async () => {
    media.plug("videoinput", "b", "Built-in");
    media.plug("videoinput", "a", "Logitech C920");
    await capture.choose(logi);
    await capture.start();
    expect(capture.snapshot.deviceId).toBe("a");
  });

  it("throws an answer away that comes after a stop", async () => {
    media.plug("videoinput", "a", "x");
    let release = (): void => undefined;
    media.hold = new Promise((done) => (release = done));
    const started = capture.start();
    await settle();
    capture.stop();
    release();
    await started;
    expect(capture.snapshot.status).toBe("off");
    expect(media.tracks.every((track) => track.readyState === "ended")).toBe(true);
  });
});

describe("FC-e02 the cable that slipped out", () => {
  beforeEach(async () => {
    media.plug("videoinput", "a", "Logitech C920");
    await capture.choose(logi);
    await capture.start();
  });

  it("comes back by itself under a new id with the same label", async () => {
    media.pull("a");
    await settle();
    expect(capture.snapshot).toMatchObject({ status: "problem", problem: "unplugged" });
    expect(tracks.at(-1)).toBeNull();
    for (let look = 0; look < 10; look += 1) await capture.look();
    expect(capture.snapshot.problem).toBe("unplugged");
    media.plug("videoinput", "new", "Logitech C920");
    await capture.look();
    expect(capture.snapshot).toMatchObject({ status: "on", problem: null, deviceId: "new" });
    expect(tracks.at(-1)?.getSettings().deviceId).toBe("new");
  });

  it("keeps trying while the system still says not found", async () => {
    media.failure = "NotFoundError";
    media.pull("a");
    media.plug("videoinput", "new", "Logitech C920");
    for (let look = 0; look < 10; look += 1) {
      await capture.look();
      expect(capture.snapshot.problem).toBe("unplugged");
    }
    media.failure = null;
    await capture.look();
    expect(capture.snapshot.status).toBe("on");
  });

  it("uses another camera meanwhile, and the chosen one again when it is back", async () => {
    media.plug("videoinput", "b", "Built-in");
    media.pull("a");
    await settle();
    expect(capture.snapshot).toMatchObject({ status: "on", deviceId: "b", label: "Built-in" });
    media.plug("videoinput", "new", "Logitech C920");
    await capture.look();
    expect(capture.snapshot).toMatchObject({ status: "on", deviceId: "new", label: "Logitech C920" });
    expect(media.tracks.filter((track) => track.readyState === "live")).toHaveLength(1);
  });

  it("restarts a frozen camera once, then says so, and takes it back when frames flow", async () => {
    await capture.frozen();
    expect(capture.snapshot).toMatchObject({ status: "on", problem: null });
    expect(media.tracks).toHaveLength(2);
    await capture.frozen();
    expect(capture.snapshot).toMatchObject({ status: "on", problem: "frozen" });
    expect(media.tracks).toHaveLength(2);
    capture.flowing();
    expect(capture.snapshot.problem).toBeNull();
  });

  it("does not reach for a camera that nobody wants any more", async () => {
    media.pull("a");
    capture.stop();
    media.plug("videoinput", "new", "Logitech C920");
    await capture.look();
    expect(capture.snapshot.status).toBe("off");
  });
});
