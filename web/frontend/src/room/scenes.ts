/** Before and after the meeting: what is waited for, and what ended it, in both languages. */
import type { MessageKey } from "../generated/catalogue";
import { h } from "../ui/dom";
import { siteHeader } from "../ui/frame";
import { icon, type IconName } from "../ui/icons";
import type { View } from "../ui/page";
import { told, chosen, t } from "../ui/words";
import type { EndWhy, Scene } from "./life";
import type { RoomPage } from "./shared";

const still = (element: HTMLElement): View => ({
  element,
  update: () => undefined,
  destroy: () => undefined,
});

function frame(redraw: () => void, testid: string, ...content: (HTMLElement | null)[]): HTMLElement {
  return h(
    "div",
    { class: "page page-end", "data-testid": testid },
    siteHeader(redraw),
    h("main", { class: "end" }, h("section", { class: "card end-card" }, ...content)),
  );
}

const WAITS = {
  connecting: "room.waiting.connecting",
  opening: "room.waiting.opening",
  lobby: "room.waiting.lobby",
} as const;

/** `starts` is when the meeting is to begin, as the server wrote it. */
export function waitView(
  shared: RoomPage,
  scene: Extract<Scene, { kind: "wait" }>,
  starts: { readonly time: string; readonly date: string },
  redraw: () => void,
): View {
  const element = frame(
    redraw,
    "wait-view",
    h("span", { class: "spinner spinner-day", "aria-hidden": "true" }),
    h("p", { class: "overline" }, shared.page.roomTitle),
    h("h1", { class: "end-title", role: "status" }, told(WAITS[scene.why])),
    scene.why === "opening" ? h("p", { class: "end-hint" }, told("room.waiting.starts", starts)) : null,
    h(
      "div",
      { class: "end-actions" },
      h(
        "button",
        {
          type: "button",
          class: "button button-quiet",
          "data-testid": "wait-leave",
          onclick: () => shared.room.leave(),
        },
        t("room.waiting.leave"),
      ),
    ),
  );
  element.dataset["why"] = scene.why;
  return still(element);
}

const ENDS: Record<
  EndWhy,
  { readonly icon: IconName; readonly key: MessageKey; readonly hint?: MessageKey }
> = {
  left: { icon: "door", key: "room.end.left" },
  removed: { icon: "warning", key: "room.end.removed", hint: "room.end.removed.hint" },
  taken_over: { icon: "windows", key: "room.end.taken_over", hint: "room.end.taken_over.hint" },
  ended: { icon: "door", key: "room.end.ended" },
  version: { icon: "error", key: "room.end.version" },
  refused: { icon: "error", key: "room.end.refused" },
};

export function endScene(shared: RoomPage, scene: Extract<Scene, { kind: "end" }>, redraw: () => void): View {
  const { why, refusal } = scene;
  const end = ENDS[why];
  const said =
    refusal?.vi !== undefined && refusal.en !== undefined
      ? chosen({ vi: refusal.vi, en: refusal.en })
      : told(end.key);
  const back = (key: MessageKey, run: () => void): HTMLElement =>
    h(
      "button",
      { type: "button", class: "button button-main button-large", "data-testid": "join-again", onclick: run },
      icon("door"),
      t(key),
    );
  const enter = (): void => {
    void shared.page.level.wake();
    shared.room.enter();
  };
  const away = (): HTMLElement | null => {
    switch (why) {
      case "left":
        return back("room.again", enter);
      case "removed":
        return back("room.again.lobby", enter);
      case "taken_over":
        return back("room.again.take", enter);
      case "version":
        return back("room.again.reload", () => location.reload());
      case "ended":
        return null;
      case "refused":
        // The page's own proof has run out with the session, or the person is signed out.
        return refusal?.code === "sign_in_needed" || refusal?.code === "form_refused"
          ? back("room.again.sign_in", () => location.reload())
          : null;
    }
  };
  const button = away();
  const home = h("a", { class: "button button-quiet", href: shared.home }, t("room.home"));
  const element = frame(
    redraw,
    "end-view",
    h("span", { class: `end-icon end-${why}` }, icon(end.icon)),
    h("p", { class: "overline" }, shared.page.roomTitle),
    h("h1", { class: "end-title" }, said),
    end.hint === undefined ? null : h("p", { class: "end-hint" }, told(end.hint)),
    h("div", { class: "end-actions" }, button, home),
  );
  element.dataset["reason"] = why;
  if (refusal !== null) element.dataset["code"] = refusal.code;
  queueMicrotask(() => (button ?? home).focus());
  return still(element);
}
