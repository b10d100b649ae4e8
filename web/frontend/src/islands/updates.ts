/** Partial updates by htmx, and what people hear of them: results, and failures. */
import htmx from "htmx.org";
import { isComposing, whenWritten } from "./composing";
import { announce, toast } from "./shell";
import { t } from "./words";

const REST_MS = 250;

/** Asks the server while a search is being written; an unfinished word is not asked for. */
export function search(form: HTMLElement): void {
  const input = form.querySelector<HTMLInputElement>("input[type=search]");
  if (!(form instanceof HTMLFormElement) || input === null) return;
  const target = form.dataset["target"] ?? "";
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && isComposing(event)) event.preventDefault();
  });
  if (target === "") return;
  const ask = (text: string): void => {
    // The address as it is now: the order of a table may have changed since the page came.
    const address = new URL(location.href);
    address.searchParams.delete("page");
    if (text.trim() === "") address.searchParams.delete(input.name);
    else address.searchParams.set(input.name, text);
    const where = address.pathname + address.search;
    const goal = `#${target}`;
    // A failure is told by the events below; there is nothing more to do about it here.
    htmx
      .ajax("get", where, { source: input, target: goal, select: goal, swap: "outerHTML" })
      .catch(() => null);
  };
  const look = whenWritten(input, REST_MS, ask);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    look();
  });
}

/** Calls `mount` for every part that comes into the page, the whole page first. */
export function installUpdates(mount: (root: Element) => void): void {
  htmx.onLoad((element) => {
    if (element instanceof Element) mount(element);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const region = event.target instanceof Element ? event.target : null;
    const words = region?.closest<HTMLElement>("[data-announce]")?.dataset["announce"];
    if (words !== undefined) announce(words);
    // The pressed link may be gone, such as "next" on the last page: focus stays in the region.
    if (document.activeElement === document.body && region instanceof HTMLElement) {
      region.tabIndex = -1;
      region.focus({ preventScroll: true });
    }
  });
  for (const name of ["htmx:sendError", "htmx:timeout"])
    document.addEventListener(name, () => toast("error", t("update.unreachable")));
  document.addEventListener("htmx:responseError", (event) => {
    const detail = (event as CustomEvent<{ readonly xhr: XMLHttpRequest }>).detail;
    if (detail.xhr.status === 401) location.reload();
    else toast("error", t("update.refused"));
  });
}
