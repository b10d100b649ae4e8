/** Gives life to the components that need a script; each works, in a plainer way, without one. */
import { auto } from "./auto";
import { booking } from "./booking";
import { chair } from "./chair";
import { checks } from "./checks";
import { dialog } from "./dialogs";
import { dateField, errorSummary, timeField } from "./fields";
import { sites } from "./sites";
import { tabs } from "./tabs";
import { search } from "./updates";
import { week } from "./week";
import { zone } from "./zone";

const ISLANDS: Readonly<Record<string, (element: HTMLElement) => void>> = {
  auto,
  // Before the choices in it: it hears of them.
  booking,
  chair,
  checks,
  date: dateField,
  dialog,
  search,
  sites,
  tabs,
  time: timeField,
  week,
  zone,
  // Last: it takes the focus, and looks for fields in tabs.
  errors: errorSummary,
};

const done = new WeakSet<Element>();

export function mount(root: Element): void {
  for (const [name, start] of Object.entries(ISLANDS)) {
    const selector = `[data-island="${name}"]`;
    const found = [...(root.matches(selector) ? [root] : []), ...root.querySelectorAll(selector)];
    for (const element of found) {
      if (done.has(element) || !(element instanceof HTMLElement)) continue;
      done.add(element);
      start(element);
    }
  }
}
