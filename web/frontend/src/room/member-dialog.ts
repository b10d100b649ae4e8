/** What chair and secretary can do with one member. */
import { fill, h } from "../ui/dom";
import { icon, type IconName } from "../ui/icons";
import { t } from "../ui/words";
import { ask, dialog } from "./dialogs";
import { isHere } from "./index";
import type { RoomPage } from "./shared";
import { timeChoice } from "./time-choice";

/** Opens the list of actions for `key`; it follows the member's state while it is open. */
export function openMember(shared: RoomPage, key: string): void {
  const { room } = shared;
  const box = dialog(shared.name(key), "member-dialog");
  const button = (id: string, name: IconName, words: string, run: () => void): HTMLElement =>
    h(
      "button",
      {
        type: "button",
        class: id === "remove" ? "button button-danger" : "button button-quiet",
        "data-testid": `member-${id}`,
        onclick: () => {
          box.close();
          run();
        },
      },
      icon(name),
      words,
    );
  const press =
    (kind: string): (() => void) =>
    () =>
      void room.press(kind, { target: key });
  let drawn = "";
  const draw = (): void => {
    const entry = shared.roster.get(key);
    if (entry === undefined) {
      box.close();
      return;
    }
    const here = isHere(entry);
    const previewed = room.store.get().preview === key;
    const state = JSON.stringify([here, entry.hasFloor, entry.order > 0, entry.muted, previewed]);
    if (state === drawn) return;
    drawn = state;
    const chair = entry.role === "chair";
    fill(
      box.body,
      shared.isChair && here && !entry.hasFloor && timeChoice(shared),
      h(
        "div",
        { class: "room-actions" },
        shared.isChair &&
          here &&
          !entry.hasFloor &&
          button("give", "sound", t("room.give"), () => shared.give(key)),
        shared.isChair &&
          entry.hasFloor &&
          button("take-back", "close", t("room.take_back"), press("take_back")),
        entry.order > 0 && button("lower", "hand", t("room.lower"), press("lower")),
        here &&
          !chair &&
          (entry.muted
            ? button("unmute", "microphone", t("room.unmute"), press("unmute"))
            : button("mute", "microphone-off", t("room.mute"), press("mute"))),
        here &&
          button("preview", "camera", t(previewed ? "room.preview.end" : "room.preview"), () =>
            room.preview(previewed ? "" : key),
          ),
        !chair && button("remove", "leave", t("room.remove"), () => remove(shared, key)),
      ),
    );
  };
  draw();
  const stops = [room.store.subscribe(draw), room.channel.store.subscribe(draw)];
  box.element.addEventListener("close", () => stops.forEach((stop) => stop()));
  box.show();
}

function remove(shared: RoomPage, key: string): void {
  ask({
    title: t("room.remove.sure", { name: shared.name(key) }),
    reason: t("room.remove.reason"),
    yes: t("room.remove"),
    testid: "remove-dialog",
    run: (reason) => void shared.room.press("remove", { target: key, ...(reason === "" ? {} : { reason }) }),
  });
}
