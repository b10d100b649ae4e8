/** Fields for dates and times: what was typed is shown as it will be understood. */
import { h } from "../ui/dom";
import { fromIso, readDate, readTime, showDate, toIso } from "./dates";
import { t } from "./words";

/** Tidies a date, says its day of the week, and offers the browser's own calendar. */
export function dateField(row: HTMLElement): void {
  const input = row.querySelector<HTMLInputElement>("input");
  const button = row.querySelector<HTMLButtonElement>("[data-pick]");
  const said = row.querySelector("output");
  if (input === null || button === null || said === null) return;
  const tell = (): void => {
    const day = readDate(input.value);
    said.textContent = day === null ? "" : t(`weekday.${day.weekday}`);
  };
  input.addEventListener("input", tell);
  input.addEventListener("change", () => {
    const day = readDate(input.value);
    if (day !== null) input.value = showDate(day);
    tell();
  });
  tell();
  const picker = h("input", { type: "date", class: "picker", tabindex: -1, "aria-hidden": "true" });
  if (!("showPicker" in picker)) return;
  row.append(picker);
  button.hidden = false;
  button.addEventListener("click", () => {
    const day = readDate(input.value);
    picker.value = day === null ? "" : toIso(day);
    picker.showPicker();
  });
  picker.addEventListener("change", () => {
    if (picker.value === "") return;
    input.value = fromIso(picker.value);
    tell();
    input.focus();
  });
}

export function timeField(input: HTMLElement): void {
  if (!(input instanceof HTMLInputElement)) return;
  input.addEventListener("change", () => {
    input.value = readTime(input.value) ?? input.value;
  });
}

/** Focus goes to the summary, and from its links to the fields, out of hidden tabs too. */
export function errorSummary(summary: HTMLElement): void {
  summary.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const field = link === null ? null : document.getElementById(link.hash.slice(1));
    if (field === null) return;
    event.preventDefault();
    field.dispatchEvent(new CustomEvent("reveal", { bubbles: true }));
    field.focus();
    field.scrollIntoView({ block: "center" });
  });
  if (summary.dataset["focus"] !== undefined) summary.focus();
}
