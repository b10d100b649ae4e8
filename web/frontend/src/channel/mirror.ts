/**
 * What a page knows of a meeting, from the channel's messages alone: the twin of
 * `scheduler/channel/mirror.py`. A message that does not fit throws and leaves no trace; the client then
 * comes again without a resume point.
 */
import {
  MOST_FROM_SERVER,
  NO_FLOOR,
  SERVER_TYPES,
  VERSIONS,
  readAt,
  readEntries,
  readEntry,
  readFloor,
  readGone,
  readId,
  readKey,
  readLobby,
  readMeeting,
  readWelcome,
  readWord,
  type FloorView,
  type MeetingView,
  type RosterEntry,
  type ServerType,
  type Waiting,
  type Welcome,
} from "./messages";
import { MessageError, load, type Fields } from "./reading";

/** What a message was, for whoever drives the mirror. */
export type Received =
  | { readonly type: "welcome"; readonly welcome: Welcome }
  /** The whole state is new. */
  | { readonly type: "snapshot" }
  /** `keys` are the roster's entries that came, changed or went. */
  | { readonly type: "delta"; readonly keys: readonly string[] }
  | { readonly type: "done" | "pong"; readonly id: string }
  | { readonly type: "refused"; readonly id: string; readonly code: string; readonly problem: string }
  | { readonly type: "closing"; readonly code: string };

export class Mirror {
  me = "";
  role: Welcome["role"] = "site";
  waiting = false;
  resumed = false;
  epoch = "";
  sequence = 0;
  /** The server's clock in the last state that it told. */
  at: number | null = null;
  meeting: MeetingView | null = null;
  floor: FloorView = NO_FLOOR;
  lobby: readonly Waiting[] = [];
  closing = "";
  dropped = 0;
  private readonly entries = new Map<string, RosterEntry>();
  private hasState = false;

  get roster(): ReadonlyMap<string, RosterEntry> {
    return this.entries;
  }

  /** The hello of this client, with its resume point if it has one. */
  hello(): Readonly<Record<string, unknown>> {
    const resume = this.hasState ? { epoch: this.epoch, sequence: this.sequence } : {};
    return { type: "hello", versions: VERSIONS, ...resume };
  }

  /** Gives up the resume point, after a gap. What is shown stays until the next snapshot. */
  forget(): void {
    this.hasState = false;
  }

  /** The keys of those who ask for the floor, in order. */
  queue(): readonly string[] {
    return [...this.entries.values()]
      .filter((entry) => entry.order > 0)
      .sort((a, b) => a.order - b.order)
      .map((entry) => entry.key);
  }

  /** Takes a message of the server. Throws MessageError. */
  receive(text: string): Received {
    const values = load(text, MOST_FROM_SERVER);
    const word = readWord(values, "type");
    const type = SERVER_TYPES.find((known) => known === word);
    if (type === undefined) throw new MessageError("unknown_type");
    return this.take(type, values);
  }

  private take(type: ServerType, values: Fields): Received {
    switch (type) {
      case "welcome":
        return this.takeWelcome(values);
      case "snapshot":
        return this.takeSnapshot(values);
      case "delta":
        return this.takeDelta(values);
      case "done":
      case "pong":
        return { type, id: readId(values) };
      case "refused":
        return {
          type,
          id: readId(values),
          code: readWord(values, "code"),
          problem: readWord(values, "problem", ""),
        };
      case "closing": {
        const code = readWord(values, "code");
        this.dropped = values.optionalInteger("dropped") ?? 0;
        this.closing = code;
        return { type, code };
      }
    }
  }

  private takeWelcome(values: Fields): Received {
    const welcome = readWelcome(values);
    this.epoch = welcome.epoch;
    this.me = welcome.member;
    this.role = welcome.role;
    this.waiting = welcome.waiting;
    this.resumed = welcome.resumed;
    this.closing = "";
    return { type: "welcome", welcome };
  }

  // Read to the end before anything is believed: a refused message leaves no trace.

  private takeSnapshot(values: Fields): Received {
    const sequence = values.integer("sequence");
    const at = readAt(values);
    const meeting = readMeeting(values.inner("meeting"));
    const floor = readFloor(values.inner("floor"));
    const entries = readEntries(values).map((one) => readEntry(one));
    const lobby = values.has("lobby") ? readLobby(values) : [];
    [this.sequence, this.at, this.meeting, this.floor, this.lobby] = [sequence, at, meeting, floor, lobby];
    this.entries.clear();
    for (const entry of entries) this.entries.set(entry.key, entry);
    this.hasState = true;
    return { type: "snapshot" };
  }

  private takeDelta(values: Fields): Received {
    const sequence = values.integer("sequence");
    const at = readAt(values);
    if (!this.hasState || sequence !== this.sequence + 1) throw new MessageError("gap");
    const entries = readEntries(values).map((patch) => readEntry(patch, this.entries.get(readKey(patch))));
    const gone = readGone(values);
    if (!gone.every((key) => this.entries.has(key))) values.refuse("gone");
    const floor = values.optional("floor", readFloor);
    const meeting = values.optional("meeting", readMeeting);
    const lobby = values.has("lobby") ? readLobby(values) : this.lobby;
    [this.sequence, this.at, this.lobby] = [sequence, at, lobby];
    this.floor = floor ?? this.floor;
    this.meeting = meeting ?? this.meeting;
    for (const entry of entries) this.entries.set(entry.key, entry);
    for (const key of gone) this.entries.delete(key);
    return { type: "delta", keys: [...entries.map((entry) => entry.key), ...gone] };
  }
}
