/** Native dialogs of the room: each returns the focus to what opened it. */
import { isComposing } from "../islands/composing";
import { h } from "../ui/dom";
import { icon } from "../ui/icons";
import { t } from "../ui/words";

let number = 0;

export interface Dialog {
  readonly element: HTMLDialogElement;
  readonly body: HTMLElement;
  show(): void;
  close(): void;
}

/** An empty dialog with a heading; it takes itself out of the page once it is closed. */
export function dialog(title: HTMLElement | string, testid: string): Dialog {
  number += 1;
  const id = `dialog-title-${number}`;
  const body = h("div", { class: "dialog-body" });
  const element = h(
    "dialog",
    { class: "dialog room-dialog", "aria-labelledby": id, "data-testid": testid },
    h(
      "div",
      { class: "dialog-head" },
      h("h2", { class: "dialog-title", id }, title),
      h(
        "button",
        {
          type: "button",
          class: "button button-icon",
          "aria-label": t("room.close"),
          title: t("room.close"),
          onclick: () => element.close(),
        },
        icon("close"),
      ),
    ),
    body,
  );
  element.addEventListener("close", () => element.remove());
  // Escape that ends an input method's word closes nothing.
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isComposing(event)) event.preventDefault();
  });
  return {
    element,
    body,
    show: () => {
      document.body.append(element);
      element.showModal();
    },
    close: () => element.close(),
  };
}

export interface Question {
  readonly title: string;
  readonly hint?: string;
  readonly yes: string;
  /** Asks for a text beside the yes, under this label. */
  readonly reason?: string;
  readonly testid: string;
  run(reason: string): void;
}

/** Asks before something that cannot be undone. The quiet answer has the focus. */
export function ask(question: Question): void {
  const box = dialog(question.title, question.testid);
  const field =
    question.reason === undefined
      ? null
      : h("input", {
          class: "input",
          type: "text",
          maxlength: 400,
          "data-testid": "reason",
          autocomplete: "off",
        });
  const no = h(
    "button",
    { type: "button", class: "button button-quiet", onclick: () => box.close(), "data-testid": "answer-no" },
    t("room.cancel"),
  );
  let composing = false;
  field?.addEventListener("compositionstart", () => (composing = true));
  field?.addEventListener("compositionend", () => (composing = false));
  box.body.append(
    h(
      "form",
      {
        class: "room-form",
        onsubmit: (event) => {
          event.preventDefault();
          if (composing) return;
          box.close();
          question.run(field?.value.trim() ?? "");
        },
      },
      ...(question.hint === undefined ? [] : [h("p", { class: "hint" }, question.hint)]),
      ...(field === null
        ? []
        : [h("label", { class: "field" }, h("span", { class: "field-name" }, question.reason ?? ""), field)]),
      h(
        "div",
        { class: "room-answers" },
        no,
        h(
          "button",
          { type: "submit", class: "button button-danger", "data-testid": "answer-yes" },
          question.yes,
        ),
      ),
    ),
  );
  box.show();
  (field ?? no).focus();
}

const MOST_HEADS = 1_000;

/** Asks a site how many delegates are in its room. */
export function askHeads(known: number | null, tell: (count: number) => void): void {
  const box = dialog(t("room.heads.title"), "heads-dialog");
  const field = h("input", {
    class: "input",
    id: "heads",
    type: "text",
    inputmode: "numeric",
    maxlength: 5,
    autocomplete: "off",
    "aria-describedby": "heads-error",
    "data-testid": "heads",
  });
  field.value = known === null ? "" : String(known);
  const wrong = h("p", { class: "field-error", id: "heads-error", role: "alert" });
  box.body.append(
    h(
      "form",
      {
        class: "room-form",
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          const text = field.value.trim();
          const count = Number(text);
          if (!/^\d{1,4}$/.test(text) || count > MOST_HEADS) {
            wrong.textContent = t("room.heads.wrong");
            field.setAttribute("aria-invalid", "true");
            field.focus();
            return;
          }
          box.close();
          tell(count);
        },
      },
      h(
        "label",
        { class: "field", for: "heads" },
        h("span", { class: "field-name" }, t("room.heads.count")),
        field,
      ),
      wrong,
      h(
        "div",
        { class: "room-answers" },
        h(
          "button",
          { type: "submit", class: "button button-main", "data-testid": "heads-send" },
          t("room.heads.send"),
        ),
      ),
    ),
  );
  box.show();
  field.select();
}
