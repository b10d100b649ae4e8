/** How many delegates are in the room: a number, one more, one less, and "report". */
import { h, set, write } from "../../ui/dom";
import { icon } from "../../ui/icons";
import { t } from "../../ui/words";
import { MOST_HEADS, readHeads, shown, stepped, toSend } from "../heads";
import type { Screen, View } from "./view";

export function headsForm(screen: Screen): View {
  const { kiosk } = screen;
  let draft: number | null = null;
  let problem: "kiosk.heads.wrong" | "kiosk.heads.failed" | null = null;
  let sending = false;

  const heads = (): { draft: number | null; told: number | null } => ({
    draft,
    told: kiosk.own()?.headCount ?? null,
  });
  const field = h("input", {
    class: "input kiosk-heads-field",
    id: "heads",
    type: "text",
    inputmode: "numeric",
    autocomplete: "off",
    maxlength: 4,
    "aria-describedby": "heads-told",
    "data-testid": "heads",
    oninput: () => {
      const count = readHeads(field.value);
      problem = count === null && field.value.trim() !== "" ? "kiosk.heads.wrong" : null;
      draft = count;
      update();
    },
  });
  const step = (by: number): void => {
    draft = stepped(heads(), by);
    problem = null;
    field.value = String(draft);
    update();
  };
  const stepButton = (name: "less" | "more", by: number): HTMLElement =>
    h(
      "button",
      {
        type: "button",
        class: "button button-quiet kiosk-step",
        "data-testid": `heads-${name}`,
        "aria-label": t(name === "less" ? "kiosk.heads.less" : "kiosk.heads.more"),
        onclick: () => step(by),
      },
      h("span", { "aria-hidden": "true" }, by < 0 ? "−" : "+"),
    );
  const tell = h(
    "button",
    { type: "submit", class: "button button-quiet", "data-testid": "heads-tell" },
    icon("people"),
    t("kiosk.heads.tell"),
  );
  const words = h("p", {
    class: "kiosk-heads-told",
    id: "heads-told",
    role: "status",
    "data-testid": "heads-told",
  });
  const element = h(
    "form",
    {
      class: "kiosk-heads",
      onsubmit: (event) => {
        event.preventDefault();
        void send();
      },
    },
    h("label", { class: "kiosk-heads-name", for: "heads" }, t("kiosk.heads")),
    h("div", { class: "kiosk-heads-row" }, stepButton("less", -1), field, stepButton("more", 1), tell),
    words,
  );

  async function send(): Promise<void> {
    const count = draft;
    if (count === null || sending) {
      if (count === null) problem = "kiosk.heads.wrong";
      update();
      return;
    }
    sending = true;
    update();
    const done = await kiosk.tellHeads(count);
    sending = false;
    problem = done ? null : "kiosk.heads.failed";
    if (done && draft === count) draft = null;
    update();
  }

  function update(): void {
    const now = heads();
    if (document.activeElement !== field || draft !== null) {
      const text = draft === null && problem === "kiosk.heads.wrong" ? field.value : String(shown(now));
      if (document.activeElement !== field && field.value !== text) field.value = text;
    }
    set(field, "max", MOST_HEADS);
    set(field, "aria-invalid", problem === "kiosk.heads.wrong");
    set(tell, "aria-disabled", sending);
    set(tell, "data-due", toSend(now) || now.told === null);
    set(words, "data-problem", problem !== null);
    write(
      words,
      problem !== null
        ? t(problem)
        : now.told === null
          ? t("kiosk.heads.untold")
          : t("kiosk.heads.told", { count: now.told }),
    );
  }
  update();
  return { element, update, destroy: () => undefined };
}
