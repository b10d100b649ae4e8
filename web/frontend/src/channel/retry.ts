/**
 * How long the channel waits before it comes again, in milliseconds. A service that restarts loses all
 * its pages in the same moment: the first wait, too, is spread over seconds.
 */
export type Loss =
  /** The line broke, or nobody answered. */
  | "line"
  /** The server sent us away for now: too many pages, or it found us wanting. */
  | "refused"
  /** The meeting has not been opened yet. */
  | "not_open";

const FIRST_MS: Record<Loss, number> = { line: 1_500, refused: 5_000, not_open: 4_000 };
const GROWTH = 1.6;
export const LONGEST_MS: Record<Loss, number> = { line: 8_000, refused: 20_000, not_open: 8_000 };

/** Wait before attempt `attempt` (0 is the first after the loss); `random` in [0, 1). */
export function channelDelay(loss: Loss, attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_MS[loss], FIRST_MS[loss] * GROWTH ** Math.min(attempt, 20));
  return Math.round(ceiling * (0.15 + 0.85 * random));
}
