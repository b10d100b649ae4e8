/** How long the floor is given for. */
import { h } from "../ui/dom";
import { t } from "../ui/words";
import { MINUTES } from "./floor";
import type { RoomPage } from "./shared";

/** A field that keeps its choice for the next time. */
export function timeChoice(shared: RoomPage): HTMLElement {
  const select = h(
    "select",
    {
      class: "select",
      "data-testid": "give-minutes",
      onchange: () => {
        shared.minutes = Number(select.value);
      },
    },
    ...MINUTES.map((minutes) =>
      h(
        "option",
        { value: minutes },
        minutes === 0 ? t("room.give.unlimited") : t("room.give.minutes", { minutes }),
      ),
    ),
  );
  select.value = String(shared.minutes);
  return h("label", { class: "field" }, h("span", { class: "field-name" }, t("room.give.time")), select);
}
