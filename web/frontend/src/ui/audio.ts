/** Holds the elements that play the others' sound. */
import type { RemoteTrack } from "livekit-client";
import { h } from "./dom";

const box = h("div", { class: "sounds", "data-testid": "sounds" });
box.hidden = true;

export function installSounds(): void {
  document.body.append(box);
}

export function attachSound(track: RemoteTrack): void {
  box.append(track.attach());
}

export function detachSound(track: RemoteTrack): void {
  for (const element of track.detach()) element.remove();
}
