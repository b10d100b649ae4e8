/** A video that follows one received picture, and the card that stands for it. */
import type { RemoteTrack } from "livekit-client";
import { OwnPicture } from "../../ui/own-picture";
import { h, set, write } from "../../ui/dom";
import { icon } from "../../ui/icons";

/** Somebody's picture with a name; `data-frames` is set while there is something to see. */
export class Picture {
  readonly element: HTMLElement;
  private readonly video = h("video", { class: "kiosk-video", autoplay: true, playsinline: true });
  private readonly name = h("span", { class: "kiosk-picture-name" });
  private readonly why = h("span", { class: "kiosk-picture-why" });
  private attached: RemoteTrack | null = null;

  constructor(testid: string) {
    this.video.muted = true;
    this.element = h(
      "figure",
      { class: "kiosk-picture", "data-testid": testid },
      this.video,
      h("div", { class: "kiosk-picture-card" }, icon("person"), this.why),
      h("figcaption", { class: "kiosk-picture-caption" }, this.name),
    );
    this.video.addEventListener("resize", () => set(this.element, "data-frames", this.video.videoWidth > 0));
    this.video.addEventListener("emptied", () => set(this.element, "data-frames", false));
  }

  /** Shows `track` of `name`; without one the card says `why`. `label` is for those who do not see it. */
  show(track: RemoteTrack | null, identity: string, name: string, why: string, label: string): void {
    if (track !== this.attached) {
      this.attached?.detach(this.video);
      this.attached = track;
      if (track === null) {
        this.video.srcObject = null;
        set(this.element, "data-frames", false);
      } else track.attach(this.video);
    }
    set(this.element, "data-identity", identity);
    set(this.video, "aria-label", label);
    write(this.name, name);
    write(this.why, why);
  }

  destroy(): void {
    this.show(null, "", "", "", "");
  }
}

/** Our own camera, small: so that a room sees whether it is in the picture. */
export class Mirror {
  readonly element: HTMLElement;
  private readonly own = new OwnPicture();
  private readonly why = h("span", {});

  constructor(name: string) {
    this.element = h(
      "figure",
      { class: "kiosk-mirror", "data-testid": "own-picture" },
      this.own.element,
      h("div", { class: "kiosk-mirror-card" }, icon("camera-off"), this.why),
      h("figcaption", { class: "sr-only" }, name),
    );
  }

  get video(): HTMLVideoElement {
    return this.own.element;
  }

  show(track: MediaStreamTrack | null, why: string): void {
    this.own.show(track);
    set(this.element, "data-camera", track === null ? "none" : "on");
    write(this.why, why);
  }
}
