/** The meeting: lines that need saying, the stage, the bar, and a panel at the side. */
import { announce } from "./announcer";
import { bar, type Panel } from "./bar";
import { devicesPanel } from "./devices-panel";
import { h, set } from "./dom";
import { noticeLines } from "./notice-lines";
import type { Page, View } from "./page";
import { peoplePanel } from "./people-panel";
import { stage } from "./stage";
import { t } from "./words";

/** In a room of hundreds, being told of each arrival would drown everything else. */
const MOST_ANNOUNCED = 20;

export function meetingView(page: Page, redraw: () => void): View {
  const { meeting } = page;
  let open: Panel = null;
  let side: View | null = null;

  const toggle = (next: Panel): void => {
    const before = open;
    open = next;
    side?.element.remove();
    side?.destroy();
    side =
      next === "people"
        ? peoplePanel(page, () => toggle(null))
        : next === "devices"
          ? devicesPanel(page, () => toggle(null), redraw)
          : null;
    set(element, "data-panel", next);
    if (side !== null) {
      middle.append(side.element);
      side.element.querySelector<HTMLElement>("#panel-title")?.focus();
    } else if (before !== null) {
      controls.element.querySelector<HTMLElement>(`[data-testid="bar-${before}"]`)?.focus();
    }
    controls.update();
  };

  const lines = noticeLines(page);
  const tiles = stage(page);
  const controls = bar(page, () => open, toggle);
  const middle = h("div", { class: "meeting-middle" }, tiles.element);
  const element = h(
    "div",
    { class: "meeting", "data-testid": "meeting" },
    h("header", { class: "meeting-head" }, h("h1", { class: "sr-only" }, page.roomTitle), lines.element),
    middle,
    controls.element,
  );

  let phase = meeting.store.get().life.phase;
  let known = new Map(meeting.store.get().people);
  const greet = (): void => {
    const { people, life } = meeting.store.get();
    if (life.phase === "connected" && people !== known) {
      if (known.size > 0 && people.size <= MOST_ANNOUNCED) {
        for (const [identity, { name }] of people)
          if (!known.has(identity)) announce(t("people.joined", { name }));
        for (const [identity, { name }] of known)
          if (!people.has(identity)) announce(t("people.left", { name }));
      }
      known = new Map(people);
    }
  };

  const update = (): void => {
    const { life } = meeting.store.get();
    set(element, "data-phase", life.phase);
    if (life.phase === "connected" && phase !== "connected") announce(t("connection.connected"));
    phase = life.phase;
    lines.update();
    tiles.update();
    controls.update();
    side?.update();
    greet();
  };
  let frame = 0;
  const stop = meeting.store.subscribe(() => {
    // Many changes between two frames of the screen need one drawing. A hidden page gets no frames.
    if (document.hidden) update();
    else if (frame === 0) {
      frame = requestAnimationFrame(() => {
        frame = 0;
        update();
      });
    }
  });
  const clock = setInterval(update, 1_000);
  queueMicrotask(update);
  return {
    element,
    update,
    destroy: () => {
      stop();
      clearInterval(clock);
      cancelAnimationFrame(frame);
      tiles.destroy();
      side?.destroy();
    },
  };
}
