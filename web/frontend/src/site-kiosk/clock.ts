/**
 * The server's clock on a machine whose own may be wrong: what the server told, counted on with the
 * page's monotonic clock. All times are milliseconds.
 */

/** Clocks of machines part by at most so much of the time that passes. */
const DRIFT = 0.0005;
/** A reading that lies so far outside its bounds means that a clock was set, or that the machine slept. */
const JUMP_MS = 1_000;

export class ServerClock {
  private offset: number | null = null;
  private uncertainty = Infinity;
  private learnedAt = 0;

  /**
   * The server said `server` (Unix time) in an answer that was asked for at `asked` and was here at
   * `heard`, both by the page's clock. The better of this reading and the one so far counts.
   */
  learn(server: number, asked: number, heard: number): void {
    if (!Number.isFinite(server) || heard < asked) return;
    const half = (heard - asked) / 2;
    const offset = server - (asked + half);
    const before = this.offset;
    const known = this.uncertainty + DRIFT * (heard - this.learnedAt);
    const jumped = before !== null && Math.abs(offset - before) > known + half + JUMP_MS;
    if (before !== null && !jumped && half >= known) return;
    this.offset = offset;
    this.uncertainty = half;
    this.learnedAt = heard;
  }

  /** The server's clock at `now` of the page's; null before it told any. */
  at(now: number): number | null {
    return this.offset === null ? null : now + this.offset;
  }
}
