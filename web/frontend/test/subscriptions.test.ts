import { describe, expect, it } from "vitest";
import { LINGER_MS, SubscriptionPlan, type Offered } from "../src/meeting/subscriptions";

const track = (
  sid: string,
  identity: string,
  kind: "audio" | "video",
  source: Offered["source"],
): Offered => ({ sid, identity, kind, source });
const ALL = [
  track("A1", "x", "audio", "other"),
  track("V1", "x", "video", "camera"),
  track("A2", "y", "audio", "other"),
  track("V2", "y", "video", "camera"),
  track("S2", "y", "video", "screen"),
];

describe("SubscriptionPlan", () => {
  it("takes every sound and only the pictures in view", () => {
    const plan = new SubscriptionPlan();
    expect([...plan.wanted(ALL, new Set(["x/camera", "y/screen"]), 0)].sort()).toEqual([
      "A1",
      "A2",
      "S2",
      "V1",
    ]);
  });

  it("lets a picture linger after it has left the page", () => {
    const plan = new SubscriptionPlan();
    plan.wanted(ALL, new Set(["x/camera"]), 0);
    expect(plan.wanted(ALL, new Set(), LINGER_MS).has("V1")).toBe(true);
    expect(plan.wanted(ALL, new Set(), LINGER_MS + 1).has("V1")).toBe(false);
  });

  it("treats a track published anew as another one", () => {
    const plan = new SubscriptionPlan();
    plan.wanted(ALL, new Set(["x/camera"]), 0);
    const again = track("V9", "x", "video", "camera");
    expect([...plan.wanted([again], new Set(), 1)]).toEqual([]);
    expect([...plan.wanted([again], new Set(["x/camera"]), 2)]).toEqual(["V9"]);
  });
});
