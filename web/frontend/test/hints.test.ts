import { describe, expect, it } from "vitest";
import { FrameWatch, MutedSpeech } from "../src/meeting/hints";

/** Feeds `level` every 100 ms from `from` to `to`; the last answer. */
function feed(hint: MutedSpeech, level: number, from: number, to: number, muted = true): boolean {
  let shown = false;
  for (let now = from; now <= to; now += 100) shown = hint.feed(level, muted, now);
  return shown;
}

describe("MutedSpeech", () => {
  it("speaks up after sustained speech, and for a while after", () => {
    const hint = new MutedSpeech();
    expect(feed(hint, 0.5, 0, 600)).toBe(false);
    expect(feed(hint, 0.5, 700, 800)).toBe(true);
    expect(feed(hint, 0, 900, 5_700)).toBe(true);
    expect(feed(hint, 0, 5_800, 6_000)).toBe(false);
  });

  it("is not woken by a cough, and bridges gaps between words", () => {
    const hint = new MutedSpeech();
    feed(hint, 0.9, 0, 200);
    feed(hint, 0, 300, 900);
    expect(feed(hint, 0.9, 1_000, 1_200)).toBe(false);
    feed(hint, 0, 1_300, 1_500);
    expect(feed(hint, 0.9, 1_600, 1_800)).toBe(true);
  });

  it("goes at once with the muting", () => {
    const hint = new MutedSpeech();
    feed(hint, 0.5, 0, 1_000);
    expect(hint.feed(0.5, false, 1_100)).toBe(false);
    expect(hint.feed(0.5, true, 1_200)).toBe(false);
  });
});

describe("FrameWatch", () => {
  it("calls a camera frozen after eight seconds without a frame, again and again", () => {
    const watch = new FrameWatch();
    expect(watch.feed(10, true, 0)).toBe("waiting");
    expect(watch.feed(35, true, 1_000)).toBe("waiting");
    expect(watch.feed(60, true, 2_000)).toBe("waiting");
    expect(watch.feed(85, true, 3_000)).toBe("flowing");
    expect(watch.feed(85, true, 10_900)).toBe("waiting");
    expect(watch.feed(85, true, 11_000)).toBe("frozen");
    expect(watch.feed(85, true, 12_000)).toBe("waiting");
    expect(watch.feed(85, true, 19_000)).toBe("frozen");
  });

  it("takes the first frame of a restarted camera for no proof of life", () => {
    const watch = new FrameWatch();
    watch.feed(10, true, 0);
    expect(watch.feed(0, true, 1_000)).toBe("waiting");
    expect(watch.feed(1, true, 2_000)).toBe("waiting");
    expect(watch.feed(1, true, 10_000)).toBe("frozen");
  });

  it("does not judge a hidden page", () => {
    const watch = new FrameWatch();
    watch.feed(10, true, 0);
    expect(watch.feed(10, false, 60_000)).toBe("waiting");
    expect(watch.feed(10, true, 61_000)).toBe("waiting");
    expect(watch.feed(10, true, 65_000)).toBe("waiting");
  });
});
