/** After the meeting, whatever ended it: what happened, and the way back. */
import { endKey } from "../meeting/notices";
import type { Life } from "../meeting/life";
import { h } from "./dom";
import { siteHeader } from "./frame";
import { icon, type IconName } from "./icons";
import type { Page, View } from "./page";
import { told, chosen, t } from "./words";

type Ended = Life & { phase: "ended" };

const ICONS: Record<Ended["reason"], IconName> = {
  left: "door",
  removed: "warning",
  "room-closed": "door",
  duplicate: "windows",
  refused: "error",
};

function hint(life: Ended): HTMLElement | null {
  switch (life.reason) {
    case "left":
      return null;
    case "removed":
      return told("ended.removed.hint");
    case "room-closed":
      return told("ended.closed.hint");
    case "duplicate":
      return told("ended.duplicate.hint");
    case "refused":
      return told("ended.advice");
  }
}

export function endView(page: Page, life: Ended, redraw: () => void): View {
  const { refusal } = life;
  const said =
    refusal?.vi !== undefined && refusal.en !== undefined
      ? chosen({ vi: refusal.vi, en: refusal.en })
      : told(endKey(life.reason, refusal));
  const more = hint(life);
  const again = h(
    "button",
    {
      type: "button",
      class: "button button-main button-large",
      "data-testid": "join-again",
      onclick: () => page.comeBack(),
    },
    icon("door"),
    t(life.reason === "duplicate" ? "ended.takeover" : "ended.again"),
  );
  const element = h(
    "div",
    {
      class: "page page-end",
      "data-testid": "end-view",
      "data-reason": life.reason,
      "data-code": refusal?.code,
    },
    siteHeader(redraw),
    h(
      "main",
      { class: "end" },
      h(
        "section",
        { class: "card end-card" },
        h("span", { class: `end-icon end-${life.reason}` }, icon(ICONS[life.reason])),
        h("p", { class: "overline" }, page.roomTitle),
        h("h1", { class: "end-title" }, said),
        more === null ? null : h("p", { class: "end-hint" }, more),
        h(
          "div",
          { class: "end-actions" },
          again,
          h("a", { class: "button button-quiet", href: "/" }, t("ended.home")),
        ),
      ),
    ),
  );
  queueMicrotask(() => again.focus());
  return { element, update: () => undefined, destroy: () => undefined };
}
