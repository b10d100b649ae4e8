/** The bar of large buttons under the meeting. */
import { fill, h, set, write } from "./dom";
import { icon, type IconName } from "./icons";
import type { Page, View } from "./page";
import { t } from "./words";

/** Meetings are held on the city's time, wherever a machine believes itself to be. */
export const ZONE = "Asia/Ho_Chi_Minh";

export type Panel = "people" | "devices" | null;

export interface Control {
  readonly element: HTMLButtonElement;
  draw(name: IconName, words: string, state: "on" | "off" | "problem" | "plain", badge?: string): void;
}

/** A large button with an icon, words and a state that both show. */
export function control(id: string, press: () => void, key?: string): Control {
  const element = h("button", {
    type: "button",
    class: "control",
    "data-testid": `bar-${id}`,
    onclick: press,
  });
  if (key !== undefined) {
    element.title = t("bar.shortcut", { key });
    element.setAttribute("aria-keyshortcuts", key);
  }
  let drawn = "";
  return {
    element,
    draw(name, words, state, badge = "") {
      const now = `${name} ${words} ${state} ${badge}`;
      if (now === drawn) return;
      drawn = now;
      set(element, "data-state", state);
      fill(
        element,
        h(
          "span",
          { class: "control-icon" },
          icon(name),
          badge !== "" && h("span", { class: "control-badge" }, badge),
        ),
        h("span", { class: "control-name" }, words),
      );
    },
  };
}

export function bar(page: Page, panel: () => Panel, toggle: (next: Panel) => void): View {
  const { meeting } = page;
  const { local } = meeting;
  const microphone = control("microphone", () => void page.setMicrophone(!local.snapshot.microphoneOn), "M");
  const camera = control("camera", () => void page.setCamera(!local.snapshot.camera.wanted), "V");
  const share = control("share", () =>
    local.snapshot.sharing === "on" ? local.stopSharing() : void local.startSharing(),
  );
  const people = control("people", () => toggle(panel() === "people" ? null : "people"));
  const devices = control("devices", () => toggle(panel() === "devices" ? null : "devices"));
  const leave = control("leave", () => meeting.leave());
  leave.element.classList.add("control-leave");
  leave.draw("leave", t("bar.leave"), "plain");

  const clock = h("time", { class: "bar-clock" });
  const element = h(
    "footer",
    { class: "bar", "aria-label": t("bar.label"), "data-testid": "bar" },
    h(
      "div",
      { class: "bar-room" },
      h("span", { class: "bar-title", title: page.roomTitle }, page.roomTitle),
      clock,
    ),
    h(
      "div",
      { class: "bar-main" },
      microphone.element,
      camera.element,
      share.element,
      people.element,
      devices.element,
    ),
    h("div", { class: "bar-end" }, leave.element),
  );

  const update = (): void => {
    const state = meeting.store.get();
    const { local: ours, mayPublish } = state;
    const heard = ours.microphoneOn && mayPublish;
    const faultOf = (problem: string | null, on: boolean): "on" | "off" | "problem" =>
      on ? (problem === null ? "on" : "problem") : "off";
    microphone.draw(
      heard && ours.microphone.problem === null ? "microphone" : "microphone-off",
      t(ours.microphoneOn ? "bar.microphone.on" : "bar.microphone.off"),
      faultOf(ours.microphone.problem, heard),
    );
    const seen = ours.camera.wanted && mayPublish;
    camera.draw(
      seen && ours.camera.problem === null ? "camera" : "camera-off",
      t(ours.camera.wanted ? "bar.camera.on" : "bar.camera.off"),
      faultOf(ours.camera.problem, seen),
    );
    const sharing = ours.sharing !== "off";
    share.draw(
      sharing ? "screen-off" : "screen",
      t(sharing ? "bar.share.stop" : "bar.share.start"),
      sharing ? "off" : "plain",
    );
    people.draw("people", t("bar.people"), "plain", String(state.people.size));
    devices.draw("sliders", t("bar.devices"), "plain");
    for (const each of [microphone, camera, share]) each.element.disabled = !mayPublish;
    share.element.disabled ||= ours.sharing === "starting";
    set(people.element, "aria-expanded", String(panel() === "people"));
    set(devices.element, "aria-expanded", String(panel() === "devices"));
    const now = new Date();
    write(
      clock,
      now.toLocaleTimeString("vi-VN", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: ZONE }),
    );
    set(clock, "datetime", now.toISOString().slice(0, 16));
  };
  update();
  return { element, update, destroy: () => undefined };
}
