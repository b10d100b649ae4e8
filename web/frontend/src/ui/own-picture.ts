/** A video element that shows our own camera, mirrored as in a mirror, unless it looks away from us. */
import { h, set } from "./dom";

export class OwnPicture {
  readonly element: HTMLVideoElement = h("video", {
    class: "own-picture",
    autoplay: true,
    playsinline: true,
    "aria-hidden": "true",
  });
  private shown: MediaStreamTrack | null = null;

  constructor() {
    this.element.muted = true;
  }

  show(track: MediaStreamTrack | null): void {
    if (track === this.shown) return;
    this.shown = track;
    this.element.srcObject = track === null ? null : new MediaStream([track]);
    set(this.element, "data-mirrored", track !== null && track.getSettings().facingMode !== "environment");
    if (track !== null) void this.element.play().catch(() => undefined);
  }
}
