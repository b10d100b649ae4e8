/** What the meeting channel, version 1, says (docs/meeting-channel.md), as values. */
import type { Fields } from "./reading";

export const VERSIONS = [1] as const;
export const MOST_FROM_SERVER = 4 * 1024 * 1024;
const MOST_ROSTER = 8_000;
const MOST_WAITING = 1_000;
const LONGEST_KEY = 100;
const LONGEST_NAME = 300;
const LONGEST_WORD = 60;
const LONGEST_ID = 40;
const MOST_HEADS = 1_000;
const PING_SECONDS = 15;
/** Milliseconds of Unix time: the end of the year 9998. */
const LAST_TIME = 253_370_764_800_000;

export const SERVER_TYPES = ["welcome", "snapshot", "delta", "done", "refused", "pong", "closing"] as const;
export type ServerType = (typeof SERVER_TYPES)[number];

const ROLES = ["site", "secretary", "chair"] as const;
export type Role = (typeof ROLES)[number];

const PRESENCES = ["invited", "present", "late", "absent"] as const;
export type Presence = (typeof PRESENCES)[number];

/** Times here and below are milliseconds of Unix time by the server's clock. */
export interface MeetingView {
  readonly title: string;
  readonly state: string;
  readonly startsAt: number;
  readonly endsAt: number;
}

export interface FloorView {
  /** Key of who has the floor; empty for nobody. */
  readonly holder: string;
  readonly since: number | null;
  /** Null is without limit. */
  readonly until: number | null;
  readonly timeIsUp: boolean;
  /** The holder's line is cut; the floor is kept for it a while. */
  readonly away: boolean;
  readonly locked: boolean;
}

export const NO_FLOOR: FloorView = {
  holder: "",
  since: null,
  until: null,
  timeIsUp: false,
  away: false,
  locked: false,
};

export interface Waiting {
  readonly key: string;
  readonly name: string;
  readonly role: Role;
}

export interface RosterEntry {
  readonly key: string;
  readonly name: string;
  readonly role: Role;
  readonly code: string;
  readonly district: string;
  readonly presence: Presence;
  /** Null: not told yet. */
  readonly headCount: number | null;
  /** Place among those who ask for the floor, from 1; 0 does not ask. */
  readonly order: number;
  readonly hasFloor: boolean;
  readonly muted: boolean;
}

export interface Welcome {
  readonly epoch: string;
  readonly at: number;
  readonly member: string;
  readonly role: Role;
  readonly waiting: boolean;
  readonly resumed: boolean;
  readonly pingSeconds: number;
}

/** Words of *closing* after which a client does not come again by itself. */
export const STAY_AWAY = ["version", "removed", "taken_over", "left", "ended"] as const;
export type StayAway = (typeof STAY_AWAY)[number];

export function staysAway(word: string): word is StayAway {
  return STAY_AWAY.some((one) => one === word);
}

export const readEntries = (values: Fields): readonly Fields[] => values.inners("roster", MOST_ROSTER);
export const readKey = (values: Fields): string => values.text("key", LONGEST_KEY);
export const readGone = (values: Fields): readonly string[] => values.texts("gone", MOST_ROSTER, LONGEST_KEY);
export const readAt = (values: Fields): number => values.integer("at", 0, LAST_TIME);
export const readId = (values: Fields): string => values.text("id", LONGEST_ID);
export const readWord = (values: Fields, name: string, otherwise?: string): string =>
  values.text(name, LONGEST_WORD, otherwise);

export function readWelcome(values: Fields): Welcome {
  values.choice("version", VERSIONS);
  return {
    epoch: values.text("epoch", LONGEST_ID),
    at: readAt(values),
    member: values.text("member", LONGEST_KEY),
    role: values.choice("role", ROLES),
    waiting: values.flag("waiting"),
    resumed: values.flag("resumed"),
    pingSeconds: values.has("ping_seconds") ? values.number("ping_seconds", 1, 60) : PING_SECONDS,
  };
}

export function readMeeting(values: Fields): MeetingView {
  return {
    title: values.text("title", LONGEST_NAME),
    state: readWord(values, "state"),
    startsAt: values.integer("starts_at", 0, LAST_TIME),
    endsAt: values.integer("ends_at", 0, LAST_TIME),
  };
}

export function readFloor(values: Fields): FloorView {
  return {
    holder: values.text("holder", LONGEST_KEY),
    since: values.optionalInteger("since", 0, LAST_TIME),
    until: values.optionalInteger("until", 0, LAST_TIME),
    timeIsUp: values.flag("time_is_up"),
    away: values.flag("away"),
    locked: values.flag("locked"),
  };
}

export function readLobby(values: Fields): readonly Waiting[] {
  return values.inners("lobby", MOST_WAITING).map((one) => ({
    key: readKey(one),
    name: one.text("name", LONGEST_NAME),
    role: one.choice("role", ROLES),
  }));
}

/** The entry of an object; fields that are missing are those of `before`. */
export function readEntry(values: Fields, before?: RosterEntry): RosterEntry {
  const kept = <T>(name: string, old: T | undefined, read: () => T): T =>
    old === undefined || values.has(name) ? read() : old;
  return {
    key: readKey(values),
    name: values.text("name", LONGEST_NAME, before?.name),
    role: kept("role", before?.role, () => values.choice("role", ROLES)),
    code: values.text("code", LONGEST_KEY, before?.code),
    district: values.text("district", LONGEST_NAME, before?.district),
    presence: kept("presence", before?.presence, () => values.choice("presence", PRESENCES)),
    // It can change and never goes back to unknown.
    headCount: values.optionalInteger("head_count", 0, MOST_HEADS) ?? before?.headCount ?? null,
    order: kept("order", before?.order, () => values.integer("order")),
    hasFloor: kept("has_floor", before?.hasFloor, () => values.flag("has_floor")),
    muted: kept("muted", before?.muted, () => values.flag("muted")),
  };
}
