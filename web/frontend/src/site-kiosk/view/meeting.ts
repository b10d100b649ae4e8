/** In a meeting: the stage, the light, and two large buttons. */
import { announce } from "../../ui/announcer";
import { fill, h, set, write } from "../../ui/dom";
import { icon, type IconName } from "../../ui/icons";
import { t } from "../../ui/words";
import { timer } from "../hanoi";
import {
  floorAction,
  keyOf,
  microphoneAction,
  type FloorAction,
  type Light,
  type MicrophoneAction,
} from "../scene";
import { clock, head } from "./clock";
import { headsForm } from "./heads";
import { lines } from "./lines";
import { Mirror, Picture } from "./picture";
import type { Screen, View } from "./view";

const LIGHT_ICONS: Record<Light, IconName> = {
  floor: "microphone",
  floor_silent: "warning",
  heard: "microphone",
  asking: "person",
  muted: "microphone-off",
  lobby: "door",
  cut: "info",
};

const FLOOR_ICONS: Record<FloorAction, IconName> = {
  ask: "person",
  withdraw: "close",
  finish: "microphone-off",
};

/** Colour, icon and words; heard by screen readers when it changes. */
function lightView(screen: Screen): View {
  const { kiosk } = screen;
  const sign = h("span", { class: "kiosk-light-sign" });
  const words = h("span", { class: "kiosk-light-words" });
  const more = h("span", { class: "kiosk-light-more", "data-testid": "light-more" });
  const element = h("div", { class: "kiosk-light", "data-testid": "light" }, sign, h("p", {}, words, more));
  let drawn: Light | null = null;
  const update = (): void => {
    const light = kiosk.light();
    if (light !== drawn) {
      fill(sign, icon(LIGHT_ICONS[light]));
      set(element, "data-light", light);
      write(words, t(`kiosk.light.${light}`));
      if (drawn !== null) announce(t(`kiosk.light.${light}`), light === "floor" || light === "heard");
      drawn = light;
    }
    const own = kiosk.own();
    const floor = kiosk.store.get().channel?.floor;
    const until = floor?.until ?? null;
    const now = kiosk.serverNow();
    let text = "";
    if (light === "asking" && own !== undefined) text = t("kiosk.order", { order: own.order });
    else if ((light === "floor" || light === "floor_silent") && until !== null && now !== null) {
      const time = timer(until, now);
      text = floor?.timeIsUp === true ? t("kiosk.time.up", { time }) : t("kiosk.time.left", { time });
    }
    write(more, text);
    set(element, "data-time-is-up", own?.hasFloor === true && floor?.timeIsUp === true);
  };
  update();
  return { element, update, destroy: () => undefined };
}

function floorButton(screen: Screen): View {
  const { kiosk } = screen;
  const sign = h("span", { class: "kiosk-button-icon" });
  const words = h("span", {});
  const element = h(
    "button",
    {
      type: "button",
      class: "button button-main kiosk-button",
      "data-testid": "floor",
      onclick: () => void kiosk.pressFloor(),
    },
    sign,
    words,
  );
  let drawn: FloorAction | null = null;
  const update = (): void => {
    const state = kiosk.store.get();
    const action = floorAction(kiosk.own()) ?? "ask";
    if (action !== drawn) {
      drawn = action;
      fill(sign, icon(FLOOR_ICONS[action]));
      write(words, t(`kiosk.floor.${action}`));
      set(element, "data-action", action);
    }
    // Not "disabled": that would throw the focus away in the middle of a press.
    set(element, "aria-disabled", state.busy || state.channel?.line.phase !== "in");
  };
  update();
  return { element, update, destroy: () => undefined };
}

const MICROPHONE_ICONS: Record<MicrophoneAction, IconName> = {
  mute: "microphone-off",
  unmute: "microphone",
  wait: "microphone",
};
const EXPLAINED_MS = 8_000;

