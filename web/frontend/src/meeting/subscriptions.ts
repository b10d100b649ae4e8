/**
 * Which tracks to receive: every sound, and the pictures that are on the page. A picture that leaves
 * the page is kept for a moment, so paging to and fro does not make the sender start anew each time.
 */

export const LINGER_MS = 3_000;

export interface Offered {
  readonly sid: string;
  readonly identity: string;
  readonly kind: "audio" | "video";
  readonly source: "camera" | "screen" | "other";
}

export class SubscriptionPlan {
  private readonly wantedUntil = new Map<string, number>();

  /**
   * The sids to be subscribed at `now`. `visible` holds `identity/camera` and `identity/screen` of the
   * tiles in view.
   */
  wanted(offered: readonly Offered[], visible: ReadonlySet<string>, now: number): ReadonlySet<string> {
    const sids = new Set<string>();
    const present = new Set<string>();
    for (const track of offered) {
      present.add(track.sid);
      if (track.kind === "audio") {
        sids.add(track.sid);
        continue;
      }
      if (visible.has(`${track.identity}/${track.source}`)) this.wantedUntil.set(track.sid, now + LINGER_MS);
      if ((this.wantedUntil.get(track.sid) ?? -1) >= now) sids.add(track.sid);
    }
    for (const sid of this.wantedUntil.keys()) if (!present.has(sid)) this.wantedUntil.delete(sid);
    return sids;
  }
}
