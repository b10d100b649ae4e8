/** The number of delegates in the room, as it is being entered. Pure. */

export const MOST_HEADS = 1_000;

/** `draft` is null while nobody has touched it: then the server's number stands there. */
export interface Heads {
  readonly draft: number | null;
  readonly told: number | null;
}

export function shown(heads: Heads): number {
  return heads.draft ?? heads.told ?? 0;
}

/** One more or one less. */
export function stepped(heads: Heads, by: number): number {
  return Math.min(MOST_HEADS, Math.max(0, shown(heads) + by));
}

/** A number that was typed; null if it is none. Spaces around it do not matter. */
export function readHeads(text: string): number | null {
  const trimmed = text.trim();
  if (!/^\d{1,4}$/.test(trimmed)) return null;
  const count = Number(trimmed);
  return count <= MOST_HEADS ? count : null;
}

/** Whether there is something to send. */
export function toSend(heads: Heads): boolean {
  return heads.draft !== null && heads.draft !== heads.told;
}
