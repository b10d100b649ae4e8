/** A booked meeting under way: lines that need saying, the floor, the stage, the bar, a panel at the side. */
import { announce } from "../ui/announcer";
import { devicesPanel } from "../ui/devices-panel";
import { h, set } from "../ui/dom";
import { noticeLines } from "../ui/notice-lines";
import type { View } from "../ui/page";
import { t } from "../ui/words";
import { controls, type RoomPanel } from "./controls";
import { askHeads } from "./dialogs";
import { ownFloor } from "./floor";
import { floorLine } from "./floor-line";
import { leadPanel } from "./lead-panel";
import { roomNotices } from "./notices";
import { rosterPanel } from "./roster-panel";
import type { RoomPage } from "./shared";
import { stage } from "./stage";

export interface RoomView extends View {
  toggle(panel: RoomPanel): void;
}

export function roomView(shared: RoomPage, redraw: () => void): RoomView {
  const { page, room } = shared;
  const { meeting } = page;
  const { channel } = room;
  let open: RoomPanel = null;
  let side: View | null = null;

  const toggle = (next: RoomPanel): void => {
    const before = open;
    open = next;
    side?.element.remove();
    side?.destroy();
    const close = (): void => toggle(null);
    side =
      next === "people"
        ? rosterPanel(shared, close)
        : next === "lead"
          ? leadPanel(shared, close)
          : next === "devices"
            ? devicesPanel(page, close, redraw, "room.shortcuts")
            : null;
    set(element, "data-panel", next);
    if (side !== null) {
      middle.append(side.element);
      side.element.querySelector<HTMLElement>("#panel-title")?.focus();
    } else if (before !== null) {
      bar.element.querySelector<HTMLElement>(`[data-testid="bar-${before}"]`)?.focus();
    }
    bar.update();
  };

  page.acts["ask-floor"] = () => void room.press("ask");
  page.acts["tell-heads"] = () =>
    askHeads(room.me?.headCount ?? null, (count) => void room.press("head_count", { count }));
  const lines = noticeLines(page, () => {
    const { line, floor } = channel.store.get();
    const { refused } = room.store.get();
    return roomNotices({ media: meeting.store.get(), line, floor, me: room.me, refused }, performance.now());
  });
  const tiles = stage(shared);
  const floor = floorLine(shared);
  const bar = controls(shared, () => open, toggle, {
    get: () => tiles.grid,
    turn: () => {
      tiles.grid = !tiles.grid;
      update();
    },
  });
  const middle = h("div", { class: "meeting-middle" }, tiles.element);
  const element = h(
    "div",
    { class: "meeting room", "data-testid": "meeting" },
    h(
      "header",
      { class: "meeting-head" },
      h("h1", { class: "sr-only" }, page.roomTitle),
      lines.element,
      floor.element,
    ),
    middle,
    bar.element,
  );

  const tell = teller(shared);
  const update = (): void => {
    set(element, "data-phase", meeting.store.get().life.phase);
    set(element, "data-line", channel.store.get().line.phase);
    set(element, "data-floor", ownFloor(room.me).state);
    lines.update();
    floor.update();
    tiles.update();
    bar.update();
    side?.update();
    tell();
  };
  let frame = 0;
  const later = (): void => {
    // Many changes between two frames of the screen need one drawing. A hidden page gets no frames.
    if (document.hidden) update();
    else if (frame === 0) {
      frame = requestAnimationFrame(() => {
        frame = 0;
        update();
      });
    }
  };
  const stops = [meeting.store.subscribe(later), channel.store.subscribe(later), room.store.subscribe(later)];
  const clock = setInterval(later, 500);
  queueMicrotask(update);
  return {
    element,
    toggle: (panel) => toggle(open === panel ? null : panel),
    update,
    destroy: () => {
      stops.forEach((stop) => stop());
      clearInterval(clock);
      cancelAnimationFrame(frame);
      tiles.destroy();
      side?.destroy();
    },
  };
}

/** Tells screen readers what changes around the floor. */
function teller(shared: RoomPage): () => void {
  const { room } = shared;
  const { channel } = room;
  let holder = shared.floor.holder;
  let timeIsUp = shared.floor.timeIsUp;
  let own = ownFloor(room.me);
  let lobby = new Set(channel.store.get().lobby.map((one) => one.key));
  let line = channel.store.get().line.phase;
  return () => {
    const state = channel.store.get();
    const now = ownFloor(room.me);
    if (state.line.phase === "in" && line === "connecting") announce(t("room.channel.back"));
    line = state.line.phase;
    if (state.floor.holder !== holder) {
      holder = state.floor.holder;
      if (holder !== "" && holder !== state.me) announce(t("room.said.floor", { name: shared.name(holder) }));
    }
    if (state.floor.timeIsUp && !timeIsUp && holder !== "")
      announce(t("room.said.time", { name: shared.name(holder) }), shared.isChair || holder === state.me);
    timeIsUp = state.floor.timeIsUp;
    if (now.state === "asking" && (own.state !== "asking" || own.place !== now.place))
      announce(t("room.said.order", { place: now.place }));
    if (now.state === "silent" && own.state === "asking") announce(t("room.said.lowered"));
    if (now.state === "silent" && own.state === "speaking") announce(t("room.floor.yours.gone"), true);
    own = now;
    for (const one of state.lobby)
      if (!lobby.has(one.key)) announce(t("room.lobby.waits", { name: one.name }));
    lobby = new Set(state.lobby.map((one) => one.key));
  };
}
