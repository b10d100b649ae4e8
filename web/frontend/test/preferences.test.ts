import { describe, expect, it } from "vitest";
import { DEFAULTS, load, save } from "../src/meeting/preferences";

function memory(value: string | null): Pick<Storage, "getItem" | "setItem"> & { value: string | null } {
  return {
    value,
    getItem() {
      return this.value;
    },
    setItem(_key, next) {
      this.value = next;
    },
  };
}

describe("preferences", () => {
  it("come back as they were kept", () => {
    const storage = memory(null);
    const kept = {
      ...DEFAULTS,
      name: "Xã Phù Linh",
      camera: { deviceId: "1", label: "Cam", groupId: "g" },
      cameraOn: false,
    };
    save(storage, kept);
    expect(load(storage)).toEqual(kept);
  });

  it.each([
    null,
    "",
    "{",
    "null",
    "7",
    '"x"',
    "[]",
    '{"name":7,"camera":{"deviceId":1},"microphoneOn":"no"}',
  ])("take %s for nothing", (value) => {
    expect(load(memory(value))).toEqual(DEFAULTS);
  });

  it("do without storage, and with one that refuses", () => {
    expect(load(null)).toEqual(DEFAULTS);
    const refusing = {
      getItem: () => {
        throw new Error("denied");
      },
      setItem: () => {
        throw new Error("full");
      },
    };
    expect(load(refusing)).toEqual(DEFAULTS);
    save(refusing, DEFAULTS);
  });
});
