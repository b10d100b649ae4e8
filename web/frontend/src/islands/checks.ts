/** A list of choices with a filter: all 579 sites stay usable. */
import { fold } from "../meeting/roster";
import { isComposing, whenWritten } from "./composing";
import { t } from "./words";

interface Option {
  readonly row: HTMLElement;
  readonly box: HTMLInputElement;
  readonly words: string;
}

const REST_MS = 80;

export function checks(field: HTMLElement): void {
  const tools = field.querySelector<HTMLElement>("[data-tools]");
  const filter = field.querySelector<HTMLInputElement>("[data-filter]");
  const count = field.querySelector("[data-count]");
  const nothing = field.querySelector<HTMLElement>("[data-nothing]");
  if (tools === null || filter === null || count === null || nothing === null) return;
  const options = Array.from(field.querySelectorAll<HTMLElement>("[data-words]")).flatMap((row): Option[] => {
    const box = row.querySelector<HTMLInputElement>("input");
    return box === null ? [] : [{ row, box, words: fold(row.dataset["words"] ?? "") }];
  });
  const shown = (): Option[] => options.filter(({ row }) => !row.hidden);

  const tell = (): void => {
    const chosen = options.filter(({ box }) => box.checked).length;
    count.textContent = t("checks.count", { chosen, shown: shown().length, all: options.length });
  };
  const draw = (): void => {
    const words = fold(filter.value).split(" ");
    for (const { row, words: own } of options) row.hidden = !words.every((word) => own.includes(word));
    nothing.hidden = shown().length > 0;
    tell();
  };
  const mark = (checked: boolean): void => {
    for (const { box } of shown()) box.checked = checked;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const look = whenWritten(filter, REST_MS, draw);
  filter.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    // Enter never sends the form from here: it takes the one that is left, or goes to the first.
    event.preventDefault();
    if (isComposing(event)) return;
    look();
    const left = shown();
    const [first] = left;
    if (filter.value.trim() === "" || first === undefined) return;
    if (left.length > 1) first.box.focus();
    else if (!first.box.checked) first.box.click();
  });
  field.querySelector("[data-all]")?.addEventListener("click", () => mark(true));
  field.querySelector("[data-none]")?.addEventListener("click", () => mark(false));
  field.addEventListener("change", tell);
  tools.hidden = false;
  draw();
}
