/** Testing camera, microphone and loudspeaker; and, in a meeting, the way out. */
import { findChosen, ofKind, type DeviceEntry, type DeviceKind } from "../../meeting/devices";
import { fill, h, set, write } from "../../ui/dom";
import { icon, type IconName } from "../../ui/icons";
import { canChooseSpeaker, playTestSound } from "../../ui/level";
import { t } from "../../ui/words";
import type { MessageKey } from "../../generated/catalogue";
import { Mirror } from "./picture";
import type { Screen, View } from "./view";

const BARS = 16;

const KINDS: readonly { kind: DeviceKind; icon: IconName; key: MessageKey }[] = [
  { kind: "videoinput", icon: "camera", key: "join.camera" },
  { kind: "audioinput", icon: "microphone", key: "join.microphone" },
  { kind: "audiooutput", icon: "sound", key: "join.speaker" },
];

/** Shows the device in use, by the track's own word (FC-e02); another one can be chosen. */
function menu(screen: Screen, kind: DeviceKind): { select: HTMLSelectElement; update: () => void } {
  const { kiosk } = screen;
  let entries: readonly DeviceEntry[] = [];
  const select = h("select", {
    class: "select",
    "data-testid": `device-${kind}`,
    onchange: () =>
      void kiosk.chooseDevice(kind, entries.find((device) => device.deviceId === select.value) ?? null),
  });
  let drawn = "";
  const update = (): void => {
    const { devices, sending } = kiosk.store.get();
    entries = ofKind(devices, kind);
    const value =
      kind === "audiooutput"
        ? (findChosen(entries, kiosk.preferences.speaker)?.deviceId ?? "")
        : ((kind === "audioinput" ? sending.microphone : sending.camera).deviceId ?? "");
    const key = JSON.stringify([entries, value === ""]);
    if (key !== drawn) {
      drawn = key;
      const none = entries.length === 0 && kind !== "audiooutput";
      fill(
        select,
        value === "" && h("option", { value: "" }, t(none ? "device.none" : "device.default")),
        ...entries.map((device, index) =>
          h("option", { value: device.deviceId }, device.label || t("device.unnamed", { number: index + 1 })),
        ),
      );
      select.disabled = entries.length === 0;
    }
    if (select.value !== value) select.value = value;
  };
  return { select, update };
}

function levelBars(screen: Screen): View {
  const bars = Array.from({ length: BARS }, () => h("span", { class: "level-bar" }));
  const element = h(
    "div",
    { class: "level", "data-testid": "level" },
    h("span", { class: "level-name" }, t("join.level")),
    h("div", { class: "level-bars", "aria-hidden": "true" }, ...bars),
    h("p", { class: "hint" }, t("join.level.hint")),
  );
  const draw = (): void => {
    screen.level.follow(screen.kiosk.sending.microphone.current);
    const lit = Math.round(screen.level.read() * BARS);
    bars.forEach((bar, index) => set(bar, "data-lit", index < lit));
    set(element, "data-lit", lit);
  };
  const timer = setInterval(draw, 80);
  return {
    element,
    update: () => undefined,
    destroy: () => {
      clearInterval(timer);
      screen.level.follow(null);
    },
  };
}

function soundButton(screen: Screen): HTMLElement {
  const words = h("span", {}, t("join.speaker.test"));
  const button = h(
    "button",
    {
      type: "button",
      class: "button button-quiet",
      "data-testid": "test-speaker",
      onclick: () => {
        button.disabled = true;
        write(words, t("join.speaker.playing"));
        void playTestSound(screen.kiosk.preferences.speaker?.deviceId ?? "")
          .catch(() => undefined)
          .finally(() => {
            button.disabled = false;
            write(words, t("join.speaker.test"));
          });
      },
    },
    icon("sound"),
    words,
  );
  return button;
}

/** The way out asks a second time: a site that vanishes by a slip of the finger is missed by hundreds. */
function leaving(screen: Screen, close: () => void): HTMLElement {
  const box = h("div", { class: "kiosk-leave" });
  const ask = (sure: boolean): void => {
    const button = (name: string, kind: string, key: MessageKey, act: () => void): HTMLButtonElement =>
      h("button", { type: "button", class: `button ${kind}`, "data-testid": name, onclick: act }, t(key));
    if (!sure) {
      fill(
        box,
        button("leave", "button-quiet", "kiosk.leave", () => ask(true)),
      );
      return;
    }
    const stay = button("leave-no", "button-main", "kiosk.leave.no", () => ask(false));
    fill(
      box,
      h("p", { role: "alert" }, t("kiosk.leave.sure")),
      stay,
      button("leave-yes", "button-quiet", "kiosk.leave.yes", () => {
        close();
        screen.kiosk.leave();
      }),
    );
    stay.focus();
  };
  ask(false);
  return box;
}

/** A dialog over the page; the browser itself keeps the focus in it and takes Escape. */
export function testPanel(
  screen: Screen,
  closed: () => void,
): View & { readonly element: HTMLDialogElement } {
  const { kiosk } = screen;
  const mirror = new Mirror(t("kiosk.own"));
  const level = levelBars(screen);
  const menus = KINDS.filter(({ kind }) => kind !== "audiooutput" || canChooseSpeaker()).map((row) => ({
    ...row,
    ...menu(screen, row.kind),
  }));
  const close = (): void => element.close();
  const inMeeting = h("div", { class: "kiosk-in-meeting" }, leaving(screen, close));
  const element = h(
    "dialog",
    {
      class: "kiosk-test card",
      "aria-labelledby": "test-title",
      "data-testid": "test-panel",
      onclose: closed,
    },
    h("h2", { id: "test-title" }, t("kiosk.devices")),
    h(
      "div",
      { class: "kiosk-test-parts" },
      mirror.element,
      h(
        "div",
        { class: "devices-form" },
        ...menus.flatMap(({ kind, icon: name, key, select }) => [
          h("label", { class: "field" }, h("span", { class: "field-name" }, icon(name), t(key)), select),
          kind === "audioinput" && level.element,
        ]),
        soundButton(screen),
      ),
    ),
    inMeeting,
    h(
      "button",
      {
        type: "button",
        class: "button button-main button-large",
        "data-testid": "test-close",
        onclick: close,
      },
      t("kiosk.close"),
    ),
  );
  const update = (): void => {
    mirror.show(kiosk.sending.camera.current, t("kiosk.own.none"));
    for (const one of menus) one.update();
    set(inMeeting, "hidden", kiosk.store.get().life.phase !== "in");
  };
  update();
  return {
    element,
    update,
    destroy: () => {
      level.destroy();
      mirror.show(null, "");
      element.remove();
    },
  };
}
