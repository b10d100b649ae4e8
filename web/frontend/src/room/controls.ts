/** The bar of large buttons under a booked meeting, with the own line beside them. */
import { control, ZONE, type Panel } from "../ui/bar";
import { fill, h, set, write } from "../ui/dom";
import { qualityIcon } from "../ui/icons";
import type { Quality } from "../meeting/people";
import type { View } from "../ui/page";
import { t } from "../ui/words";
import { askHeads } from "./dialogs";
import { ownFloor } from "./floor";
import type { RoomPage } from "./shared";

export type RoomPanel = Panel | "lead";

const FILLED: Record<Quality, 0 | 1 | 2 | 3> = { excellent: 3, good: 2, poor: 1, lost: 0, unknown: 0 };

/** How good our own line is: the media server's measure, or that the channel is cut. */
function ownLine(shared: RoomPage): View {
  const words = h("span", { class: "own-line-words", "data-testid": "own-line" });
  const drawing = h("span", { class: "own-line-bars" });
  const element = h("p", { class: "own-line" }, drawing, words);
  let drawn = "";
  const update = (): void => {
    const { people, life } = shared.page.meeting.store.get();
    const own = [...people.values()].find((person) => person.local);
    const cut = shared.room.channel.store.get().line.phase !== "in";
    const quality = life.phase === "connected" ? (own?.quality ?? "unknown") : "lost";
    const key = `${quality} ${cut}`;
    if (key === drawn) return;
    drawn = key;
    fill(drawing, qualityIcon(cut ? 0 : FILLED[quality], cut || quality === "lost"));
    set(element, "data-quality", cut ? "lost" : quality);
    write(words, cut ? t("room.line.channel") : t(`quality.${quality}`));
  };
  update();
  return { element, update, destroy: () => undefined };
}

export function controls(
  shared: RoomPage,
  panel: () => RoomPanel,
  toggle: (next: RoomPanel) => void,
  grid: { get(): boolean; turn(): void },
): View {
  const { page, room } = shared;
  const { meeting } = page;
  const { local } = meeting;
  const open =
    (name: Exclude<RoomPanel, null>): (() => void) =>
    () =>
      toggle(panel() === name ? null : name);
  const microphone = control("microphone", () => void page.setMicrophone(!local.snapshot.microphoneOn), "M");
  const camera = control("camera", () => void page.setCamera(!local.snapshot.camera.wanted), "V");
  const floor = control("floor", () => shared.pressFloor(), "X");
  const share = control("share", () =>
    local.snapshot.sharing === "on" ? local.stopSharing() : void local.startSharing(),
  );
  const look = control("grid", () => grid.turn());
  const people = control("people", open("people"), "P");
  const lead = control("lead", open("lead"));
  const heads = control("heads", () =>
    askHeads(room.me?.headCount ?? null, (count) => void room.press("head_count", { count })),
  );
  const devices = control("devices", open("devices"));
  const leave = control("leave", () => room.leave());
  leave.element.classList.add("control-leave");
  leave.draw("leave", t("bar.leave"), "plain");
  floor.element.classList.add("control-floor");
  const clock = h("time", { class: "bar-clock" });
  const line = ownLine(shared);
  const element = h(
    "footer",
    { class: "bar room-bar", "aria-label": t("bar.label"), "data-testid": "bar" },
    h(
      "div",
      { class: "bar-room" },
      h("span", { class: "bar-title", title: page.roomTitle }, page.roomTitle),
      h("span", { class: "bar-state" }, clock, line.element),
    ),
    h(
      "div",
      { class: "bar-main" },
      microphone.element,
      camera.element,
      floor.element,
      share.element,
      look.element,
      people.element,
      heads.element,
      lead.element,
      devices.element,
    ),
    h("div", { class: "bar-end" }, leave.element),
  );

  const drawMicrophone = (): void => {
    const { local: ours, maySpeak } = meeting.store.get();
    const { element: button } = microphone;
    button.disabled = !maySpeak;
    set(button, "title", maySpeak ? t("bar.shortcut", { key: "M" }) : t("room.microphone.closed.why"));
    if (!maySpeak) {
      microphone.draw("microphone-off", t("room.microphone.closed"), "plain");
      return;
    }
    const { problem } = ours.microphone;
    microphone.draw(
      ours.microphoneOn && problem === null ? "microphone" : "microphone-off",
      t(ours.microphoneOn ? "bar.microphone.on" : "bar.microphone.off"),
      ours.microphoneOn ? (problem === null ? "on" : "problem") : "off",
    );
  };

  const update = (): void => {
    const state = meeting.store.get();
    const { local: ours } = state;
    drawMicrophone();
    const seen = ours.camera.wanted && state.mayPublish;
    camera.draw(
      seen && ours.camera.problem === null ? "camera" : "camera-off",
      t(ours.camera.wanted ? "bar.camera.on" : "bar.camera.off"),
      seen ? (ours.camera.problem === null ? "on" : "problem") : "off",
    );
    camera.element.disabled = !state.mayPublish;
    const sharing = ours.sharing !== "off";
    share.draw(
      sharing ? "screen-off" : "screen",
      t(sharing ? "bar.share.stop" : "bar.share.start"),
      sharing ? "off" : "plain",
    );
    share.element.disabled = (!state.mayShare && !sharing) || ours.sharing === "starting";
    set(share.element, "title", state.mayShare ? null : t("room.share.closed.why"));

    const own = ownFloor(room.me);
    const words =
      own.state === "speaking"
        ? t("room.ask.finish")
        : own.state === "asking"
          ? t("room.ask.place", { place: own.place })
          : t("room.ask");
    floor.draw("hand", words, own.state === "silent" ? "plain" : "on");
    set(floor.element, "data-floor", own.state);
    set(floor.element, "data-place", own.state === "asking" ? own.place : null);
    set(floor.element, "aria-pressed", String(own.state !== "silent"));
    set(floor.element, "title", own.state === "asking" ? t("room.ask.withdraw") : null);
    floor.element.disabled = room.me === undefined;

    const { counts } = room.index;
    look.draw(grid.get() ? "screen" : "grid", t(grid.get() ? "room.view.stage" : "room.view.grid"), "plain");
    people.draw("people", t("room.people"), "plain", counts.here > 0 ? `${counts.here}/${counts.all}` : "");
    lead.element.hidden = !shared.leads;
    const waiting = room.channel.store.get().lobby.length;
    lead.draw("lead", t("room.lead"), "plain", waiting > 0 ? String(waiting) : "");
    set(lead.element, "aria-description", waiting > 0 ? t("room.lobby.count", { count: waiting }) : null);
    const me = room.me;
    const count = me?.headCount ?? null;
    heads.element.hidden = me?.key.startsWith("site:") !== true;
    heads.draw("site", t("room.heads"), "plain", count === null ? "" : String(count));
    devices.draw("sliders", t("bar.devices"), "plain");
    for (const [button, name] of [
      [people, "people"],
      [lead, "lead"],
      [devices, "devices"],
    ] as const)
      set(button.element, "aria-expanded", String(panel() === name));
    line.update();
    const now = new Date(room.channel.serverNow() ?? Date.now());
    write(
      clock,
      now.toLocaleTimeString("vi-VN", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: ZONE }),
    );
    set(clock, "datetime", now.toISOString().slice(0, 16));
  };
  update();
  return { element, update, destroy: () => undefined };
}
