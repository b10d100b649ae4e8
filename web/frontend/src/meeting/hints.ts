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

/** Tells whether a running camera has stopped bringing pictures. */
export class FrameWatch {
  private frames = -1;
  private changedAt = 0;

  /** `frames` counted so far; `watching` is false while nothing can be counted (page hidden, camera off). */
  feed(frames: number, watching: boolean, now: number): "flowing" | "waiting" | "frozen" {
    if (!watching) {
      this.frames = -1;
      this.changedAt = now;
      return "waiting";
    }
    if (frames !== this.frames) {
      const first = this.frames === -1;
      this.frames = frames;
      this.changedAt = now;
      return first ? "waiting" : "flowing";
    }
    if (now - this.changedAt < FREEZE_MS) return "waiting";
    this.changedAt = now;
    return "frozen";
  }
}
