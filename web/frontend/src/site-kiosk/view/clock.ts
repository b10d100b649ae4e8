/** The clock of the page, by the server's time, and the head over all views. */
import { h, set, write } from "../../ui/dom";
import { mark } from "../../ui/icons";
import { languageSwitch, t } from "../../ui/words";
import { inHanoi } from "../hanoi";
import type { Screen, View } from "./view";

/** Hours, minutes and seconds, and the date below; empty until the server has told its time. */
export function clock(screen: Screen, large: boolean): View {
  const time = h("span", { class: "kiosk-time" });
  const seconds = h("span", { class: "kiosk-seconds" });
  const date = h("span", { class: "kiosk-date" });
  const element = h(
    "p",
    { class: large ? "kiosk-clock kiosk-clock-large" : "kiosk-clock", "data-testid": "clock" },
    h("span", { class: "kiosk-clock-time" }, time, seconds),
    date,
  );
  const update = (): void => {
    const now = screen.kiosk.serverNow();
    set(element, "data-known", now !== null);
    if (now === null) return;
    const at = inHanoi(now);
    write(time, at.time);
    write(seconds, `:${at.seconds}`);
    write(date, `${t(at.weekday)}, ${at.date}`);
  };
  update();
  return { element, update, destroy: () => undefined };
}

/** Name of the site, and the language. */
export function head(screen: Screen, ...between: HTMLElement[]): View {
  const name = h("span", { class: "kiosk-site-name", "data-testid": "site-name" });
  const district = h("span", { class: "kiosk-site-district" });
  const element = h(
    "header",
    { class: "kiosk-head" },
    h("div", { class: "kiosk-site" }, mark(), h("p", {}, name, district)),
    ...between,
    languageSwitch(() => screen.redraw()),
  );
  const update = (): void => {
    const { next } = screen.kiosk.store.get();
    write(name, next?.name ?? screen.siteName);
    write(district, next?.district ?? "");
  };
  update();
  return { element, update, destroy: () => undefined };
}
