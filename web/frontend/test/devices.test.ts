import { describe, expect, it } from "vitest";
import { findChosen, ofKind, problemOf, type DeviceEntry } from "../src/meeting/devices";

const device = (deviceId: string, label: string, groupId = ""): DeviceEntry => ({
  kind: "videoinput",
  deviceId,
  label,
  groupId,
});

describe("findChosen", () => {
  const devices = [device("1", "Cam", "left"), device("2", "Cam", "right"), device("3", "Other", "left")];
  it.each([
    [{ deviceId: "2", label: "Cam", groupId: "left" }, "2"],
    [{ deviceId: "x", label: "Cam", groupId: "right" }, "2"],
    [{ deviceId: "x", label: "Cam", groupId: "gone" }, "1"],
    [{ deviceId: "x", label: "Gone", groupId: "left" }, undefined],
    [{ deviceId: "x", label: "", groupId: "left" }, undefined],
    [null, undefined],
  ])("%o → %s", (choice, id) => {
    expect(findChosen(devices, choice)?.deviceId).toBe(id);
  });
});

it("leaves out devices without id, which browsers list before permission", () => {
  expect(ofKind([device("", ""), device("1", "Cam")], "videoinput").map((each) => each.deviceId)).toEqual([
    "1",
  ]);
});

it("takes anything for an error", () => {
  for (const error of [null, undefined, "NotAllowedError", 7, {}, new Error("x")])
    expect(problemOf(error)).toBe("failed");
});
