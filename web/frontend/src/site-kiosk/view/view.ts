/** What the parts of the site's page share. */
import type { Kiosk } from "../kiosk";
import type { LevelMeter } from "../../ui/level";

/** A part of the page: its element, what to do with each new state, and how to take it away. */
export interface View {
  readonly element: HTMLElement;
  update(): void;
  destroy(): void;
}

export interface Screen {
  readonly kiosk: Kiosk;
  readonly level: LevelMeter;
  /** The name with which the page was made, until the server tells it anew. */
  readonly siteName: string;
  openTest(): void;
  redraw(): void;
}
