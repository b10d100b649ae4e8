/**
 * How long to wait before joining again. Two policies, one above the other: the SDK's own, kept short,
 * which resumes in place, and ours, which never gives up. Both are spread at random, since 579 sites
 * lose the same server in the same second.
 */

const FIRST_MS = 1_000;
const GROWTH = 1.6;
/** A restarted server has all its clients back within 15 s: the longest wait must stay well below. */
export const LONGEST_MS = 8_000;

/** Wait in milliseconds before attempt number `attempt` (0 is the first retry); `random` in [0, 1). */
export function rejoinDelay(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * GROWTH ** Math.min(attempt, 20));
  return Math.round(ceiling * (0.4 + 0.6 * random));
}

/** Waits of the SDK's resume in milliseconds; past the last one the full rejoin takes over. */
const RESUME_MS = [0, 300, 1_000, 2_000, 3_000] as const;

export function resumeDelay(attempt: number, elapsedMs: number, random: number): number | null {
  const base = RESUME_MS[attempt];
  if (base === undefined || elapsedMs > 12_000) return null;
  return attempt === 0 ? 0 : Math.round(base * (0.7 + 0.6 * random));
}
