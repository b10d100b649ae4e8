/** Choosing microphone, camera and loudspeaker, with a level and a test sound; in the join panel and in the meeting. */
import { findChosen, ofKind, type DeviceEntry, type DeviceKind } from "../meeting/devices";
import { fill, h, set, write } from "./dom";
import { icon, type IconName } from "./icons";
import { canChooseSpeaker, playTestSound } from "./level";
import type { Page, View } from "./page";
import { t } from "./words";

const BARS = 16;

/** Bars that light up with the voice. */
export function levelBars(page: Page): View {
  const bars = Array.from({ length: BARS }, () => h("span", { class: "level-bar" }));
  const row = h("div", { class: "level-bars", "aria-hidden": "true" }, ...bars);
  const words = h("p", { class: "hint" });
  const element = h(
    "div",
    { class: "level", "data-testid": "level" },
    h("span", { class: "level-name" }, t("join.level")),
    row,
    words,
  );
  let shown = -1;
  const draw = (): void => {
    const { microphone, microphoneOn } = page.meeting.store.get().local;
    const on = microphoneOn && microphone.status === "on";
    const lit = on ? Math.round(page.level.read() * BARS) : 0;
    if (lit !== shown) bars.forEach((bar, index) => set(bar, "data-lit", index < lit));
    shown = lit;
    set(element, "data-lit", lit);
    write(words, t(on ? "join.level.hint" : "join.level.off"));
  };
  const timer = setInterval(draw, 80);
  draw();
  return { element, update: draw, destroy: () => clearInterval(timer) };
}

const KINDS: readonly {
  kind: DeviceKind;
  icon: IconName;
  key: "join.microphone" | "join.camera" | "join.speaker";
}[] = [
  { kind: "audioinput", icon: "microphone", key: "join.microphone" },
  { kind: "videoinput", icon: "camera", key: "join.camera" },
  { kind: "audiooutput", icon: "sound", key: "join.speaker" },
];

/** Which device the menu shows as chosen: the one in use; else the remembered one, if it is there. */
function inUse(page: Page, kind: DeviceKind, devices: readonly DeviceEntry[]): string {
  const { local } = page.meeting.store.get();
  if (kind === "audiooutput") return findChosen(devices, page.preferences.speaker)?.deviceId ?? "";
  const capture = kind === "audioinput" ? local.microphone : local.camera;
  const choice = kind === "audioinput" ? page.preferences.microphone : page.preferences.camera;
  return capture.deviceId ?? findChosen(devices, choice)?.deviceId ?? "";
}

function menu(page: Page, kind: DeviceKind): { select: HTMLSelectElement; update: () => void } {
  let entries: readonly DeviceEntry[] = [];
  const select = h("select", {
    class: "select",
    "data-testid": `device-${kind}`,
    onchange: () =>
      void page.chooseDevice(kind, entries.find((device) => device.deviceId === select.value) ?? null),
  });
  let drawn = "";
  const update = (): void => {
    entries = ofKind(page.meeting.store.get().devices, kind);
    const value = inUse(page, kind, entries);
    const key = JSON.stringify([entries, value === ""]);
    if (key !== drawn) {
      drawn = key;
      const options = entries.map((device, index) =>
        h("option", { value: device.deviceId }, device.label || t("device.unnamed", { number: index + 1 })),
      );
      const none = entries.length === 0;
      const first =
        value === "" &&
        h("option", { value: "" }, t(none && kind !== "audiooutput" ? "device.none" : "device.default"));
      fill(select, first, ...options);
      select.disabled = none;
    }
    if (select.value !== value) select.value = value;
  };
  return { select, update };
}

export function devicesForm(page: Page): View {
  const level = levelBars(page);
  const rows: HTMLElement[] = [];
  const updates: (() => void)[] = [() => level.update()];
  for (const { kind, icon: name, key } of KINDS) {
    const label = h("span", { class: "field-name" }, icon(name), t(key));
    if (kind === "audiooutput" && !canChooseSpeaker()) {
      rows.push(
        h(
          "div",
          { class: "field" },
          label,
          h("p", { class: "hint" }, t("join.speaker.fixed")),
          testButton(page),
        ),
      );
      continue;
    }
    const { select, update } = menu(page, kind);
    updates.push(update);
    rows.push(
      h("label", { class: "field" }, label, select),
      ...(kind === "audioinput" ? [level.element] : []),
      ...(kind === "audiooutput" ? [testButton(page)] : []),
    );
  }
  const element = h("div", { class: "devices-form" }, ...rows);
  const update = (): void => updates.forEach((run) => run());
  update();
  return { element, update, destroy: () => level.destroy() };
}

function testButton(page: Page): HTMLElement {
  const button = h(
    "button",
    {
      type: "button",
      class: "button button-quiet",
      "data-testid": "test-speaker",
      onclick: () => {
        button.disabled = true;
        write(words, t("join.speaker.playing"));
        void playTestSound(page.preferences.speaker?.deviceId ?? "")
          .catch(() => undefined)
          .finally(() => {
            button.disabled = false;
            write(words, t("join.speaker.test"));
          });
      },
    },
    icon("sound"),
  );
  const words = h("span", {}, t("join.speaker.test"));
  button.append(words);
  return button;
}
