/** The entry of a booked meeting's page; see main.ts for why nothing is loaded before the look. */
import "./styles/base.css";
import "./styles/join.css";
import "./styles/parts.css";
import "./styles/meeting.css";
import "./styles/tiles.css";
import "./styles/controls.css";
import "./styles/room.css";
import { byId, fill } from "./ui/dom";
import { canMeet, oldBrowser } from "./ui/old-browser";
import { initialLanguage, setLanguage } from "./ui/words";

setLanguage(initialLanguage());
const root = byId("app");
if (canMeet()) {
  const { start } = await import("./room/start");
  start(root);
} else fill(root, oldBrowser());
