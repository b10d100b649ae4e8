/** Whether this browser can hold a meeting at all, and what is said where it cannot. */
import { h } from "./dom";
import { siteHeader } from "./frame";
import { icon } from "./icons";
import { told } from "./words";

const NEEDED = ["RTCPeerConnection", "WebSocket", "ResizeObserver", "AbortSignal"] as const;

export function canMeet(): boolean {
  return NEEDED.every((name) => name in window);
}

export function oldBrowser(): HTMLElement {
  return h(
    "div",
    { class: "page page-end", "data-testid": "old-browser" },
    siteHeader(() => location.reload()),
    h(
      "main",
      { class: "end" },
      h(
        "section",
        { class: "card end-card" },
        h("span", { class: "end-icon" }, icon("warning")),
        h("h1", { class: "end-title" }, told("browser.old")),
      ),
    ),
  );
}
