/** Between meetings: the time, what comes next, and how long until then. */
import { fill, h, set, write } from "../../ui/dom";
import { icon } from "../../ui/icons";
import { t } from "../../ui/words";
import { countdown, inHanoi } from "../hanoi";
import type { Away } from "../life";
import type { Coming } from "../next";
import { clock, head } from "./clock";
import { lines } from "./lines";
import { Mirror } from "./picture";
import type { Screen, View } from "./view";

/** From when to when, with the day unless that is today. */
function when(meeting: Coming, now: number | null): string {
  const from = inHanoi(meeting.startsAt);
  const to = inHanoi(meeting.endsAt);
  const values = { from: from.time, to: to.time };
  if (now !== null && inHanoi(now).date === from.date) return t("kiosk.when", values);
  return t("kiosk.when.day", { ...values, day: t(from.weekday), date: from.date });
}

function laterList(later: readonly Coming[], now: number | null): HTMLElement {
  return h(
    "section",
    { class: "kiosk-later" },
    h("h2", { class: "overline" }, t("kiosk.later")),
    h(
      "ul",
      {},
      ...later.map((one) =>
        h(
          "li",
          {},
          h("span", { class: "kiosk-later-when" }, when(one, now)),
          h("span", { class: "kiosk-later-title" }, one.title),
        ),
      ),
    ),
  );
}

/** Why we are not in it, and the way back. */
function awayCard(screen: Screen, why: Away): HTMLElement {
  const back = why === "left" || why === "taken_over" || why === "removed" ? why : null;
  return h(
    "div",
    { class: "kiosk-away", "data-testid": "away", "data-why": why, role: "status" },
    h("p", { class: "kiosk-away-words" }, t(`kiosk.away.${why}`)),
    back !== null &&
      h(
        "button",
        {
          type: "button",
          class: "button button-main kiosk-button",
          "data-testid": "come-back",
          onclick: () => screen.kiosk.comeBack(),
        },
        icon("door"),
        t(`kiosk.back.${back}`),
      ),
  );
}

export function waitingView(screen: Screen): View {
  const { kiosk } = screen;
  const time = clock(screen, true);
  const top = head(screen);
  const notices = lines(screen);
  const mirror = new Mirror(t("kiosk.own"));
  const card = h("section", { class: "kiosk-next card", "data-testid": "next" });
  const left = h("p", { class: "kiosk-countdown", "data-testid": "countdown" });
  const after = h("div", {});
  const element = h(
    "div",
    { class: "kiosk kiosk-waiting", "data-testid": "waiting" },
    top.element,
    h(
      "main",
      { class: "kiosk-main" },
      h("h1", { class: "sr-only" }, t("kiosk.title")),
      notices.element,
      h("div", { class: "kiosk-left" }, time.element, mirror.element),
      h("div", { class: "kiosk-right" }, card, after),
    ),
    h(
      "footer",
      { class: "kiosk-bar" },
      h(
        "button",
        {
          type: "button",
          class: "button button-quiet kiosk-button",
          "data-testid": "test-devices",
          onclick: () => screen.openTest(),
        },
        icon("sliders"),
        t("kiosk.devices"),
      ),
    ),
  );

  let drawn = "";
  const drawCard = (): void => {
    const { life, next } = kiosk.store.get();
    const now = kiosk.serverNow();
    const day = now === null ? "" : inHanoi(now).date;
    const why = life.phase === "away" ? life.why : "";
    const key = JSON.stringify([life.phase, why, next?.meeting, next?.later, day]);
    if (key === drawn) return;
    drawn = key;
    if (life.phase === "signed-out") {
      fill(card, h("p", { class: "kiosk-next-title" }, t("kiosk.signed_out")));
      return;
    }
    const meeting = next?.meeting ?? null;
    if (meeting === null) {
      fill(
        card,
        h("p", { class: "kiosk-next-title" }, t(next === null ? "kiosk.starting" : "kiosk.none")),
        next !== null && h("p", { class: "kiosk-auto" }, t("kiosk.auto")),
      );
      fill(after);
      return;
    }
    fill(
      card,
      life.phase === "away" && awayCard(screen, life.why),
      h("h2", { class: "overline" }, t("kiosk.next")),
      h("p", { class: "kiosk-next-title", "data-testid": "next-title" }, meeting.title),
      h(
        "p",
        { class: "kiosk-next-about" },
        h("span", { class: "kiosk-next-when" }, when(meeting, now)),
        meeting.chair !== "" && h("span", {}, t("kiosk.chair", { name: meeting.chair })),
      ),
      life.phase !== "away" && left,
      life.phase !== "away" && h("p", { class: "kiosk-auto" }, t("kiosk.auto")),
    );
    fill(after, (next?.later.length ?? 0) > 0 && laterList(next?.later ?? [], now));
  };

  const update = (): void => {
    const { next, sending } = kiosk.store.get();
    const now = kiosk.serverNow();
    drawCard();
    if (next?.meeting && now !== null) {
      const { key, values } = countdown(next.meeting.startsAt, now);
      write(left, t(key, values));
    }
    // Who is tested, or prepares for the start, sees the own picture.
    set(mirror.element, "hidden", !sending.camera.wanted);
    mirror.show(kiosk.sending.camera.current, t("kiosk.own.none"));
    for (const part of [time, top, notices]) part.update();
  };
  update();
  return {
    element,
    update,
    destroy: () => mirror.show(null, ""),
  };
}
