/** What all parts of the room's page share. */
import type { FloorView, RosterEntry } from "../channel/messages";
import type { Page } from "../ui/page";
import type { Room } from "./controller";

export class RoomPage {
  /** Speaking time in minutes that goes with the floor; 0 is without limit. */
  minutes = 0;

  constructor(
    readonly page: Page,
    readonly room: Room,
    /** The server-made page that leads back. */
    readonly home: string,
  ) {}

  get roster(): ReadonlyMap<string, RosterEntry> {
    return this.room.channel.mirror.roster;
  }

  get floor(): FloorView {
    return this.room.channel.store.get().floor;
  }

  get isChair(): boolean {
    return this.room.channel.store.get().role === "chair";
  }

  /** Chair or secretary. */
  get leads(): boolean {
    return this.room.channel.store.get().role !== "site";
  }

  /** How a member is called where it stands alone: sites of equal name are told apart by their district. */
  name(key: string): string {
    const entry = this.roster.get(key);
    if (entry === undefined || entry.name === "") return key;
    return entry.district === "" ? entry.name : `${entry.name}, ${entry.district}`;
  }

  /** Gives the floor, to `target` or to the first who asks. */
  give(target?: string): void {
    void this.room.press("give", {
      ...(target === undefined ? {} : { target }),
      ...(this.minutes > 0 ? { seconds: this.minutes * 60 } : {}),
    });
  }

  /** Presses the own button for the floor: asks, withdraws or finishes, by the state that the server told. */
  pressFloor(): void {
    const { me } = this.room;
    if (me === undefined) return;
    void this.room.press(me.hasFloor ? "finish" : me.order > 0 ? "withdraw" : "ask");
  }
}
