/** Tells screen readers what happens: two live regions, one that waits its turn and one that does not. */
import { h } from "./dom";

const polite = h("div", {
  class: "sr-only",
  role: "status",
  "aria-live": "polite",
  "data-testid": "announcer",
});
const assertive = h("div", { class: "sr-only", role: "alert", "aria-live": "assertive" });

export function installAnnouncer(): void {
  document.body.append(polite, assertive);
}

export function announce(text: string, urgent = false): void {
  const region = urgent ? assertive : polite;
  // A node of its own each time: the same sentence twice is said twice. Old ones are taken away.
  region.append(h("p", {}, text));
  while (region.childElementCount > 3) region.firstElementChild?.remove();
}

/** Takes away what was told, such as before the language changes. */
export function forgetTold(): void {
  polite.replaceChildren();
  assertive.replaceChildren();
}
