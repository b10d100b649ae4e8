/**
 * The meeting page's entry: looks whether this browser can hold a meeting before anything of it is
 * loaded, since the libraries do not even load where WebRTC is missing.
 */
import "./styles/base.css";
import "./styles/join.css";
import "./styles/meeting.css";
import "./styles/tiles.css";
import "./styles/controls.css";
import { byId, fill, h } from "./ui/dom";
import { siteHeader } from "./ui/frame";
import { icon } from "./ui/icons";
import { both, initialLanguage, setLanguage } from "./ui/words";

const NEEDED = ["RTCPeerConnection", "WebSocket", "ResizeObserver", "AbortSignal"] as const;

function oldBrowser(): HTMLElement {
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
        h("h1", { class: "end-title" }, both("browser.old")),
      ),
    ),
  );
}

setLanguage(initialLanguage());
const root = byId("app");
if (NEEDED.every((name) => name in window)) {
  const { start } = await import("./app");
  start(root);
} else fill(root, oldBrowser());
