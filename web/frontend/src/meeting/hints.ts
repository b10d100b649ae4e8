/** Two small observers: speech into a muted microphone, and a camera that delivers no frames. */

const LEVEL = 0.12;
const SPEECH_MS = 700;
const HINT_MS = 5_000;
const GAP_MS = 400;

/** Notices that somebody speaks although the microphone is muted. */
export class MutedSpeech {
  private since: number | null = null;
  private lastLoud = -Infinity;
  private shownUntil = -Infinity;

  /** `level` in [0, 1] at `now` ms; true while the hint should stand on the page. */
  feed(level: number, muted: boolean, now: number): boolean {
    if (!muted) {
      this.since = null;
      this.shownUntil = -Infinity;
      return false;
    }
    if (level >= LEVEL) {
      this.lastLoud = now;
      this.since ??= now;
      if (now - this.since >= SPEECH_MS) this.shownUntil = now + HINT_MS;
    } else if (now - this.lastLoud > GAP_MS) {
      this.since = null;
    }
    return now < this.shownUntil;
  }
}

const FREEZE_MS = 8_000;
/** So many looks in a row must find new frames before a camera counts as running. */
const RISES = 3;

/** Tells whether a running camera has stopped bringing pictures. */
export class FrameWatch {
  private frames = -1;
  private changedAt = 0;
  private rises = 0;

  /** `frames` counted so far; `watching` is false while nothing can be counted (page hidden, camera off). */
  feed(frames: number, watching: boolean, now: number): "flowing" | "waiting" | "frozen" {
    if (!watching) {
      this.frames = -1;
      this.changedAt = now;
      return "waiting";
    }
    if (frames !== this.frames) {
      // A count that begins anew belongs to another track; a frozen camera, too, gives one frame at a start.
      this.rises = this.frames !== -1 && frames > this.frames ? this.rises + 1 : 0;
      this.frames = frames;
      this.changedAt = now;
      return this.rises >= RISES ? "flowing" : "waiting";
    }
    this.rises = 0;
    if (now - this.changedAt < FREEZE_MS) return "waiting";
    this.changedAt = now;
    return "frozen";
  }
}
