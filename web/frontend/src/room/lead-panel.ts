/** What chair and secretary do with the meeting as a whole: floor, order, waiting room, end. */
import { fill, h, set, write } from "../ui/dom";
import { icon, type IconName } from "../ui/icons";
import type { View } from "../ui/page";
import { panelFrame } from "../ui/people-panel";
import { t } from "../ui/words";
import { ask } from "./dialogs";
import type { RoomPage } from "./shared";
import { timeChoice } from "./time-choice";

/** The first who asks and is here; empty for nobody. */
export function nextInLine(shared: RoomPage): string {
  for (const key of shared.room.index.list("hands", "")) {
    const presence = shared.roster.get(key)?.presence;
    if (presence === "present" || presence === "late") return key;
  }
  return "";
}

export function leadPanel(shared: RoomPage, close: () => void): View {
  const { room } = shared;
  const button = (id: string, name: IconName, run: () => void, danger = false): HTMLButtonElement =>
    h(
      "button",
      {
        type: "button",
        class: danger ? "button button-danger" : "button button-quiet",
        "data-testid": `lead-${id}`,
        onclick: run,
      },
      icon(name),
      h("span", {}),
    );
  const say = (element: HTMLElement, words: string): void => {
    const span = element.querySelector("span");
    if (span !== null) write(span, words);
  };
  const press =
    (kind: string): (() => void) =>
    () =>
      void room.press(kind);
  const give = button("give-next", "sound", () => shared.give());
  const back = button("take-back", "close", press("take_back"));
  const lowerAll = button("lower-all", "hand", press("lower_all"));
  const muteAll = button("mute-all", "microphone-off", press("mute_all"));
  const lock = button("lock", "lock", () => void room.press(shared.floor.locked ? "unlock" : "lock"));
  const end = button("end", "leave", () => askEnd(shared), true);
  say(back, t("room.take_back"));
  say(lowerAll, t("room.lower_all"));
  say(muteAll, t("room.mute_all"));
  say(end, t("room.end"));
  const waiting = h("ul", { class: "lobby", "data-testid": "lobby" });
  const count = h("h3", { class: "room-heading" });
  const admitAll = button("admit-all", "door", press("admit_all"));
  say(admitAll, t("room.lobby.admit_all"));

  const element = panelFrame(
    h("h2", { id: "panel-title", tabindex: -1 }, t("room.lead.title")),
    close,
    ...(shared.isChair
      ? [
          h(
            "section",
            { class: "room-group" },
            h("h3", { class: "room-heading" }, t("room.lead.floor")),
            timeChoice(shared),
            give,
            back,
          ),
        ]
      : []),
    h(
      "section",
      { class: "room-group" },
      h("h3", { class: "room-heading" }, t("room.lead.order")),
      lowerAll,
      muteAll,
      lock,
      h("p", { class: "hint" }, t("room.lock.hint")),
    ),
    h("section", { class: "room-group" }, count, waiting, admitAll),
    ...(shared.isChair ? [h("section", { class: "room-group" }, end)] : []),
  );
  set(element, "data-testid", "lead-panel");

  let drawn = "";
  const update = (): void => {
    const next = nextInLine(shared);
    say(give, next === "" ? t("room.give.next") : t("room.give.named", { name: shared.name(next) }));
    give.disabled = next === "";
    back.disabled = shared.floor.holder === "";
    lowerAll.disabled = room.index.counts.hands === 0;
    say(lock, t(shared.floor.locked ? "room.unlock" : "room.lock"));
    set(lock, "aria-pressed", String(shared.floor.locked));
    const { lobby } = room.channel.store.get();
    const key = JSON.stringify(lobby);
    if (key === drawn) return;
    drawn = key;
    write(count, t("room.lobby.count", { count: lobby.length }));
    admitAll.hidden = lobby.length < 2;
    fill(
      waiting,
      ...lobby.map((one) => {
        // Who waits is in no roster: what tells sites of equal name apart is their code.
        const name = one.key.startsWith("site:") ? `${one.name} (${one.key.slice(5)})` : one.name;
        const answer = (id: "admit" | "refuse", kind: string): HTMLElement =>
          h(
            "button",
            {
              type: "button",
              class: "button button-quiet",
              "data-testid": `lobby-${id}`,
              "aria-label": t(`room.lobby.${id}.named`, { name }),
              onclick: () => void room.press(kind, { target: one.key }),
            },
            t(`room.lobby.${id}`),
          );
        return h(
          "li",
          { class: "lobby-one", "data-key": one.key },
          h("span", { class: "row-name" }, name),
          h("span", { class: "room-answers" }, answer("admit", "admit"), answer("refuse", "remove")),
        );
      }),
      lobby.length === 0 && h("li", { class: "hint" }, t("room.lobby.nobody")),
    );
  };
  update();
  return { element, update, destroy: () => undefined };
}

function askEnd(shared: RoomPage): void {
  ask({
    title: t("room.end.sure"),
    hint: t("room.end.sure.hint"),
    yes: t("room.end.all"),
    testid: "end-dialog",
    run: () => void shared.room.press("end"),
  });
}
