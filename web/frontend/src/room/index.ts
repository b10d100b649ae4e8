/** The roster as it is listed: counted, filtered, searched and in order. Pure. */
import type { RosterEntry } from "../channel/messages";
import { fold, givenName } from "../meeting/roster";

export type Filter = "all" | "here" | "missing" | "hands";

export interface Counts {
  readonly all: number;
  readonly here: number;
  readonly missing: number;
  readonly hands: number;
  /** Delegates in the rooms of those who are here. */
  readonly heads: number;
}

export const NOBODY: Counts = { all: 0, here: 0, missing: 0, hands: 0, heads: 0 };

export const isHere = (entry: RosterEntry): boolean =>
  entry.presence === "present" || entry.presence === "late";

interface Place {
  /** The entry that the rest was made from. */
  readonly entry: RosterEntry;
  readonly folded: string;
}

const RANK = { chair: 0, secretary: 1, site: 2 } as const;
const collator = new Intl.Collator("vi", { numeric: true });

/** Chairs first, then secretaries, by given name; then sites by name, those of equal name by district. */
export function compareEntries(a: RosterEntry, b: RosterEntry): number {
  if (a.role !== b.role) return RANK[a.role] - RANK[b.role];
  const given = a.role === "site" ? 0 : collator.compare(givenName(a.name), givenName(b.name));
  return (
    given ||
    collator.compare(a.name, b.name) ||
    collator.compare(a.district, b.district) ||
    (a.key < b.key ? -1 : 1)
  );
}

/** Follows a roster that it is told of entry by entry, so that one change costs little. */
export class RosterIndex {
  counts: Counts = NOBODY;
  private readonly places = new Map<string, Place>();
  private sorted: readonly string[] | null = null;

  constructor(private readonly roster: ReadonlyMap<string, RosterEntry>) {}

  /** To be called with what the channel says has changed. */
  change(keys: readonly string[] | "all"): void {
    if (keys === "all") {
      this.places.clear();
      this.sorted = null;
    }
    for (const key of keys === "all" ? this.roster.keys() : keys) this.look(key);
    this.count();
  }

  /** Keys in the order in which they are shown: hands by their order, all others by rank and name. */
  list(filter: Filter, query: string): readonly string[] {
    const words = fold(query).split(" ");
    const shown = this.order().filter((key) => {
      const place = this.places.get(key);
      if (place === undefined || !passes(place.entry, filter)) return false;
      return words.every((word) => place.folded.includes(word));
    });
    if (filter !== "hands") return shown;
    return shown.sort((a, b) => (this.roster.get(a)?.order ?? 0) - (this.roster.get(b)?.order ?? 0));
  }

  private look(key: string): void {
    const entry = this.roster.get(key);
    const before = this.places.get(key);
    if (entry === undefined) {
      if (this.places.delete(key)) this.sorted = null;
      return;
    }
    const same =
      before?.entry.name === entry.name &&
      before.entry.district === entry.district &&
      before.entry.role === entry.role;
    if (!same) this.sorted = null;
    const folded = same ? before.folded : fold(`${entry.name} ${entry.district} ${entry.code}`);
    this.places.set(key, { entry, folded });
  }

  private order(): string[] {
    this.sorted ??= [...this.places.values()]
      .map((place) => place.entry)
      .sort(compareEntries)
      .map((entry) => entry.key);
    return [...this.sorted];
  }

  private count(): void {
    let [here, hands, heads] = [0, 0, 0];
    for (const { entry } of this.places.values()) {
      if (entry.order > 0) hands += 1;
      if (!isHere(entry)) continue;
      here += 1;
      heads += entry.headCount ?? 0;
    }
    const all = this.places.size;
    this.counts = { all, here, missing: all - here, hands, heads };
  }
}

function passes(entry: RosterEntry, filter: Filter): boolean {
  switch (filter) {
    case "all":
      return true;
    case "here":
      return isHere(entry);
    case "missing":
      return !isHere(entry);
    case "hands":
      return entry.order > 0;
  }
}