/** The room's own switch. Without the right to be heard a press says how to get it. */
function microphoneButton(screen: Screen): View {
  const { kiosk } = screen;
  const sign = h("span", { class: "kiosk-button-icon" });
  const words = h("span", {});
  const why = h("p", { class: "kiosk-why", role: "status", "data-testid": "microphone-why" });
  let explained: ReturnType<typeof setTimeout> | undefined;
  const explain = (text: string): void => {
    clearTimeout(explained);
    write(why, text);
    if (text !== "") explained = setTimeout(() => explain(""), EXPLAINED_MS);
  };
  const button = h(
    "button",
    {
      type: "button",
      class: "button button-quiet kiosk-button",
      "data-testid": "microphone",
      onclick: () => explain(kiosk.pressMicrophone() === "switched" ? "" : t("kiosk.microphone.wait")),
    },
    sign,
    words,
  );
  let drawn: MicrophoneAction | null = null;
  const update = (): void => {
    const action = microphoneAction(kiosk.own(), kiosk.store.get().sending.microphoneOn);
    if (action === drawn) return;
    if (drawn === "wait") explain("");
    drawn = action;
    fill(sign, icon(MICROPHONE_ICONS[action]));
    write(words, t(action === "mute" ? "kiosk.microphone.mute" : "kiosk.microphone.unmute"));
    set(button, "data-action", action);
    set(button, "aria-disabled", action === "wait");
  };
  update();
  return {
    element: h("div", { class: "kiosk-microphone" }, button, why),
    update,
    destroy: () => clearTimeout(explained),
  };
}

export function meetingView(screen: Screen): View {
  const { kiosk } = screen;
  const title = h("h1", { class: "kiosk-title", "data-testid": "title" });
  const time = clock(screen, false);
  const devices = h(
    "button",
    {
      type: "button",
      class: "button button-quiet kiosk-small",
      "data-testid": "test-devices",
      onclick: () => screen.openTest(),
    },
    icon("sliders"),
    t("kiosk.devices"),
  );
  const top = head(screen, title, time.element, devices);
  const notices = lines(screen);
  const light = lightView(screen);
  const floor = floorButton(screen);
  const microphone = microphoneButton(screen);
  const heads = headsForm(screen);
  const face = new Picture("stage-face");
  const shared = new Picture("stage-screen");
  const mirror = new Mirror(t("kiosk.own"));
  const lobby = h("p", { class: "kiosk-lobby", "data-testid": "lobby" }, t("kiosk.lobby"));
  const stage = h(
    "main",
    { class: "kiosk-stage", "data-testid": "stage" },
    notices.element,
    h("div", { class: "kiosk-pictures" }, shared.element, face.element, mirror.element, lobby),
  );
  const element = h(
    "div",
    { class: "kiosk kiosk-meeting", "data-testid": "meeting" },
    top.element,
    stage,
    h(
      "footer",
      { class: "kiosk-bar" },
      light.element,
      h("div", { class: "kiosk-buttons" }, floor.element, microphone.element),
      heads.element,
    ),
  );

  const update = (): void => {
    const { channel, media, next, sending } = kiosk.store.get();
    const scene = kiosk.scene();
    const waiting = channel?.line.phase === "waiting";
    set(element, "data-line", channel?.line.phase ?? "idle");
    set(element, "data-media", media.connected ? "connected" : "away");
    write(title, channel?.meeting?.title ?? next?.meeting?.title ?? "");
    set(lobby, "hidden", !waiting);
    set(face.element, "hidden", waiting);
    const name = kiosk.nameOf(scene.face);
    face.show(
      scene.faceFrom === "" ? null : kiosk.media.picture(scene.faceFrom, "camera"),
      scene.faceFrom,
      name,
      t(scene.face === "" ? "kiosk.face.nobody" : "kiosk.face.none"),
      t("kiosk.face", { name }),
    );
    const sharer = kiosk.nameOf(keyOf(scene.screenFrom));
    set(shared.element, "hidden", scene.screenFrom === "");
    set(stage, "data-screen", scene.screenFrom !== "");
    shared.show(
      scene.screenFrom === "" ? null : kiosk.media.picture(scene.screenFrom, "screen"),
      scene.screenFrom,
      sharer,
      t("kiosk.face.none"),
      t("kiosk.screen", { name: sharer }),
    );
    mirror.show(kiosk.sending.camera.current, t(sending.camera.wanted ? "kiosk.own.none" : "kiosk.own.off"));
    for (const part of [top, time, notices, light, floor, microphone, heads]) part.update();
    const wanted = new Set<string>();
    if (scene.faceFrom !== "") wanted.add(`${scene.faceFrom}/camera`);
    if (scene.screenFrom !== "") wanted.add(`${scene.screenFrom}/screen`);
    kiosk.media.show(wanted);
  };
  update();
  return {
    element,
    update,
    destroy: () => {
      microphone.destroy();
      face.destroy();
      shared.destroy();
      mirror.show(null, "");
    },
  };
}
