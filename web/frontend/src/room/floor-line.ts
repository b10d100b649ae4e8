/** The line over the stage: who has the floor, for how long, and for the chair what to do next. */
import { h, set, write } from "../ui/dom";
import { icon } from "../ui/icons";
import type { View } from "../ui/page";
import { t } from "../ui/words";
import { clockText, floorClock } from "./floor";
import { nextInLine } from "./lead-panel";
import type { RoomPage } from "./shared";

export function floorLine(shared: RoomPage): View {
  const { room } = shared;
  const who = h("span", { class: "floor-who", "data-testid": "floor-who" });
  const time = h("span", { class: "floor-time", "data-testid": "floor-time" });
  const clock = h("span", { class: "floor-clock" }, icon("clock"), time);
  const locked = h(
    "span",
    { class: "floor-locked", "data-testid": "locked" },
    icon("lock"),
    h("span", {}, t("room.floor.locked")),
  );
  const give = h("button", {
    type: "button",
    class: "button button-floor",
    "data-testid": "floor-give",
    onclick: () => shared.give(),
  });
  const back = h(
    "button",
    {
      type: "button",
      class: "button button-floor",
      "data-testid": "floor-back",
      onclick: () => void room.press("take_back"),
    },
    t("room.take_back"),
  );
  const element = h(
    "section",
    { class: "floor-line", "aria-label": t("room.floor.label"), "data-testid": "floor-line" },
    icon("sound"),
    who,
    clock,
    locked,
    give,
    back,
  );
  const update = (): void => {
    const { floor } = shared;
    const mine = floor.holder !== "" && floor.holder === room.channel.store.get().me;
    const words =
      floor.holder === ""
        ? t("room.floor.none")
        : mine
          ? t("room.floor.you")
          : t("room.floor.holder", { name: shared.name(floor.holder) });
    write(who, floor.away ? `${words} (${t("room.floor.away")})` : words);
    const now = floorClock(floor, room.channel.serverNow());
    clock.hidden = now === null;
    if (now !== null) write(time, t(`room.floor.${now.kind}`, { time: clockText(now.seconds) }));
    set(element, "data-clock", now?.kind);
    set(element, "data-holder", floor.holder);
    set(element, "data-mine", mine);
    locked.hidden = !floor.locked;
    const next = shared.isChair ? nextInLine(shared) : "";
    give.hidden = next === "";
    if (next !== "") write(give, t("room.give.named", { name: shared.name(next) }));
    back.hidden = !shared.isChair || floor.holder === "";
  };
  update();
  return { element, update, destroy: () => undefined };
}
