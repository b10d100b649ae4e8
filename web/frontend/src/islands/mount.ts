/** Gives life to the components that need a script; each works, in a plainer way, without one. */
import { checks } from "./checks";
import { dialog } from "./dialogs";
import { dateField, errorSummary, timeField } from "./fields";
import { tabs } from "./tabs";
import { search } from "./updates";

const ISLANDS: Readonly<Record<string, (element: HTMLElement) => void>> = {
  checks,
  date: dateField,
  dialog,
  search,
  tabs,
  time: timeField,
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
