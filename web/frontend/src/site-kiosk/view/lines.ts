/** Lines that say what is wrong here, and what helps. */
import type { MessageKey } from "../../generated/catalogue";
import type { DeviceProblem } from "../../meeting/devices";
import type { CaptureState } from "../../meeting/capture";
import { announce } from "../../ui/announcer";
import { fill, h } from "../../ui/dom";
import { icon } from "../../ui/icons";
import { told, t } from "../../ui/words";
import type { KioskState } from "../kiosk";
import type { Screen, View } from "./view";

const CAMERA: Record<DeviceProblem, MessageKey> = {
  denied: "kiosk.denied",
  notfound: "camera.notfound",
  inuse: "camera.inuse",
  unplugged: "camera.unplugged",
  frozen: "camera.frozen",
  insecure: "camera.insecure",
  failed: "camera.failed",
};

const MICROPHONE: Record<DeviceProblem, MessageKey> = {
  denied: "kiosk.denied",
  notfound: "microphone.notfound",
  inuse: "microphone.inuse",
  unplugged: "microphone.unplugged",
  frozen: "microphone.failed",
  insecure: "microphone.insecure",
  failed: "microphone.failed",
};

export interface Line {
  readonly id: "server" | "connection" | "media" | "sound" | "camera" | "microphone" | "speaker";
  readonly level: "info" | "warning" | "error";
  readonly key: MessageKey;
}

function device(id: "camera" | "microphone", state: CaptureState, words: typeof CAMERA): readonly Line[] {
  if (!state.wanted || state.problem === null) return [];
  return [{ id, level: "warning", key: words[state.problem] }];
}

/** All that is to be said, most pressing first. */
export function linesOf(state: KioskState): readonly Line[] {
  const lines: Line[] = [];
  const { life, channel, media, sending } = state;
  const line = channel?.line;
  if (life.phase === "in" && line !== undefined) {
    if (line.phase === "connecting")
      lines.push({
        id: "connection",
        level: line.again ? "warning" : "info",
        key: line.again ? "kiosk.cut" : "kiosk.entering",
      });
    else if (line.phase === "in" && !media.connected)
      lines.push({ id: "media", level: "info", key: "kiosk.media" });
  } else if (!state.reached) lines.push({ id: "server", level: "warning", key: "kiosk.unreached" });
  if (media.soundBlocked) lines.push({ id: "sound", level: "error", key: "sound.blocked" });
  const devices = [
    ...device("camera", sending.camera, CAMERA),
    ...device("microphone", sending.microphone, MICROPHONE),
  ];
  // One policy is missing, not two things: say it once.
  const same = devices.length === 2 && devices[0]?.key === devices[1]?.key;
  lines.push(...(same ? devices.slice(0, 1) : devices));
  if (media.speakerProblem) lines.push({ id: "speaker", level: "warning", key: "speaker.failed" });
  return lines;
}

const ICONS = { info: "info", warning: "warning", error: "error" } as const;

export function lines(screen: Screen): View {
  const element = h("div", { class: "notices kiosk-lines", "data-testid": "lines" });
  let drawn = "";
  const update = (): void => {
    const found = linesOf(screen.kiosk.store.get());
    const keys = found.map((line) => `${line.id} ${line.key}`);
    if (keys.join() === drawn) return;
    const before = drawn.split(",");
    drawn = keys.join();
    for (const [index, line] of found.entries())
      if (!before.includes(keys[index] ?? "")) announce(t(line.key), line.level !== "info");
    fill(
      element,
      ...found.map((line) =>
        h(
          "div",
          { class: `notice notice-${line.level}`, "data-testid": `line-${line.id}`, "data-key": line.key },
          icon(ICONS[line.level]),
          told(line.key),
          line.id === "sound" &&
            h(
              "button",
              {
                type: "button",
                class: "button button-notice button-large",
                "data-testid": "turn-on-sound",
                onclick: () => void screen.kiosk.media.startSound(),
              },
              icon("sound"),
              t("bar.sound"),
            ),
        ),
      ),
    );
  };
  update();
  return { element, update, destroy: () => undefined };
}
