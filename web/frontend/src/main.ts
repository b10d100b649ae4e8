/**
 * The meeting page's entry: looks whether this browser can hold a meeting before anything of it is
 * loaded, since the libraries do not even load where WebRTC is missing.
 */
import "./styles/base.css";
import "./styles/join.css";
import "./styles/meeting.css";
import "./styles/tiles.css";
import "./styles/controls.css";
import { byId, fill } from "./ui/dom";
import { canMeet, oldBrowser } from "./ui/old-browser";
import { initialLanguage, setLanguage } from "./ui/words";

setLanguage(initialLanguage());
const root = byId("app");
if (canMeet()) {
  const { start } = await import("./app");
  start(root);
} else fill(root, oldBrowser());
