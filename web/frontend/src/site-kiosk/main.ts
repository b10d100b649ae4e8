/**
 * The entry of the site's page: looks whether this browser can hold a meeting before anything of it is
 * loaded, since the libraries do not even load where WebRTC is missing.
 */
import "../styles/base.css";
import "../styles/join.css";
import "../styles/kiosk.css";
import { byId, fill, h } from "../ui/dom";
import { told, initialLanguage, setLanguage } from "../ui/words";

const NEEDED = ["RTCPeerConnection", "WebSocket", "ResizeObserver", "AbortSignal"] as const;

setLanguage(initialLanguage());
const root = byId("app");
if (NEEDED.every((name) => name in window)) {
  const { start } = await import("./page");
  start(root);
} else
  fill(
    root,
    h("main", { class: "kiosk-old", "data-testid": "old-browser" }, h("h1", {}, told("browser.old"))),
  );
