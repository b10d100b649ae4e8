/** The booking form: checked by the server as one goes; a proposed time is taken by one press. */
import htmx from "htmx.org";
import { isComposing, whenWritten } from "./composing";

const REST_MS = 500;
const CHECK = "/meetings/check";
const PANEL = "#booking-check";

/** Fields whose text says nothing about sites or times. */
const ASIDE = new Set(["title", "agenda", "reason", "chair"]);

export function booking(form: HTMLElement): void {
  if (!(form instanceof HTMLFormElement)) return;
  for (const plain of form.querySelectorAll<HTMLElement>("[data-plain]")) plain.hidden = true;

  let timer = 0;
  const check = (): void => {
    clearTimeout(timer);
    // A failure is told by the events of all updates.
    htmx
      .ajax("post", CHECK, { source: form, target: PANEL, select: PANEL, swap: "outerHTML" })
      .catch(() => null);
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(check, REST_MS);
  };
  form.addEventListener("change", (event) => {
    const field = event.target;
    const named = field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement;
    if (named && (field.name === "" || ASIDE.has(field.name))) return;
    soon();
  });
  const list = form.querySelector<HTMLTextAreaElement>("textarea[name=paste]");
  // Pasting is not over when the field is left, but when the text is there.
  list?.addEventListener("input", (event) => {
    if (!(event instanceof InputEvent && event.isComposing)) soon();
  });
  for (const name of ["day", "begin"]) {
    const field = form.querySelector<HTMLInputElement>(`input[name=${name}]`);
    if (field !== null) whenWritten(field, REST_MS, soon);
  }

  form.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-at]") : null;
    const found = /^(\d\d\/\d\d\/\d{4}) (\d\d:\d\d)/.exec(button?.dataset["at"] ?? "");
    const day = form.querySelector<HTMLInputElement>("input[name=day]");
    const begin = form.querySelector<HTMLInputElement>("input[name=begin]");
    if (found === null || day === null || begin === null) return;
    event.preventDefault();
    day.value = found[1] ?? "";
    begin.value = found[2] ?? "";
    day.dispatchEvent(new Event("change", { bubbles: true }));
    check();
    form.querySelector<HTMLElement>("button.button-main")?.focus();
  });

  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && isComposing(event)) event.preventDefault();
  });

  let sent = false;
  form.addEventListener("submit", (event) => {
    // A second press while the first is under way would book the same meeting against itself.
    if (sent) event.preventDefault();
    sent = true;
  });
  window.addEventListener("pageshow", () => {
    sent = false;
  });
}
