/** What every server-made page has: its menu on small screens, its messages, its announcements. */
import { h } from "../ui/dom";
import { icon } from "../ui/icons";
import { t } from "./words";

const MAX_TOASTS = 4;

/** Tells screen readers, without showing anything. */
export function announce(text: string): void {
  const region = document.getElementById("announcer");
  if (region !== null) region.replaceChildren(h("span", {}, text));
}

/** Shows a message that stays until it is dismissed; the oldest ones go when there are too many. */
export function toast(kind: "info" | "warning" | "error", text: string): void {
  const list = document.getElementById("toast-list");
  if (list === null) return;
  for (const shown of list.querySelectorAll(".notice-words")) if (shown.textContent === text) return;
  list.append(
    h(
      "div",
      { class: `toast notice notice-${kind}`, "data-toast": true },
      icon(kind),
      h("p", { class: "notice-words" }, text),
      h(
        "button",
        {
          type: "button",
          class: "button button-icon",
          "data-dismiss": true,
          "aria-label": t("toast.dismiss"),
        },
        icon("close"),
      ),
    ),
  );
  while (list.childElementCount > MAX_TOASTS) list.firstElementChild?.remove();
}

function dismiss(button: Element): void {
  const shown = button.closest("[data-toast]");
  const next = shown?.nextElementSibling ?? shown?.previousElementSibling;
  shown?.remove();
  const goal = next?.querySelector<HTMLElement>("[data-dismiss]") ?? document.getElementById("content");
  goal?.focus();
}

function setMenu(button: HTMLElement, open: boolean): void {
  button.setAttribute("aria-expanded", open ? "true" : "false");
  document.getElementById("navigation")?.toggleAttribute("data-open", open);
}

export function installShell(): void {
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const button = event.target.closest("[data-dismiss]");
    if (button !== null) dismiss(button);
    const menu = event.target.closest<HTMLElement>("[data-menu]");
    if (menu !== null) setMenu(menu, menu.getAttribute("aria-expanded") !== "true");
  });
  document.addEventListener("keydown", (event) => {
    const menu = document.querySelector<HTMLElement>("[data-menu][aria-expanded=true]");
    if (event.key !== "Escape" || menu === null || document.querySelector("dialog[open]") !== null) return;
    setMenu(menu, false);
    menu.focus();
  });
}
