/** One place's picture, or the card that stands for it, with name, microphone and line. */
import type { Meeting } from "../meeting/session";
import type { Person, Quality } from "../meeting/people";
import { initials } from "../meeting/roster";
import type { Rect } from "../meeting/layout";
import { fill, h, set, write } from "./dom";
import { icon, qualityIcon } from "./icons";
import { OwnPicture } from "./own-picture";
import { t } from "./words";

const FILLED: Record<Quality, 0 | 1 | 2 | 3> = { excellent: 3, good: 2, poor: 1, lost: 0, unknown: 0 };

/** Places an element inside the stage, in pixels. */
export function place(element: HTMLElement, rect: Rect): void {
  const { style } = element;
  style.width = `${rect.width}px`;
  style.height = `${rect.height}px`;
  style.transform = `translate(${rect.x}px, ${rect.y}px)`;
}

/** Follows one received picture: attaches it when it comes, anew when it changes. */
class Picture {
  readonly element: HTMLVideoElement = h("video", { class: "picture", autoplay: true, playsinline: true });
  private attached: ReturnType<Meeting["picture"]> = null;

  constructor(private readonly onFrames: (flowing: boolean) => void) {
    this.element.muted = true;
    this.element.addEventListener("resize", () => this.onFrames(this.element.videoWidth > 0));
    this.element.addEventListener("emptied", () => this.onFrames(false));
  }

  follow(track: ReturnType<Meeting["picture"]>): void {
    if (track === this.attached) return;
    this.attached?.detach(this.element);
    this.attached = track;
    if (track === null) {
      this.element.srcObject = null;
      this.onFrames(false);
    } else track.attach(this.element);
  }
}

export class Tile {
  readonly element: HTMLElement;
  private readonly picture: Picture;
  private readonly own = new OwnPicture();
  private readonly letters = h("span", { class: "tile-initials", "aria-hidden": "true" });
  private readonly why = h("span", { class: "tile-why" });
  private readonly name = h("span", { class: "tile-name-text" });
  private readonly sound = h("span", { class: "tile-sound" });
  private readonly line = h("span", { class: "tile-line" });
  private readonly kind = h("span", { class: "tile-kind" });
  private drawn: Person | null = null;

  constructor(
    private readonly meeting: Meeting,
    readonly identity: string,
    local: boolean,
  ) {
    this.picture = new Picture((flowing) => set(this.element, "data-frames", flowing));
    this.element = h(
      "article",
      {
        class: local ? "tile tile-own" : "tile",
        "data-testid": local ? "own-tile" : "tile",
        "data-identity": identity,
      },
      local ? this.own.element : this.picture.element,
      h("div", { class: "tile-card" }, this.letters, this.why),
      h("span", { class: "tile-speaking" }, icon("sound"), h("span", {}, t("tile.speaking"))),
      this.line,
      h("div", { class: "tile-foot" }, h("span", { class: "tile-name" }, this.kind, this.name), this.sound),
    );
    if (local)
      this.own.element.addEventListener("resize", () =>
        set(this.element, "data-frames", this.own.element.videoWidth > 0),
      );
  }

  update(person: Person): void {
    if (person.local) this.own.show(this.meeting.local.camera.current);
    else this.picture.follow(person.camera === "on" ? this.meeting.picture(person.identity, "camera") : null);
    const before = this.drawn;
    if (before === person) return;
    this.drawn = person;
    const { element } = this;
    set(
      element,
      "data-camera",
      person.local ? (this.meeting.local.camera.current === null ? "none" : "on") : person.camera,
    );
    set(element, "data-microphone", person.microphone);
    set(element, "data-speaking", person.speaking && person.microphone === "on");
    set(element, "data-quality", person.quality);
    set(element, "aria-label", describeAloud(person));
    write(this.name, person.local ? t("tile.you") : person.name);
    set(this.name, "title", person.name);
    write(this.letters, initials(person.name, person.kind));
    write(
      this.why,
      t(
        person.camera === "on"
          ? "tile.waiting"
          : person.camera === "muted"
            ? "tile.camera_off"
            : "tile.no_camera",
      ),
    );
    if (before?.kind !== person.kind) fill(this.kind, icon(person.kind));
    if (before?.microphone !== person.microphone) this.drawSound(person);
    if (before?.quality !== person.quality) this.drawLine(person);
  }

  destroy(): void {
    this.picture.follow(null);
    this.own.show(null);
    this.element.remove();
  }

  private drawSound(person: Person): void {
    if (person.microphone === "on") fill(this.sound);
    else {
      const words = t(person.microphone === "muted" ? "tile.muted" : "tile.no_microphone");
      fill(this.sound, icon("microphone-off"), h("span", { class: "tile-sound-words" }, words));
    }
  }

  private drawLine(person: Person): void {
    const { quality } = person;
    const words = t(`quality.${quality}`);
    set(this.line, "title", words);
    if (quality === "unknown") fill(this.line);
    else
      fill(
        this.line,
        qualityIcon(FILLED[quality], quality === "lost"),
        h("span", { class: quality === "poor" || quality === "lost" ? "" : "sr-only" }, words),
      );
  }
}

/** The shared screen: whole, never cut. */
export class ScreenTile {
  readonly element: HTMLElement;
  private readonly picture: Picture;
  private readonly name = h("span", { class: "tile-name" });

  constructor(private readonly meeting: Meeting) {
    this.picture = new Picture((flowing) => set(this.element, "data-frames", flowing));
    this.element = h(
      "article",
      { class: "tile tile-screen", "data-testid": "screen-tile" },
      this.picture.element,
      h("div", { class: "tile-card" }, h("span", { class: "tile-why" }, t("tile.waiting"))),
      h("div", { class: "tile-foot" }, this.name),
    );
  }

  update(person: Person): void {
    this.picture.follow(this.meeting.picture(person.identity, "screen"));
    set(this.element, "data-identity", person.identity);
    const words = t("tile.screen", { name: person.name });
    if (this.name.textContent !== words)
      fill(this.name, icon("screen"), h("span", { class: "tile-name-text" }, words));
    set(this.element, "aria-label", words);
  }

  destroy(): void {
    this.picture.follow(null);
    this.element.remove();
  }
}

function describeAloud(person: Person): string {
  const parts = [person.local ? t("tile.you.named", { name: person.name }) : person.name];
  if (person.speaking) parts.push(t("tile.speaking"));
  if (person.microphone !== "on")
    parts.push(t(person.microphone === "muted" ? "tile.muted" : "tile.no_microphone"));
  if (person.camera !== "on") parts.push(t("tile.no_camera"));
  if (person.quality === "poor" || person.quality === "lost") parts.push(t(`quality.${person.quality}`));
  return parts.join(", ");
}
